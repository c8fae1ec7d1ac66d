//! One run: one server, one model, one load at one number of clients, one seed.

use serde::Serialize;

use crate::figures::Figures;

/// What it gave.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// The load's name.
    pub work: String,
    /// Clients at once.
    pub clients: usize,
    /// The model's name.
    pub model: String,
    /// The server's name.
    pub server: String,
    /// Which round, from 0.
    pub round: usize,
    /// The seed its requests follow from.
    pub seed: u64,
    /// Mean tokens that its prompts were to have.
    pub prompt_tokens_wanted: f64,
    /// The most memory that the server's processes held together.
    pub peak_rss_mib: f64,
    /// Processors that others kept busy meanwhile, on average.
    pub others_cpus: f64,
    /// Why the machine was not quiet before it, if it was not.
    pub not_quiet: Option<String>,
    /// What was measured.
    pub figures: Figures,
}

impl Run {
    /// Requests that did not succeed.
    pub fn failed(&self) -> usize {
        self.figures.errors + self.figures.refused
    }

    /// Whether the server counted prompts of another length than was asked for.
    pub fn other_prompts(&self) -> bool {
        let close = |counted: f64| (counted - self.prompt_tokens_wanted).abs() < 0.01;
        self.failed() == 0 && !self.figures.prompt_tokens_mean.is_some_and(close)
    }
}

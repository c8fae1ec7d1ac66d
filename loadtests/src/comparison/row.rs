//! One row of a comparison: a server under one load on one model, over all rounds, beside the baseline.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    metric::{Metric, Spread},
    report::Report,
    run::Run,
};

/// Medians over the rounds, and how they stand to the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The load's name.
    pub work: String,
    /// Clients at once.
    pub clients: usize,
    /// The model's name.
    pub model: String,
    /// The server's name.
    pub server: String,
    /// Runs behind the medians.
    pub runs: usize,
    /// Each metric over the runs.
    pub spreads: BTreeMap<Metric, Spread>,
    /// Each metric's median over the baseline's.
    pub ratios: BTreeMap<Metric, f64>,
    /// Requests that ended well, over all runs.
    pub ok: usize,
    /// Requests that did not.
    pub failed: usize,
    /// Answers with fewer tokens than were asked for.
    pub shorter: usize,
    /// Mean tokens of a prompt, as the server counts.
    pub prompt_tokens: Option<f64>,
    /// Mean tokens that prompts were to have.
    pub prompt_tokens_wanted: f64,
}

impl Row {
    /// All rows of a report: by work, model, number of clients and server.
    pub fn all(report: &Report) -> Vec<Self> {
        let place = |run: &Run| {
            let model = report.models.iter().position(|model| model.name == run.model);
            let server = report.servers.iter().position(|server| server.name == run.server);
            (report.works.iter().position(|work| work.name() == run.work), model, run.clients, server)
        };
        let mut runs: BTreeMap<_, Vec<&Run>> = BTreeMap::new();
        for run in &report.runs {
            runs.entry(place(run)).or_default().push(run);
        }
        let mut rows: Vec<Self> = runs.values().filter_map(|runs| Self::of(runs)).collect();
        let bases: Vec<Option<Self>> = rows.iter().map(|row| row.baseline(&rows, report).cloned()).collect();
        for (row, base) in rows.iter_mut().zip(bases) {
            row.ratios = base.map(|base| row.over(&base)).unwrap_or_default();
        }
        rows
    }

    fn of(runs: &[&Run]) -> Option<Self> {
        let first = runs.first()?;
        let spread = |metric: Metric| Some((metric, Spread::of(runs.iter().filter_map(|run| metric.of(run)))?));
        let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        Some(Self {
            work: first.work.clone(),
            clients: first.clients,
            model: first.model.clone(),
            server: first.server.clone(),
            runs: runs.len(),
            spreads: Metric::ALL.into_iter().filter_map(spread).collect(),
            ratios: BTreeMap::new(),
            ok: runs.iter().map(|run| run.figures.ok).sum(),
            failed: runs.iter().map(|run| run.failed()).sum(),
            shorter: runs.iter().map(|run| run.figures.shorter_than_asked).sum(),
            prompt_tokens: mean(runs.iter().filter_map(|run| run.figures.prompt_tokens_mean).collect()),
            prompt_tokens_wanted: mean(runs.iter().map(|run| run.prompt_tokens_wanted).collect())?,
        })
    }

    /// The row it is compared with: of the baseline's settings the fastest, those without failures first.
    fn baseline<'a>(&self, rows: &'a [Self], report: &Report) -> Option<&'a Self> {
        let same = |row: &&Self| (&row.work, &row.model, row.clients) == (&self.work, &self.model, self.clients);
        let settings = rows.iter().filter(same).filter(|row| report.is_baseline(&row.server));
        settings.max_by(|a, b| (a.failed == 0).cmp(&(b.failed == 0)).then(a.rate().total_cmp(&b.rate())))
    }

    fn rate(&self) -> f64 {
        self.spreads.get(&Metric::OutputTokPerS).map_or(0.0, |spread| spread.median)
    }

    fn over(&self, base: &Self) -> BTreeMap<Metric, f64> {
        let ratio = |(metric, spread): (&Metric, &Spread)| {
            let base = base.spreads.get(metric).filter(|base| base.median > 0.0)?;
            Some((*metric, spread.median / base.median))
        };
        self.spreads.iter().filter_map(ratio).collect()
    }
}

//! Flags that are laid over a scenario.

use std::iter;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{
    endpoint::Endpoint,
    length::Lengths,
    scenario::{Load, Scenario},
};

/// What to change about a scenario.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Laid over the scenario")]
pub struct Overrides {
    /// Where all randomness comes from
    #[arg(long)]
    seed: Option<u64>,
    /// Closed loop: clients at once
    #[arg(long, conflicts_with = "rate")]
    clients: Option<usize>,
    /// Open loop: mean arrivals in a second
    #[arg(long)]
    rate: Option<f64>,
    /// Requests in all
    #[arg(long)]
    pub(crate) requests: Option<usize>,
    /// Loads that end by time: for how many seconds they begin requests
    #[arg(long)]
    seconds: Option<f64>,
    /// Leave out the loads beside the scenario's own
    #[arg(long)]
    alone: bool,
    /// Requests sent first and not measured
    #[arg(long)]
    warmup: Option<usize>,
    /// The route
    #[arg(long, value_enum)]
    endpoint: Option<Endpoint>,
    /// Words in a prompt or a text: N or LOW-HIGH
    #[arg(long)]
    input: Option<Lengths>,
    /// Tokens to generate: N or LOW-HIGH
    #[arg(long)]
    output: Option<Lengths>,
    /// Texts that one request has read
    #[arg(long)]
    texts: Option<usize>,
    /// How many first words all prompts share
    #[arg(long)]
    shared_prefix: Option<usize>,
    /// Sampling temperature; 0 is greedy
    #[arg(long)]
    temperature: Option<f64>,
    /// Send `ignore_eos` and `min_tokens`: generate exactly what is asked for
    #[arg(long)]
    ignore_eos: Option<bool>,
    /// Share of requests left mid-stream, 0 to 1
    #[arg(long)]
    leave_share: Option<f64>,
    /// A pass mark of the scenario's own load, as often as wanted
    #[arg(long = "mark", value_name = "NAME=VALUE")]
    marks: Vec<String>,
}

impl Overrides {
    /// Changes the scenario.
    pub fn lay_over(&self, scenario: &mut Scenario) -> Result<()> {
        self.lay_over_load(&mut scenario.load)?;
        if self.alone {
            scenario.beside.clear();
        }
        if let Some(seconds) = self.seconds {
            lay_over_seconds(seconds, scenario)?;
        }
        let request = &mut scenario.request;
        set(&mut scenario.seed, self.seed);
        set(&mut scenario.warmup, self.warmup);
        set(&mut request.endpoint, self.endpoint);
        set(&mut request.input, self.input);
        set(&mut request.output, self.output);
        set(&mut request.texts, self.texts);
        set(&mut request.shared_prefix, self.shared_prefix);
        set(&mut request.temperature, self.temperature);
        set(&mut request.ignore_eos, self.ignore_eos);
        set(&mut request.leave_share, self.leave_share);
        self.marks.iter().try_for_each(|mark| scenario.marks.set(mark).with_context(|| format!("--mark {mark}")))
    }

    fn lay_over_load(&self, load: &mut Load) -> Result<()> {
        if let Some(rate) = self.rate {
            let requests = load.requests().context("--rate needs a number of requests, and the load ends by time")?;
            *load = Load::Open { rate, requests };
        }
        match (self.clients, &mut *load) {
            (None, _) => {}
            (Some(count), Load::Closed { clients, .. } | Load::Timed { clients, .. }) => *clients = count,
            (Some(_), _) => bail!("--clients needs a closed loop"),
        }
        match (self.requests, load) {
            (None, _) => {}
            (Some(count), Load::Closed { requests, .. } | Load::Open { requests, .. } | Load::Equal { requests }) => {
                *requests = count;
            }
            (Some(_), Load::Stall { .. }) => {
                bail!("--requests has no meaning for a stall scenario")
            }
            (Some(_), Load::Timed { .. }) => {
                bail!("--requests has no meaning for a load that ends by time")
            }
        }
        Ok(())
    }
}

/// Lets all loads that end by time end after so long.
fn lay_over_seconds(length: f64, scenario: &mut Scenario) -> Result<()> {
    let beside = scenario.beside.iter_mut().map(|beside| &mut beside.load);
    let mut any = false;
    for load in iter::once(&mut scenario.load).chain(beside) {
        if let Load::Timed { seconds, .. } = load {
            (*seconds, any) = (length, true);
        }
    }
    ensure!(any, "--seconds needs a load that ends by time");
    Ok(())
}

fn set<T: Copy>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

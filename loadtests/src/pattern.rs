//! How requests arrive: one file for each pattern, chosen here.

use crate::{
    bench::{Bench, Ran},
    scenario::Load,
};

pub mod closed_loop;
mod equal;
mod open_loop;
mod stall;

/// Puts the scenario's load on the server.
pub async fn run(bench: &Bench) -> Ran {
    match bench.scenario.load {
        Load::Closed { requests, .. } => {
            let outcomes = closed_loop::clients(bench, 0..requests as u64).await;
            Ran { outcomes, ..Ran::default() }
        }
        Load::Timed { seconds, .. } => {
            let outcomes = closed_loop::timed(bench, seconds).await;
            Ran { outcomes, ..Ran::default() }
        }
        Load::Open { rate, requests } => {
            let outcomes = open_loop::arrivals(bench, rate, requests).await;
            Ran { outcomes, ..Ran::default() }
        }
        Load::Equal { requests } => equal::run(bench, requests).await,
        Load::Stall { streams, prompt } => stall::run(bench, streams, prompt).await,
    }
}

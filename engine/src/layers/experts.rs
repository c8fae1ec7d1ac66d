//! Several MLPs in one layer, of which a router chooses a few for each token; their results, weighted, add up.
//!
//! Rows are gathered expert by expert: each expert's weights are read once in a step, however many tokens chose it. A
//! token's results are added in the order of its experts, which no other row of the batch enters.

use crate::config::ExpertsConfig;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::layers::expert::{Expert, ExpertScratch};
use crate::layers::linear::{Linear, Part};
use crate::layers::shared_expert::{SharedExpert, SharedScratch};
use crate::layers::stream_norm::StreamNorm;
use crate::ops;
use crate::ops::tiled_rows::TiledRows;
use crate::weight_loader::WeightLoader;
use crate::weight_name::{ExpertWeight, LayerWeight, WeightName};

/// The router and its experts.
#[derive(Debug)]
pub(crate) struct Experts {
    /// `[experts, hidden]`
    router: Linear,
    per_token: usize,
    normed: bool,
    mlps: Vec<Expert>,
    shared: Option<SharedExpert>,
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(crate) struct ExpertsScratch {
    /// Of each expert in each token's result, zero where it was not chosen, `[tokens, experts]`.
    shares: Vec<f32>,
    /// `[tokens, hidden]`
    sum: Vec<f32>,
    rows: ChosenRows,
    of_expert: ExpertScratch,
    of_shared: SharedScratch,
}

/// Rows that chose one expert.
#[derive(Debug, Default)]
struct ChosenRows {
    /// Their tokens, ascending.
    tokens: Vec<usize>,
    /// `[rows, hidden]`
    gathered: Vec<f32>,
}

impl Experts {
    pub(crate) fn load(loader: &WeightLoader<'_>, layer: usize, config: ExpertsConfig) -> Result<Self, LoadError> {
        let ExpertsConfig { count, per_token, normed, shared } = config;
        let (hidden, intermediate) =
            (loader.checkpoint.config().hidden_size, loader.checkpoint.config().intermediate_size);
        let router = Part { weight: WeightName::Layer(layer, LayerWeight::Router), bias: None, out: count };
        let mlp = |expert| {
            let names = [ExpertWeight::Gate, ExpertWeight::Up, ExpertWeight::Down];
            Expert::load(loader, names.map(|weight| WeightName::Expert(layer, expert, weight)), intermediate)
        };
        Ok(Self {
            router: Linear::load(loader, &[router], hidden)?,
            per_token,
            normed,
            mlps: (0..count).map(mlp).collect::<Result<_, _>>()?,
            shared: shared.map(|width| SharedExpert::load(loader, layer, width)).transpose()?,
        })
    }

    /// Adds what its experts make of each token's normed row to the stream, `[tokens, hidden]`.
    pub(crate) fn forward(
        &self,
        cpu: &Cpu,
        (norm, stream): (&StreamNorm, &mut [f32]),
        scratch: &mut ExpertsScratch,
        tiles: &mut TiledRows,
    ) {
        let (hidden, count) = (self.router.columns(), self.mlps.len());
        let ExpertsScratch { shares, sum, rows, of_expert, of_shared } = scratch;
        shares.resize(stream.len() / hidden * count, 0.0);
        self.router.forward(cpu, norm.input(stream), tiles, shares);
        for scores in shares.chunks_exact_mut(count) {
            ops::shares(scores, self.per_token, self.normed);
        }
        sum.clear();
        sum.resize(stream.len(), 0.0);
        for (index, expert) in self.mlps.iter().enumerate() {
            let share = |token: usize| shares[token * count + index];
            rows.gather(stream, hidden, |token| share(token) != 0.0);
            expert.forward(cpu, norm.input(&rows.gathered), of_expert, tiles);
            for (&token, result) in rows.tokens.iter().zip(of_expert.result.chunks_exact(hidden)) {
                for (sum, value) in sum[token * hidden..][..hidden].iter_mut().zip(result) {
                    *sum += share(token) * value;
                }
            }
        }
        if let Some(shared) = &self.shared {
            shared.add(cpu, norm.input(stream), (of_shared, tiles), sum);
        }
        for (value, sum) in stream.iter_mut().zip(sum) {
            *value += *sum;
        }
        norm.finish(cpu, stream);
    }
}

impl ChosenRows {
    /// Copies the stream's rows of the tokens that are chosen.
    fn gather(&mut self, stream: &[f32], hidden: usize, is_chosen: impl Fn(usize) -> bool) {
        self.tokens.clear();
        self.gathered.clear();
        for (token, row) in stream.chunks_exact(hidden).enumerate() {
            if is_chosen(token) {
                self.tokens.push(token);
                self.gathered.extend_from_slice(row);
            }
        }
    }
}

//! Several MLPs in one layer, of which a router chooses a few for each token; their results, weighted, add up.
//!
//! Rows are gathered expert by expert: each expert's weights are read once in a step, however many tokens chose it. A
//! token's results are added in the order of its experts, which no other row of the batch enters.

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::layers::linear::{GatedLinear, Linear, Part};
use crate::layers::stream_norm::StreamNorm;
use crate::ops;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::{ExpertWeight, LayerWeight, WeightName};

/// The router and its experts.
#[derive(Debug)]
pub(crate) struct Experts {
    /// `[experts, hidden]`
    router: Linear,
    per_token: usize,
    mlps: Vec<Expert>,
}

#[derive(Debug)]
struct Expert {
    gate_up: GatedLinear,
    down: Linear,
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(crate) struct ExpertsScratch {
    /// Of each expert in each token's result, zero where it was not chosen, `[tokens, experts]`.
    shares: Vec<f32>,
    /// `[tokens, hidden]`
    sum: Vec<f32>,
    of_expert: ExpertScratch,
}

/// Rows of one expert.
#[derive(Debug, Default)]
struct ExpertScratch {
    /// Their tokens, ascending.
    tokens: Vec<usize>,
    /// `[rows, hidden]`
    gathered: Vec<f32>,
    /// `[rows, intermediate]`
    product: Vec<f32>,
    /// `[rows, hidden]`
    result: Vec<f32>,
}

impl Experts {
    pub(crate) fn load(loader: &WeightLoader<'_>, layer: usize, per_token: usize) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let count = config.experts.map_or(0, |experts| experts.count);
        let router = Part { weight: WeightName::Layer(layer, LayerWeight::Router), bias: None, out: count };
        Ok(Self {
            router: Linear::load(loader, &[router], config.hidden_size)?,
            per_token,
            mlps: (0..count).map(|expert| Expert::load(loader, layer, expert)).collect::<Result<_, _>>()?,
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
        let ExpertsScratch { shares, sum, of_expert } = scratch;
        shares.resize(stream.len() / hidden * count, 0.0);
        self.router.forward(cpu, norm.input(stream), tiles, shares);
        for scores in shares.chunks_exact_mut(count) {
            ops::shares(scores, self.per_token);
        }
        sum.clear();
        sum.resize(stream.len(), 0.0);
        for (index, expert) in self.mlps.iter().enumerate() {
            let share = |token: usize| shares[token * count + index];
            of_expert.gather(stream, hidden, |token| share(token) != 0.0);
            expert.forward(cpu, norm, of_expert, tiles);
            for (&token, result) in of_expert.tokens.iter().zip(of_expert.result.chunks_exact(hidden)) {
                for (sum, value) in sum[token * hidden..][..hidden].iter_mut().zip(result) {
                    *sum += share(token) * value;
                }
            }
        }
        for (value, sum) in stream.iter_mut().zip(sum) {
            *value += *sum;
        }
        norm.finish(cpu, stream);
    }
}

impl Expert {
    fn load(loader: &WeightLoader<'_>, layer: usize, expert: usize) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let part = |weight, out| Part { weight: WeightName::Expert(layer, expert, weight), bias: None, out };
        let (gate, up) = (part(ExpertWeight::Gate, intermediate), part(ExpertWeight::Up, intermediate));
        Ok(Self {
            gate_up: GatedLinear::load(loader, [gate, up], hidden, config.activation)?,
            down: Linear::load(loader, &[part(ExpertWeight::Down, hidden)], intermediate)?,
        })
    }

    fn forward(&self, cpu: &Cpu, norm: &StreamNorm, scratch: &mut ExpertScratch, tiles: &mut TiledRows) {
        let ExpertScratch { tokens, gathered, product, result } = scratch;
        product.resize(tokens.len() * self.gate_up.out(), 0.0);
        result.resize(tokens.len() * self.down.out(), 0.0);
        if !tokens.is_empty() {
            self.gate_up.forward(cpu, norm.input(gathered), tiles, product);
            self.down.forward(cpu, Input { x: product, norm: None }, tiles, result);
        }
    }
}

impl ExpertScratch {
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

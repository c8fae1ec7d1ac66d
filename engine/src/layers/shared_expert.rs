//! The expert that every token takes beside those that it chose, as much of it as a gate of its own says.

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::layers::expert::{Expert, ExpertScratch};
use crate::layers::linear::{Linear, Part};
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::{LayerWeight, WeightName};

/// The expert and its gate.
#[derive(Debug)]
pub(super) struct SharedExpert {
    /// `[1, hidden]`
    router: Linear,
    mlp: Expert,
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(super) struct SharedScratch {
    /// `[tokens]`
    gates: Vec<f32>,
    mlp: ExpertScratch,
}

impl SharedExpert {
    pub(super) fn load(loader: &WeightLoader<'_>, layer: usize, width: usize) -> Result<Self, LoadError> {
        let router = Part { weight: WeightName::Layer(layer, LayerWeight::SharedRouter), bias: None, out: 1 };
        let names = [LayerWeight::SharedGate, LayerWeight::SharedUp, LayerWeight::SharedDown];
        Ok(Self {
            router: Linear::load(loader, &[router], loader.checkpoint.config().hidden_size)?,
            mlp: Expert::load(loader, names.map(|weight| WeightName::Layer(layer, weight)), width)?,
        })
    }

    /// Adds each token's share of the result to its sum, `[tokens, hidden]`.
    pub(super) fn add(
        &self,
        cpu: &Cpu,
        input: Input<'_>,
        (scratch, tiles): (&mut SharedScratch, &mut TiledRows),
        sums: &mut [f32],
    ) {
        let SharedScratch { gates, mlp } = scratch;
        let hidden = self.router.columns();
        gates.resize(sums.len() / hidden, 0.0);
        self.router.forward(cpu, input, tiles, gates);
        self.mlp.forward(cpu, input, mlp, tiles);
        let rows = sums.chunks_exact_mut(hidden).zip(mlp.result.chunks_exact(hidden));
        for ((sums, result), gate) in rows.zip(&*gates) {
            let share = 1.0 / (1.0 + (-gate).exp());
            for (sum, value) in sums.iter_mut().zip(result) {
                *sum += share * value;
            }
        }
    }
}

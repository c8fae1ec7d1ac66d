//! The expert that every token takes beside those that it chose, whole or as much of it as a gate of its own says.

use crate::config::ExpertsConfig;
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
    /// `[1, hidden]`; `None` where every token takes all.
    router: Option<Linear>,
    mlp: Expert,
    hidden: usize,
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(super) struct SharedScratch {
    /// `[tokens]`
    gates: Vec<f32>,
    mlp: ExpertScratch,
}

impl SharedExpert {
    /// That of a layer, if it has one.
    pub(super) fn load(
        loader: &WeightLoader<'_>,
        layer: usize,
        experts: ExpertsConfig,
    ) -> Result<Option<Self>, LoadError> {
        let Some(width) = experts.shared else { return Ok(None) };
        let hidden = loader.checkpoint.config().hidden_size;
        let router = Part { weight: WeightName::Layer(layer, LayerWeight::SharedRouter), bias: None, out: 1 };
        let names = [LayerWeight::SharedGate, LayerWeight::SharedUp, LayerWeight::SharedDown];
        Ok(Some(Self {
            router: experts.shared_gate.then(|| Linear::load(loader, &[router], hidden)).transpose()?,
            mlp: Expert::load(loader, names.map(|weight| WeightName::Layer(layer, weight)), width)?,
            hidden,
        }))
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
        let hidden = self.hidden;
        gates.clear();
        gates.resize(sums.len() / hidden, 1.0);
        if let Some(router) = &self.router {
            router.forward(cpu, input, tiles, gates);
            for gate in &mut *gates {
                *gate = 1.0 / (1.0 + (-*gate).exp());
            }
        }
        self.mlp.forward(cpu, input, mlp, tiles);
        let rows = sums.chunks_exact_mut(hidden).zip(mlp.result.chunks_exact(hidden));
        for ((sums, result), share) in rows.zip(&*gates) {
            for (sum, value) in sums.iter_mut().zip(result) {
                *sum += share * value;
            }
        }
    }
}

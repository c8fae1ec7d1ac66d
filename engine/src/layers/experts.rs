//! Several MLPs in one layer, of which a router chooses a few for each token; their results, weighted, add up.
//!
//! Rows are gathered expert by expert: each expert's weights are read once in a step, however many tokens took it. A
//! token's results are added in the order of its experts, which no other row of the batch enters.

use std::sync::Arc;

use crate::config::ExpertsConfig;
use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::expert_load::ExpertLoad;
use crate::layers::expert::{Expert, ExpertScratch};
use crate::layers::linear::{Linear, Part};
use crate::layers::shared_expert::{SharedExpert, SharedScratch};
use crate::layers::stream_norm::StreamNorm;
use crate::ops;
use crate::ops::routes::{Routes, Routing};
use crate::ops::tiled_rows::TiledRows;
use crate::weight_loader::WeightLoader;
use crate::weight_name::{ExpertWeight, LayerWeight, WeightName};

/// The router and its experts.
#[derive(Debug)]
pub(crate) struct Experts {
    /// `[experts, hidden]`
    router: Linear,
    routing: Routing,
    mlps: Vec<Expert>,
    shared: Option<SharedExpert>,
    /// Of all layers.
    load: Arc<ExpertLoad>,
}

/// Scratch of one batch.
#[derive(Debug, Default)]
pub(crate) struct ExpertsScratch {
    /// Of each token, `[tokens, experts]`.
    scores: Vec<f32>,
    routes: Routes,
    /// What goes into one expert, `[rows, hidden]`.
    rows: Vec<f32>,
    /// `[tokens, hidden]`
    sums: Vec<f32>,
    of_expert: ExpertScratch,
    of_shared: SharedScratch,
}

impl Experts {
    pub(crate) fn load(
        loader: &WeightLoader<'_>,
        layer: usize,
        config: ExpertsConfig,
        load: Arc<ExpertLoad>,
    ) -> Result<Self, LoadError> {
        let ExpertsConfig { count, per_token, normed, .. } = config;
        let (hidden, intermediate) =
            (loader.checkpoint.config().hidden_size, loader.checkpoint.config().intermediate_size);
        let router = Part { weight: WeightName::Layer(layer, LayerWeight::Router), bias: None, out: count };
        let mlp = |expert| {
            let names = [ExpertWeight::Gate, ExpertWeight::Up, ExpertWeight::Down];
            Expert::load(loader, names.map(|weight| WeightName::Expert(layer, expert, weight)), intermediate)
        };
        Ok(Self {
            router: Linear::load(loader, &[router], hidden)?,
            routing: Routing { experts: count, per_token, normed },
            mlps: (0..count).map(mlp).collect::<Result<_, _>>()?,
            shared: SharedExpert::load(loader, layer, config)?,
            load,
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
        let hidden = self.router.columns();
        let ExpertsScratch { scores, routes, rows, sums, of_expert, of_shared } = scratch;
        scores.resize(stream.len() / hidden * self.mlps.len(), 0.0);
        self.router.forward(cpu, norm.input(stream), tiles, scores);
        routes.fill(cpu, scores, self.routing);
        sums.clear();
        sums.resize(stream.len(), 0.0);
        for (index, expert) in self.mlps.iter().enumerate() {
            let routed = routes.of(index);
            if routed.is_empty() {
                continue;
            }
            self.load.add(index, routed.len());
            rows.resize(routed.len() * hidden, 0.0);
            ops::gather_rows(cpu, routed, hidden, stream, rows);
            expert.forward(cpu, norm.input(rows), of_expert, tiles);
            ops::add_shares(cpu, routed, hidden, &of_expert.result, sums);
        }
        if let Some(shared) = &self.shared {
            shared.add(cpu, norm.input(stream), (of_shared, tiles), sums);
        }
        for (value, sum) in stream.iter_mut().zip(sums) {
            *value += *sum;
        }
        norm.finish(cpu, stream);
    }
}

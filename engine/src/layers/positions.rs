//! Learned positions: a row for each, added to the embedding of the token that stands there.

use scheduler::Token;

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::layers::linear::{Linear, Part};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// The rows, and memory to look them up in.
#[derive(Debug)]
pub(crate) struct Positions {
    /// `[max_positions, hidden]`
    table: Linear,
    indices: Vec<Token>,
    /// `[tokens, hidden]`
    rows: Vec<f32>,
}

impl Positions {
    pub(crate) fn load(loader: &WeightLoader<'_>) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config();
        let part = Part { weight: WeightName::PositionEmbedding, bias: None, out: config.max_positions };
        let table = Linear::load(loader, &[part], config.hidden_size)?;
        Ok(Self { table, indices: Vec::new(), rows: Vec::new() })
    }

    /// Adds the row of each position to the stream, `[tokens, hidden]`.
    pub(crate) fn add(&mut self, cpu: &Cpu, positions: &[usize], stream: &mut [f32]) {
        self.indices.clear();
        self.indices.extend(positions.iter().map(|&position| position as Token));
        self.rows.resize(stream.len(), 0.0);
        self.table.embed(cpu, &self.indices, &mut self.rows);
        for (value, row) in stream.iter_mut().zip(&self.rows) {
            *value += row;
        }
    }
}

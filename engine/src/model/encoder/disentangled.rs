//! Attention whose scores are products of tokens, and of tokens and distances, in all layers.
//!
//! Keys and queries of distances follow from the weights alone: each layer makes them once.

use super::embeddings::{norm, table};
use super::label_head::linear;
use crate::config::{DisentangledRule, EncoderConfig};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderLayerPart, EncoderPart};
use crate::error::LoadError;
use crate::kernels::cpu::disentangled_attention::DistanceVectors;
use crate::ops;
use crate::ops::disentangled_attention::DisentangledInput;
use crate::ops::sequences::SequenceRows;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;

/// What layers know of distances.
#[derive(Debug)]
pub(super) struct DisentangledAttention {
    heads: usize,
    head_dim: usize,
    /// The row of each distance.
    places: Vec<u32>,
    layers: Vec<DisentangledLayer>,
}

/// What one layer knows.
#[derive(Debug)]
struct DisentangledLayer {
    /// `[rows, hidden]`
    keys: Vec<f32>,
    /// `[rows, hidden]`
    queries: Vec<f32>,
}

impl DisentangledAttention {
    pub(super) fn load(
        loader: &WeightLoader<'_>,
        config: &EncoderConfig,
        rule: &DisentangledRule,
    ) -> Result<Self, LoadError> {
        use EncoderLayerPart as L;
        let mut rows = table(loader, EncoderPart::Distances, (rule.rows(), config.hidden_size))?;
        if rule.has_norm {
            norm(loader, config, EncoderPart::DistanceNorm)?.apply(loader.cpu, &mut rows);
        }
        let [key, query] = if rule.shares_matrices { [L::Key, L::Query] } else { [L::DistanceKey, L::DistanceQuery] };
        let of_layer = |layer| {
            let made = |of| vectors(loader, config, EncoderPart::Layer(layer, of), &rows);
            Ok::<_, LoadError>(DisentangledLayer { keys: made(key)?, queries: made(query)? })
        };
        Ok(Self {
            heads: config.num_heads,
            head_dim: config.head_dim(),
            places: rule.places(),
            layers: (0..config.num_layers).map(of_layer).collect::<Result<_, _>>()?,
        })
    }

    /// As [`super::attention::Step::attend`].
    pub(super) fn attend(
        &self,
        cpu: &Cpu,
        layer: usize,
        (sequences, qkv): (&[SequenceRows<'_>], &[f32]),
        attended: &mut [f32],
    ) {
        let DisentangledLayer { keys, queries } = &self.layers[layer];
        let vectors = DistanceVectors { keys, queries, places: &self.places };
        let input = DisentangledInput { heads: self.heads, head_dim: self.head_dim, qkv, sequences, vectors };
        ops::disentangled_attention(cpu, &input, attended);
    }
}

/// What a matrix makes of the rows of distances.
fn vectors(
    loader: &WeightLoader<'_>,
    config: &EncoderConfig,
    of: EncoderPart,
    rows: &[f32],
) -> Result<Vec<f32>, LoadError> {
    let shape = (config.hidden_size, config.hidden_size);
    let matrix = linear(loader, of, shape, config.biases.of_attention())?;
    let mut vectors = vec![0.0; rows.len()];
    matrix.forward(loader.cpu, Input { x: rows, norm: None }, &mut TiledRows::default(), &mut vectors);
    Ok(vectors)
}

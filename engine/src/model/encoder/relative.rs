//! Attention whose scores know the distance of two tokens and whether they are of one segment, in all layers.
//!
//! Each layer makes keys of distances of the same sines: as many as the longest sequence of a step has, for all of them.

use super::sines::DistanceSines;
use crate::config::{EncoderConfig, RelativeRule};
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderLayerPart, EncoderPart, RelativePart, Term};
use crate::error::LoadError;
use crate::input::ForwardInput;
use crate::kernels::cpu::relative_attention::RelativeTerms;
use crate::layers::linear::{Linear, Part};
use crate::ops;
use crate::ops::relative_attention::RelativeInput;
use crate::ops::sequences::SequenceRows;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// The weights, and what the layers of a step share.
#[derive(Debug)]
pub(super) struct RelativeAttention {
    rule: RelativeRule,
    heads: usize,
    layers: Vec<RelativeLayer>,
    sines: DistanceSines,
    /// Distances that the step tells apart.
    distances: usize,
    /// `[tokens]`
    segments: Vec<u8>,
    /// `[distances, hidden]`
    keys: Vec<f32>,
    tiles: TiledRows,
}

/// What one layer knows.
#[derive(Debug)]
struct RelativeLayer {
    /// From sines to keys.
    distance: Linear,
    content_bias: Vec<f32>,
    distance_bias: Vec<f32>,
    segment_bias: Vec<f32>,
    segments: Vec<f32>,
}

impl RelativeAttention {
    pub(super) fn load(
        loader: &WeightLoader<'_>,
        config: &EncoderConfig,
        rule: RelativeRule,
    ) -> Result<Self, LoadError> {
        let layers = (0..config.num_layers).map(|layer| RelativeLayer::load(loader, config.hidden_size, layer));
        Ok(Self {
            rule,
            heads: config.num_heads,
            layers: layers.collect::<Result<_, _>>()?,
            sines: DistanceSines::new(config.hidden_size),
            distances: 0,
            segments: Vec::new(),
            keys: Vec::new(),
            tiles: TiledRows::default(),
        })
    }

    /// Takes in the sequences of the next step.
    pub(super) fn take_in(&mut self, input: &ForwardInput<'_>) {
        self.segments.clear();
        for (sequence, second) in input.sequences.iter().zip(&input.seconds) {
            self.segments.extend(self.rule.segments(&input.ids[sequence.rows.clone()], *second));
        }
        let longest = input.sequences.iter().map(|sequence| sequence.rows.len()).max().unwrap_or(0);
        self.distances = self.rule.distances(longest);
    }

    /// As [`super::attention::Step::attend`].
    pub(super) fn attend(
        &mut self,
        cpu: &Cpu,
        layer: usize,
        (sequences, qkv): (&[SequenceRows<'_>], &[f32]),
        attended: &mut [f32],
    ) {
        let own = &self.layers[layer];
        self.keys.resize(self.distances * own.distance.out(), 0.0);
        let sines = Input { x: self.sines.rows(self.distances), norm: None };
        own.distance.forward(cpu, sines, &mut self.tiles, &mut self.keys);
        let input = RelativeInput {
            heads: self.heads,
            qkv,
            distances: &self.keys,
            segments: &self.segments,
            sequences,
            terms: own.terms(),
        };
        ops::relative_attention(cpu, &input, attended);
    }
}

impl RelativeLayer {
    fn load(loader: &WeightLoader<'_>, hidden: usize, layer: usize) -> Result<Self, LoadError> {
        let name = |of| {
            let part = EncoderPart::Layer(layer, EncoderLayerPart::Relative(of));
            WeightName::Encoder(part, Term::Weight)
        };
        let vector = |of, len| loader.checkpoint.vector(name(of), len);
        let distance = Part { weight: name(RelativePart::Distance), bias: None, out: hidden };
        Ok(Self {
            distance: Linear::load(loader, &[distance], hidden)?,
            content_bias: vector(RelativePart::ContentBias, hidden)?,
            distance_bias: vector(RelativePart::DistanceBias, hidden)?,
            segment_bias: vector(RelativePart::SegmentBias, hidden)?,
            segments: vector(RelativePart::Segments, 2 * hidden)?,
        })
    }

    fn terms(&self) -> RelativeTerms<'_> {
        RelativeTerms {
            content: &self.content_bias,
            distance: &self.distance_bias,
            segment: &self.segment_bias,
            segments: &self.segments,
        }
    }
}

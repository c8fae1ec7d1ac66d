//! What every layer is told when it reads its weights: from where, for which CPU and which texts, in which formats.

use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::cpu::Cpu;
use crate::encoder_weight::{EncoderLayerPart, EncoderPart};
use crate::panels::{Dtype, PanelFormat};
use crate::weight_name::{ExpertWeight, LayerWeight, WeightName};

/// Reads the weights of one model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightLoader<'a> {
    pub(crate) checkpoint: &'a Checkpoint,
    pub(crate) cpu: &'a Cpu,
    pub(crate) dtype: Dtype,
    /// Tokens of the longest text.
    pub(crate) longest_text: usize,
}

impl WeightLoader<'_> {
    /// What a matrix is held as.
    pub(crate) fn format(&self, name: WeightName) -> PanelFormat {
        held_format(self.checkpoint, self.dtype, self.cpu.bf16_dot().is_some(), name)
    }
}

/// What a matrix of a checkpoint is held as. A gate and what it gates are multiplied with the same rows: where their
/// formats want different ones, both are held as f32.
pub(crate) fn held_format(checkpoint: &Checkpoint, dtype: Dtype, has_bf16_dot: bool, name: WeightName) -> PanelFormat {
    let own = |name| PanelFormat::of(checkpoint.block_type(name), dtype, has_bf16_dot);
    let of_encoder = |layer, part, term| WeightName::Encoder(EncoderPart::Layer(layer, part), term);
    let twin = match name {
        WeightName::Encoder(part, _) if part.is_table() => return PanelFormat::F32,
        WeightName::Encoder(EncoderPart::Layer(layer, EncoderLayerPart::Gate), term) => {
            of_encoder(layer, EncoderLayerPart::Up, term)
        }
        WeightName::Encoder(EncoderPart::Layer(layer, EncoderLayerPart::Up), term) if has_gate(checkpoint) => {
            of_encoder(layer, EncoderLayerPart::Gate, term)
        }
        WeightName::Layer(layer, LayerWeight::Gate) => WeightName::Layer(layer, LayerWeight::Up),
        WeightName::Layer(layer, LayerWeight::Up) if has_gate(checkpoint) => {
            WeightName::Layer(layer, LayerWeight::Gate)
        }
        WeightName::Layer(layer, LayerWeight::SharedGate) => WeightName::Layer(layer, LayerWeight::SharedUp),
        WeightName::Layer(layer, LayerWeight::SharedUp) => WeightName::Layer(layer, LayerWeight::SharedGate),
        WeightName::Expert(layer, expert, ExpertWeight::Gate) => WeightName::Expert(layer, expert, ExpertWeight::Up),
        WeightName::Expert(layer, expert, ExpertWeight::Up) => WeightName::Expert(layer, expert, ExpertWeight::Gate),
        _ => return own(name),
    };
    if own(name).row_format() == own(twin).row_format() { own(name) } else { PanelFormat::F32 }
}

/// Whether the MLP of a layer has a gate.
fn has_gate(checkpoint: &Checkpoint) -> bool {
    match checkpoint.model() {
        ModelConfig::Decoder(config) => config.gated_mlp,
        ModelConfig::Encoder(config) => config.gated_mlp,
    }
}

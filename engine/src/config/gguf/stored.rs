//! What only the tensors of a GGUF file say of its decoder: which biases and norms it has.

use super::rope;
use crate::checkpoint::TensorMap;
use crate::config::families::{Family, Switch};
use crate::config::{AttentionBias, HeadNorm, NormKind};
use crate::error::LoadError;
use crate::fused;
use crate::weight_name::{ExpertWeight, LayerWeight, Naming, WeightName, stacked_experts};

/// The tensors of a file. Layers are alike: the first is asked for all.
pub(super) struct Stored<'a>(pub(super) &'a TensorMap);

impl Stored<'_> {
    pub(super) fn has(&self, name: WeightName) -> bool {
        self.0.contains_key(&name.stored(Naming::Gguf))
    }

    pub(super) fn in_first_layer(&self, weight: LayerWeight) -> bool {
        self.has(WeightName::Layer(0, weight))
    }

    /// Whether there is any: the others are then missed by name.
    fn has_some(&self, biases: [LayerWeight; 3]) -> bool {
        biases.into_iter().any(|bias| self.in_first_layer(bias))
    }

    /// Rows of an expert's first matrix; of those in one stack the second dimension.
    pub(super) fn expert_width(&self) -> Option<usize> {
        let alone = WeightName::Expert(0, 0, ExpertWeight::Gate).stored(Naming::Gguf);
        let alone = self.0.get(&alone).and_then(|matrix| matrix.shape().first());
        let stack = self.0.get(&stacked_experts(0, ExpertWeight::Gate)).and_then(|stack| stack.shape().get(1));
        alone.or(stack).copied()
    }

    /// So of the one that every token takes.
    pub(super) fn shared_width(&self) -> Option<usize> {
        let matrix = self.0.get(&WeightName::Layer(0, LayerWeight::SharedGate).stored(Naming::Gguf))?;
        matrix.shape().first().copied()
    }

    /// Those of q, k and v may be one.
    pub(super) fn attention_bias(&self) -> AttentionBias {
        let is_fused = self.0.contains_key(&fused::gguf_query_key_value_bias(0));
        let of_inputs =
            is_fused || self.has_some([LayerWeight::QueryBias, LayerWeight::KeyBias, LayerWeight::ValueBias]);
        match [of_inputs, self.in_first_layer(LayerWeight::AttentionOutputBias)] {
            [true, true] => AttentionBias::All,
            [true, false] => AttentionBias::QueryKeyValue,
            [false, true] => AttentionBias::Output,
            [false, false] => AttentionBias::None,
        }
    }

    pub(super) fn mlp_bias(&self) -> bool {
        self.has_some([LayerWeight::GateBias, LayerWeight::UpBias, LayerWeight::DownBias])
    }

    pub(super) fn head_norms(&self, family: &Family) -> HeadNorm {
        match family.head_norms {
            Switch::Always(norms) => norms,
            Switch::Said(_, norms, _) if self.in_first_layer(LayerWeight::QueryNorm) => norms,
            Switch::Said(..) => HeadNorm::None,
        }
    }

    /// Tensors of other models would be passed over in silence; of these it is known what they change.
    pub(super) fn check_unread(&self, family: &Family) -> Result<(), LoadError> {
        let learns_positions = family.default_theta.is_none() && family.slopes == Switch::Always(None);
        let unread = [
            ("output.bias", !family.head_bias),
            ("output_norm.bias", family.norm != NormKind::Layer),
            ("position_embd.weight", !learns_positions),
            ("blk.0.attn_q_norm.weight", family.head_norms == Switch::Always(HeadNorm::None)),
            ("blk.0.ffn_act.scales", true),
        ];
        let factors = rope::FACTORS.map(|name| (name, !family.long_rope));
        let mut unread = unread.into_iter().chain(factors).filter(|(_, is_unread)| *is_unread);
        match unread.find_map(|(name, _)| self.0.get(name)) {
            Some(tensor) => Err(tensor.error("is not supported, and the numbers would differ without it")),
            None => Ok(()),
        }
    }
}

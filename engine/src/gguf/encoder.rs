//! An encoder's tensors as they are looked for: what a GGUF file stores as one lies apart.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Described, Metadata};
use crate::checkpoint::TensorMap;
use crate::config::encoder_families::EncoderFamily;
use crate::config::gguf::encoder_config;
use crate::config::{EncoderConfig, EncoderHead, ModelConfig};
use crate::encoder_weight::{self, EncoderLayerPart, EncoderPart, Term};
use crate::error::LoadError;
use crate::fused::{put_named, take};
use crate::weight_name::{Naming, WeightName};

/// Reads the configuration of an encoder of this architecture and family, and arranges the tensors.
pub(super) fn describe(
    path: &Path,
    metadata: &Metadata,
    (architecture, family): (&str, &'static EncoderFamily),
    tensors: &mut TensorMap,
) -> Result<Described, LoadError> {
    let (config, pooling) = encoder_config(metadata, (architecture, family), tensors)?;
    let naming = Naming::GgufEncoder(config.stream_norms);
    for layer in 0..config.num_layers {
        cut(path, (&config, naming, layer), tensors)?;
    }
    check_unread((&config, naming), tensors)?;
    Ok(Described { naming, config: ModelConfig::Encoder(config), bos_id: None, eos_ids: Vec::new(), pooling })
}

/// Puts q, k and v in the place of `attn_qkv` where a file has it; so with a gate and what it gates, which are one where the
/// gate has no name.
fn cut(
    path: &Path,
    (config, naming, layer): (&EncoderConfig, Naming, usize),
    tensors: &mut TensorMap,
) -> Result<(), LoadError> {
    use EncoderLayerPart::{Gate, Key, Query, Up, Value};
    let name = |of, term| WeightName::Encoder(EncoderPart::Layer(layer, of), term).stored(naming);
    for (term, kind) in [(Term::Weight, "weight"), (Term::Bias, "bias")] {
        let whole = format!("blk.{layer}.attn_qkv.{kind}");
        if tensors.contains_key(&whole) {
            let whole = take(path, tensors, &whole)?;
            put_named(tensors, &whole, [Query, Key, Value].map(|of| (name(of, term), config.hidden_size)).into())?;
        }
    }
    if config.gated_mlp && !tensors.contains_key(&name(Gate, Term::Weight)) {
        let whole = take(path, tensors, &name(Up, Term::Weight))?;
        let parts = [Gate, Up].map(|of| (name(of, Term::Weight), config.intermediate_size));
        put_named(tensors, &whole, parts.into())?;
    }
    Ok(())
}

/// Tensors of other models would be passed over in silence. The matrices of a head that is not read change no vector.
fn check_unread((config, naming): (&EncoderConfig, Naming), tensors: &TensorMap) -> Result<(), LoadError> {
    let known: BTreeSet<String> =
        encoder_weight::all(config).into_iter().map(|(name, _)| name.stored(naming)).collect();
    let is_of_head = |name: &str| config.head == EncoderHead::Vector && name.starts_with("cls.");
    match tensors.iter().find(|(name, _)| !known.contains(*name) && !is_of_head(name)) {
        Some((_, tensor)) => Err(tensor.error("is not supported, and the numbers would differ without it")),
        None => Ok(()),
    }
}

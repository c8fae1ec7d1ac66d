//! An encoder's configuration from GGUF metadata and from the tensors beside it.
//!
//! `bert` stands for BERT, RoBERTa, XLM-RoBERTa and DistilBERT: converters cut away the rows of positions that RoBERTa skips.
//! What files do not say is what the family does in transformers, where llama.cpp computes something near it: its GELU goes by
//! tanh, and the head of each of these families squashes by it.

use super::Keys;
use super::rope::THETA;
use super::window;
use crate::checkpoint::TensorMap;
use crate::config::encoder_families::{EncoderFamily, PositionKind};
use crate::config::{
    Activation, EncoderConfig, EncoderHead, LabelScores, LabelState, Labels, PositionRule, Positions, RopeConfig,
    RopeScaling, RotaryRule, range,
};
use crate::error::{LoadError, shown};
use crate::gguf::Metadata;
use crate::pooling::{PoolingConfig, PoolingKind};

/// The vectors of kinds of text.
pub(crate) const KINDS_OF_TEXT: &str = "token_types.weight";

/// The two matrices of a head that gives labels to texts.
const DENSE: &str = "cls.weight";
const OUTPUT: &str = "cls.output.weight";

/// llama.cpp's numbers for what becomes of states.
const MEAN: u64 = 1;
const FIRST: u64 = 2;
const LAST: u64 = 3;
const RANK: u64 = 4;

/// Keys, without the namespace, that are read of every encoder.
const KNOWN_KEYS: &[&str] = &[
    "attention.causal",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_epsilon",
    "attention.value_length",
    "block_count",
    LABELS,
    "context_length",
    "embedding_length",
    "feed_forward_length",
    POOLING,
    "vocab_size",
];
const LABELS: &str = "classifier.output_labels";
const POOLING: &str = "pooling_type";

/// Reads the configuration and how a text becomes a vector, and checks the numbers against each other.
pub(crate) fn encoder_config(
    metadata: &Metadata,
    (architecture, family): (&str, &'static EncoderFamily),
    tensors: &TensorMap,
) -> Result<(EncoderConfig, PoolingConfig), LoadError> {
    let keys = Keys { metadata, architecture, family };
    keys.check_names(&[KNOWN_KEYS, family.gguf_keys])?;
    let hidden_size = keys.count("embedding_length", range::WIDTH)?;
    let num_heads = keys.count("attention.head_count", range::HEADS)?;
    check_fixed(&keys, (hidden_size, num_heads))?;
    let num_layers = keys.count("block_count", range::LAYERS)?;
    let max_tokens = keys.count("context_length", range::POSITIONS)?;
    let config = EncoderConfig {
        architecture: family.model_type,
        vocab_size: keys.vocab_size(tensors)?,
        hidden_size,
        num_layers,
        num_heads,
        intermediate_size: keys.count("feed_forward_length", range::WIDTH)?,
        positions: positions(&keys, max_tokens)?,
        windows: windows(&keys, num_layers)?,
        num_types: num_types(&keys, tensors)?,
        max_tokens,
        norm_eps: keys.epsilon("attention.layer_norm_epsilon")?,
        stream_norms: family.stream_norms,
        biases: family.biases,
        activation: activation(&keys)?,
        gated_mlp: family.gated_mlp,
        head: head(&keys, tensors)?,
        label_state: label_state(&keys)?,
        squash: family.squash,
        heads_alike: family.heads_alike,
    };
    Ok((config, pooling(&keys)?))
}

type EncoderKeys<'a> = Keys<'a, EncoderFamily>;

/// What is computed in one way only.
fn check_fixed(keys: &EncoderKeys<'_>, (hidden_size, num_heads): (usize, usize)) -> Result<(), LoadError> {
    const CAUSAL: &str = "attention.causal";
    const SCALING: &str = "rope.scaling.type";
    if keys.metadata.optional_bool(&keys.full(CAUSAL))? == Some(true) {
        return Err(keys.error(CAUSAL, "true is not supported, only false"));
    }
    let head_dim = range::computed_head_dim(hidden_size, num_heads);
    let head_dim = head_dim.map_err(|reason| keys.error("embedding_length", reason))?;
    for (key, only) in [
        ("attention.head_count_kv", num_heads),
        ("attention.key_length", head_dim),
        ("attention.value_length", head_dim),
        ("rope.dimension_count", head_dim),
    ] {
        if let Some(other) = keys.optional_count(key)?.filter(|&said| said != only) {
            return Err(keys.error(key, format!("{other} is not supported, only {only}")));
        }
    }
    match keys.metadata.optional_text(&keys.full(SCALING))? {
        None | Some("none") => Ok(()),
        Some(other) => Err(keys.error(SCALING, format!("\"{}\" is not supported, only none", shown(other)))),
    }
}

/// All rows of a table are of positions, and a pad token takes one like any other.
fn positions(keys: &EncoderKeys<'_>, max_tokens: usize) -> Result<Positions, LoadError> {
    match keys.family.positions {
        PositionKind::Rotary { local, .. } => {
            let rope = |theta| RopeConfig { theta, scaling: RopeScaling::None };
            let all = rope(keys.positive("rope.freq_base")?.unwrap_or(THETA));
            let local = match local {
                Some((_, default)) => Some(rope(keys.positive("rope.freq_base_swa")?.unwrap_or(default))),
                None => None,
            };
            Ok(Positions::Rotary(RotaryRule { all, local, max_tokens }))
        }
        PositionKind::Table { .. } => Ok(Positions::Table(PositionRule { rows: max_tokens, pad: None })),
        PositionKind::Biased { .. } | PositionKind::Relative { .. } | PositionKind::Disentangled => {
            unreachable!("no GGUF file of such a family is read")
        }
    }
}

/// Of each layer the tokens that a token sees to each side, if not all: the first layer sees all, and so on one of a number.
fn windows(keys: &EncoderKeys<'_>, num_layers: usize) -> Result<Vec<Option<usize>>, LoadError> {
    const DEFAULT_EVERY: usize = 3;
    let PositionKind::Rotary { local: Some(_), .. } = keys.family.positions else {
        return Ok(vec![None; num_layers]);
    };
    let window = window::said(keys)?.filter(|&window| window > 0).map(RotaryRule::to_each_side);
    let slides = window::slides(keys, num_layers, (DEFAULT_EVERY, 0))?;
    Ok(slides.into_iter().map(|slides| window.filter(|_| slides)).collect())
}

/// A row for each; the metadata may say the same number. Where there are no rows it may say one.
fn num_types(keys: &EncoderKeys<'_>, tensors: &TensorMap) -> Result<usize, LoadError> {
    const COUNT: &str = "tokenizer.ggml.token_type_count";
    let Some(table) = tensors.get(KINDS_OF_TEXT) else { return Ok(0) };
    let rows = table.shape()[0];
    match keys.metadata.optional_count(COUNT, 0..=u64::MAX)?.filter(|&count| count != rows as u64) {
        Some(count) => Err(keys.metadata.error(COUNT, format!("{count} kinds, '{KINDS_OF_TEXT}' has {rows} rows"))),
        None => Ok(rows),
    }
}

fn activation(keys: &EncoderKeys<'_>) -> Result<Activation, LoadError> {
    const KEY: &str = "hidden_activation";
    let name = keys.metadata.optional_text(&keys.full(KEY))?.unwrap_or(keys.family.default_activation);
    keys.family.activation(name).map_err(|reason| keys.error(KEY, reason))
}

/// The state that a head reads. Files of a family that says it are of a time when all took the mean if they do not.
fn label_state(keys: &EncoderKeys<'_>) -> Result<LabelState, LoadError> {
    const KEY: &str = "classifier.pooling_type";
    if !keys.family.gguf_keys.contains(&KEY) {
        return Ok(keys.family.label_state);
    }
    match keys.metadata.optional_count(&keys.full(KEY), 0..=u64::MAX)? {
        None | Some(MEAN) => Ok(LabelState::Mean),
        Some(FIRST) => Ok(LabelState::First),
        Some(other) => Err(keys.error(KEY, format!("{other} is not supported; supported: {MEAN}, {FIRST}"))),
    }
}

/// Both matrices make a head; what scores mean is not said, so it is what transformers takes for granted.
fn head(keys: &EncoderKeys<'_>, tensors: &TensorMap) -> Result<EncoderHead, LoadError> {
    let Some(output) = tensors.get(OUTPUT) else {
        if pooling_number(keys)? == Some(RANK) {
            return Err(keys.error(POOLING, format!("{RANK}, rank, needs tensor '{OUTPUT}'")));
        }
        // files of models that tell words have it, as all heads of their family do
        return match tensors.get(DENSE).filter(|_| !keys.family.heads_alike) {
            Some(dense) => {
                Err(dense.error(format!("stands without '{OUTPUT}': a head of one matrix is not supported")))
            }
            None => Ok(EncoderHead::Vector),
        };
    };
    if !tensors.contains_key(DENSE) {
        let reason = format!("stands without '{DENSE}': converters leave out BERT's pooler, so its scores are lost");
        return Err(output.error(reason));
    }
    let rows = output.shape()[0];
    range::whole(rows as u64, range::LABELS)
        .map_err(|reason| output.error(format!("its number of labels {reason}")))?;
    let names = label_names(keys, rows)?;
    Ok(EncoderHead::Labels(Labels { scores: LabelScores::unsaid(names.len()), names }))
}

/// One for each row.
fn label_names(keys: &EncoderKeys<'_>, rows: usize) -> Result<Vec<String>, LoadError> {
    let Some(texts) = keys.metadata.optional_texts(&keys.full(LABELS))? else {
        return Ok(Labels::unnamed(rows));
    };
    if texts.len() != rows {
        return Err(keys.error(LABELS, format!("{} labels, '{OUTPUT}' has {rows} rows", texts.len())));
    }
    texts.to_strings().map_err(|index| keys.error(LABELS, format!("text {index} is not UTF-8")))
}

fn pooling_number(keys: &EncoderKeys<'_>) -> Result<Option<u64>, LoadError> {
    keys.metadata.optional_count(&keys.full(POOLING), 0..=RANK)
}

/// As llama.cpp does, every vector is made one of unit length. Where a file says nothing, or that all states are wanted, a
/// text's vector is what it is in folders that say nothing.
fn pooling(keys: &EncoderKeys<'_>) -> Result<PoolingConfig, LoadError> {
    let kind = match pooling_number(keys)? {
        Some(FIRST) => PoolingKind::First,
        Some(LAST) => PoolingKind::Last,
        Some(MEAN) => PoolingKind::Mean,
        _ => PoolingConfig::OF_ENCODERS.kind,
    };
    Ok(PoolingConfig { kind, ..PoolingConfig::OF_ENCODERS })
}

//! `config.json` as transformers writes it: version 4 (`rope_theta`, `rope_scaling`) and version 5 (`rope_parameters`).
//!
//! A field that is not known here is an error unless it is listed as harmless: it could change the numbers.

mod attention_types;
mod disentangled;
pub(crate) mod encoder;
mod fields;
mod gemma;
mod labels;
mod relative;
mod rope;
mod rotary;
mod tasks;
mod window;

use scheduler::Token;
use serde_json::Value;

use super::families::Family;
use super::json_fields::JsonFields;
use super::range;
use super::{AttentionBias, DecoderConfig, ExpertsConfig, NormConfig};
use crate::error::LoadError;

/// What `config.json` and `generation_config.json` say together about a decoder.
#[derive(Debug, PartialEq)]
pub(crate) struct HuggingFaceConfig {
    pub(crate) config: DecoderConfig,
    pub(crate) bos_id: Option<Token>,
    /// In the order of the files, without repetition.
    pub(crate) eos_ids: Vec<Token>,
    pub(crate) family: &'static Family,
}

/// Reads the configuration from `config.json` and, if there is one, `generation_config.json`.
pub(crate) fn read(json: JsonFields, generation: Option<JsonFields>) -> Result<HuggingFaceConfig, LoadError> {
    let family = family(&json)?;
    fields::check(&json, family)?;
    let config = decoder_config(&json, family)?;
    let sources: Vec<_> = std::iter::once(json).chain(generation).collect();
    let mut eos_ids = Vec::new();
    let mut bos_id = None;
    for source in &sources {
        for id in token_ids(source, "eos_token_id", config.vocab_size)? {
            if !eos_ids.contains(&id) {
                eos_ids.push(id);
            }
        }
        bos_id = bos_id.or(token_ids(source, "bos_token_id", config.vocab_size)?.first().copied());
    }
    Ok(HuggingFaceConfig { config, bos_id, eos_ids, family })
}

fn family(json: &JsonFields) -> Result<&'static Family, LoadError> {
    let model_type = json.text("model_type")?.ok_or_else(|| json.missing("model_type"))?;
    let refused = || json.error("model_type", Family::refusal_of_model_type(model_type));
    Family::of_model_type(model_type).ok_or_else(refused)
}

fn decoder_config(json: &JsonFields, family: &Family) -> Result<DecoderConfig, LoadError> {
    let names = family.names;
    let hidden_size = json.count(names.hidden_size, range::WIDTH)?;
    let num_heads = json.count(names.num_heads, range::HEADS)?;
    let num_layers = json.count(names.num_layers, range::LAYERS)?;
    let head_dim = head_dim(json, family, hidden_size, num_heads)?;
    let eps = json.judged(names.norm_eps, range::epsilon)?.ok_or_else(|| json.missing(names.norm_eps))?;
    let [attention_softcap, logit_softcap] = gemma::caps(json, family)?;
    let is_gemma = family.gemma.is_some();
    Ok(DecoderConfig {
        architecture: family.model_type.to_owned(),
        vocab_size: json.count("vocab_size", range::VOCABULARY)?,
        hidden_size,
        num_layers,
        num_heads,
        num_kv_heads: num_kv_heads(json, family, num_heads)?,
        head_dim,
        intermediate_size: intermediate_size(json, family, hidden_size)?,
        max_positions: json.count(names.max_positions, range::POSITIONS)?,
        norms: NormConfig {
            kind: family.norm,
            stream: family.stream_norms,
            eps,
            less_one: is_gemma,
            of_heads: family.head_norms,
            of_outputs: is_gemma,
        },
        rope: rope::read(json, family)?,
        local_rope: rope::read_local(json, family)?,
        activation: family.activation,
        gated_mlp: family.gated_mlp,
        experts: experts(json, family)?,
        attention_scale: attention_scale(json, family, head_dim)?,
        attention_softcap,
        logit_softcap,
        embedding_scale: if is_gemma { (hidden_size as f32).sqrt() } else { 1.0 },
        tied_embeddings: json.bool("tie_word_embeddings")?.unwrap_or(family.default_tied),
        attention_bias: if json.bool("attention_bias")?.unwrap_or(false) {
            AttentionBias::All
        } else {
            family.attention_bias
        },
        mlp_bias: family.mlp_bias || json.bool("mlp_bias")?.unwrap_or(false),
        windows: window::read(json, family, num_layers)?,
    })
}

fn num_kv_heads(json: &JsonFields, family: &Family, num_heads: usize) -> Result<usize, LoadError> {
    const FIELD: &str = "num_key_value_heads";
    let kv_heads = json.optional_count(FIELD, range::HEADS)?.or(family.default_kv_heads).unwrap_or(num_heads);
    range::kv_heads(kv_heads, num_heads, "num_attention_heads").map_err(|reason| json.error(FIELD, reason))
}

fn head_dim(json: &JsonFields, family: &Family, hidden_size: usize, num_heads: usize) -> Result<usize, LoadError> {
    let Some(explicit) = json.optional_count("head_dim", range::WIDTH)?.or(family.default_head_dim) else {
        let head_dim = range::computed_head_dim(hidden_size, num_heads);
        return head_dim.map_err(|reason| json.error(family.names.hidden_size, reason));
    };
    range::head_dim(explicit).map_err(|reason| json.error("head_dim", reason))
}

fn intermediate_size(json: &JsonFields, family: &Family, hidden_size: usize) -> Result<usize, LoadError> {
    let name = family.names.intermediate_size;
    let default = family.default_mlp_ratio.map(|ratio| ratio * hidden_size);
    json.optional_count(name, range::WIDTH)?.or(default).ok_or_else(|| json.missing(name))
}

fn experts(json: &JsonFields, family: &Family) -> Result<Option<ExpertsConfig>, LoadError> {
    let Some(experts) = family.experts else { return Ok(None) };
    let ((count, default_count), (per_token, default_per_token)) = (experts.count, experts.per_token);
    let count = json.optional_count(count, range::EXPERTS)?.unwrap_or(default_count);
    let taken = json.optional_count(per_token, 1..=count as u64)?.unwrap_or(default_per_token);
    if taken > count {
        return Err(json.error(per_token, format!("{taken} of {count} experts")));
    }
    Ok(Some(ExpertsConfig { count, per_token: taken }))
}

fn attention_scale(json: &JsonFields, family: &Family, head_dim: usize) -> Result<f32, LoadError> {
    let width = gemma::score_width(json, family)?.unwrap_or(head_dim);
    let is_scaled = json.bool("scale_attn_weights")?.unwrap_or(family.scaled_scores);
    Ok(if is_scaled { 1.0 / (width as f32).sqrt() } else { 1.0 })
}

/// One id or a list of ids, each below the vocabulary's size.
fn token_ids(json: &JsonFields, field: &str, vocab_size: usize) -> Result<Vec<Token>, LoadError> {
    let values = match json.value(field) {
        None => return Ok(Vec::new()),
        Some(Value::Array(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
    };
    let id = |value: &Value| value.as_u64().filter(|&id| id < vocab_size as u64).map(|id| id as Token);
    let ids: Option<Vec<_>> = values.iter().map(id).collect();
    ids.ok_or_else(|| json.error(field, format!("is not a token id below {vocab_size}, nor a list of such")))
}

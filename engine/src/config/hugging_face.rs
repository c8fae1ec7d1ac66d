//! `config.json` as transformers writes it: version 4 (`rope_theta`, `rope_scaling`) and version 5 (`rope_parameters`).
//!
//! A field that is not known here is an error unless it is listed as harmless: it could change the numbers.

mod fields;
mod rope;

use scheduler::Token;
use serde_json::Value;

use super::DecoderConfig;
use super::families::Family;
use super::json_fields::JsonFields;
use super::range;
use crate::error::LoadError;

/// What `config.json` and `generation_config.json` say together.
#[derive(Debug, PartialEq)]
pub(crate) struct HuggingFaceConfig {
    pub(crate) config: DecoderConfig,
    pub(crate) bos_id: Option<Token>,
    /// In the order of the files, without repetition.
    pub(crate) eos_ids: Vec<Token>,
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
    Ok(HuggingFaceConfig { config, bos_id, eos_ids })
}

fn family(json: &JsonFields) -> Result<&'static Family, LoadError> {
    let model_type = json.text("model_type")?.ok_or_else(|| json.missing("model_type"))?;
    let refused = || json.error("model_type", Family::refusal(model_type));
    Family::of_model_type(model_type).ok_or_else(refused)
}

fn decoder_config(json: &JsonFields, family: &Family) -> Result<DecoderConfig, LoadError> {
    let hidden_size = json.count("hidden_size", range::WIDTH)?;
    let num_heads = json.count("num_attention_heads", range::HEADS)?;
    Ok(DecoderConfig {
        architecture: family.model_type.to_owned(),
        vocab_size: json.count("vocab_size", range::VOCABULARY)?,
        hidden_size,
        num_layers: json.count("num_hidden_layers", range::LAYERS)?,
        num_heads,
        num_kv_heads: num_kv_heads(json, num_heads)?,
        head_dim: head_dim(json, hidden_size, num_heads)?,
        intermediate_size: json.count("intermediate_size", range::WIDTH)?,
        max_positions: json.count("max_position_embeddings", range::POSITIONS)?,
        norm_eps: json.judged("rms_norm_eps", range::epsilon)?.ok_or_else(|| json.missing("rms_norm_eps"))?,
        rope: rope::read(json, family)?,
        tied_embeddings: json.bool("tie_word_embeddings")?.unwrap_or(false),
        attention_bias: json.bool("attention_bias")?.unwrap_or(false),
        mlp_bias: json.bool("mlp_bias")?.unwrap_or(false),
    })
}

fn num_kv_heads(json: &JsonFields, num_heads: usize) -> Result<usize, LoadError> {
    const FIELD: &str = "num_key_value_heads";
    let kv_heads = json.optional_count(FIELD, range::HEADS)?.unwrap_or(num_heads);
    range::kv_heads(kv_heads, num_heads, "num_attention_heads").map_err(|reason| json.error(FIELD, reason))
}

fn head_dim(json: &JsonFields, hidden_size: usize, num_heads: usize) -> Result<usize, LoadError> {
    match json.optional_count("head_dim", range::WIDTH)? {
        Some(explicit) => range::head_dim(explicit).map_err(|reason| json.error("head_dim", reason)),
        None => range::computed_head_dim(hidden_size, num_heads).map_err(|reason| json.error("hidden_size", reason)),
    }
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

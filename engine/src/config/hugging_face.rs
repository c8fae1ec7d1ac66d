//! `config.json` as transformers writes it: version 4 (`rope_theta`, `rope_scaling`) and version 5 (`rope_parameters`).
//!
//! A field that is not known here is an error unless it is listed as harmless: it could change the numbers.

mod agreed;
mod attention_types;
mod disentangled;
pub(crate) mod encoder;
mod experts;
mod falcon;
mod fields;
mod gemma;
mod labels;
mod long_rope;
mod mpt;
mod relative;
mod rope;
mod rotary;
mod tasks;
mod turns;
mod window;

use std::ops::RangeInclusive;

use scheduler::Token;
use serde_json::Value;

use self::agreed::agreed;
use super::families::{Family, FieldNames, Switch};
use super::json_fields::JsonFields;
use super::range;
use super::{Activation, DecoderConfig, LayerOrder, NormConfig, SlopeRule};
use crate::error::LoadError;
use crate::weight_name::DecoderNames;

/// What torch adds to the variance in a norm where it is not told.
const TORCH_EPS: f32 = 1e-5;

/// What `config.json` and `generation_config.json` say together about a decoder.
#[derive(Debug, PartialEq)]
pub(crate) struct HuggingFaceConfig {
    pub(crate) config: DecoderConfig,
    pub(crate) bos_id: Option<Token>,
    /// In the order of the files, without repetition.
    pub(crate) eos_ids: Vec<Token>,
    pub(crate) family: &'static Family,
    /// What its tensors are called.
    pub(crate) tensors: &'static DecoderNames,
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
    let own_norms = family.falcon.as_ref().filter(|_| config.order == LayerOrder::Beside);
    let tensors = own_norms.map_or(family.tensors, |falcon| falcon.own_norms);
    Ok(HuggingFaceConfig { config, bos_id, eos_ids, family, tensors })
}

fn family(json: &JsonFields) -> Result<&'static Family, LoadError> {
    let model_type = json.text("model_type")?.ok_or_else(|| json.missing("model_type"))?;
    let refused = || json.error("model_type", Family::refusal_of_model_type(model_type));
    Family::of_model_type(model_type).ok_or_else(refused)
}

fn decoder_config(json: &JsonFields, family: &Family) -> Result<DecoderConfig, LoadError> {
    let names = family.names;
    let hidden_size = count(json, names, (names.hidden_size, range::WIDTH))?;
    let num_heads = count(json, names, (names.num_heads, range::HEADS))?;
    let num_layers = count(json, names, (names.num_layers, range::LAYERS))?;
    let head_dim = head_dim(json, family, hidden_size, num_heads)?;
    let eps = match names.norm_eps {
        Some(field) => json.judged(field, range::epsilon)?.or(family.default_eps).ok_or_else(|| json.missing(field))?,
        None => TORCH_EPS,
    };
    let turned_dim = rope::turned_dim(json, family, head_dim)?;
    let [attention_softcap, logit_softcap] = gemma::caps(json, family)?;
    let is_gemma = family.gemma.is_some();
    let attention = mpt::read(json)?;
    let turns = turns::read(json, family, num_layers)?;
    let intermediate_size = intermediate_size(json, family, hidden_size)?;
    let slopes = switch(json, family.slopes)?.map(|kind| SlopeRule { kind, halvings: attention.halvings });
    Ok(DecoderConfig {
        architecture: family.model_type.to_owned(),
        vocab_size: json.count("vocab_size", range::VOCABULARY)?,
        hidden_size,
        num_layers,
        num_heads,
        num_kv_heads: num_kv_heads(json, family, num_heads)?,
        head_dim,
        intermediate_size,
        max_positions: max_positions(json, family)?,
        norms: NormConfig {
            kind: family.norm,
            stream: family.stream_norms,
            eps,
            less_one: is_gemma,
            of_heads: switch(json, family.head_norms)?,
            of_outputs: family.gemma.is_some_and(|gemma| gemma.output_norms),
            of_embedding: family.embedding_norm,
        },
        rope: rope::read(json, family, turned_dim)?.filter(|_| slopes.is_none()),
        slopes,
        turned_dim,
        local_rope: rope::read_local(json, family, turned_dim)?,
        order: if family.falcon.is_some() { falcon::order(json)? } else { switch(json, family.order)? },
        activation: activation(json, family)?,
        gated_mlp: family.gated_mlp,
        experts: experts::read(json, family, [num_layers, intermediate_size])?,
        attention_clip: attention.clip,
        attention_scale: attention.scale.map_or_else(|| attention_scale(json, family, head_dim), Ok)?,
        attention_softcap,
        logit_softcap,
        embedding_scale: if is_gemma { (hidden_size as f32).sqrt() } else { 1.0 },
        tied_embeddings: json.bool("tie_word_embeddings")?.unwrap_or(family.default_tied),
        attention_bias: switch(json, family.attention_bias)?,
        mlp_bias: switch(json, family.mlp_bias)?,
        head_bias: family.head_bias,
        windows: window::read(json, family, &turns)?,
        turns,
    })
}

/// A count, by whichever of its names stands in the file.
fn count(
    json: &JsonFields,
    names: &FieldNames,
    (field, allowed): (&'static str, RangeInclusive<u64>),
) -> Result<usize, LoadError> {
    agreed_count(json, spellings(names, field), &allowed)?.ok_or_else(|| json.missing(field))
}

/// What files call a count: its field, and others.
fn spellings(names: &FieldNames, field: &'static str) -> impl Iterator<Item = &'static str> {
    let others = names.others.iter().filter(move |(of, _)| *of == field).map(|(_, other)| *other);
    std::iter::once(field).chain(others)
}

/// The one of them that this file has, or the first.
fn spelling(json: &JsonFields, names: &FieldNames, field: &'static str) -> &'static str {
    spellings(names, field).find(|name| json.value(name).is_some()).unwrap_or(field)
}

/// A count that several fields may say.
fn agreed_count(
    json: &JsonFields,
    fields: impl Iterator<Item = &'static str>,
    allowed: &RangeInclusive<u64>,
) -> Result<Option<usize>, LoadError> {
    let said = fields.map(|field| Ok((field, json.optional_count(field, allowed.clone())?)));
    agreed(json, said.collect::<Result<Vec<_>, LoadError>>()?)
}

fn num_kv_heads(json: &JsonFields, family: &Family, num_heads: usize) -> Result<usize, LoadError> {
    let (field, heads_field) = (family.names.kv_heads, family.names.num_heads);
    let kv_heads = if family.falcon.is_some() {
        falcon::kv_heads(json, num_heads)?
    } else {
        json.optional_count(field, range::HEADS)?.or(family.default_kv_heads).unwrap_or(num_heads)
    };
    range::kv_heads(kv_heads, num_heads, heads_field).map_err(|reason| json.error(field, reason))
}

fn max_positions(json: &JsonFields, family: &Family) -> Result<usize, LoadError> {
    let field = family.names.max_positions;
    let said = json.optional_count(field, range::POSITIONS)?;
    said.or(family.default_max_positions).ok_or_else(|| json.missing(field))
}

fn head_dim(json: &JsonFields, family: &Family, hidden_size: usize, num_heads: usize) -> Result<usize, LoadError> {
    let Some(explicit) = json.optional_count("head_dim", range::WIDTH)?.or(family.default_head_dim) else {
        let head_dim = range::computed_head_dim(hidden_size, num_heads);
        let field = spelling(json, family.names, family.names.hidden_size);
        return head_dim.map_err(|reason| json.error(field, reason));
    };
    range::head_dim(explicit).map_err(|reason| json.error("head_dim", reason))
}

fn intermediate_size(json: &JsonFields, family: &Family, hidden_size: usize) -> Result<usize, LoadError> {
    let name = family.names.intermediate_size;
    let default = family.default_mlp_ratio.map(|ratio| ratio * hidden_size);
    json.optional_count(name, range::WIDTH)?.or(default).ok_or_else(|| json.missing(name))
}

/// Fields that say it are known to say one of the family's.
fn activation(json: &JsonFields, family: &Family) -> Result<Activation, LoadError> {
    let mut said = Vec::new();
    for &field in family.names.activation {
        let name = json.text(field)?;
        let known = family.activations.iter().find(|(known, _)| Some(*known) == name);
        said.push((field, known.map(|(_, activation)| *activation)));
    }
    let said = agreed(json, said)?;
    Ok(said.unwrap_or_else(|| family.activation()))
}

fn switch<T: Default>(json: &JsonFields, fact: Switch<T>) -> Result<T, LoadError> {
    Ok(match fact {
        Switch::Always(fact) => fact,
        Switch::Said(field, fact, default) if json.bool(field)?.unwrap_or(default) => fact,
        Switch::Said(..) => T::default(),
    })
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

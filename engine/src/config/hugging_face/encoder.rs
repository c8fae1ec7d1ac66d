//! `config.json` of an encoder.

use serde_json::Value;

use super::fields::{HARMLESS, expect};
use super::{labels, relative, tasks};
use crate::config::encoder_families::EncoderFamily;
use crate::config::json_fields::JsonFields;
use crate::config::{Activation, EncoderConfig, EncoderHead, PositionRule, Positions, range};
use crate::error::{LoadError, shown};
use crate::weight_name::Naming;

/// Fields that are read of every encoder, beside those that its family spells.
const READ: &[&str] = &[
    "bos_token_id",
    "eos_token_id",
    "id2label",
    "label2id",
    "layer_norm_eps",
    "max_position_embeddings",
    "pad_token_id",
    "problem_type",
    "sbert_ce_default_activation_function",
    "sentence_transformers",
    tasks::TASKS,
    TIED,
    "type_vocab_size",
    "vocab_size",
];

/// Whether the scores of words are products with the vectors of words.
const TIED: &str = "tie_word_embeddings";

/// What transformers takes where the file says nothing.
const DEFAULT_EPS: f32 = 1e-12;
const DEFAULT_ACTIVATION: &str = "gelu";

/// Reads the configuration. A model whose vectors are made by rules of its own may be of any class of its family.
pub(crate) fn read(json: &JsonFields, family: &EncoderFamily, has_rules: bool) -> Result<EncoderConfig, LoadError> {
    let head = head(json, family, has_rules)?;
    check(json, family)?;
    let names = family.spelling;
    let hidden_size = json.count(names.hidden_size, range::WIDTH)?;
    let num_heads = json.count(names.num_heads, range::HEADS)?;
    range::computed_head_dim(hidden_size, num_heads).map_err(|reason| json.error(names.hidden_size, reason))?;
    let vocab_size = json.count("vocab_size", range::VOCABULARY)?;
    let positions = match family.relative_closing {
        Some(closing) => Positions::Relative(relative::read(json, closing, hidden_size / num_heads)?),
        None => Positions::Table(positions(json, family, vocab_size)?),
    };
    Ok(EncoderConfig {
        architecture: family.model_type,
        vocab_size,
        hidden_size,
        num_layers: json.count(names.num_layers, range::LAYERS)?,
        num_heads,
        intermediate_size: json.count(names.intermediate_size, range::WIDTH)?,
        positions,
        num_types: num_types(json, family)?,
        max_tokens: positions.max_tokens(),
        norm_eps: json.judged("layer_norm_eps", range::epsilon)?.unwrap_or(DEFAULT_EPS),
        activation: activation(json, names.activation)?,
        head,
        label_token: family.label_token,
        squash: family.squash,
    })
}

/// What the class in `architectures` puts behind the encoder.
fn head(json: &JsonFields, family: &EncoderFamily, has_rules: bool) -> Result<EncoderHead, LoadError> {
    const CLASSES: &str = "architectures";
    let classes = json.value(CLASSES).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_of = |head: &str| {
        let wanted = format!("{}{head}", family.class);
        classes.iter().any(|class| class.as_str() == Some(wanted.as_str()))
    };
    if has_rules || is_of("Model") {
        return Ok(EncoderHead::Vector);
    }
    if family.naming == Naming::Bert && classes.iter().any(|class| class.as_str() == Some(tasks::CLASS)) {
        return Ok(EncoderHead::Tasks(tasks::read(json)?));
    }
    if json.value(tasks::TASKS).is_some() {
        return Err(json.error(tasks::TASKS, format!("is for models of the class {}", tasks::CLASS)));
    }
    if is_of("ForSequenceClassification") {
        return Ok(EncoderHead::Labels(labels::read(json)?));
    }
    if is_of("ForTokenClassification") {
        return Ok(EncoderHead::TokenLabels(labels::names(json)?));
    }
    if is_of(family.span_class) {
        return Ok(EncoderHead::Spans);
    }
    if is_of("ForMaskedLM") {
        json.value(TIED)
            .map_or(Ok(()), |tied| expect(tied, &Value::Bool(true)))
            .map_err(|why| json.error(TIED, why))?;
        return Ok(EncoderHead::Words);
    }
    let found = shown(&json.value(CLASSES).unwrap_or(&Value::Null).to_string());
    let supported = ["Model", "ForSequenceClassification", "ForTokenClassification", family.span_class, "ForMaskedLM"];
    let supported = supported.map(|head| format!("{}{head}", family.class)).join(", ");
    Err(json.error(CLASSES, format!("{found} is not supported; supported: {supported}")))
}

fn positions(json: &JsonFields, family: &EncoderFamily, vocab_size: usize) -> Result<PositionRule, LoadError> {
    const ROWS: &str = "max_position_embeddings";
    let rows = json.count(ROWS, range::POSITIONS)?;
    let Some(default) = family.default_pad else {
        return Ok(PositionRule { rows, pad: None });
    };
    let pad = json.optional_count("pad_token_id", 0..=vocab_size as u64 - 1)?.unwrap_or(default as usize);
    if pad + 1 >= rows {
        return Err(json.error(ROWS, format!("{rows} rows leave none behind that of the pad token {pad}")));
    }
    Ok(PositionRule { rows, pad: Some(pad as u32) })
}

fn num_types(json: &JsonFields, family: &EncoderFamily) -> Result<usize, LoadError> {
    match family.default_types {
        None => Ok(0),
        Some(default) => Ok(json.optional_count("type_vocab_size", range::WIDTH)?.unwrap_or(default)),
    }
}

fn activation(json: &JsonFields, field: &str) -> Result<Activation, LoadError> {
    match json.text(field)?.unwrap_or(DEFAULT_ACTIVATION) {
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::TanhGelu),
        "silu" | "swish" => Ok(Activation::Silu),
        other => {
            Err(json.error(field, format!("\"{}\" is not supported; supported: gelu, gelu_new, silu", shown(other))))
        }
    }
}

/// Fails on the first field whose name or value could mean another forward pass.
fn check(json: &JsonFields, family: &EncoderFamily) -> Result<(), LoadError> {
    let names = family.spelling;
    let spelled = [names.hidden_size, names.num_layers, names.num_heads, names.intermediate_size, names.activation];
    for name in json.names() {
        let value = json.value(name).expect("names of set fields only");
        let verdict = match name {
            "is_decoder" | "is_encoder_decoder" | "add_cross_attention" => expect(value, &Value::Bool(false)),
            "position_embedding_type" => expect(value, &Value::from("absolute")),
            "pruned_heads" => expect(value, &Value::Object(serde_json::Map::new())),
            "architectures" | "model_type" => Ok(()),
            "auto_map" => Err("names code of the model's own, which is never run".to_owned()),
            "quantization_config" => Err("quantised safetensors are not supported".to_owned()),
            _ if READ.contains(&name) || spelled.contains(&name) => Ok(()),
            _ if family.relative_closing.is_some() && relative::READ.contains(&name) => Ok(()),
            _ if HARMLESS.contains(&name) || family.harmless.contains(&name) => Ok(()),
            _ => Err("is not known, and what it changes cannot be guessed".to_owned()),
        };
        verdict.map_err(|reason| json.error(name, reason))?;
    }
    Ok(())
}

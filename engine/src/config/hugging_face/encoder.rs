//! `config.json` of an encoder.

use scheduler::Token;
use serde_json::Value;

use super::fields::{HARMLESS, expect};
use super::{disentangled, labels, relative, rotary, tasks};
use crate::config::encoder_families::{self, EncoderFamily, PositionKind};
use crate::config::json_fields::JsonFields;
use crate::config::{Activation, EncoderConfig, EncoderHead, LabelState, PositionRule, Positions, Squash, range};
use crate::encoder_weight::EncoderNaming;
use crate::error::{LoadError, shown};

/// Fields that are read of every encoder, beside those that its family spells.
const READ: &[&str] = &[
    "bos_token_id",
    "eos_token_id",
    "id2label",
    "label2id",
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

/// Reads the configuration. A model whose vectors are made by rules of its own may be of any class of its family.
pub(crate) fn read(json: &JsonFields, family: &EncoderFamily, has_rules: bool) -> Result<EncoderConfig, LoadError> {
    let head = head(json, family, has_rules)?;
    check(json, family)?;
    let names = family.spelling;
    let hidden_size = json.count(names.hidden_size, range::WIDTH)?;
    let num_heads = json.count(names.num_heads, range::HEADS)?;
    let head_dim = range::computed_head_dim(hidden_size, num_heads);
    let head_dim = head_dim.map_err(|reason| json.error(names.hidden_size, reason))?;
    check_head_dim(json, head_dim)?;
    let num_layers = json.count(names.num_layers, range::LAYERS)?;
    let vocab_size = json.count("vocab_size", range::VOCABULARY)?;
    let positions = positions(json, family, vocab_size, (hidden_size, head_dim))?;
    Ok(EncoderConfig {
        architecture: family.model_type,
        vocab_size,
        hidden_size,
        num_layers,
        num_heads,
        intermediate_size: json.count(names.intermediate_size, range::WIDTH)?,
        max_tokens: positions.max_tokens(),
        positions,
        windows: windows(json, family, num_layers)?,
        num_types: num_types(json, family)?,
        norm_eps: json.judged(names.norm_eps, range::epsilon)?.unwrap_or(family.default_eps),
        stream_norms: family.stream_norms,
        biases: family.biases,
        activation: activation(json, family)?,
        gated_mlp: family.gated_mlp,
        head,
        label_state: label_state(json, family)?,
        squash: squash(json, family)?,
        heads_alike: family.heads_alike,
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
    if family.naming == EncoderNaming::Bert && classes.iter().any(|class| class.as_str() == Some(tasks::CLASS)) {
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

/// Heads are as wide as what they share out.
fn check_head_dim(json: &JsonFields, head_dim: usize) -> Result<(), LoadError> {
    const FIELD: &str = "head_dim";
    let Some(value) = json.value(FIELD) else { return Ok(()) };
    expect(value, &Value::from(head_dim)).map_err(|reason| json.error(FIELD, reason))
}

fn positions(
    json: &JsonFields,
    family: &EncoderFamily,
    vocab_size: usize,
    (hidden_size, head_dim): (usize, usize),
) -> Result<Positions, LoadError> {
    let most = family.spelling.max_positions;
    Ok(match family.positions {
        PositionKind::Table { default_pad } => Positions::Table(table(json, (most, default_pad), vocab_size)?),
        PositionKind::Biased { pad } => Positions::Biased(table(json, (most, Some(pad)), vocab_size)?),
        PositionKind::Relative { closing } => Positions::Relative(relative::read(json, closing, head_dim)?),
        PositionKind::Disentangled => Positions::Disentangled(disentangled::read(json, (hidden_size, head_dim), most)?),
        PositionKind::Rotary { theta, local } => {
            Positions::Rotary(rotary::read(json, (theta, local), json.count(most, range::POSITIONS)?)?)
        }
    })
}

/// The table with this field for its rows, which may be counted from a pad token on: this one where the file names none.
fn table(
    json: &JsonFields,
    (field, default_pad): (&str, Option<u64>),
    vocab_size: usize,
) -> Result<PositionRule, LoadError> {
    let rows = json.count(field, range::POSITIONS)?;
    let Some(default) = default_pad else {
        return Ok(PositionRule { rows, pad: None });
    };
    let pad = json.optional_count("pad_token_id", 0..=vocab_size as u64 - 1)?.unwrap_or(default as usize);
    if pad + 1 >= rows {
        return Err(json.error(field, format!("{rows} rows leave none behind that of the pad token {pad}")));
    }
    Ok(PositionRule { rows, pad: Some(pad as Token) })
}

/// Of each layer the tokens that a token sees to each side, if not all.
fn windows(json: &JsonFields, family: &EncoderFamily, num_layers: usize) -> Result<Vec<Option<usize>>, LoadError> {
    match family.positions {
        PositionKind::Rotary { local: Some(_), .. } => rotary::windows(json, num_layers),
        _ => Ok(vec![None; num_layers]),
    }
}

fn num_types(json: &JsonFields, family: &EncoderFamily) -> Result<usize, LoadError> {
    match family.default_types {
        None => Ok(0),
        // a family that has none by default says so
        Some(default) => {
            let allowed = default.min(1) as u64..=*range::WIDTH.end();
            Ok(json.optional_count("type_vocab_size", allowed)?.unwrap_or(default))
        }
    }
}

fn activation(json: &JsonFields, family: &EncoderFamily) -> Result<Activation, LoadError> {
    let field = family.spelling.activation;
    let name = json.text(field)?.unwrap_or(family.default_activation);
    family.activation(name).map_err(|reason| json.error(field, reason))
}

fn label_state(json: &JsonFields, family: &EncoderFamily) -> Result<LabelState, LoadError> {
    const FIELD: &str = "classifier_pooling";
    match json.text(FIELD)? {
        None => Ok(family.label_state),
        Some("cls") => Ok(LabelState::First),
        Some("mean") => Ok(LabelState::Mean),
        Some(other) => Err(json.error(FIELD, format!("\"{}\" is not supported; supported: cls, mean", shown(other)))),
    }
}

fn squash(json: &JsonFields, family: &EncoderFamily) -> Result<Squash, LoadError> {
    let Some(field) = family.squash_field else { return Ok(family.squash) };
    match json.text(field)? {
        None => Ok(family.squash),
        Some("tanh") => Ok(Squash::Tanh),
        Some("relu") => Ok(Squash::Relu),
        Some(name) => {
            encoder_families::activation(name).map(Squash::Smooth).map_err(|reason| json.error(field, reason))
        }
    }
}

/// Fails on the first field whose name or value could mean another forward pass.
fn check(json: &JsonFields, family: &EncoderFamily) -> Result<(), LoadError> {
    for name in json.names() {
        let value = json.value(name).expect("names of set fields only");
        verdict(name, value, family).map_err(|reason| json.error(name, reason))?;
    }
    Ok(())
}

fn verdict(name: &str, value: &Value, family: &EncoderFamily) -> Result<(), String> {
    if let Some((_, only)) = family.only.iter().find(|(field, _)| *field == name) {
        return expect(value, &Value::from(*only));
    }
    match name {
        _ if family.spelling.contains(name) || family.fields.contains(&name) || family.harmless.contains(&name) => {
            Ok(())
        }
        "is_decoder" | "is_encoder_decoder" | "add_cross_attention" => expect(value, &Value::Bool(false)),
        "position_embedding_type" => expect(value, &Value::from("absolute")),
        "pruned_heads" => expect(value, &Value::Object(serde_json::Map::new())),
        "architectures" | "model_type" => Ok(()),
        "quantization_config" => Err("quantised safetensors are not supported".to_owned()),
        _ if READ.contains(&name) || HARMLESS.contains(&name) || family.squash_field == Some(name) => Ok(()),
        _ => Err("is not known, and what it changes cannot be guessed".to_owned()),
    }
}

//! What MPT says about attention: `attn_config`, an object that no other family may have.

use serde_json::Value;

use super::fields::{HARMLESS, expect};
use crate::config::json_fields::JsonFields;
use crate::config::{SlopeRule, range};
use crate::error::LoadError;

const READ: &[&str] = &["alibi_bias_max", "clip_qkv", "softmax_scale"];

/// Fields that say nothing about the forward pass, beside those of other families.
const OTHERS: &[&str] = &["attn_impl", "attn_pdrop", "model_type", "tie_word_embeddings"];

/// What other families do not say, or say otherwise.
#[derive(Debug)]
pub(super) struct AttentionFields {
    /// Of the flattest slope.
    pub(super) halvings: usize,
    /// Queries, keys and values are held within this.
    pub(super) clip: Option<f32>,
    /// Factor of scores.
    pub(super) scale: Option<f32>,
}

/// Reads the object; without it everything is as in other families.
pub(super) fn read(json: &JsonFields) -> Result<AttentionFields, LoadError> {
    let Some(fields) = json.object("attn_config")? else {
        return Ok(AttentionFields { halvings: SlopeRule::USUAL_HALVINGS, clip: None, scale: None });
    };
    for name in fields.names() {
        let value = fields.value(name).expect("names of set fields only");
        let verdict = match name {
            _ if READ.contains(&name) || HARMLESS.contains(&name) || OTHERS.contains(&name) => Ok(()),
            "alibi" => expect(value, &Value::Bool(true)),
            "add_cross_attention" | "attn_uses_sequence_id" | "is_encoder_decoder" | "prefix_lm" | "qk_ln" => {
                expect(value, &Value::Bool(false))
            }
            "attn_type" => expect(value, &Value::from("multihead_attention")),
            _ => Err("is not known, and what it changes cannot be guessed".to_owned()),
        };
        verdict.map_err(|reason| fields.error(name, reason))?;
    }
    let halvings = fields.optional_count("alibi_bias_max", SlopeRule::HALVINGS)?;
    Ok(AttentionFields {
        halvings: halvings.unwrap_or(SlopeRule::USUAL_HALVINGS),
        clip: fields.judged("clip_qkv", range::positive)?,
        scale: fields.judged("softmax_scale", range::positive)?,
    })
}

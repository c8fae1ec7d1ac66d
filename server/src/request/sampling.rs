//! How tokens are drawn: members, the model's defaults behind them, and ranges.

use std::sync::Arc;

use engine::GenerationDefaults;
use proto::{LogitBias, SamplingFields, TokenId};
use scheduler::{SamplingParams, Token, TokenMask};

use super::{
    RequestRules,
    range::{decimal, positive_decimal, size},
    refuse,
};
use crate::error::ApiError;

/// Below this a temperature is greedy: a logit divided by it may not be finite.
const GREEDY_BELOW: f32 = 1e-5;

/// Settings that a request leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingDefaults {
    /// 0 to 2; 0 is greedy.
    pub temperature: f32,
    /// Keep the k likeliest; 0 keeps all.
    pub top_k: usize,
    /// 0 to 1; 1 keeps all.
    pub top_p: f32,
    /// 0 to 1; 0 keeps all.
    pub min_p: f32,
    /// Above 0; 1 is off.
    pub repetition_penalty: f32,
}

impl Default for SamplingDefaults {
    /// Those of the API.
    fn default() -> Self {
        Self { temperature: 1.0, top_k: 0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0 }
    }
}

impl From<&GenerationDefaults> for SamplingDefaults {
    /// Those of the model, and of the API where the model has none.
    fn from(model: &GenerationDefaults) -> Self {
        let api = Self::default();
        Self {
            temperature: model.temperature.unwrap_or(api.temperature),
            top_k: model.top_k.unwrap_or(api.top_k),
            top_p: model.top_p.unwrap_or(api.top_p),
            min_p: model.min_p.unwrap_or(api.min_p),
            repetition_penalty: model.repetition_penalty.unwrap_or(api.repetition_penalty),
        }
    }
}

/// The sampler's settings; what ends a sequence is not filled in.
pub(super) fn params(fields: &SamplingFields, rules: &RequestRules) -> Result<SamplingParams, ApiError> {
    refuse::sampling(fields)?;
    let defaults = &rules.defaults;
    let temperature = fields.temperature.map_or(defaults.temperature, decimal);
    Ok(SamplingParams {
        temperature: if temperature < GREEDY_BELOW { 0.0 } else { temperature },
        top_p: fields.top_p.map_or(defaults.top_p, decimal),
        top_k: fields.top_k.map_or(defaults.top_k, size),
        min_p: fields.min_p.map_or(defaults.min_p, decimal),
        typical_p: fields.typical_p.map_or(1.0, positive_decimal),
        repetition_penalty: fields.repetition_penalty.map_or(defaults.repetition_penalty, positive_decimal),
        frequency_penalty: fields.frequency_penalty.map_or(0.0, decimal),
        presence_penalty: fields.presence_penalty.map_or(0.0, decimal),
        allowed: fields.allowed_token_ids.as_deref().map(|ids| allowed(ids, rules)).transpose()?,
        no_repeat_ngram: fields.no_repeat_ngram_size.map_or(0, size),
        logit_bias: fields.logit_bias.as_ref().map_or(Ok(Vec::new()), |bias| logit_bias(bias, rules))?,
        ..SamplingParams::default()
    })
}

fn allowed(ids: &[TokenId], rules: &RequestRules) -> Result<Arc<TokenMask>, ApiError> {
    let mut words = vec![0; rules.vocab_size.div_ceil(32)];
    for token in rules.check_tokens("allowed_token_ids", ids)? {
        words[token as usize / 32] |= 1 << (token % 32);
    }
    Ok(Arc::new(TokenMask::new(words)))
}

fn logit_bias(bias: &LogitBias, rules: &RequestRules) -> Result<Vec<(Token, f32)>, ApiError> {
    if bias.0.len() > LogitBias::MAX {
        return Err(ApiError::invalid_value(
            "logit_bias",
            format_args!("must have at most {} entries", LogitBias::MAX),
        ));
    }
    let entry = |(id, value): &(String, f64)| {
        let path = format!("logit_bias.{id}");
        let token = id.parse::<Token>().ok().filter(|token| token.to_string() == *id);
        let Some(token) = token.filter(|token| (*token as usize) < rules.vocab_size) else {
            let last = rules.vocab_size.saturating_sub(1);
            return Err(ApiError::invalid_value(&path, format_args!("is not a token id from 0 to {last}")));
        };
        Ok((token, bias_within(&path, *value)?))
    };
    bias.0.iter().map(entry).collect()
}

fn bias_within(path: &str, value: f64) -> Result<f32, ApiError> {
    let most = LogitBias::MAX_BIAS;
    if value > f64::from(most) {
        return Err(ApiError::decimal_above(path, most));
    }
    if value < -f64::from(most) {
        return Err(ApiError::decimal_below(path, format_args!("at least {}", -most)));
    }
    Ok(value as f32)
}

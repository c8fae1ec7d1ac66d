//! `generation_config.json`: sampling settings that a model's makers suggest, in the ranges of requests.

use crate::config::json_fields::JsonFields;
use crate::config::range;
use crate::error::LoadError;

/// Suggested settings; `None` where the model says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerationDefaults {
    /// 0 to 2; 0 is greedy.
    pub temperature: Option<f32>,
    /// 1 or more; absent where switched off.
    pub top_k: Option<usize>,
    /// Above 0, at most 1.
    pub top_p: Option<f32>,
    /// 0 to 1.
    pub min_p: Option<f32>,
    /// Above 0, at most 10.
    pub repetition_penalty: Option<f32>,
    /// 1 or more.
    pub max_new_tokens: Option<usize>,
}

impl GenerationDefaults {
    pub(crate) fn read(json: &JsonFields) -> Result<Self, LoadError> {
        Ok(Self {
            temperature: json.judged("temperature", |value| within(value, 0.0, 2.0))?,
            top_k: json.optional_count("top_k", 0..=u64::from(u32::MAX))?.filter(|&top_k| top_k > 0),
            top_p: json.judged("top_p", |value| positive_within(value, 1.0))?,
            min_p: json.judged("min_p", |value| within(value, 0.0, 1.0))?,
            repetition_penalty: json.judged("repetition_penalty", |value| positive_within(value, 10.0))?,
            max_new_tokens: json.optional_count("max_new_tokens", range::POSITIONS)?,
        })
    }
}

fn within(value: f64, least: f32, most: f32) -> Result<f32, String> {
    let narrow = value as f32;
    if (least..=most).contains(&narrow) { Ok(narrow) } else { Err(format!("{value} is not in {least}..={most}")) }
}

fn positive_within(value: f64, most: f32) -> Result<f32, String> {
    range::positive(value).and_then(|_| within(value, 0.0, most))
}

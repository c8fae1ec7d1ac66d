//! What ends an answer.

use proto::{Stop, StoppingFields, Word};
use scheduler::Token;

use super::{RequestRules, StopRules, range::count, refuse};
use crate::error::ApiError;

/// The request's own ends.
pub(super) struct Stopping {
    pub(super) rules: StopRules,
    pub(super) ids: Vec<Token>,
    pub(super) min_new: usize,
    pub(super) ignore_eos: bool,
}

impl Stopping {
    /// Reads the members, given how many tokens there will be at most.
    pub(super) fn new(fields: StoppingFields, max_new: Option<usize>, rules: &RequestRules) -> Result<Self, ApiError> {
        refuse::stopping(&fields)?;
        let most = max_new.unwrap_or(rules.max_model_len);
        Ok(Self {
            ids: rules.check_tokens("stop_token_ids", &fields.stop_token_ids.unwrap_or_default())?,
            min_new: fields.min_tokens.map_or(Ok(0), |value| count("min_tokens", value, 0, most))?,
            ignore_eos: fields.ignore_eos.unwrap_or(false),
            rules: StopRules {
                strings: fields.stop.map_or(Vec::new(), stop_strings),
                include: fields.include_stop_str_in_output.unwrap_or(false),
            },
        })
    }
}

fn stop_strings(stop: Stop) -> Vec<String> {
    let texts = match stop {
        Stop::One(text) => vec![text],
        Stop::Many(texts) => texts.0,
    };
    texts.into_iter().map(Word::into_string).collect()
}

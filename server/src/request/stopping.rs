//! What ends an answer.

use proto::{Stop, StoppingFields};
use scheduler::Token;

use super::{
    RequestRules, StopRules,
    range::{count, word},
    refuse,
};
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
        let ids = fields.stop_token_ids.unwrap_or_default().0.into_iter().enumerate();
        Ok(Self {
            ids: ids
                .map(|(index, id)| rules.check_token(id.0, || format!("stop_token_ids[{index}]")))
                .collect::<Result<_, _>>()?,
            min_new: fields.min_tokens.map_or(Ok(0), |value| count("min_tokens", value, 0, most))?,
            ignore_eos: fields.ignore_eos.unwrap_or(false),
            rules: StopRules {
                strings: fields.stop.map_or(Ok(Vec::new()), stop_strings)?,
                include: fields.include_stop_str_in_output.unwrap_or(false),
            },
        })
    }
}

fn stop_strings(stop: Stop) -> Result<Vec<String>, ApiError> {
    match stop {
        Stop::One(text) => Ok(vec![word("stop", text)?]),
        Stop::Many(texts) => {
            let texts = texts.0.into_iter().enumerate();
            texts.map(|(index, text)| word(&format!("stop[{index}]"), text)).collect()
        }
    }
}

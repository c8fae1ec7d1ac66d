//! What the answer carries and how it is sent.

use proto::{OutputFields, StreamOptions};
use scheduler::Token;

use super::{
    RequestRules, beams,
    range::{count, size},
    refuse,
};
use crate::error::ApiError;

/// How to stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRules {
    /// End with a usage chunk.
    pub include_usage: bool,
    /// Usage on every chunk.
    pub continuous_usage: bool,
    /// Tokens for each chunk.
    pub interval: usize,
}

/// The form of the answer.
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the wire with a meaning of its own")]
pub(super) struct Output {
    /// Of each prompt; of a beam search, beams.
    pub(super) computed: usize,
    pub(super) returned: usize,
    pub(super) stream: Option<StreamRules>,
    pub(super) echo: bool,
    pub(super) skip_special_tokens: bool,
    pub(super) return_token_ids: bool,
    pub(super) tokens_as_ids: bool,
    pub(super) logprob_ids: Vec<Token>,
    pub(super) prompt_logprobs: Option<usize>,
}

impl Output {
    /// Reads the members; `searches` says that it is for a beam search.
    pub(super) fn new(fields: &OutputFields, searches: bool, rules: &RequestRules) -> Result<Self, ApiError> {
        refuse::output(fields)?;
        if fields.spaces_between_special_tokens == Some(false) {
            return Err(ApiError::unsupported_parameter("spaces_between_special_tokens", " with the value false"));
        }
        let returned = fields.n.map_or(Ok(1), |value| count("n", value, 1, rules.max_choices))?;
        let most = if searches { beams::MAX_BEAMS } else { rules.max_choices };
        let best_of = fields.best_of.map(|value| count("best_of", value, returned, most)).transpose()?;
        let (computed, stream) = (best_of.unwrap_or(returned), stream(fields)?);
        if computed > returned && stream.is_some() && !searches {
            return Err(ApiError::invalid_value("best_of", "must be n in a stream"));
        }
        Ok(Self {
            computed,
            returned,
            stream,
            echo: fields.echo.unwrap_or(false),
            skip_special_tokens: fields.skip_special_tokens.unwrap_or(true),
            return_token_ids: fields.return_token_ids.unwrap_or(false),
            tokens_as_ids: fields.return_tokens_as_token_ids.unwrap_or(false),
            logprob_ids: logprob_ids(fields, rules)?,
            prompt_logprobs: prompt_logprobs(fields)?,
        })
    }
}

fn logprob_ids(fields: &OutputFields, rules: &RequestRules) -> Result<Vec<Token>, ApiError> {
    let ids = fields.logprob_token_ids.as_deref().unwrap_or_default();
    rules.check_tokens("logprob_token_ids", ids)
}

fn prompt_logprobs(fields: &OutputFields) -> Result<Option<usize>, ApiError> {
    const NAME: &str = "prompt_logprobs";
    match fields.prompt_logprobs {
        Some(_) if fields.stream == Some(true) => Err(ApiError::invalid_value(NAME, "must be absent in a stream")),
        wanted => Ok(wanted.map(size)),
    }
}

fn stream(fields: &OutputFields) -> Result<Option<StreamRules>, ApiError> {
    let interval = fields.stream_interval.map_or(1, size);
    let streams = fields.stream.unwrap_or(false);
    match &fields.stream_options {
        Some(_) if !streams => Err(ApiError::invalid_value("stream_options", "needs stream to be true")),
        options => Ok(streams.then(|| rules(options.as_ref(), interval))),
    }
}

fn rules(options: Option<&StreamOptions>, interval: usize) -> StreamRules {
    let is_set = |read: fn(&StreamOptions) -> Option<bool>| options.and_then(read).unwrap_or(false);
    StreamRules {
        include_usage: is_set(|options| options.include_usage),
        continuous_usage: is_set(|options| options.continuous_usage_stats),
        interval,
    }
}

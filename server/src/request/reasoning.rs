//! Thoughts: how they are told, and how long they may be.

use proto::ChatRequest;

use super::{RequestRules, range::size};
use crate::reasoning::{ReasoningFormat, ThoughtText};

/// What an answer does with its thought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReasoningRules {
    /// How the model marks it; without a format there is none.
    pub format: Option<&'static ReasoningFormat>,
    /// How it is told.
    pub text: ThoughtText,
    /// Its tokens at most.
    pub budget: Option<usize>,
}

const BUDGET: &str = "thinking_token_budget";

/// Reads the members about thoughts; also those that have no effect with this model.
pub(super) fn read(request: &ChatRequest, rules: &RequestRules) -> (ReasoningRules, Option<&'static str>) {
    let budget = request.thinking_token_budget.map(size);
    let text = match (request.include_reasoning.unwrap_or(true), request.separate_reasoning.unwrap_or(true)) {
        (false, _) => ThoughtText::Dropped,
        (true, false) => ThoughtText::InContent,
        (true, true) => ThoughtText::Separate,
    };
    let ignored = budget.filter(|_| rules.reasoning.is_none()).map(|_| BUDGET);
    (ReasoningRules { format: rules.reasoning, text, budget }, ignored)
}

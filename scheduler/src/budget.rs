//! Tokens left in a step: in all, of prompts, and of prompts that are scored.

use crate::planted_bug::{Planted, PlantedBug};

/// What one step may still compute.
#[derive(Debug)]
pub(crate) struct TokenBudget {
    left: usize,
    prompt_left: usize,
    scores_left: usize,
    planted: Planted,
}

impl TokenBudget {
    /// `tokens` in all, of which `prompt_tokens` may be of prompts; `scores` of those may be scored.
    pub(crate) fn new(tokens: usize, prompt_tokens: usize, scores: usize, planted: Planted) -> Self {
        Self { left: tokens, prompt_left: prompt_tokens, scores_left: scores, planted }
    }

    /// Tokens left.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Prompt tokens left.
    pub(crate) fn prompt_left(&self) -> usize {
        self.prompt_left.min(self.left)
    }

    /// Prompt tokens left that may be scored.
    pub(crate) fn scores_left(&self) -> usize {
        if self.planted.is(PlantedBug::ScoresUnbounded) { usize::MAX } else { self.scores_left }
    }

    /// Takes prompt tokens that are scored. Whoever may score none that is left scores one in place of its draw.
    pub(crate) fn charge_scores(&mut self, scores: usize) {
        self.scores_left = self.scores_left.saturating_sub(scores);
    }

    /// Takes tokens that are left.
    pub(crate) fn charge(&mut self, tokens: usize) {
        if !self.planted.is(PlantedBug::BudgetNotCharged) {
            self.left = self.left.checked_sub(tokens).expect("only what is left is charged");
        }
    }

    /// Takes prompt tokens that are left.
    pub(crate) fn charge_prompt(&mut self, tokens: usize) {
        self.charge(tokens);
        if !self.planted.is(PlantedBug::PaceIgnored) {
            self.prompt_left = self.prompt_left.checked_sub(tokens).expect("only what is left is charged");
        }
    }
}

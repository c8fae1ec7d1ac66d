//! Tokens left in a step: in all, and of prompts.

use crate::planted_bug::{Planted, PlantedBug};

/// What one step may still compute.
#[derive(Debug)]
pub(crate) struct TokenBudget {
    left: usize,
    prompt_left: usize,
    planted: Planted,
}

impl TokenBudget {
    /// `tokens` in all, of which `prompt_tokens` may be of prompts.
    pub(crate) fn new(tokens: usize, prompt_tokens: usize, planted: Planted) -> Self {
        Self { left: tokens, prompt_left: prompt_tokens, planted }
    }

    /// Tokens left.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Prompt tokens left.
    pub(crate) fn prompt_left(&self) -> usize {
        self.prompt_left.min(self.left)
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

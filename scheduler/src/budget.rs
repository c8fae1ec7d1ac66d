//! Tokens left in a step.

use crate::planted_bug::{Planted, PlantedBug};

/// What one step may still compute.
#[derive(Debug)]
pub(crate) struct TokenBudget {
    left: usize,
    planted: Planted,
}

impl TokenBudget {
    pub(crate) fn new(tokens: usize, planted: Planted) -> Self {
        Self { left: tokens, planted }
    }

    /// Tokens left.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Takes tokens that are left.
    pub(crate) fn charge(&mut self, tokens: usize) {
        if !self.planted.is(PlantedBug::BudgetNotCharged) {
            self.left = self.left.checked_sub(tokens).expect("only what is left is charged");
        }
    }
}

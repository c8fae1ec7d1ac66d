//! One prompt and its choices, as handed in, and why it may be refused.

use std::sync::Arc;
use std::time::Duration;

use crate::planted_bug::{Planted, PlantedBug};
use crate::{Limits, Reject, SamplingParams, SeqId, Token};

/// A prompt to compute once and to continue once for each choice.
#[derive(Clone, Debug)]
pub struct Submission {
    /// One for each choice, at least one; the index is the choice.
    pub seqs: Vec<SeqId>,
    /// The tokens to begin with, at least one.
    pub prompt: Vec<Token>,
    /// What the answer may be, for speculation; it never changes it. Empty if nothing is known.
    pub prediction: Arc<[Token]>,
    /// How to draw and when to stop.
    pub params: Arc<SamplingParams>,
    /// The prompt's vector is wanted, and nothing is drawn: one choice, and `params.max_new` is 0.
    pub pooled: bool,
    /// Where in the prompt a second text begins, if it is a pair; for models whose passes are whole.
    pub second: Option<usize>,
    /// Places in the prompt, ascending, whose words are wanted, of a model that tells words of places and nothing of the
    /// whole; for models whose passes are whole.
    pub asked: Arc<[usize]>,
    /// The states of all its tokens are wanted, one behind another, in place of one vector; for who is pooled, of a model that
    /// makes vectors.
    pub each_token: bool,
    /// Its class: lower runs earlier.
    pub priority: i32,
    /// Root of the prefix chain: model, adapter, tenant and salt. Only equal roots share blocks.
    pub cache_key: [u8; 32],
    /// The latest time of its first step, on the caller's clock.
    pub queue_deadline: Option<Duration>,
    /// The latest time of its end, on the caller's clock.
    pub deadline: Option<Duration>,
}

impl Submission {
    /// The sequences that are told of: all, or the best of a beam search.
    pub fn answers(&self) -> &[SeqId] {
        let told = self.params.beams.map_or(self.seqs.len(), |beams| beams.returned);
        &self.seqs[..told]
    }

    /// Whether it could run on an empty pool, whatever waits now.
    pub(crate) fn check(&self, limits: &Limits, planted: Planted) -> Result<(), Reject> {
        self.check_length(limits, planted)?;
        self.check_blocks(limits, planted)?;
        let (choices, limit) = (self.seqs.len(), limits.max_running());
        if choices > limit { Err(Reject::TooManyChoices { choices, limit }) } else { Ok(()) }
    }

    fn check_length(&self, limits: &Limits, planted: Planted) -> Result<(), Reject> {
        let (prompt, new, limit) = (self.prompt.len(), self.params.max_new, limits.max_model_len);
        if prompt == 0 {
            return Err(Reject::Empty);
        }
        if prompt.saturating_add(new) > limit && !planted.is(PlantedBug::NoTooLongCheck) {
            return Err(Reject::TooLong { prompt, new, limit });
        }
        Ok(())
    }

    /// Each choice must be able to finish alone; siblings may be preempted for it. Beams advance together.
    fn check_blocks(&self, limits: &Limits, planted: Planted) -> Result<(), Reject> {
        let new = if planted.is(PlantedBug::PromptOnlyAccounting) { 0 } else { self.params.max_new };
        let together = self.params.beams.map_or(1, |beams| beams.width);
        let positions = Limits::peak_positions(self.prompt.len(), new);
        for pool in limits.pools() {
            let needed = limits.held_blocks_for(pool, positions).saturating_mul(together);
            let total = limits.blocks_in(pool);
            if needed > total {
                return Err(Reject::NeverFits { pool, needed, total });
            }
        }
        Ok(())
    }
}

//! Speculation without a draft model: its settings and its account.
//!
//! Proposals for a sequence's next tokens ride on the step that computes its last known one. Each row draws as it would
//! alone, and the draws count as long as they confirm the proposals before them: the text is the same with and without.

/// How proposals are found, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speculation {
    /// Proposals of a sequence in one step, 1 to [`Speculation::MOST_TOKENS`].
    pub num_speculative_tokens: usize,
    /// Most of the last tokens that are looked up in what came before.
    pub prompt_lookup_max: usize,
    /// Fewest, at least 1.
    pub prompt_lookup_min: usize,
    /// Whether the text of every sequence is looked through; predictions always are.
    pub own_text: bool,
}

impl Speculation {
    /// Proposals of a sequence in one step are never more.
    pub const MOST_TOKENS: usize = 16;

    /// The usual sizes, with nothing looked up but predictions.
    pub const PREDICTIONS: Self =
        Self { num_speculative_tokens: 4, prompt_lookup_max: 4, prompt_lookup_min: 2, own_text: false };
}

/// What became of the proposals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpeculationStats {
    /// How often a sequence had proposals in a step.
    pub drafts: u64,
    /// Proposals computed.
    pub draft_tokens: u64,
    /// Proposals that were what was drawn.
    pub accepted_tokens: u64,
    /// The same by place in the draft, from the first.
    pub accepted_tokens_per_pos: [u64; Speculation::MOST_TOKENS],
}

impl SpeculationStats {
    /// Counts one draft.
    pub(crate) fn count(&mut self, proposals: usize, accepted: usize) {
        if proposals == 0 {
            return;
        }
        self.drafts += 1;
        self.draft_tokens += proposals as u64;
        self.accepted_tokens += accepted as u64;
        for count in &mut self.accepted_tokens_per_pos[..accepted] {
            *count += 1;
        }
    }
}

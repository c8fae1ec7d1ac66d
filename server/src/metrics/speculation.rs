//! vLLM's counters of speculation, counted from the scheduler's account.

use prometheus::{IntCounter, IntCounterVec};
use scheduler::SpeculationStats;

use super::family::Maker;

/// What became of proposals.
pub(super) struct SpeculationCounters {
    drafts: IntCounter,
    draft_tokens: IntCounter,
    accepted_tokens: IntCounter,
    accepted_tokens_per_pos: IntCounterVec,
}

impl SpeculationCounters {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            drafts: make.counter("vllm:spec_decode_num_drafts_total", "Drafts: proposals of a sequence in a step"),
            draft_tokens: make.counter("vllm:spec_decode_num_draft_tokens_total", "Tokens proposed"),
            accepted_tokens: make.counter("vllm:spec_decode_num_accepted_tokens_total", "Proposals that were drawn"),
            accepted_tokens_per_pos: make.counters(
                "vllm:spec_decode_num_accepted_tokens_per_pos_total",
                "Proposals that were drawn, by place in the draft",
                ("position", &[]),
            ),
        }
    }

    /// Makes the series of the places that there are.
    pub(super) fn begin(&self, num_speculative_tokens: usize) {
        for position in 0..num_speculative_tokens {
            self.at(position);
        }
    }

    /// Counts what came between two accounts.
    pub(super) fn count(&self, before: &SpeculationStats, now: &SpeculationStats) {
        self.drafts.inc_by(now.drafts.saturating_sub(before.drafts));
        self.draft_tokens.inc_by(now.draft_tokens.saturating_sub(before.draft_tokens));
        self.accepted_tokens.inc_by(now.accepted_tokens.saturating_sub(before.accepted_tokens));
        let totals = now.accepted_tokens_per_pos.iter().zip(&before.accepted_tokens_per_pos);
        for (position, (total, earlier)) in totals.enumerate().filter(|(_, (total, earlier))| total > earlier) {
            self.at(position).inc_by(total - earlier);
        }
    }

    fn at(&self, position: usize) -> IntCounter {
        self.accepted_tokens_per_pos.with_label_values(&[&position.to_string()])
    }
}

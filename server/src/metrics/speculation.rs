//! vLLM's counters of speculation, copied from the scheduler's account.

use prometheus::{IntCounter, IntCounterVec};
use scheduler::SpeculationStats;

use super::{catch_up, family::Maker};

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

    pub(super) fn copy(&self, stats: &SpeculationStats) {
        catch_up(&self.drafts, stats.drafts);
        catch_up(&self.draft_tokens, stats.draft_tokens);
        catch_up(&self.accepted_tokens, stats.accepted_tokens);
        let totals = stats.accepted_tokens_per_pos.iter().enumerate();
        for (position, total) in totals.filter(|(_, total)| **total > 0) {
            catch_up(&self.at(position), *total);
        }
    }

    fn at(&self, position: usize) -> IntCounter {
        self.accepted_tokens_per_pos.with_label_values(&[&position.to_string()])
    }
}

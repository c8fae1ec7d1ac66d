//! What a request cost, out of what its sequences tell at their ends.

use std::time::Duration;

use proto::Timings;
use scheduler::SequenceStats;

/// The accounts of a request's sequences, put together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    submitted: Option<Duration>,
    scheduled: Option<Duration>,
    first_token: Option<Duration>,
    finished: Duration,
    cached_tokens: usize,
    recomputed_tokens: usize,
    preemptions: usize,
    accepted_predictions: usize,
    rejected_predictions: usize,
    block_time: Duration,
}

impl Account {
    /// Adds a sequence that is over. What the choices of a prompt found in the cache, they found once: `is_first` says
    /// whether this one tells.
    pub fn add(&mut self, stats: &SequenceStats, is_first: bool) {
        let earliest = |one: Option<Duration>, other: Option<Duration>| one.into_iter().chain(other).min();
        self.submitted = earliest(self.submitted, Some(stats.submitted));
        self.scheduled = earliest(self.scheduled, stats.scheduled);
        self.first_token = earliest(self.first_token, stats.first_token);
        self.finished = self.finished.max(stats.finished);
        self.cached_tokens += if is_first { stats.cached_tokens } else { 0 };
        self.recomputed_tokens += stats.recomputed_tokens;
        self.preemptions += stats.preemptions;
        self.accepted_predictions += stats.accepted_predictions;
        self.rejected_predictions += stats.rejected_predictions;
        self.block_time += stats.block_time;
    }

    /// Tokens of the prompts that were found in the prefix cache.
    pub fn cached_tokens(&self) -> usize {
        self.cached_tokens
    }

    /// Tokens of predictions that were proposed: those that were drawn, and those that were not.
    pub fn predictions(&self) -> (usize, usize) {
        (self.accepted_predictions, self.rejected_predictions)
    }

    /// As the wire tells it: of the request as a whole, from its first sequence to its last.
    pub fn timings(&self) -> Timings {
        let submitted = self.submitted.unwrap_or(self.finished);
        let scheduled = self.scheduled.unwrap_or(self.finished);
        let first_token = self.first_token.unwrap_or(self.finished);
        Timings {
            queue_ms: milliseconds(submitted, scheduled),
            prefill_ms: milliseconds(scheduled, first_token),
            decode_ms: milliseconds(first_token, self.finished),
            cached_tokens: self.cached_tokens,
            recomputed_tokens: self.recomputed_tokens,
            preemptions: self.preemptions,
            block_seconds: self.block_time.as_secs_f64(),
        }
    }
}

fn milliseconds(from: Duration, to: Duration) -> f64 {
    to.saturating_sub(from).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_add_up() {
        let at = Duration::from_millis;
        let first = SequenceStats {
            submitted: at(10),
            scheduled: Some(at(30)),
            first_token: Some(at(60)),
            finished: at(100),
            cached_tokens: 16,
            preemptions: 1,
            block_time: at(500),
            ..SequenceStats::default()
        };
        let second = SequenceStats { finished: at(160), first_token: Some(at(70)), recomputed_tokens: 5, ..first };
        let mut account = Account::default();
        account.add(&first, true);
        account.add(&second, false);
        let timings = Timings {
            queue_ms: 20.0,
            prefill_ms: 30.0,
            decode_ms: 100.0,
            cached_tokens: 16,
            recomputed_tokens: 5,
            preemptions: 2,
            block_seconds: 1.0,
        };
        let got = account.timings();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{got:?}");
        near(got.queue_ms, timings.queue_ms);
        near(got.prefill_ms, timings.prefill_ms);
        near(got.decode_ms, timings.decode_ms);
        near(got.block_seconds, timings.block_seconds);
        assert_eq!((got.cached_tokens, got.recomputed_tokens, got.preemptions), (16, 5, 2));
    }

    #[test]
    fn what_never_ran_only_waited() {
        let mut account = Account::default();
        let stats = SequenceStats { finished: Duration::from_secs(2), ..SequenceStats::default() };
        account.add(&stats, true);
        let Timings { queue_ms, prefill_ms, decode_ms, .. } = account.timings();
        assert_eq!([queue_ms, prefill_ms, decode_ms].map(f64::round), [2000.0, 0.0, 0.0]);
    }
}

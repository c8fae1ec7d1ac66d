//! What a long prompt does to streams that run while it is computed.
//!
//! While the prompt is computed every step carries a chunk of it, so the median gap of that time
//! is the cost of one budgeted step; a stream that waits longer was left out of a step.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    exchange::Sample,
    percentile::{milliseconds, percentile},
};

/// Gaps of the running streams, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stall {
    /// The median gap before the long prompt came.
    pub quiet_step_ms: f64,
    /// The median gap while it was computed.
    pub prefill_step_ms: f64,
    /// The longest gap while it was computed.
    pub longest_gap_ms: f64,
    /// The longest over the median.
    pub gap_over_step: f64,
    /// How many gaps fell into that time.
    pub gaps: usize,
    /// From the long prompt's arrival to its first token.
    pub prompt_ttft_ms: f64,
}

impl Stall {
    /// Of the running streams and the newcomer; none unless gaps were seen before and during.
    pub fn of(streams: &[&Sample], newcomer: &Sample) -> Option<Self> {
        let (from, to) = (newcomer.sent, *newcomer.stamps.first()?);
        let quiet = sorted_gaps(streams, |_, end| end <= from);
        let during = sorted_gaps(streams, |start, end| end > from && start < to);
        let step = percentile(&during, 50)?;
        let longest = *during.last()?;
        Some(Self {
            quiet_step_ms: milliseconds(percentile(&quiet, 50)?),
            prefill_step_ms: milliseconds(step),
            longest_gap_ms: milliseconds(longest),
            gap_over_step: longest.as_secs_f64() / step.as_secs_f64(),
            gaps: during.len(),
            prompt_ttft_ms: milliseconds(to - from),
        })
    }
}

fn sorted_gaps(streams: &[&Sample], counts: impl Fn(Instant, Instant) -> bool) -> Vec<Duration> {
    let pairs = streams.iter().flat_map(|stream| stream.stamps.windows(2));
    let mut gaps: Vec<Duration> = pairs.filter(|pair| counts(pair[0], pair[1])).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(start: Instant, sent_ms: u64, stamps_ms: &[u64]) -> Sample {
        let at = |ms: u64| start + Duration::from_millis(ms);
        Sample {
            sent: at(sent_ms),
            stamps: stamps_ms.iter().map(|&ms| at(ms)).collect(),
            end: at(0),
            text: String::new(),
            usage: None,
            finish: None,
            asked: 1,
            texts: 0,
            left: false,
        }
    }

    #[test]
    fn gaps_before_during_and_after_are_told_apart() {
        let start = Instant::now();
        let stream = sample(start, 0, &[10, 20, 30, 130, 230, 430, 440, 450]);
        let stall = Stall::of(&[&stream], &sample(start, 35, &[425])).unwrap();
        assert_eq!((stall.quiet_step_ms, stall.prefill_step_ms), (10.0, 100.0));
        assert_eq!((stall.longest_gap_ms, stall.gap_over_step), (200.0, 2.0));
        assert_eq!((stall.gaps, stall.prompt_ttft_ms), (3, 390.0));
    }

    #[test]
    fn nothing_is_claimed_without_gaps() {
        let start = Instant::now();
        let stream = sample(start, 0, &[10, 20]);
        assert_eq!(Stall::of(&[&stream], &sample(start, 30, &[90])), None);
    }
}

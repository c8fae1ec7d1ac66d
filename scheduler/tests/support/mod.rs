//! Runs requests to their ends.
#![allow(dead_code, reason = "each test target uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use scheduler::{
    Driver, Event, Executor, FinishReason, Limits, Passes, SamplingParams, SeqId, SequenceStats, Speculation,
    Submission, Token,
};

/// The error of an executor that never fails.
#[derive(Debug, thiserror::Error)]
#[error("never")]
pub(crate) struct Never;

/// Small ones, so that little fills them.
pub(crate) const LIMITS: Limits = Limits {
    passes: Passes::Cached,
    max_num_seqs: 4,
    max_num_batched_tokens: 8,
    block_size: 4,
    num_blocks: 10,
    window: None,
    windowed: None,
    max_model_len: 40,
    max_queued_requests: 3,
    max_queued_tokens: 50,
    max_samples: 4,
    speculation: Speculation::PREDICTIONS,
};

/// What sequences said, and why they ended.
#[derive(Default)]
pub(crate) struct Ends {
    pub(crate) texts: BTreeMap<SeqId, Vec<Token>>,
    pub(crate) vectors: BTreeMap<SeqId, Vec<f32>>,
    pub(crate) reasons: BTreeMap<SeqId, FinishReason>,
    pub(crate) stats: BTreeMap<SeqId, SequenceStats>,
}

/// A request for each of `seqs` that shares its prefix with no other.
pub(crate) fn submission(seqs: Vec<SeqId>, prompt: Vec<Token>, params: SamplingParams) -> Submission {
    Submission {
        cache_key: [seqs[0].0 as u8; 32],
        seqs,
        prompt,
        prediction: Arc::default(),
        params: Arc::new(params),
        pooled: false,
        second: None,
        asked: Arc::default(),
        each_token: false,
        priority: 0,
        queue_deadline: None,
        deadline: None,
    }
}

/// Turns within which everything must have ended.
const PATIENCE: usize = 500;

/// Runs all that was submitted to its end.
pub(crate) fn run<E: Executor>(driver: &mut Driver<E>) -> Ends {
    let mut ends = Ends::default();
    let mut turns = 0;
    while !driver.is_idle() {
        turns += 1;
        assert!(turns <= PATIENCE, "nothing ends");
        let turn = driver.turn(|| Duration::ZERO, &BTreeSet::new());
        driver.check();
        for event in turn.events {
            match event {
                Event::Token { seq, token, .. } => ends.texts.entry(seq).or_default().push(token),
                Event::Vector { seq, vector } => ends.vectors.entry(seq).or_default().extend(vector),
                Event::Finished { seq, reason, stats } => {
                    ends.reasons.insert(seq, reason);
                    ends.stats.insert(seq, stats);
                }
                Event::Beams { .. } => {}
                Event::Scores { .. } => panic!("no prompt is scored here"),
            }
        }
    }
    assert_eq!(driver.stats().blocks.used, 0, "nothing is left");
    ends
}

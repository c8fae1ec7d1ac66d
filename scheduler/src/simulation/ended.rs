//! Ended once: every accepted sequence has exactly one end, nothing after it, and a true account.

use std::collections::BTreeMap;
use std::time::Duration;

use super::observation::{Books, Known};
use crate::{Event, FinishReason, Score, SeqId, SequenceStats, Token};

/// What each sequence said and how it ended.
#[derive(Default)]
pub(super) struct Ended {
    said: BTreeMap<SeqId, Vec<Token>>,
    vectors: BTreeMap<SeqId, Vec<f32>>,
    /// Of each prompt, by arrival.
    scored: BTreeMap<usize, Vec<Score>>,
    ends: BTreeMap<SeqId, (FinishReason, SequenceStats)>,
}

impl Ended {
    /// Takes an event in; panics if it cannot be.
    pub(super) fn hear(&mut self, event: &Event, books: &Books) {
        match event {
            Event::Token { seq, token, .. } => {
                let answers = books.get(seq).is_some_and(|known| known.expected.is_some());
                assert!(answers && !self.has(*seq), "only a living sequence speaks");
                self.said.entry(*seq).or_default().push(*token);
            }
            Event::Vector { seq, vector } => {
                let known =
                    books.get(seq).filter(|_| !self.has(*seq)).expect("only a living sequence tells its vector");
                let told = self.vectors.entry(*seq).or_default();
                assert!(told.is_empty() || known.states.is_some(), "{seq:?} told two vectors");
                told.extend_from_slice(vector);
            }
            Event::Scores { seq, scores } => {
                let known = books.get(seq).filter(|_| !self.has(*seq)).expect("only a living sequence is scored");
                assert!(self.said(*seq).is_empty() && !scores.is_empty(), "a prompt is scored before its answer");
                self.scored.entry(known.arrival).or_default().extend_from_slice(scores);
            }
            Event::Beams { .. } => panic!("no search is bound here"),
            Event::Finished { seq, reason, stats } => {
                let known = books.get(seq).filter(|known| known.expected.is_some());
                let known = known.expect("only an accepted sequence ends");
                assert!(self.ends.insert(*seq, (*reason, *stats)).is_none(), "{seq:?} ended twice");
                check_account(known, *reason, stats, self.said(*seq).len());
            }
        }
    }

    /// Whether a sequence has ended.
    pub(super) fn has(&self, seq: SeqId) -> bool {
        self.ends.contains_key(&seq)
    }

    /// The tokens a sequence has sent.
    pub(super) fn said(&self, seq: SeqId) -> &[Token] {
        self.said.get(&seq).map_or(&[], Vec::as_slice)
    }

    /// The vector a sequence has told, or the states of its tokens so far.
    pub(super) fn vector(&self, seq: SeqId) -> Option<&[f32]> {
        self.vectors.get(&seq).map(Vec::as_slice)
    }

    /// The scores of the prompt that arrived as number `arrival`.
    pub(super) fn scored(&self, arrival: usize) -> &[Score] {
        self.scored.get(&arrival).map_or(&[], Vec::as_slice)
    }

    /// How a sequence ended.
    pub(super) fn end(&self, seq: SeqId) -> Option<FinishReason> {
        self.ends.get(&seq).map(|(reason, _)| *reason)
    }

    /// How many have ended.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn check_account(known: &Known, reason: FinishReason, stats: &SequenceStats, said: usize) {
    let generated = said + usize::from(matches!(reason, FinishReason::Stop(_)));
    assert_eq!(stats.generated_tokens, generated, "generated tokens are counted");
    assert_eq!(stats.prompt_tokens, known.prompt_tokens, "prompt tokens are counted");
    assert_eq!(stats.cached_tokens, known.cached, "cached tokens are those not computed");
    assert!(stats.cached_tokens < stats.prompt_tokens, "something is left to compute");
    assert_eq!(stats.scheduled, known.scheduled, "its first step is noted");
    assert_eq!(stats.submitted, known.submitted, "its beginning is noted");
    assert_eq!(stats.first_token.is_some(), generated > 0, "its first token is noted");
    let times = [Some(stats.submitted), stats.scheduled, stats.first_token, Some(stats.finished)];
    assert!(times.iter().flatten().is_sorted(), "times come in order: {times:?}");
    assert!(known.beams || (stats.preemptions > 0) == known.preempted, "preemptions are counted");
    let past = |deadline: Option<Duration>| deadline.is_some_and(|deadline| stats.finished > deadline);
    match reason {
        FinishReason::QueueTimeout => assert!(past(known.queue_deadline) && stats.scheduled.is_none()),
        FinishReason::Timeout => assert!(past(known.deadline)),
        _ => {}
    }
}

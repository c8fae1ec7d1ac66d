//! One request's beams towards the outside: which answers are wanted, what of them is settled and told.
//!
//! The sequences themselves stand among those that run and wait, as any others do; between two tokens each of them draws
//! once, and when all have, the search decides which live on.

use std::sync::Arc;
use std::time::Duration;

use crate::beam_search::{BeamSearch, Extension, Hypothesis};
use crate::outbox::Outbox;
use crate::sequence::Sequence;
use crate::{BeamParams, Event, FinishReason, RowFault, SamplingParams, SeqId, SequenceStats, Token, TokenLogprobs};

/// What a request's beams have in common.
#[derive(Debug)]
pub(crate) struct BeamGroup {
    /// Of the beams, in their order; the answers go by the first of them.
    pub(crate) seqs: Vec<SeqId>,
    /// Beams that live; those that still share the prompt's computation are one.
    pub(crate) living: usize,
    search: BeamSearch,
    /// Answers that somebody still waits for, by rank.
    wanted: Vec<(usize, SeqId)>,
    /// Tokens that all answers begin with, and that are told.
    settled: usize,
    first_token: Option<Duration>,
    /// Blocks that its beams have held, times how long.
    block_time: Duration,
}

impl BeamGroup {
    pub(crate) fn new(seqs: Vec<SeqId>, params: Arc<SamplingParams>, beams: BeamParams) -> Self {
        let wanted = seqs.iter().copied().enumerate().take(beams.returned).collect();
        let search = BeamSearch::new(params, beams);
        Self { seqs, living: 1, search, wanted, settled: 0, first_token: None, block_time: Duration::ZERO }
    }

    /// Whether `seq` is an answer that is still wanted.
    pub(crate) fn wants(&self, seq: SeqId) -> bool {
        self.wanted.iter().any(|(_, wanted)| *wanted == seq)
    }

    /// The best answer that is still wanted.
    pub(crate) fn first_wanted(&self) -> Option<SeqId> {
        self.wanted.first().map(|(_, seq)| *seq)
    }

    /// Whether nobody waits for any answer.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Takes in what all beams drew; returns those that live on, none when the search is over.
    pub(crate) fn advance(&mut self, parents: &mut [Sequence], now: Duration) -> Vec<Extension> {
        for parent in &mut *parents {
            parent.count_blocks(now);
            self.block_time += std::mem::take(&mut parent.stats.block_time);
        }
        let beams: Vec<_> = parents.iter().filter_map(|it| Some((it.answer(), it.beam.as_ref()?))).collect();
        self.search.advance(&beams)
    }

    /// Tells the tokens that all answers begin with, whatever comes: those common to all beams and all finished texts.
    pub(crate) fn tell_settled(&mut self, beams: &[Sequence], outbox: &mut Outbox) {
        let Some((first, others)) = beams.split_first() else { return };
        let texts = others.iter().map(Sequence::answer).chain(self.search.finished().iter().map(Hypothesis::text));
        let common = texts.fold(first.answer().len(), |common, text| common_prefix(&first.answer()[..common], text));
        let logprobs = first.beam.as_ref().map_or(&[][..], |beam| &beam.logprobs);
        for index in self.settled..common {
            for (_, seq) in &self.wanted {
                tell(*seq, first.answer(), logprobs, index, outbox);
            }
        }
        self.settle(common, outbox.now);
    }

    /// Tells whoever makes masks how the beams go on, if they are bound.
    pub(crate) fn tell_beams(&self, living: &[Extension], outbox: &mut Outbox) {
        if let Some(seq) = self.first_wanted().filter(|_| self.search.is_bound()) {
            let beams = living.iter().map(|it| (it.parent as u32, it.candidate.token)).collect();
            outbox.events.push(Event::Beams { seq, beams });
        }
    }

    /// Tells the rest of each answer, and its end. `stats` are those of any beam.
    pub(crate) fn tell_answers(mut self, stats: SequenceStats, outbox: &mut Outbox) {
        for (rank, seq) in std::mem::take(&mut self.wanted) {
            let Some(answer) = self.search.finished().get(rank) else {
                let account = self.account(stats, self.settled);
                outbox.finish(seq, FinishReason::RowFailed(RowFault::NothingLeft), account);
                continue;
            };
            for index in self.settled..answer.text().len() {
                tell(seq, &answer.tokens, &answer.logprobs, index, outbox);
            }
            let (generated, reason) = (answer.tokens.len(), answer.reason);
            self.first_token.get_or_insert(outbox.now);
            let account = self.account(stats, generated);
            outbox.finish(seq, reason, account);
        }
    }

    /// Tells that all answers are over, for whatever reason.
    pub(crate) fn end(mut self, reason: FinishReason, stats: SequenceStats, outbox: &mut Outbox) {
        self.block_time += stats.block_time;
        for (_, seq) in std::mem::take(&mut self.wanted) {
            let account = self.account(stats, self.settled);
            outbox.finish(seq, reason, account);
        }
    }

    /// Tells that one answer is over because nobody wants it any more.
    pub(crate) fn abort(&mut self, seq: SeqId, stats: SequenceStats, outbox: &mut Outbox) {
        self.wanted.retain(|(_, wanted)| *wanted != seq);
        let account = self.account(stats, self.settled);
        outbox.finish(seq, FinishReason::Aborted, account);
    }

    fn settle(&mut self, common: usize, now: Duration) {
        self.settled = self.settled.max(common);
        if self.settled > 0 {
            self.first_token.get_or_insert(now);
        }
    }

    /// The account of an answer. The blocks of all beams are told once.
    fn account(&mut self, stats: SequenceStats, generated_tokens: usize) -> SequenceStats {
        let block_time = std::mem::take(&mut self.block_time);
        SequenceStats { generated_tokens, block_time, first_token: self.first_token, ..stats }
    }
}

fn tell(seq: SeqId, tokens: &[Token], logprobs: &[Arc<TokenLogprobs>], index: usize, outbox: &mut Outbox) {
    let logprobs = logprobs.get(index).map(|shared| TokenLogprobs::clone(shared));
    outbox.events.push(Event::Token { seq, token: tokens[index], logprobs });
}

/// How many tokens two texts begin with alike.
fn common_prefix(a: &[Token], b: &[Token]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

//! One token list being extended: the unit of scheduling.
//!
//! A step computes a range of its known tokens; there are no phases. Before a request with several choices has
//! computed its prompt, one sequence stands for all of them; then it forks.
//! Invariant between steps: its tables cover exactly those of its computed positions that something may still see.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::acceptance::Acceptance;
use crate::beam_search::{Beam, Extension};
use crate::kv_ledger::KvLedger;
use crate::kv_tables::KvTables;
use crate::outbox::Outbox;
use crate::planted_bug::{Planted, PlantedBug};
use crate::prediction::Prediction;
use crate::prefix_cache::Chain;
use crate::proposal::Proposal;
use crate::untold::Untold;
use crate::{
    Event, FinishReason, RowFault, Sample, SampleSpec, SamplingParams, Score, ScoreSpec, SeqId, SequenceStats,
    Submission, Token,
};

/// A sequence that waits or runs.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Those it stands for: at least one, and one only once it has forked.
    pub(crate) choices: Vec<Choice>,
    pub(crate) class: i32,
    /// Submissions are numbered as they come.
    pub(crate) arrival: u64,
    /// All known tokens, prompt first.
    pub(crate) tokens: Vec<Token>,
    pub(crate) params: Arc<SamplingParams>,
    /// It ends with its vector.
    pub(crate) pooled: bool,
    /// Where its second text begins, if it is a pair.
    pub(crate) second: Option<usize>,
    /// Its places whose words are wanted.
    pub(crate) asked: Arc<[usize]>,
    /// Known tokens whose KV is written.
    pub(crate) computed: usize,
    /// Most that was ever computed: what a preemption makes it compute again.
    pub(crate) furthest: usize,
    pub(crate) tables: KvTables,
    pub(crate) chain: Chain,
    /// Tokens it computes in the step that is under way, proposals included.
    pub(crate) planned: Option<usize>,
    /// How many of those are proposals.
    pub(crate) offered: usize,
    /// What was looked up for the tokens that the step draws.
    pub(crate) proposal: Option<Proposal>,
    pub(crate) acceptance: Acceptance,
    pub(crate) prediction: Prediction,
    /// Of its prompt, the scores.
    pub(crate) unscored: Untold,
    /// Of its prompt, the states.
    pub(crate) untold: Untold,
    /// It is a beam, or stands for all beams of its request.
    pub(crate) beam: Option<Beam>,
    pub(crate) queue_deadline: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) waiting_since: Duration,
    /// Until when the blocks it held are in its account.
    pub(crate) counted_until: Duration,
    pub(crate) stats: SequenceStats,
}

/// One of the continuations a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Choice {
    pub(crate) index: u32,
    pub(crate) seq: SeqId,
}

impl Sequence {
    pub(crate) fn new(submission: Submission, arrival: u64, now: Duration) -> Self {
        let prompt_tokens = submission.prompt.len();
        let prediction = Prediction::new(submission.prediction);
        let unscored = Untold::scores(prompt_tokens, submission.params.prompt_logprobs.is_some());
        let beam = submission.params.beams.map(|_| Beam::default());
        Self {
            choices: (0..).zip(submission.seqs).map(|(index, seq)| Choice { index, seq }).collect(),
            class: submission.priority,
            arrival,
            tokens: submission.prompt,
            params: submission.params,
            pooled: submission.pooled,
            second: submission.second,
            asked: submission.asked,
            computed: 0,
            furthest: 0,
            tables: KvTables::default(),
            chain: Chain::new(submission.cache_key),
            planned: None,
            offered: 0,
            proposal: None,
            acceptance: if prediction.is_empty() { Acceptance::UNKNOWN } else { Acceptance::PREDICTED },
            prediction,
            unscored,
            untold: Untold::states(prompt_tokens, submission.each_token),
            beam,
            queue_deadline: submission.queue_deadline,
            deadline: submission.deadline,
            waiting_since: now,
            counted_until: now,
            stats: SequenceStats { prompt_tokens, submitted: now, ..SequenceStats::default() },
        }
    }

    /// The id its work goes by.
    pub(crate) fn id(&self) -> SeqId {
        self.choices[0].seq
    }

    /// Whether `seq` is one of those it speaks for: of beams, none, as an answer is no beam.
    pub(crate) fn answers_as(&self, seq: SeqId) -> bool {
        self.beam.is_none() && self.choices.iter().any(|choice| choice.seq == seq)
    }

    /// Whether it is a beam that waits for the others of its request.
    pub(crate) fn has_drawn(&self) -> bool {
        self.beam.as_ref().is_some_and(|beam| beam.drawn.is_some())
    }

    /// Known tokens that are not computed; between steps none only if [`Self::has_drawn`].
    pub(crate) fn remaining(&self) -> usize {
        self.tokens.len() - self.computed
    }

    /// What it has generated.
    pub(crate) fn answer(&self) -> &[Token] {
        &self.tokens[self.stats.prompt_tokens..]
    }

    /// Tokens generated so far.
    pub(crate) fn generated(&self) -> usize {
        self.tokens.len() - self.stats.prompt_tokens
    }

    /// Puts the blocks it holds into its account, up to now.
    pub(crate) fn count_blocks(&mut self, now: Duration) {
        let held = now.saturating_sub(std::mem::replace(&mut self.counted_until, now));
        self.stats.block_time += held * self.tables.held() as u32;
    }

    /// Its account as of now. The blocks it held are told once, however many choices it stands for.
    pub(crate) fn account(&mut self) -> SequenceStats {
        let block_time = std::mem::take(&mut self.stats.block_time);
        SequenceStats { generated_tokens: self.generated(), block_time, ..self.stats }
    }

    /// Whether one of its choices sits out the step.
    pub(crate) fn is_held(&self, held: &BTreeSet<SeqId>) -> bool {
        !held.is_empty() && self.choices.iter().any(|choice| held.contains(&choice.seq))
    }

    /// Scheduling order: class, then arrival, then choice.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let key = |sequence: &Self| (sequence.class, sequence.arrival, sequence.choices[0].index);
        key(self).cmp(&key(other))
    }

    /// Whether it ran and lost its blocks.
    pub(crate) fn was_preempted(&self) -> bool {
        self.stats.preemptions > 0
    }

    /// Why its time is over, if it is.
    pub(crate) fn expired(&self, now: Duration) -> Option<FinishReason> {
        let past = |deadline: Option<Duration>| deadline.is_some_and(|deadline| now > deadline);
        if self.stats.scheduled.is_none() && past(self.queue_deadline) {
            return Some(FinishReason::QueueTimeout);
        }
        past(self.deadline).then_some(FinishReason::Timeout)
    }

    /// Takes one choice out of those it stands for; the sequence is over when none is left.
    pub(crate) fn remove_choice(&mut self, seq: SeqId) {
        self.choices.retain(|choice| choice.seq != seq);
    }

    /// Gives its blocks back and forgets what is computed.
    pub(crate) fn release(&mut self, ledger: &mut KvLedger) {
        self.tables.release(ledger);
        self.chain.reached = None;
        if let Some(beam) = &mut self.beam {
            beam.drawn = None;
        }
        if !ledger.planted.is(PlantedBug::StaleComputed) {
            self.computed = 0;
        }
        if ledger.planted.is(PlantedBug::ScoredAgain) {
            self.unscored.restart();
        }
        if ledger.planted.is(PlantedBug::StatesToldAgain) {
            self.untold.restart();
        }
    }

    /// How many of `found` cached positions help: one known token is left to compute, for its logits, and every
    /// position of which something is still to be told.
    pub(crate) fn usable_positions(&self, found: usize, planted: Planted) -> usize {
        found.min(self.tokens.len() - 1).min(self.first_untold(planted).unwrap_or(usize::MAX))
    }

    /// The first position that is still to be scored, or whose state is to be told.
    pub(crate) fn first_untold(&self, planted: Planted) -> Option<usize> {
        let unscored = self.unscored.first().filter(|_| !planted.is(PlantedBug::ScoresFromCache));
        let untold = self.untold.first().filter(|_| !planted.is(PlantedBug::StatesFromCache));
        unscored.into_iter().chain(untold).min()
    }

    /// How many prompt tokens its next `count` rows score.
    pub(crate) fn num_scores(&self, count: usize) -> usize {
        self.unscored.within(self.computed, self.computed + count).len()
    }

    /// The prompt tokens to score with its next `count` rows.
    pub(crate) fn scores(&self, count: usize) -> impl Iterator<Item = ScoreSpec> {
        let positions = self.unscored.within(self.computed, self.computed + count);
        positions.map(|position| ScoreSpec {
            row: position - self.computed,
            token: self.tokens[position + 1],
            params: Arc::clone(&self.params),
        })
    }

    /// From which of its next `count` rows on the states of its tokens are to be told, if that is so of any.
    pub(crate) fn states_from(&self, count: usize) -> Option<usize> {
        let positions = self.untold.within(self.computed, self.computed + count);
        (!positions.is_empty()).then(|| positions.start - self.computed)
    }

    /// Writes down that the states of a step that computes `count` tokens are told; false if there are none to tell.
    pub(crate) fn tell_states(&mut self, count: usize) -> bool {
        let told = self.untold.within(self.computed, self.computed + count).len();
        self.untold.told(told);
        told > 0
    }

    /// Those that draw when all known tokens are computed: beams that still are one sequence draw as one.
    pub(crate) fn drawing(&self) -> &[Choice] {
        match self.params.max_new {
            0 => &[],
            _ if self.beam.is_some() => &self.choices[..1],
            _ => &self.choices,
        }
    }

    /// The draws due when all known tokens are computed, from row `row` of the work that computes the last one.
    pub(crate) fn samples(&self, row: usize) -> impl Iterator<Item = SampleSpec> {
        self.drawing().iter().map(move |choice| SampleSpec {
            row,
            seq: choice.seq,
            choice: choice.index,
            generated: self.generated(),
            prompt_len: self.stats.prompt_tokens,
            params: Arc::clone(&self.params),
        })
    }

    /// Lets `teller` tell the scores of a step that computes `count` tokens; says why the sequence is over, if one is missing.
    pub(crate) fn take_scores(
        &mut self,
        count: usize,
        teller: SeqId,
        scores: &mut impl Iterator<Item = Result<Score, RowFault>>,
        outbox: &mut Outbox,
    ) -> Option<FinishReason> {
        let due = self.num_scores(count);
        if due == 0 {
            return None;
        }
        self.unscored.told(due);
        let scores: Vec<_> = scores.take(due).collect();
        match scores.into_iter().collect() {
            Ok(scores) => outbox.events.push(Event::Scores { seq: teller, scores }),
            Err(fault) => return Some(FinishReason::RowFailed(fault)),
        }
        None
    }

    /// Adds a token that was drawn; says why that ends the sequence, if it does.
    pub(crate) fn take_in(&mut self, sample: Sample, outbox: &mut Outbox) -> Option<FinishReason> {
        let token = match sample.token {
            Ok(token) => token,
            Err(fault) => return Some(FinishReason::RowFailed(fault)),
        };
        self.stats.first_token.get_or_insert(outbox.now);
        // Where a constraint leaves nothing else, an end comes before the minimum.
        let may_stop = self.generated() >= self.params.min_new || self.params.constraint.is_some();
        let stops = may_stop && self.params.stop_ids.contains(&token);
        self.tokens.push(token);
        if stops {
            return Some(FinishReason::Stop(token));
        }
        outbox.events.push(Event::Token { seq: sample.seq, token, logprobs: sample.logprobs });
        (self.generated() >= self.params.max_new).then_some(FinishReason::Length)
    }

    /// Goes on with one of the tokens that it drew.
    pub(crate) fn extend_beam(&mut self, extension: &Extension, planted: Planted) {
        self.tokens.push(extension.candidate.token);
        let beam = self.beam.as_mut().expect("it is a beam");
        beam.extend(extension);
        if planted.is(PlantedBug::BeamSumForgotten) {
            beam.sum = extension.candidate.score;
        }
    }

    /// Takes in whether proposed token number `index` was drawn.
    pub(crate) fn observe(&mut self, proposal: Proposal, index: usize, right: bool) {
        self.acceptance.observe(right);
        if let (true, Proposal::Predicted(place)) = (right, proposal) {
            self.prediction.follow(place, index);
        }
    }

    /// Counts what became of proposals that were predictions.
    pub(crate) fn count_predictions(&mut self, proposal: Option<Proposal>, offered: usize, accepted: usize) {
        if let Some(Proposal::Predicted(_)) = proposal {
            self.stats.accepted_predictions += accepted;
            self.stats.rejected_predictions += offered - accepted;
        }
    }

    /// A sequence of its own for one choice, on the same blocks.
    pub(crate) fn fork(&self, choice: Choice, ledger: &mut KvLedger) -> Self {
        Self {
            choices: vec![choice],
            tokens: self.tokens.clone(),
            params: Arc::clone(&self.params),
            asked: Arc::clone(&self.asked),
            tables: self.tables.fork(ledger),
            chain: self.chain.clone(),
            prediction: self.prediction.clone(),
            unscored: self.unscored.clone(),
            untold: self.untold.clone(),
            beam: self.beam.clone(),
            stats: SequenceStats { block_time: Duration::ZERO, ..self.stats },
            ..*self
        }
    }

    /// Writes down that `count` more tokens are computed, makes the blocks they filled findable, and gives back those that
    /// nothing sees any more. Returns how many of the tokens had been computed before.
    pub(crate) fn advance(&mut self, count: usize, ledger: &mut KvLedger) -> usize {
        let start = self.computed;
        self.computed += count;
        self.publish(start, ledger);
        self.tables.slide(ledger, self.computed);
        let again = self.furthest.clamp(start, self.computed) - start;
        self.furthest = self.furthest.max(self.computed);
        self.stats.recomputed_tokens += again;
        again
    }

    /// Makes the blocks filled since `start` findable.
    pub(crate) fn publish(&mut self, start: usize, ledger: &mut KvLedger) {
        let size = ledger.block_size();
        for index in start / size..self.computed / size {
            let tokens = &self.tokens[index * size..(index + 1) * size];
            ledger.publish(&mut self.chain, index, tokens, self.tables.blocks(index));
        }
    }
}

//! Speculation from outside: the same text in fewer steps, at nobody's cost.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use scheduler::{
    Driver, Executor, FinishReason, Limits, Passes, RowFault, Sample, SampleSpec, SamplingParams, SchedulerStats,
    SeqId, SequenceStats, Speculation, StepOutput, StepPlan, Submission, Token, Work,
};
use support::{Ends, Never};

/// Draws what a script says for (sequence, tokens generated before), whatever it reads.
struct Scripted {
    script: fn(SeqId, usize) -> Result<Token, RowFault>,
    /// Works and proposals of each step.
    steps: Vec<(usize, usize)>,
}

impl Executor for Scripted {
    type Error = Never;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Never> {
        self.steps.push((plan.works.len(), plan.works.iter().map(Work::proposals).sum()));
        let draw = |spec: &SampleSpec| Sample::new(spec.seq, (self.script)(spec.seq, spec.generated));
        let samples = plan.works.iter().flat_map(|work| &work.samples).map(draw).collect();
        Ok(StepOutput { samples, ..StepOutput::default() })
    }
}

const SPECULATION: Speculation = Speculation { own_text: true, ..Speculation::PREDICTIONS };

const LIMITS: Limits = Limits {
    passes: Passes::Cached,
    max_num_seqs: 8,
    max_num_batched_tokens: 64,
    block_size: 4,
    num_blocks: 100,
    window: None,
    windowed: None,
    max_model_len: 200,
    max_queued_requests: 8,
    max_queued_tokens: 1000,
    max_samples: 500,
    speculation: SPECULATION,
};

/// What a run came to.
struct Outcome {
    texts: BTreeMap<SeqId, Vec<Token>>,
    reasons: BTreeMap<SeqId, FinishReason>,
    /// Works and proposals of each step.
    steps: Vec<(usize, usize)>,
    stats: SchedulerStats,
}

/// Runs one request for each prompt at once, to their ends.
fn run(
    limits: Limits,
    prompts: &[Vec<Token>],
    params: &SamplingParams,
    script: fn(SeqId, usize) -> Result<Token, RowFault>,
) -> Outcome {
    let mut driver = Driver::new(limits, Scripted { script, steps: Vec::new() });
    for (seq, prompt) in (0..).zip(prompts) {
        let submission = support::submission(vec![SeqId(seq)], prompt.clone(), params.clone());
        driver.submit(submission, Duration::ZERO).unwrap();
    }
    let Ends { texts, reasons, .. } = support::run(&mut driver);
    Outcome { texts, reasons, steps: driver.executor().steps.clone(), stats: driver.stats() }
}

fn tokens(max_new: usize) -> SamplingParams {
    SamplingParams { max_new, ..SamplingParams::default() }
}

/// Five tokens, again and again.
#[expect(clippy::unnecessary_wraps, reason = "a script may fail")]
fn cycle(_: SeqId, generated: usize) -> Result<Token, RowFault> {
    Ok(1 + generated as Token % 5)
}

/// What stands in the prompt of [`copied_prompt`], in its order.
#[expect(clippy::unnecessary_wraps, reason = "a script may fail")]
fn copy(_: SeqId, generated: usize) -> Result<Token, RowFault> {
    Ok(100 + generated as Token)
}

fn copied_prompt() -> Vec<Token> {
    (100..140).chain([1, 2, 3]).collect()
}

#[test]
fn a_text_that_repeats_itself_takes_few_steps() {
    let plain = run(Limits { speculation: Speculation::PREDICTIONS, ..LIMITS }, &[vec![9]], &tokens(80), cycle);
    let fast = run(LIMITS, &[vec![9]], &tokens(80), cycle);
    assert_eq!(fast.texts, plain.texts);
    assert_eq!(plain.stats.steps, 80);
    assert!(fast.stats.steps < 35, "{} steps", fast.stats.steps);
    let told = fast.stats.speculation;
    assert_eq!(told.draft_tokens, fast.steps.iter().map(|(_, proposals)| *proposals as u64).sum::<u64>());
    assert_eq!(told.drafts, fast.steps.iter().filter(|(_, proposals)| *proposals > 0).count() as u64);
    assert_eq!(told.accepted_tokens, told.accepted_tokens_per_pos.iter().sum::<u64>());
    assert_eq!(told.accepted_tokens, 80 - fast.stats.steps, "each accepted proposal saves a step");
}

#[test]
fn a_text_that_does_not_repeat_itself_costs_nothing() {
    let fast = run(LIMITS, &[vec![9]], &tokens(80), copy);
    assert_eq!((fast.stats.steps, fast.stats.speculation.drafts), (80, 0));
}

#[test]
fn a_lookup_that_is_mostly_wrong_is_given_up() {
    // Pairs repeat, what follows them does not.
    let script =
        |_, generated: usize| Ok(if generated % 3 == 2 { 50 + generated as Token } else { generated as Token % 3 });
    let fast = run(LIMITS, &[vec![9]], &tokens(150), script);
    assert!(fast.stats.speculation.draft_tokens < 8, "{:?}", fast.stats.speculation);
}

#[test]
fn nothing_is_proposed_behind_the_last_token() {
    for max_new in 1..40 {
        let fast = run(LIMITS, &[copied_prompt()], &tokens(max_new), copy);
        assert_eq!(fast.texts[&SeqId(0)].len(), max_new);
        assert_eq!(fast.reasons[&SeqId(0)], FinishReason::Length);
    }
}

#[test]
fn a_stop_token_among_the_proposals_ends_the_text() {
    for stop in 100..140 {
        let params = SamplingParams { stop_ids: vec![stop], ..tokens(60) };
        let fast = run(LIMITS, &[copied_prompt()], &params, copy);
        assert_eq!(fast.reasons[&SeqId(0)], FinishReason::Stop(stop));
        assert_eq!(fast.texts.get(&SeqId(0)).map_or(0, Vec::len), stop as usize - 100);
    }
}

#[test]
fn a_row_that_fails_counts_only_if_it_is_reached() {
    fn fails_late(_: SeqId, generated: usize) -> Result<Token, RowFault> {
        if generated == 30 { Err(RowFault::NotFinite) } else { copy(SeqId(0), generated) }
    }
    let fast = run(LIMITS, &[copied_prompt()], &tokens(60), fails_late);
    assert_eq!(fast.reasons[&SeqId(0)], FinishReason::RowFailed(RowFault::NotFinite));
    assert_eq!(fast.texts[&SeqId(0)].len(), 30);

    // The stop token comes first, so the row that would fail is drawn from and never looked at.
    let params = SamplingParams { stop_ids: vec![129], ..tokens(60) };
    let fast = run(LIMITS, &[copied_prompt()], &params, fails_late);
    assert_eq!(fast.reasons[&SeqId(0)], FinishReason::Stop(129));
}

#[test]
fn proposals_take_what_the_budget_has_left() {
    let prompts = [copied_prompt(), copied_prompt()];
    for (max_num_batched_tokens, most) in [(2, 0), (3, 1), (5, 3), (64, 8)] {
        let limits = Limits { max_num_batched_tokens, ..LIMITS };
        let fast = run(limits, &prompts, &tokens(40), copy);
        let of_both = fast.steps.iter().filter(|(works, _)| *works == 2).map(|(_, proposals)| *proposals);
        assert_eq!(of_both.max(), Some(most), "{max_num_batched_tokens}");
        assert_eq!(fast.texts[&SeqId(0)], fast.texts[&SeqId(1)]);
    }
}

#[test]
fn proposals_take_no_block_that_others_need() {
    let prompts = [copied_prompt(), copied_prompt(), copied_prompt()];
    // 43 + 21 positions are 16 blocks: 48 hold all three, 33 hardly two.
    let mut preempted = Vec::new();
    for num_blocks in 33..50 {
        let limits = Limits { num_blocks, ..LIMITS };
        let plain =
            run(Limits { speculation: Speculation::PREDICTIONS, ..limits.clone() }, &prompts, &tokens(22), copy);
        let fast = run(limits, &prompts, &tokens(22), copy);
        assert_eq!(fast.texts, plain.texts);
        assert!(fast.stats.preemptions <= plain.stats.preemptions, "{num_blocks} blocks");
        preempted.push(plain.stats.preemptions > 0);
    }
    assert!(preempted.contains(&true) && preempted.contains(&false), "{preempted:?}");
}

#[test]
fn many_streams_get_fewer_proposals() {
    let proposals = |streams: usize| {
        let prompts = vec![copied_prompt(); streams];
        let limits = Limits { max_num_seqs: 64, max_queued_requests: 64, num_blocks: 4000, ..LIMITS };
        let limits = Limits { max_num_batched_tokens: 4000, max_queued_tokens: 4000, ..limits };
        let fast = run(limits, &prompts, &tokens(40), copy);
        fast.stats.speculation.draft_tokens as usize / streams
    };
    let counts = [1, 8, 60].map(proposals);
    assert!(counts[0] > 20 && counts.is_sorted_by(|few, many| few > many), "{counts:?}");
}

/// Runs one request that says what its answer may be.
fn predicted(limits: Limits, prediction: Vec<Token>, max_new: usize) -> (Outcome, SequenceStats) {
    let mut driver = Driver::new(limits, Scripted { script: copy, steps: Vec::new() });
    let submission = support::submission(vec![SeqId(0)], vec![9], tokens(max_new));
    driver.submit(Submission { prediction: prediction.into(), ..submission }, Duration::ZERO).unwrap();
    let Ends { texts, reasons, stats, .. } = support::run(&mut driver);
    let outcome = Outcome { texts, reasons, steps: driver.executor().steps.clone(), stats: driver.stats() };
    (outcome, stats[&SeqId(0)])
}

#[test]
fn an_answer_as_predicted_takes_few_steps_without_any_lookup() {
    let limits = Limits { speculation: Speculation::PREDICTIONS, ..LIMITS };
    let (plain, _) = predicted(limits.clone(), Vec::new(), 60);
    let (fast, stats) = predicted(limits, (100..160).collect(), 60);
    assert_eq!((plain.stats.steps, &fast.texts), (60, &plain.texts));
    assert!(fast.stats.steps < 20, "{} steps", fast.stats.steps);
    assert_eq!((stats.accepted_predictions as u64, stats.rejected_predictions), (60 - fast.stats.steps, 0));
}

#[test]
fn a_prediction_with_a_changed_word_costs_little_more() {
    let limits = Limits { speculation: Speculation::PREDICTIONS, ..LIMITS };
    let prediction = (100..130).chain([7, 8, 9]).chain(132..160).collect();
    let (fast, stats) = predicted(limits, prediction, 60);
    assert!(fast.stats.steps < 25, "{} steps", fast.stats.steps);
    assert!((1..8).contains(&stats.rejected_predictions), "{stats:?}");
}

#[test]
fn a_prediction_that_is_wrong_changes_nothing_and_is_given_up() {
    let limits = Limits { speculation: Speculation::PREDICTIONS, ..LIMITS };
    let (plain, _) = predicted(limits.clone(), Vec::new(), 60);
    let wrong = (0..60).flat_map(|index| [100 + index, 101 + index, 5]).collect();
    let (fast, stats) = predicted(limits, wrong, 60);
    assert_eq!(fast.texts, plain.texts);
    assert!(stats.rejected_predictions < 20 && stats.accepted_predictions < 20, "{stats:?}");
}

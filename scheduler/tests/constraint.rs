//! Constraints from outside: masks that come late delay their own sequence only, and change no text.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scheduler::{
    BeamParams, Candidate, Constraint, Driver, Executor, FinishReason, Limits, MaskSource, MaskState, Passes, RowFault,
    Sample, SampleSpec, SamplingParams, SeqId, Speculation, StepOutput, StepPlan, Token, TokenMask, Work,
};
use support::{Ends, Never};

/// Allows every token, but answers the first asks for a position with "late", as often as its number says.
#[derive(Debug)]
struct Tardy {
    late: fn(usize) -> usize,
    asked: Mutex<BTreeMap<(u32, usize), usize>>,
    fails_at: Option<usize>,
}

impl MaskSource for Tardy {
    fn mask(&self, choice: u32, generated: usize) -> MaskState {
        if self.fails_at == Some(generated) {
            return MaskState::Failed;
        }
        let mut asked = self.asked.lock().unwrap();
        let times = asked.entry((choice, generated)).or_default();
        *times += 1;
        if *times <= (self.late)(generated) {
            MaskState::Late
        } else {
            MaskState::Ready(Arc::new(TokenMask::new([u32::MAX; 8])))
        }
    }

    fn advance(&self, _: u32, _: Token) {}

    fn fork(&self, _: &[(u32, Token)]) {}

    fn wait(&self, _: u32) {}
}

/// Draws a token made of the sequence and the position, if its mask is there.
struct Asking {
    steps: Vec<Vec<(SeqId, usize, usize)>>,
}

impl Executor for Asking {
    type Error = Never;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Never> {
        self.steps.push(plan.works.iter().map(|work| (work.seq, work.start, work.tokens.len())).collect());
        let bound = plan.works.iter().filter(|work| work.samples.iter().any(|spec| spec.params.constraint.is_some()));
        assert_eq!(bound.map(Work::proposals).sum::<usize>(), 0, "whoever is constrained takes no proposals");
        let draw = |spec: &SampleSpec| Sample { candidates: candidates(spec), ..Sample::new(spec.seq, draw(spec)) };
        let samples = plan.works.iter().flat_map(|work| &work.samples).map(draw).collect();
        Ok(StepOutput { samples, ..StepOutput::default() })
    }
}

fn draw(spec: &SampleSpec) -> Result<Token, RowFault> {
    let state = spec.params.constraint.as_ref().map(|constraint| constraint.mask(spec.choice, spec.generated));
    match state {
        Some(MaskState::Late) => Err(RowFault::MaskLate),
        Some(MaskState::Failed) => Err(RowFault::MaskFailed),
        Some(MaskState::Ready(_)) | None => Ok(spec.seq.0 as Token * 7 + spec.generated as Token % 3),
    }
}

/// What a beam may go on with: less likely from token to token.
fn candidates(spec: &SampleSpec) -> Vec<Candidate> {
    let score = |rank: usize| -0.5 - (rank + spec.choice as usize) as f32;
    let candidate = |rank| Candidate { token: rank as Token, score: score(rank), logprob: score(rank) };
    (0..spec.params.num_candidates().unwrap_or(0)).map(candidate).collect()
}

const LIMITS: Limits = Limits {
    passes: Passes::Cached,
    max_num_seqs: 8,
    max_num_batched_tokens: 8,
    block_size: 4,
    num_blocks: 40,
    window: None,
    windowed: None,
    max_model_len: 100,
    max_queued_requests: 8,
    max_queued_tokens: 1000,
    max_samples: 64,
    speculation: Speculation { own_text: true, ..Speculation::PREDICTIONS },
};

struct Outcome {
    texts: BTreeMap<SeqId, Vec<Token>>,
    reasons: BTreeMap<SeqId, FinishReason>,
    steps: Vec<Vec<(SeqId, usize, usize)>>,
}

/// Runs one request of each (choices, constraint), prompts of eleven tokens, twelve tokens to generate.
fn run(requests: Vec<(u64, Option<Tardy>)>) -> Outcome {
    let mut driver = Driver::new(LIMITS, Asking { steps: Vec::new() });
    let mut first = 0;
    for (choices, tardy) in requests {
        let constraint = tardy.map(|tardy| Constraint(Arc::new(tardy)));
        let params = SamplingParams { max_new: 12, constraint, ..SamplingParams::default() };
        let seqs = (first..first + choices).map(SeqId).collect();
        first += choices;
        driver.submit(support::submission(seqs, (0..11).collect(), params), Duration::ZERO).unwrap();
    }
    let Ends { texts, reasons, .. } = support::run(&mut driver);
    let blocks = driver.stats().blocks;
    assert_eq!(blocks.cached + blocks.free, blocks.total, "no block is lost");
    Outcome { texts, reasons, steps: driver.executor().steps.clone() }
}

fn tardy(late: fn(usize) -> usize) -> Tardy {
    Tardy { late, asked: Mutex::default(), fails_at: None }
}

#[test]
fn late_masks_change_no_text() {
    let prompt_too = |generated| generated % 3;
    let late = run(vec![
        (1, Some(tardy(prompt_too))),
        (3, Some(tardy(|generated| usize::from(generated % 4 == 0)))),
        (1, None),
    ]);
    let ready = run(vec![(1, Some(tardy(|_| 0))), (3, Some(tardy(|_| 0))), (1, None)]);
    assert_eq!(late.texts, ready.texts);
    assert_eq!(late.reasons, ready.reasons);
    assert!(late.texts.values().all(|text| text.len() == 12) && late.texts.len() == 5);
    assert!(late.steps.len() > ready.steps.len());
}

#[test]
fn a_late_mask_delays_its_own_sequence_only() {
    let alone = run(vec![(1, None)]);
    let beside = run(vec![(1, None), (1, Some(tardy(|_| 5)))]);
    assert_eq!(beside.texts[&SeqId(0)], alone.texts[&SeqId(0)]);
    let steps = beside.steps.iter().enumerate().filter(|(_, step)| step.iter().any(|work| work.0 == SeqId(0)));
    let steps: Vec<usize> = steps.map(|(index, _)| index).collect();
    assert_eq!(steps, (0..steps.len()).collect::<Vec<_>>(), "it sits out no step");
    let computed: Vec<_> = beside.steps.iter().flatten().filter(|work| work.0 == SeqId(1) && work.2 == 1).collect();
    assert!(computed.len() >= 5 * 12, "the last row comes again each time");
}

#[test]
fn a_failed_mask_ends_its_own_sequence_only() {
    let failing = Tardy { late: |_| 0, asked: Mutex::default(), fails_at: Some(4) };
    let outcome = run(vec![(1, Some(failing)), (1, Some(tardy(|_| 0)))]);
    assert_eq!(outcome.reasons[&SeqId(0)], FinishReason::RowFailed(RowFault::MaskFailed));
    assert_eq!((outcome.texts[&SeqId(0)].len(), outcome.texts[&SeqId(1)].len()), (4, 12));
}

#[test]
fn late_masks_change_no_beam() {
    let search = |late| {
        let beams = BeamParams { width: 3, returned: 3, length_penalty: 1.0, early_stopping: false };
        let constraint = Some(Constraint(Arc::new(tardy(late))));
        let params = SamplingParams { max_new: 12, constraint, beams: Some(beams), ..SamplingParams::default() };
        let mut driver = Driver::new(LIMITS, Asking { steps: Vec::new() });
        let seqs = (0..3).map(SeqId).collect();
        driver.submit(support::submission(seqs, (0..11).collect(), params), Duration::ZERO).unwrap();
        let texts = support::run(&mut driver).texts;
        (texts, driver.executor().steps.len())
    };
    let (late, ready) = (search(|generated| generated % 3), search(|_| 0));
    assert_eq!(late.0, ready.0);
    assert!(late.0.len() == 3 && late.1 > ready.1);
}

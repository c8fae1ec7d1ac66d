//! Two pools: layers that see a window hold no more than it, and a prefix is found as far as its last window is kept.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use scheduler::{
    Driver, Executor, KvPool, Limits, Reject, Sample, SamplingParams, SeqId, StepOutput, StepPlan, Submission, Token,
    WindowedPool,
};
use support::{LIMITS, Never, run, submission};

/// A window and a step take five of the second pool's blocks, wherever in a block they begin.
const TWO_POOLS: Limits = Limits {
    num_blocks: 100,
    windowed: Some(WindowedPool { num_blocks: 8, window: 6 }),
    max_model_len: 400,
    max_queued_tokens: 1000,
    ..LIMITS
};

/// Draws the same token for ever.
struct Echo;

impl Executor for Echo {
    type Error = Never;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, Never> {
        let specs = plan.works.iter().flat_map(|work| &work.samples);
        Ok(StepOutput { samples: specs.map(|spec| Sample::new(spec.seq, Ok(7))).collect(), ..StepOutput::default() })
    }
}

fn request(seq: u64, prompt: impl Iterator<Item = Token>, max_new: usize) -> Submission {
    let params = SamplingParams { max_new, ..SamplingParams::default() };
    Submission { cache_key: [0; 32], ..submission(vec![SeqId(seq)], prompt.collect(), params) }
}

/// Prompt tokens that are found, of one prompt after another.
fn found(prompts: Vec<Vec<Token>>) -> Vec<usize> {
    found_within(TWO_POOLS, prompts)
}

/// The same within other limits.
fn found_within(limits: Limits, prompts: Vec<Vec<Token>>) -> Vec<usize> {
    let mut driver = Driver::new(limits, Echo);
    let mut found = Vec::new();
    for (seq, prompt) in (1..).zip(prompts) {
        driver.submit(request(seq, prompt.into_iter(), 1), Duration::ZERO).unwrap();
        found.push(run(&mut driver).stats[&SeqId(seq)].cached_tokens);
    }
    found
}

#[test]
fn a_long_text_holds_its_window_in_the_second_pool() {
    let mut driver = Driver::new(TWO_POOLS, Echo);
    driver.submit(request(1, 0..200, 40), Duration::ZERO).unwrap();
    let (mut main, mut windowed) = (0, 0);
    while !driver.is_idle() {
        driver.turn(|| Duration::ZERO, &BTreeSet::new());
        driver.check();
        let stats = driver.stats();
        main = main.max(stats.blocks.used);
        windowed = windowed.max(stats.windowed_blocks.used);
        assert_eq!(stats.all_blocks().used, stats.blocks.used + stats.windowed_blocks.used);
    }
    assert_eq!(main, 239_usize.div_ceil(4));
    assert_eq!(windowed, 2, "five positions that the next token sees lie in two blocks");
}

#[test]
fn a_prefix_is_found_as_far_as_its_last_window_is_kept() {
    let text = || (0..203).collect::<Vec<Token>>();
    let begun = |shared: usize| (0..shared as Token).chain(500..520).collect::<Vec<Token>>();
    let other = || (600..700).collect::<Vec<Token>>();
    assert_eq!(found(vec![text(), text()]), [0, 200]);
    assert_eq!(found(vec![text(), begun(190)]), [0, 188]);
    assert_eq!(found(vec![text(), begun(100)]), [0, 0], "the windows in the middle went on to later positions");
    assert_eq!(found(vec![text(), other(), text()]), [0, 0, 0], "and those at the end to another text");
    assert_eq!(found(vec![text(), begun(100), begun(100)]), [0, 0, 119], "what was computed again is found again");
}

#[test]
fn a_text_that_was_computed_again_is_found_as_long_as_its_newer_blocks_are_kept() {
    let limits = Limits { num_blocks: 24, windowed: Some(WindowedPool { num_blocks: 16, window: 6 }), ..TWO_POOLS };
    let text = || (0..21).collect::<Vec<Token>>();
    // Takes windows of the text, but none of its blocks of the first pool.
    let other = || (100..155).collect::<Vec<Token>>();
    // Takes the oldest blocks of the first pool, but no window that the text was computed again with.
    let another = || (200..243).collect::<Vec<Token>>();
    assert_eq!(found_within(limits, vec![text(), other(), text(), another(), text()]), [0, 0, 0, 0, 20]);
}

#[test]
fn what_the_second_pool_can_never_hold_is_refused() {
    let few = Limits { windowed: Some(WindowedPool { num_blocks: 4, window: 6 }), ..TWO_POOLS };
    let ask = |prompt: Token| Driver::new(few.clone(), Echo).submit(request(1, 0..prompt, 1), Duration::ZERO);
    assert_eq!(ask(16), Ok(()));
    let never = ask(17).unwrap_err();
    assert_eq!(never, Reject::NeverFits { pool: KvPool::Windowed, needed: 5, total: 4 });
    assert_eq!(never.to_string(), "the request needs 5 KV blocks of the windowed pool, which has 4");
}

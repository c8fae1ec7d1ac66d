//! Speculation on SmolLM2-135M-Instruct itself: the same text with and without, in fewer steps where it repeats itself.
//!
//! Reads the file that `GONDOLA_TEST_MODEL` names and fails without it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::PathBuf;

use scheduler::{SchedulerStats, Speculation, Token};
use support::{Answer, Runner, Setup, fixture, greedy, ids, json, load, sampled};

fn model() -> PathBuf {
    std::env::var_os("GONDOLA_TEST_MODEL").expect("GONDOLA_TEST_MODEL names SmolLM2-135M-Instruct.Q4_1.gguf").into()
}

fn setup(speculates: bool) -> Setup {
    Setup {
        num_blocks: 512,
        max_num_seqs: 16,
        max_num_batched_tokens: 256,
        speculation: Speculation { own_text: speculates, ..Speculation::PREDICTIONS },
        ..Setup::default()
    }
}

fn runner(speculates: bool) -> Runner {
    Runner::new(load(&model(), setup(speculates)).unwrap(), setup(speculates))
}

fn prompts() -> Vec<Vec<Token>> {
    let reference = json(&fixture("smollm2-135m/reference.json"));
    reference["cases"].as_array().unwrap().iter().map(|case| ids(&case["input_ids"])).collect()
}

/// All prompts at once, greedy and seeded in turn.
fn serve(speculates: bool) -> (Vec<Answer>, SchedulerStats) {
    let mut runner = runner(speculates);
    let params = |index: usize| if index % 2 == 0 { greedy(48) } else { sampled(48, index as u64) };
    let seqs: Vec<_> = prompts()
        .iter()
        .enumerate()
        .map(|(index, prompt)| {
            runner.turns(index);
            runner.submit(prompt, params(index), index as u8)
        })
        .collect();
    let mut answers = runner.finish();
    (seqs.iter().map(|seq| answers.remove(seq).unwrap()).collect(), runner.driver.stats())
}

#[test]
fn texts_are_the_same_with_and_without() {
    let ((plain, _), (fast, stats)) = (serve(false), serve(true));
    assert!(stats.speculation.drafts > 0, "something was proposed");
    for (fast, plain) in fast.iter().zip(&plain) {
        fast.assert_same(plain, "with and without");
    }
}

#[test]
fn an_answer_that_was_given_before_is_written_in_few_steps() {
    let reference = json(&fixture("smollm2-135m/reference.json"));
    let longest = reference["cases"].as_array().unwrap().iter().max_by_key(|case| ids(&case["output_ids"]).len());
    let (question, answer) = (ids(&longest.unwrap()["input_ids"]), ids(&longest.unwrap()["output_ids"]));
    let prompt = [[question.as_slice(), &answer].concat().repeat(3), question].concat();
    let (plain, mut fast) = (runner(false).alone(&prompt, greedy(60), 0), runner(true));
    fast.alone(&prompt, greedy(60), 0).assert_same(&plain, "a copy");
    let stats = fast.driver.stats();
    assert!(stats.steps < 40, "{} steps, {:?}", stats.steps, stats.speculation);
}

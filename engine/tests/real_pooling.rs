//! Vectors of SmolLM2-135M-Instruct itself: transformers' hidden states, and the same bits under random schedules.
//!
//! Reads the file that `GONDOLA_TEST_MODEL` names and fails without it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::PathBuf;

use engine::{Checkpoint, Dtype, WeightName};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use scheduler::Token;
use support::{Answer, Runner, Setup, fixture, greedy, ids, json, load};

/// Random schedules.
const SCHEDULES: usize = 6;

fn model() -> PathBuf {
    std::env::var_os("GONDOLA_TEST_MODEL").expect("GONDOLA_TEST_MODEL names SmolLM2-135M-Instruct.Q4_1.gguf").into()
}

fn cases() -> Vec<serde_json::Value> {
    json(&fixture("smollm2-135m/reference.json"))["cases"].as_array().unwrap().clone()
}

fn prompts() -> Vec<Vec<Token>> {
    cases().iter().map(|case| ids(&case["input_ids"])).collect()
}

fn pooled_alone(runner: &mut Runner, prompt: &[Token], salt: u8) -> Answer {
    let seq = runner.submit_pooled(prompt, salt);
    runner.finish().remove(&seq).unwrap()
}

/// The embedding is the head too: of the reference's last hidden state it makes the reference's log-probabilities.
#[test]
fn the_head_makes_the_reference_log_probabilities_of_a_vector() {
    let checkpoint = Checkpoint::open(&model()).unwrap();
    let config = checkpoint.config();
    let matrix = checkpoint.matrix(WeightName::TokenEmbedding, config.vocab_size, config.hidden_size).unwrap();
    let mut head = vec![0.0; config.vocab_size * config.hidden_size];
    matrix.read_rows(0..config.vocab_size, &mut head).unwrap();
    let setup = Setup { num_blocks: 128, ..Setup::default() };
    let mut runner = Runner::new(load(&model(), setup).unwrap(), setup);
    for case in cases() {
        let vector = pooled_alone(&mut runner, &ids(&case["input_ids"]), 0).vector;
        let dot = |row: &[f32]| row.iter().zip(&vector).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let logits: Vec<f64> = head.chunks_exact(config.hidden_size).map(dot).collect();
        let normaliser = logits.iter().map(|logit| logit.exp()).sum::<f64>().ln();
        for want in case["top5_logprobs_first16"][0].as_array().unwrap() {
            let got = logits[want["id"].as_u64().unwrap() as usize] - normaliser;
            assert!((got - want["logprob"].as_f64().unwrap()).abs() < 1e-3, "{got} {want}");
        }
    }
}

#[test]
fn random_schedules_leave_every_bit_of_the_vectors() {
    let as_stored = Setup { dtype: Dtype::Auto, num_blocks: 64, ..Setup::default() };
    let alone: Vec<Answer> = {
        let setup = Setup { threads: 1, max_num_batched_tokens: 512, ..as_stored };
        let mut runner = Runner::new(load(&model(), setup).unwrap(), setup);
        prompts().iter().enumerate().map(|(i, prompt)| pooled_alone(&mut runner, prompt, i as u8)).collect()
    };
    let mut random = TestRunner::deterministic();
    let schedule = (1..3usize, 3..90usize, 2..9usize, 12..24usize, 0..4usize);
    let mut cached = 0;
    for _ in 0..SCHEDULES {
        let drawn = schedule.new_tree(&mut random).unwrap().current();
        let (threads, max_num_batched_tokens, max_num_seqs, num_blocks, gap) = drawn;
        let setup = Setup { threads, max_num_batched_tokens, max_num_seqs, num_blocks, ..as_stored };
        let mut runner = Runner::new(load(&model(), setup).unwrap(), setup);
        let mut seqs = Vec::new();
        for (index, prompt) in prompts().iter().enumerate() {
            runner.submit(prompt, greedy(4), index as u8);
            runner.turns(gap);
            seqs.push(runner.submit_pooled(prompt, index as u8));
        }
        let mut answers = runner.finish();
        for (seq, want) in seqs.iter().zip(&alone) {
            let got = answers.remove(seq).unwrap();
            got.assert_same(want, &format!("{drawn:?}"));
            cached += got.cached_tokens;
        }
    }
    assert!(cached > 0, "some prompts were found in the prefix cache");
}

//! SmolLM2-135M-Instruct itself, against transformers' run of the same file dequantised to f32.
//!
//! Reads the file that `GONDOLA_TEST_MODEL` names and fails without it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::PathBuf;

use scheduler::{SamplingParams, Token};
use support::{Runner, Setup, fixture, greedy, ids, json, load, logits, sampled};

const END: Token = 2;

fn model() -> PathBuf {
    std::env::var_os("GONDOLA_TEST_MODEL").expect("GONDOLA_TEST_MODEL names SmolLM2-135M-Instruct.Q4_1.gguf").into()
}

fn setup() -> Setup {
    Setup { num_blocks: 512, max_num_seqs: 16, max_num_batched_tokens: 256, ..Setup::default() }
}

fn cases() -> Vec<serde_json::Value> {
    json(&fixture("smollm2-135m/reference.json"))["cases"].as_array().unwrap().clone()
}

#[test]
fn greedy_texts_and_log_probabilities_equal_the_reference() {
    let mut runner = Runner::new(load(&model(), setup()).unwrap(), setup());
    for case in cases() {
        let prompt = ids(&case["input_ids"]);
        let params = SamplingParams { stop_ids: vec![END], ..greedy(64) };
        let answer = runner.alone(&prompt, params, 0);
        let mut want = ids(&case["output_ids"]);
        if want.last() == Some(&END) {
            want.pop();
        }
        assert_eq!(answer.tokens, want, "{}", case["rendered"]);
        for (got, want) in answer.logprobs.iter().zip(case["top5_logprobs_first16"].as_array().unwrap()) {
            for (got, want) in got.top.iter().zip(want.as_array().unwrap()) {
                assert_eq!(u64::from(got.0), want["id"].as_u64().unwrap());
                assert!((f64::from(got.1) - want["logprob"].as_f64().unwrap()).abs() < 1e-3, "{got:?} {want}");
            }
        }
    }
}

#[test]
fn prompt_log_probabilities_equal_the_reference() {
    let mut engine = load(&model(), setup()).unwrap();
    let mut compared = 0;
    for case in cases() {
        let Some(want) = case["prompt_logprobs"].as_array() else { continue };
        let prompt = ids(&case["input_ids"]);
        let rows = logits(&mut engine, &prompt, 0, setup().block_size);
        let vocab = rows.len() / prompt.len();
        for ((row, token), want) in rows.chunks(vocab).zip(&prompt[1..]).zip(&want[1..]) {
            let normaliser = row.iter().map(|&logit| f64::from(logit).exp()).sum::<f64>().ln();
            let got = f64::from(row[*token as usize]) - normaliser;
            assert!((got - want.as_f64().unwrap()).abs() < 1e-3, "{got} {want}");
            compared += 1;
        }
    }
    assert!(compared > 0, "the reference holds prompt log-probabilities");
}

#[test]
fn neighbours_chunks_and_threads_leave_every_bit() {
    let prompts: Vec<Vec<Token>> = cases().iter().map(|case| ids(&case["input_ids"])).collect();
    let alone: Vec<_> = {
        let mut runner = Runner::new(load(&model(), setup()).unwrap(), setup());
        prompts.iter().enumerate().map(|(i, prompt)| runner.alone(prompt, sampled(16, i as u64), i as u8)).collect()
    };
    for (max_num_batched_tokens, threads) in [(256, 2), (40, 1), (17, 2)] {
        let setup = Setup { max_num_batched_tokens, threads, ..setup() };
        let mut runner = Runner::new(load(&model(), setup).unwrap(), setup);
        let seqs: Vec<_> = prompts
            .iter()
            .enumerate()
            .map(|(i, prompt)| runner.submit(prompt, sampled(16, i as u64), i as u8))
            .collect();
        let mut answers = runner.finish();
        for (seq, want) in seqs.iter().zip(&alone) {
            answers
                .remove(seq)
                .unwrap()
                .assert_same(want, &format!("{max_num_batched_tokens} tokens, {threads} threads"));
        }
    }
}

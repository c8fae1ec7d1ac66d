//! Beam search over real models: the texts and scores of transformers' `generate`, bit for bit in any company.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;

use scheduler::{BeamParams, SamplingParams, SeqId, Token};
use serde_json::Value;
use support::{Answer, Runner, Setup, fixture, greedy, ids, json, load, sampled};

const WIDTH: usize = 4;

fn search(returned: usize, stop_ids: Vec<Token>) -> SamplingParams {
    let beams = BeamParams { width: WIDTH, returned, length_penalty: 1.0, early_stopping: false };
    SamplingParams { beams: Some(beams), stop_ids, ..greedy(24) }
}

fn prompts(reference: &Value) -> Vec<Vec<Token>> {
    reference["cases"].as_array().unwrap().iter().map(|case| ids(&case["input_ids"])).collect()
}

fn score(answer: &Answer) -> f64 {
    let sum: f64 = answer.logprobs.iter().map(|logprobs| f64::from(logprobs.logprob)).sum();
    sum / answer.logprobs.len() as f64
}

#[test]
fn the_beams_are_those_of_transformers() {
    let families = ["llama2", "llama31", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3"];
    for name in families.into_iter().chain(["gpt2", "gpt3_like", "openai_gpt", "mixtral"]) {
        let (folder, setup) = (fixture(name), Setup::default());
        let reference = json(&folder.join("reference.json"));
        let mut runner = Runner::new(load(&folder, setup).unwrap(), setup);
        for case in reference["cases"].as_array().unwrap() {
            let params = search(WIDTH, ids(&reference["eos_token_ids"]));
            let answers = runner.search(&ids(&case["input_ids"]), params, 0);
            let mut found = runner.finish();
            for (seq, want) in answers.into_iter().zip(case["beam4"].as_array().unwrap()) {
                let got = found.remove(&seq).unwrap();
                assert_eq!(got.tokens, ids(&want["ids"]), "{name}");
                assert!((score(&got) - want["score"].as_f64().unwrap()).abs() < 1e-4, "{name}");
            }
            assert!(found.is_empty(), "nothing else is told");
        }
    }
}

/// Searches that ran side by side.
struct Company {
    searches: Vec<Vec<SeqId>>,
    answers: BTreeMap<SeqId, Answer>,
    preemptions: u64,
}

/// All prompts' searches, among others that draw.
fn in_company(setup: Setup, prompts: &[Vec<Token>]) -> Company {
    let mut runner = Runner::new(load(&fixture("llama31"), setup).unwrap(), setup);
    let mut searches = Vec::new();
    for (salt, prompt) in (0..).zip(prompts) {
        runner.submit(prompt, sampled(20, 7), 100 + salt);
        searches.push(runner.search(prompt, search(2, Vec::new()), salt));
        runner.turns(2);
    }
    let answers = runner.finish();
    Company { searches, answers, preemptions: runner.driver.stats().preemptions }
}

#[test]
fn beams_are_the_same_bits_in_any_company_and_under_pressure() {
    let prompts = prompts(&json(&fixture("llama31").join("reference.json")));
    let alone = Setup { max_num_batched_tokens: 256, ..Setup::default() };
    let mut runner = Runner::new(load(&fixture("llama31"), alone).unwrap(), alone);
    let setups = [
        Setup { max_num_seqs: 16, max_num_batched_tokens: 17, ..alone },
        Setup { max_num_seqs: 16, threads: 1, block_size: 4, num_blocks: 56, ..alone },
    ];
    let companies = setups.map(|setup| in_company(setup, &prompts));
    assert!(companies[1].preemptions > 0, "the second pool is too small for all");
    for (index, prompt) in prompts.iter().enumerate() {
        let own = runner.search(prompt, search(2, Vec::new()), 0);
        let want = runner.finish();
        for company in &companies {
            for (own, other) in own.iter().zip(&company.searches[index]) {
                want[own].assert_same(&company.answers[other], "a search in company");
            }
        }
    }
}

//! What experts have to do: every token takes as many in every layer, whatever shares its steps.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use scheduler::Token;
use support::{Runner, Setup, fixture, greedy, load};

/// Tokens of each expert after these prompts, each with four tokens drawn.
fn taken(name: &str, setup: Setup, prompts: &[Vec<Token>]) -> Vec<u64> {
    let mut runner = Runner::new(load(&fixture(name), setup).unwrap(), setup);
    let load = runner.driver.executor().expert_load().unwrap();
    assert_eq!(load.tokens().sum::<u64>(), 0, "what was tried out does not count");
    for prompt in prompts {
        runner.submit(prompt, greedy(4), 0);
    }
    runner.finish();
    load.tokens().collect()
}

#[test]
fn each_token_takes_as_many_experts_in_each_layer() {
    let prompts = [9, 1, 30].map(|length: Token| (0..length).map(|token| 31 * token % 97).collect::<Vec<Token>>());
    // The last token drawn is not computed.
    let tokens: usize = prompts.iter().map(|prompt| prompt.len() + 3).sum();
    for (name, experts, per_token, layers) in
        [("mixtral", 4, 2, 2), ("qwen2_moe", 4, 2, 2), ("qwen3_moe", 5, 3, 2), ("deepseek", 5, 3, 2)]
    {
        let whole = taken(name, Setup::default(), &prompts);
        assert_eq!(whole.len(), experts, "{name}");
        assert_eq!(whole.iter().sum::<u64>(), (tokens * per_token * layers) as u64, "{name}");
        let chunked = Setup { max_num_batched_tokens: 4, threads: 1, ..Setup::default() };
        assert_eq!(taken(name, chunked, &prompts), whole, "{name}");
    }
}

#[test]
fn a_model_without_experts_counts_none() {
    assert!(load(&fixture("llama31"), Setup::default()).unwrap().expert_load().is_none());
}

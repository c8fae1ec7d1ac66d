//! Scores of prompts: what the logits say, what decoding says of the same tokens, and the same bits under every schedule.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use candle_core::Device;
use proptest::prelude::*;
use scheduler::{SamplingParams, Token};
use support::{Answer, Runner, Setup, bits, fixture, greedy, ids, json, load, logits, sampled, scored};

const MODEL: &str = "llama31";

fn runner(setup: Setup) -> Runner {
    Runner::new(load(&fixture(MODEL), setup).unwrap(), setup)
}

/// Scores against the logits of transformers, in f64.
#[test]
fn scores_are_log_softmax_and_rank_of_the_reference() {
    let arrays = candle_core::safetensors::load(fixture(MODEL).join("reference.safetensors"), &Device::Cpu).unwrap();
    let reference = json(&fixture(MODEL).join("reference.json"));
    let case = &reference["cases"][0];
    let prompt = ids(&case["input_ids"]);
    let want = arrays["p0.logits"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let vocab = want.len() / prompt.len();
    let setup = Setup::default();
    let answer = runner(setup).alone(&prompt, scored(greedy(1)), 0);
    assert_eq!(answer.scores.len(), prompt.len() - 1);
    let ours = logits(&mut load(&fixture(MODEL), setup).unwrap(), &prompt, 0, setup.block_size);
    for ((score, token), (row, ours)) in
        answer.scores.iter().zip(&prompt[1..]).zip(want.chunks(vocab).zip(ours.chunks(vocab)))
    {
        let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
        let logprob = |token: Token| f64::from(row[token as usize]) - sum.ln();
        assert!((f64::from(score.logprobs.logprob) - logprob(*token)).abs() < 1e-4);
        assert!(score.logprobs.top.iter().all(|(token, got)| (f64::from(*got) - logprob(*token)).abs() < 1e-4));
        let own = ours[*token as usize];
        let before =
            ours.iter().enumerate().filter(|(id, logit)| **logit > own || **logit == own && *id < *token as usize);
        assert_eq!(score.rank, 1 + before.count());
        let place = score.logprobs.top.iter().position(|(other, _)| other == token);
        assert_eq!(place, Some(score.rank - 1).filter(|place| *place < score.logprobs.top.len()));
    }
}

#[test]
fn scores_are_the_bits_that_decoding_gives() {
    let mut runner = runner(Setup { max_num_batched_tokens: 11, block_size: 4, ..Setup::default() });
    let prompt: Vec<Token> = (0..9).map(|token| 31 * token % 97).collect();
    for params in [greedy(40), sampled(40, 5), SamplingParams { logprob_ids: vec![3, 90], ..greedy(40) }] {
        let said = runner.alone(&prompt, params.clone(), 0);
        let whole = [prompt.as_slice(), &said.tokens].concat();
        let answer = runner.alone(&whole, SamplingParams { max_new: 0, ..scored(params) }, 0);
        assert!(answer.tokens.is_empty() && answer.cached_tokens == 0);
        let of_answer = answer.scores[prompt.len() - 1..].iter().map(|score| bits(&score.logprobs));
        assert!(of_answer.eq(said.logprobs.iter().map(bits)), "the same token in the same place");
    }
}

/// One request of a load.
#[derive(Clone, Debug)]
struct Request {
    prompt: Vec<Token>,
    params: SamplingParams,
    /// Turns between the request before and this one.
    after: usize,
}

/// Prompts of few stems, so that some of them are cached, most of them scored.
fn request() -> impl Strategy<Value = Request> {
    let prompt = (0..3 as Token, 1..40usize)
        .prop_map(|(stem, length)| (0..length as Token).map(|at| (stem + 1) * (at + 7) * 13 % 199).collect());
    let params = prop_oneof![
        3 => (0..12usize).prop_map(|count| scored(greedy(count))),
        1 => any::<u64>().prop_map(|seed| scored(sampled(9, seed))),
        1 => (1..12usize).prop_map(greedy),
    ];
    (prompt, params, 0..6usize).prop_map(|(prompt, params, after)| Request { prompt, params, after })
}

fn setup() -> impl Strategy<Value = Setup> {
    (1..4usize, 1..70usize, 2..7usize, 14..40usize, prop_oneof![Just(1usize), Just(4)]).prop_map(
        |(threads, max_num_batched_tokens, max_num_seqs, num_blocks, scale)| Setup {
            threads,
            max_num_batched_tokens,
            max_num_seqs,
            block_size: 4 * scale,
            num_blocks,
            ..Setup::default()
        },
    )
}

fn serve(setup: Setup, requests: &[Request]) -> Vec<Answer> {
    let mut runner = runner(setup);
    let mut seqs = Vec::new();
    for request in requests {
        runner.turns(request.after);
        seqs.push(runner.submit(&request.prompt, request.params.clone(), 0));
    }
    let mut answers = runner.finish();
    seqs.iter().map(|seq| answers.remove(seq).unwrap_or_default()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_schedule_changes_a_bit_of_a_score(setup in setup(), requests in prop::collection::vec(request(), 1..9)) {
        for (answer, request) in serve(setup, &requests).iter().zip(&requests) {
            let alone = runner(Setup::default()).alone(&request.prompt, request.params.clone(), 0);
            answer.assert_same(&alone, &format!("{setup:?}"));
            let wanted = if request.params.prompt_logprobs.is_some() { request.prompt.len() - 1 } else { 0 };
            prop_assert_eq!(answer.scores.len(), wanted);
        }
    }
}

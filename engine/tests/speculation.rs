//! Speculation leaves every bit: the same tokens and log-probabilities with and without, whatever else runs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use proptest::prelude::*;
use scheduler::{SamplingParams, Speculation, Token};
use support::{Answer, Runner, Setup, fixture, greedy, load, sampled};

const SPECULATION: Speculation =
    Speculation { num_speculative_tokens: 6, prompt_lookup_max: 4, prompt_lookup_min: 1, own_text: true };

/// One request of a load.
#[derive(Clone, Debug)]
struct Request {
    prompt: Vec<Token>,
    params: SamplingParams,
    /// Turns between the request before and this one.
    after: usize,
    /// What the answer may be.
    prediction: Vec<Token>,
}

/// Keeps a text to three tokens, so that it repeats itself.
fn narrow(params: SamplingParams) -> SamplingParams {
    SamplingParams { logit_bias: (5..8).map(|token| (token, 30.0)).collect(), ..params }
}

/// Prompts that repeat themselves, so that something is proposed, under settings of every kind.
fn request() -> impl Strategy<Value = Request> {
    let prompt =
        (prop::collection::vec(0..200 as Token, 1..6), 1..6usize).prop_map(|(words, times)| words.repeat(times));
    let penalised = |seed| SamplingParams { repetition_penalty: 1.2, presence_penalty: 0.3, ..sampled(20, seed) };
    let cool = |seed| SamplingParams { temperature: 0.2, top_k: 5, min_p: 0.1, ..sampled(40, seed) };
    let restricted =
        |seed| SamplingParams { no_repeat_ngram: 4, bad_words: vec![vec![6, 7], vec![9]], ..sampled(30, seed) };
    let stopped = |stop| SamplingParams { stop_ids: vec![stop], min_new: 3, ..greedy(40) };
    let params = prop_oneof![
        2 => (1..60usize).prop_map(greedy),
        1 => any::<u64>().prop_map(move |seed| sampled(30, seed)),
        1 => any::<u64>().prop_map(cool),
        1 => any::<u64>().prop_map(penalised),
        2 => any::<u64>().prop_map(move |seed| narrow(penalised(seed))),
        2 => any::<u64>().prop_map(move |seed| narrow(cool(seed))),
        2 => any::<u64>().prop_map(move |seed| narrow(restricted(seed))),
        1 => (1..60usize).prop_map(|count| narrow(greedy(count))),
        1 => (0..200 as Token).prop_map(stopped),
    ];
    (prompt, params, 0..12usize).prop_map(|(prompt, params, after)| Request {
        prompt,
        params,
        after,
        prediction: Vec::new(),
    })
}

/// The answers of a load, in its order, and how many proposals were accepted.
fn serve(setup: Setup, requests: &[Request]) -> (Vec<Answer>, u64) {
    let mut runner = Runner::new(load(&fixture("llama31"), setup).unwrap(), setup);
    let mut seqs = Vec::new();
    for request in requests {
        runner.turns(request.after);
        seqs.push(runner.submit_predicted(&request.prompt, request.params.clone(), 0, &request.prediction));
    }
    let mut answers = runner.finish();
    let answers = seqs.iter().map(|seq| answers.remove(seq).unwrap()).collect();
    (answers, runner.driver.stats().speculation.accepted_tokens)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_schedule_shows_that_tokens_were_proposed(
        requests in prop::collection::vec(request(), 1..8),
        (num_blocks, max_num_batched_tokens, max_num_seqs) in (30..80usize, 4..64usize, 1..6usize),
        prompt_lookup_min in 1..3usize,
    ) {
        let setup = Setup { block_size: 4, num_blocks, max_num_batched_tokens, max_num_seqs, ..Setup::default() };
        let speculation = Speculation { prompt_lookup_min, ..SPECULATION };
        let (plain, _) = serve(setup, &requests);
        let (fast, _) = serve(Setup { speculation, ..setup }, &requests);
        for (fast, plain) in fast.iter().zip(&plain) {
            fast.assert_same(plain, "with and without");
        }
    }

    #[test]
    fn no_schedule_shows_that_answers_were_predicted(
        requests in prop::collection::vec(request(), 1..8),
        (num_blocks, max_num_batched_tokens, max_num_seqs) in (30..80usize, 4..64usize, 1..6usize),
        wrong in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let setup = Setup { block_size: 4, num_blocks, max_num_batched_tokens, max_num_seqs, ..Setup::default() };
        let (plain, _) = serve(setup, &requests);
        let predict = |(request, answer): (Request, &Answer)| {
            let mut prediction = answer.tokens.clone();
            for place in wrong.iter().filter(|_| !answer.tokens.is_empty()) {
                prediction[place.index(answer.tokens.len())] = 199;
            }
            Request { prediction, ..request }
        };
        let requests: Vec<Request> = requests.into_iter().zip(&plain).map(predict).collect();
        let (fast, _) = serve(setup, &requests);
        for (fast, plain) in fast.iter().zip(&plain) {
            fast.assert_same(plain, "with and without");
        }
    }
}

#[test]
fn a_text_that_repeats_itself_is_written_in_few_steps() {
    let request = Request { prompt: vec![5, 6, 7, 8], params: narrow(greedy(200)), after: 0, prediction: Vec::new() };
    let setup = Setup { num_blocks: 256, ..Setup::default() };
    let (plain, none) = serve(setup, std::slice::from_ref(&request));
    let (fast, accepted) = serve(Setup { speculation: SPECULATION, ..setup }, &[request]);
    fast[0].assert_same(&plain[0], "a cycle");
    assert!(none == 0 && accepted > 120, "{accepted} of 200 tokens were proposed");
}

#[test]
fn an_answer_that_was_predicted_is_written_in_few_steps() {
    let request = Request { prompt: vec![5, 6, 7, 8], params: sampled(200, 3), after: 0, prediction: Vec::new() };
    let setup = Setup { num_blocks: 256, ..Setup::default() };
    let (plain, none) = serve(setup, std::slice::from_ref(&request));
    let (fast, accepted) = serve(setup, &[Request { prediction: plain[0].tokens.clone(), ..request }]);
    fast[0].assert_same(&plain[0], "a prediction");
    assert!(none == 0 && accepted > 120, "{accepted} of 200 tokens were proposed");
}

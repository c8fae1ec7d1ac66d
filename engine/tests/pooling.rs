//! Vectors of sequences: transformers' hidden states, and the same bits whatever else runs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use candle_core::Device;
use engine::{Isa, KvDtype};
use proptest::prelude::*;
use scheduler::Token;
use support::{Answer, Runner, Setup, fixture, ids, json, load, max_abs_diff, sampled};

/// The head maps a state to logits one to one: it has more outputs than inputs. So a vector is the reference's last
/// hidden state if the head makes the reference's logits of it, and so are the states of all tokens.
#[test]
fn the_head_makes_the_reference_logits_of_a_vector() {
    for name in ["llama2", "llama31"] {
        let folder = fixture(name);
        let open = |file: &str| candle_core::safetensors::load(folder.join(file), &Device::Cpu).unwrap();
        let (weights, arrays) = (open("model.safetensors"), open("reference.safetensors"));
        let head = weights.get("lm_head.weight").unwrap_or_else(|| &weights["model.embed_tokens.weight"]);
        let head: Vec<Vec<f32>> = head.to_vec2().unwrap();
        let mut runner = Runner::new(load(&folder, Setup::default()).unwrap(), Setup::default());
        for case in json(&folder.join("reference.json"))["cases"].as_array().unwrap() {
            let prompt = ids(&case["input_ids"]);
            let (one, each) = (runner.submit_pooled(&prompt, 0), runner.submit_each_token(&prompt));
            let answers = runner.finish();
            let (vector, states) = (&answers[&one].vector, &answers[&each].vector);
            assert_eq!(states.len(), prompt.len() * vector.len());
            assert!(states.ends_with(vector), "the vector is the last token's state");
            let logits: Vec<Vec<f32>> = arrays[case["logits"]["array"].as_str().unwrap()].to_vec2().unwrap();
            for (state, logits) in states.chunks_exact(vector.len()).zip(&logits) {
                let dot =
                    |row: &Vec<f32>| row.iter().zip(state).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
                let got: Vec<f32> = head.iter().map(|row| dot(row) as f32).collect();
                let difference = max_abs_diff(&got, logits);
                assert!(difference < 1e-4, "{name}: {difference}");
            }
        }
    }
}

/// Numbers of a vector of the model that serves loads.
const HIDDEN: usize = 64;

/// What is wanted of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Draws,
    Vector,
    States,
}

/// A sequence of a load: pooled, or drawing beside those that are.
#[derive(Clone, Debug)]
struct Asked {
    prompt: Vec<Token>,
    wanted: Wanted,
    /// Turns between the one before and this one.
    after: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    // Few tokens, so that prompts begin alike and prefixes are found.
    let prompt = prop::collection::vec(0..3 as Token, 1..40);
    let wanted = prop::sample::select(vec![Wanted::Draws, Wanted::Vector, Wanted::States]);
    (prompt, wanted, 0..4usize).prop_map(|(prompt, wanted, after)| Asked { prompt, wanted, after })
}

fn setup() -> impl Strategy<Value = Setup> {
    let isas: Vec<Isa> = Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect();
    let (isa, block_size) = (prop::sample::select(isas), prop::sample::select(vec![1, 2, 4, 8]));
    (1..4usize, isa, block_size, 60..160usize, 1..9usize, 1..70usize).prop_map(
        |(threads, isa, block_size, positions, max_num_seqs, max_num_batched_tokens)| Setup {
            threads,
            isa,
            block_size,
            num_blocks: positions.div_ceil(block_size),
            max_num_seqs,
            max_num_batched_tokens,
            kv_dtype: KvDtype::F16,
            ..Setup::default()
        },
    )
}

fn serve(setup: Setup, load_of: &[Asked]) -> Vec<Answer> {
    let mut runner = Runner::new(load(&fixture("llama31"), setup).unwrap(), setup);
    let mut seqs = Vec::new();
    for Asked { prompt, wanted, after } in load_of {
        runner.turns(*after);
        seqs.push(match wanted {
            Wanted::Draws => runner.submit(prompt, sampled(8, 3), 0),
            Wanted::Vector => runner.submit_pooled(prompt, 0),
            Wanted::States => runner.submit_each_token(prompt),
        });
    }
    let mut answers = runner.finish();
    seqs.iter().map(|seq| answers.remove(seq).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Chunks, neighbours, preemption, prefix hits, threads and instruction sets.
    #[test]
    fn every_schedule_gives_the_bits_of_each_sequence_alone(setup in setup(), asked in prop::collection::vec(asked(), 1..12)) {
        let plain = Setup { threads: 1, isa: Isa::Scalar, kv_dtype: setup.kv_dtype, ..Setup::default() };
        for (got, asked) in serve(setup, &asked).iter().zip(&asked) {
            let alone = serve(plain, std::slice::from_ref(asked)).remove(0);
            got.assert_same(&alone, "together");
            let vectors = match asked.wanted {
                Wanted::Draws => 0,
                Wanted::Vector => 1,
                Wanted::States => asked.prompt.len(),
            };
            prop_assert_eq!(got.vector.len(), vectors * HIDDEN);
            prop_assert!(asked.wanted != Wanted::States || got.cached_tokens == 0);
        }
    }
}

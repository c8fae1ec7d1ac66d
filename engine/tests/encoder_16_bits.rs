//! Encoders whose weights are held in 16 bits, because their files hold them so or because that was asked for: near what 32
//! bits give, and the same bits whatever else is in the step.
#![allow(clippy::unwrap_used, reason = "tests")]

mod model_files;
mod support;

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use engine::config::{EncoderHead, ModelConfig};
use engine::{Checkpoint, Dtype, EngineOptions, Isa, KvDtype, MemoryLimits, MemoryPlan};
use model_files::Scratch;
use model_files::encoder_folder::folder;
use scheduler::Token;
use support::{Answer, ENCODERS, Runner, Setup, cosine, fixture, load, whole};

const WEIGHTS: &str = "model.safetensors";

/// What files hold, what is asked for, and the cosine of the vectors with those of 32 bits that is passed at least.
const CASES: [(DType, Dtype, f64); 7] = [
    (DType::BF16, Dtype::Auto, 0.999),
    (DType::BF16, Dtype::Bfloat16, 0.999),
    (DType::F16, Dtype::Auto, 0.999_99),
    (DType::F16, Dtype::Bfloat16, 0.999),
    (DType::F32, Dtype::Float16, 0.999_99),
    (DType::F32, Dtype::Bfloat16, 0.999),
    (DType::BF16, Dtype::Float16, 0.999),
];

/// One of each family, and heads over one of them.
fn names() -> impl Iterator<Item = &'static str> {
    ENCODERS.into_iter().chain(["bert-seqcls", "bert-tokcls", "bert-mlm"])
}

/// A fixture whose weights are stored as floats of another width.
fn stored_as(stored: DType, name: &str) -> Scratch {
    let scratch = folder(name, &[]);
    let tensors = candle_core::safetensors::load(fixture(name).join(WEIGHTS), &Device::Cpu).unwrap();
    let convert = |(name, tensor): (String, Tensor)| (name, tensor.to_dtype(stored).unwrap());
    let tensors: HashMap<_, _> = tensors.into_iter().map(convert).collect();
    candle_core::safetensors::save(&tensors, scratch.path().join(WEIGHTS)).unwrap();
    scratch
}

/// Texts of several lengths.
fn texts(name: &str) -> Vec<Vec<Token>> {
    let vocabulary = Checkpoint::open(&fixture(name)).unwrap().model().vocab_size() as Token;
    let text = |length: Token| (0..length).map(|index| 5 + (31 * length + 7 * index) % (vocabulary - 5)).collect();
    [1, 7, 30, 40].map(text).into()
}

/// The vectors of texts that are handed in together, or the scores that a head makes of them.
fn answers(model: &Path, setup: Setup, texts: &[Vec<Token>]) -> Vec<Answer> {
    let checkpoint = Checkpoint::open(model).unwrap();
    let ModelConfig::Encoder(config) = checkpoint.model() else { panic!("an encoder") };
    let mut runner = Runner::new(load(model, setup).unwrap(), setup);
    let submit = |text: &Vec<Token>| {
        if config.head == EncoderHead::Words {
            return runner.submit_masked(text, &[0]);
        }
        runner.submit_pair(text, None)
    };
    let seqs: Vec<_> = texts.iter().map(submit).collect();
    let mut answers = runner.finish();
    seqs.iter().map(|seq| answers.remove(seq).unwrap()).collect()
}

#[test]
fn vectors_point_where_those_of_32_bits_do() {
    for name in names() {
        let texts = texts(name);
        let want = answers(&fixture(name), whole(), &texts);
        for (stored, dtype, least) in CASES {
            let model = stored_as(stored, name);
            let got = answers(model.path(), Setup { dtype, ..whole() }, &texts);
            assert_ne!(got, want, "{name}, {stored:?} as {dtype:?}: weights lost nothing");
            for (got, want) in got.iter().zip(&want) {
                let cosine = cosine(&got.vector, &want.vector);
                assert!(cosine > least, "{name}, {stored:?} as {dtype:?}: {cosine}");
            }
        }
    }
}

/// What 16 bits hold is computed in 32: the very numbers of a file that holds these in 32.
#[test]
fn numbers_of_16_bits_are_multiplied_as_those_of_32() {
    for name in names() {
        let texts = texts(name);
        for stored in [DType::BF16, DType::F16] {
            let model = stored_as(stored, name);
            let want = answers(model.path(), whole(), &texts);
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
                let got = answers(model.path(), Setup { dtype: Dtype::Auto, isa, ..whole() }, &texts);
                for (got, want) in got.iter().zip(&want) {
                    got.assert_same(want, &format!("{name}, {stored:?}, {isa}"));
                }
            }
        }
    }
}

#[test]
fn every_batch_gives_the_bits_of_each_text_alone() {
    for name in names() {
        let texts = texts(name);
        for (stored, dtype, _) in CASES {
            let model = stored_as(stored, name);
            let together =
                answers(model.path(), Setup { dtype, threads: 3, max_num_batched_tokens: 100, ..whole() }, &texts);
            for (got, text) in together.iter().zip(&texts) {
                let setup = Setup { dtype, threads: 1, ..whole() };
                let alone = answers(model.path(), setup, std::slice::from_ref(text)).remove(0);
                assert!(!got.vector.is_empty());
                got.assert_same(&alone, &format!("{name}, {stored:?} as {dtype:?}"));
            }
        }
    }
}

/// Matrices take half; tables of positions and types, which are added as they are, and vectors do not.
#[test]
fn the_plan_counts_what_is_held() {
    let bytes = |stored: DType, dtype: Dtype| {
        let model = stored_as(stored, "bert");
        let checkpoint = Checkpoint::open(model.path()).unwrap();
        let options = EngineOptions { threads: 1, isa: Isa::Scalar, dtype, kv_dtype: KvDtype::F32 };
        MemoryPlan::new(&checkpoint, &options, &MemoryLimits::default()).unwrap().weights_bytes
    };
    let in_full = bytes(DType::F32, Dtype::Auto);
    let in_panels = 545_u64.next_multiple_of(16) + 2 * (4 * 64 + 2 * 160);
    for (stored, dtype, _) in CASES {
        assert_eq!(in_full - bytes(stored, dtype), 2 * 64 * in_panels, "{stored:?} as {dtype:?}");
    }
    assert_eq!(bytes(DType::BF16, Dtype::Float32), in_full);
}

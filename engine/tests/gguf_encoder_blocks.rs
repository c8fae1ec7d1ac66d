//! Encoders whose matrices are quantised, as GGUF files hold them: near what the same blocks give as 32-bit floats, and the
//! same bits whatever else is in the step.
#![allow(clippy::unwrap_used, reason = "tests")]

mod model_files;
mod support;

use std::path::Path;

use candle_core::quantized::GgmlDType;
use candle_core::{Device, Tensor};
use engine::{Checkpoint, Dtype, EngineOptions, Isa, KvDtype, MemoryLimits, MemoryPlan};
use model_files::gguf_file::{GgufFile, Value};
use model_files::gguf_of_encoder::{file, quantise, quantised, tensor};
use scheduler::Token;
use support::{Answer, Runner, Setup, cosine, fixture, load, whole};

const Q4_0: (GgmlDType, u32) = (GgmlDType::Q4_0, 2);
const Q5_1: (GgmlDType, u32) = (GgmlDType::Q5_1, 7);
const Q8_0: (GgmlDType, u32) = (GgmlDType::Q8_0, 8);
const Q4_K: (GgmlDType, u32) = (GgmlDType::Q4K, 12);
const Q6_K: (GgmlDType, u32) = (GgmlDType::Q6K, 14);

/// The cosine with the vectors of 32-bit activations that is passed at least: activations are rounded to 8 bits.
const LEAST: f64 = 0.999;

/// Texts of several lengths, of words that every model here has.
fn texts() -> Vec<Vec<Token>> {
    let text = |length: Token| (0..length).map(|index| 5 + (31 * length + 7 * index) % 60).collect();
    [1, 7, 30, 40].map(text).into()
}

fn answers(model: &Path, setup: Setup, texts: &[Vec<Token>]) -> Vec<Answer> {
    let mut runner = Runner::new(load(model, setup).unwrap(), setup);
    let seqs: Vec<_> = texts.iter().map(|text| runner.submit_pair(text, None)).collect();
    let mut answers = runner.finish();
    seqs.iter().map(|seq| answers.remove(seq).unwrap()).collect()
}

/// Asserts that blocks are multiplied as such, and near what they stand for.
fn check(model: &Path, what: &str) {
    let texts = texts();
    let want = answers(model, Setup { dtype: Dtype::Float32, ..whole() }, &texts);
    let setup = Setup { dtype: Dtype::Auto, threads: 3, max_num_batched_tokens: 100, ..whole() };
    let together = answers(model, setup, &texts);
    assert_ne!(together, want, "{what}: nothing was rounded");
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        let setup = Setup { dtype: Dtype::Auto, threads: 1, isa, ..whole() };
        for (text, (got, want)) in texts.iter().zip(together.iter().zip(&want)) {
            let alone = answers(model, setup, std::slice::from_ref(text)).remove(0);
            got.assert_same(&alone, &format!("{what}, {isa}"));
            let cosine = cosine(&got.vector, &want.vector);
            assert!(cosine > LEAST, "{what}: {cosine}");
        }
    }
}

fn check_file(file: &GgufFile, what: &str) {
    let (_scratch, path) = file.written();
    check(&path, what);
}

/// Vectors of such a file are near those of the folder, too: the converter rounds weights to 8 bits.
#[test]
fn files_of_the_converter_are_multiplied_in_blocks() {
    for (file, folder) in [("roberta-q8_0", "roberta"), ("distilbert-seqcls-q8_0", "distilbert-seqcls")] {
        let model = fixture("gguf_encoders").join(format!("{file}.gguf"));
        check(&model, file);
        let texts = texts();
        let want = answers(&fixture(folder), whole(), &texts);
        for (got, want) in answers(&model, Setup { dtype: Dtype::Auto, ..whole() }, &texts).iter().zip(&want) {
            let cosine = cosine(&got.vector, &want.vector);
            assert!(cosine > LEAST, "{file}: {cosine}");
        }
    }
}

#[test]
fn every_table_and_matrix_may_be_quantised() {
    for kind in [Q4_0, Q5_1, Q8_0] {
        for name in ["bert", "roberta-seqcls"] {
            check_file(&quantised(file(name), kind), &format!("{name}, {:?}", kind.0));
        }
    }
}

#[test]
fn neighbours_may_be_stored_in_different_ways() {
    let mut mixed = file("bert");
    quantise(&mut mixed, "blk.0.attn_k.weight", Q8_0);
    quantise(&mut mixed, "blk.0.attn_v.weight", Q4_0);
    quantise(&mut mixed, "blk.1.ffn_up.weight", Q5_1);
    quantise(&mut mixed, "token_embd.weight", Q4_0);
    check_file(&mixed, "mixed");
    // a gate and what it gates are multiplied with the same rows
    let mut gated = GgufFile::of_bytes(&std::fs::read(fixture("gguf_encoders/nomic_bert.gguf")).unwrap());
    quantise(&mut gated, "blk.0.ffn_gate.weight", Q8_0);
    quantise(&mut gated, "blk.1.attn_qkv.weight", Q8_0);
    quantise(&mut gated, "blk.2.ffn_up.weight", Q4_0);
    check_file(&gated, "gated");
}

/// A BERT of one layer whose rows are as wide as blocks of the K kinds.
fn wide() -> GgufFile {
    const WIDTH: u32 = 256;
    let mut file = GgufFile::empty().with("general.architecture", Value::Text(b"bert".to_vec()));
    for (key, value) in [
        ("block_count", 1),
        ("context_length", 64),
        ("embedding_length", WIDTH),
        ("feed_forward_length", WIDTH),
        ("attention.head_count", 4),
    ] {
        file = file.with(&format!("bert.{key}"), Value::U32(value));
    }
    file = file.with("bert.attention.layer_norm_epsilon", Value::F32(1e-12));
    let width = WIDTH as usize;
    let mut seed = 1_u32;
    let mut number = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut add = |name: &str, shape: &[usize], (scale, least): (f32, f32)| {
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|_| number() * scale + least).collect();
        file.tensors.push(tensor(name, &Tensor::from_vec(values, shape, &Device::Cpu).unwrap()));
    };
    for (name, rows) in [("token_embd", 70), ("position_embd", 64), ("token_types", 2)] {
        add(&format!("{name}.weight"), &[rows, width], (2.0, 0.0));
    }
    for part in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down"] {
        add(&format!("blk.0.{part}.weight"), &[width, width], (0.3, 0.0));
        add(&format!("blk.0.{part}.bias"), &[width], (0.2, 0.0));
    }
    for norm in ["token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"] {
        add(&format!("{norm}.weight"), &[width], (0.5, 1.0));
        add(&format!("{norm}.bias"), &[width], (0.2, 0.0));
    }
    file
}

#[test]
fn blocks_of_the_k_kinds_are_read() {
    for kind in [Q4_K, Q6_K] {
        check_file(&quantised(wide(), kind), &format!("{:?}", kind.0));
    }
}

/// Matrices take what their blocks do; tables that are added as they are do not.
#[test]
fn the_plan_counts_blocks() {
    let bytes = |file: &GgufFile| {
        let (_scratch, path) = file.written();
        let checkpoint = Checkpoint::open(&path).unwrap();
        let options = EngineOptions { threads: 1, isa: Isa::Scalar, dtype: Dtype::Auto, kv_dtype: KvDtype::F32 };
        MemoryPlan::new(&checkpoint, &options, &MemoryLimits::default()).unwrap().weights_bytes
    };
    let (in_full, in_blocks) = (bytes(&file("bert")), bytes(&quantised(file("bert"), Q8_0)));
    let numbers = 64 * (545_u64.next_multiple_of(16) + 2 * (4 * 64 + 2 * 160));
    let saved = in_full - in_blocks;
    assert!((numbers * 4 * 2 / 3..numbers * 3).contains(&saved), "{saved} of {}", numbers * 4);
}

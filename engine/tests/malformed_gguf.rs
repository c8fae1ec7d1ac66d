//! GGUF files that lie: each is refused with one line that names file and field, and none makes the loader panic.

use std::fs::File;

use anyhow::Result;
use engine::config::RopeScaling;
use engine::{Checkpoint, LayerWeight, TokenizerSource, WeightName};
use model_files::Scratch;
use model_files::gguf_file::{GgufFile, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

mod model_files;

const HUGE: u64 = 1 << 60;

/// Writes the file, opens it and returns the one line that refuses it.
fn refusal(name: &str, file: &GgufFile) -> Result<String> {
    let scratch = Scratch::new(name)?;
    let path = scratch.write("model.gguf", &file.to_bytes())?;
    let error = Checkpoint::open(&path).expect_err("a lie is refused").to_string();
    assert!(error.starts_with("model.gguf: ") && !error.contains('\n'), "{error}");
    Ok(error)
}

fn opened(name: &str, file: &GgufFile) -> Result<Checkpoint> {
    let scratch = Scratch::new(name)?;
    Ok(Checkpoint::open(&scratch.write("model.gguf", &file.to_bytes())?)?)
}

fn scaling(checkpoint: &Checkpoint) -> Option<RopeScaling> {
    checkpoint.config().rope.as_ref().map(|rope| rope.scaling.clone())
}

fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().to_vec())
}

#[test]
fn the_small_file_is_valid_in_both_versions() -> Result<()> {
    for version in [2, 3] {
        let checkpoint = opened("valid", &GgufFile { version, ..GgufFile::tiny() })?;
        let config = checkpoint.config();
        assert_eq!((config.vocab_size, config.head_dim, config.num_kv_heads), (4, 2, 1));
        assert!(config.tied_embeddings && !config.attention_bias.of_inputs() && !config.mlp_bias);
        assert_eq!(config.rope.as_ref().map(|rope| rope.theta), Some(10_000.0));
        assert!(!checkpoint.has(WeightName::Output));
        let TokenizerSource::Gguf(vocabulary) = checkpoint.tokenizer()? else { panic!("it is a GGUF file") };
        assert_eq!(vocabulary.tokens, ["a", "b", "ab", "<end>"]);
        assert_eq!((vocabulary.eos_id, vocabulary.bos_id, vocabulary.add_bos), (Some(3), None, false));
    }
    Ok(())
}

#[test]
fn a_file_cut_anywhere_is_refused() -> Result<()> {
    let scratch = Scratch::new("cut")?;
    let bytes = GgufFile::tiny().to_bytes();
    let path = scratch.write("model.gguf", &bytes)?;
    let file = File::options().write(true).open(&path)?;
    for length in (0..bytes.len()).rev() {
        file.set_len(length as u64)?;
        let error = Checkpoint::open(&path).expect_err("a cut file is refused").to_string();
        assert!(error.starts_with("model.gguf: "), "{length}: {error}");
    }
    Ok(())
}

#[test]
fn flipped_bytes_never_panic() -> Result<()> {
    let scratch = Scratch::new("flips")?;
    let bytes = GgufFile::tiny().to_bytes();
    let flips = prop::collection::vec((0..bytes.len(), any::<u8>()), 1..6);
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    runner.run(&flips, |flips| {
        let mut flipped = bytes.clone();
        for (index, byte) in flips {
            flipped[index] = byte;
        }
        let path = scratch.write("model.gguf", &flipped).expect("the folder is writable");
        if let Ok(checkpoint) = Checkpoint::open(&path) {
            let _ = checkpoint.tokenizer();
        }
        Ok(())
    })?;
    Ok(())
}

#[test]
fn absurd_counts_are_refused_before_anything_is_allocated() -> Result<()> {
    let tiny = GgufFile::tiny;
    assert!(refusal("tensors", &GgufFile { tensor_count: Some(HUGE), ..tiny() })?.contains("tensors cannot lie in"));
    assert!(refusal("keys", &GgufFile { key_count: Some(HUGE), ..tiny() })?.contains("metadata keys cannot lie in"));
    for element_type in [0_u32, 6, 8, 9, 12] {
        let list = [element_type.to_le_bytes().as_slice(), &HUGE.to_le_bytes()].concat();
        let reason = refusal("list", &tiny().with("tokenizer.ggml.tokens", Value::Raw(9, list.clone())))?;
        assert!(reason.contains("metadata 'tokenizer.ggml.tokens'") && reason.contains("cannot lie in"), "{reason}");
        let reason = refusal("unused", &tiny().with("general.tags", Value::Raw(9, list)))?;
        assert!(reason.contains("metadata 'general.tags'"), "{reason}");
    }
    let long = Value::Raw(8, HUGE.to_le_bytes().to_vec());
    assert!(refusal("text", &tiny().with("general.architecture", long))?.contains("cannot lie in"));
    Ok(())
}

#[test]
fn nesting_ends_at_four() -> Result<()> {
    let nested = |depth: usize| {
        let mut list = [9_u32.to_le_bytes().as_slice(), &1_u64.to_le_bytes()].concat().repeat(depth - 1);
        list.extend(0_u32.to_le_bytes());
        list.extend(0_u64.to_le_bytes());
        GgufFile::tiny().with("general.tags", Value::Raw(9, list))
    };
    opened("nested", &nested(4))?;
    assert!(refusal("deep", &nested(5))?.contains("metadata 'general.tags': lists are nested deeper than 4"));
    Ok(())
}

#[test]
fn nothing_stands_twice() -> Result<()> {
    let mut twice = GgufFile::tiny();
    twice.keys.push(("llama.block_count".to_owned(), Value::U32(1)));
    assert!(refusal("key", &twice)?.ends_with("metadata 'llama.block_count': stands in the file twice"));
    let twice = GgufFile::tiny().with_tensor("output_norm.weight", &[4]);
    assert!(refusal("tensor", &twice)?.ends_with("tensor 'output_norm.weight': stands in the file twice"));
    Ok(())
}

#[test]
fn tensors_lie_inside_the_file_and_apart() -> Result<()> {
    let moved = |offset: u64| {
        let mut file = GgufFile::tiny();
        file.tensor("blk.0.ffn_up.weight").offset = Some(offset);
        file
    };
    assert!(refusal("overlap", &moved(0))?.contains("overlaps tensor"));
    assert!(refusal("outside", &moved(1 << 40))?.contains("tensor 'blk.0.ffn_up.weight': needs 96 bytes at offset"));
    assert!(refusal("crooked", &moved(33))?.contains("offset 33 is no multiple of the alignment 32"));
    assert!(refusal("wrapping", &moved(u64::MAX - 31))?.contains("overflows"));
    Ok(())
}

#[test]
fn shapes_are_checked_before_they_are_multiplied() -> Result<()> {
    let shaped = |shape: &[u64]| {
        let mut file = GgufFile::tiny();
        file.tensor("blk.0.ffn_up.weight").shape = shape.to_vec();
        file
    };
    let reason = refusal("overflow", &shaped(&[u64::MAX, 4096]))?;
    assert_eq!(reason, "model.gguf: tensor 'blk.0.ffn_up.weight': shape [4096, 18446744073709551615] overflows");
    assert!(refusal("zero", &shaped(&[4, 0]))?.contains("0 is not in 1..="));
    assert!(refusal("scalar", &shaped(&[]))?.contains("0 dimensions are not in 1..=4"));
    assert!(refusal("five", &shaped(&[1, 1, 1, 1, 1]))?.contains("5 dimensions are not in 1..=4"));
    assert!(refusal("other", &shaped(&[4, 5]))?.contains("shape [5, 4] is not [6, 4]"));
    let mut file = shaped(&[4, 6]);
    file.tensor("blk.0.ffn_up.weight").type_id = 2;
    assert!(refusal("block", &file)?.contains("rows of 4 are no multiple of Q4_0's block of 32"));
    file.tensor("blk.0.ffn_up.weight").type_id = 23;
    assert!(refusal("type", &file)?.contains("type IQ4_XS is not supported"));
    Ok(())
}

#[test]
fn alignment_is_a_power_of_two() -> Result<()> {
    for alignment in [0, 3, 1 << 21, u32::MAX] {
        let reason = refusal("alignment", &GgufFile::tiny().with("general.alignment", Value::U32(alignment)))?;
        assert!(reason.contains("metadata 'general.alignment': "), "{reason}");
    }
    opened("aligned", &GgufFile::tiny().with("general.alignment", Value::U32(32)))?;
    Ok(())
}

#[test]
fn numbers_out_of_range_are_refused_by_key() -> Result<()> {
    for (key, value, part) in [
        ("llama.attention.head_count_kv", Value::U32(7), "7 does not divide head_count 2"),
        ("llama.attention.head_count_kv", Value::U32(0), "0 is not in 1..=1024"),
        ("llama.attention.head_count", Value::I32(-1), "-1 is negative"),
        ("llama.attention.head_count", Value::U32(3), "4 is no multiple of the 3 heads"),
        ("llama.attention.head_count", Value::F32(2.0), "is not a whole number"),
        ("llama.block_count", Value::U64(HUGE), "is not in 1..=1024"),
        ("llama.context_length", Value::U32(0), "0 is not in"),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(f32::NAN), "NaN is not above 0"),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(0.5), "0.5 is not above 0 and at most 0.1"),
        ("llama.rope.freq_base", Value::F32(-1.0), "-1 is not a finite number above 0"),
        ("llama.rope.freq_base", Value::F32(f32::INFINITY), "inf is not a finite number above 0"),
        ("llama.rope.dimension_count", Value::U32(4), "4 is not the head's width 2"),
        ("llama.rope.scaling.type", text("yarn"), "\"yarn\" is not supported"),
        ("llama.rope.scaling.factor", Value::F32(0.0), "0 is not a finite number above 0"),
        ("llama.attention.clamp_kqv", Value::F32(8.0), "is not known"),
        ("llama.expert_count", Value::U32(8), "'llama.expert_used_count': is missing"),
        ("llama.vocab_size", Value::U32(5), "5 tokens, the embedding has 4 rows"),
        ("tokenizer.ggml.tokens", Value::texts(&["a"]), "1 tokens, the embedding has 4 rows"),
        ("tokenizer.ggml.scores", Value::Floats(vec![f32::NAN; 4]), "score 0 is not finite"),
        ("tokenizer.ggml.token_type", Value::Integers(vec![1; 5]), "5 tokens, the embedding has 4 rows"),
        ("tokenizer.ggml.eos_token_id", Value::U32(4), "4 is not below the vocabulary's 4"),
        ("tokenizer.ggml.bos_token_id", Value::I32(-1), "-1 is negative"),
        ("tokenizer.chat_template", Value::Bool(1), "is not a text"),
        ("tokenizer.ggml.add_bos_token", Value::Bool(2), "2 is not true or false"),
        (
            "general.architecture",
            text("rwkv6"),
            "\"rwkv6\" is not supported; supported: llama, qwen2, qwen3, phi2, phi3, gemma, gemma2, gemma3, gpt2, gptneox, \
             stablelm, qwen2moe, qwen3moe, falcon, starcoder2, bloom, mpt, smollm3, ernie4_5, bert, modern-bert, nomic-bert",
        ),
        ("general.architecture", text("gptj"), "\"gptj\" is not supported; supported: llama, "),
        ("general.architecture", Value::Text(vec![0xff]), "text is not UTF-8"),
        ("general.architecture", Value::Raw(77, vec![0; 8]), "value type 77 does not exist"),
    ] {
        let reason = refusal("range", &GgufFile::tiny().with(key, value))?;
        assert!(reason.starts_with("model.gguf: metadata '") && reason.contains(part), "{key}: {reason}");
    }
    let reason = refusal("missing", &GgufFile::tiny().without("llama.block_count"))?;
    assert_eq!(reason, "model.gguf: metadata 'llama.block_count': is missing");
    Ok(())
}

#[test]
fn the_configuration_agrees_with_the_tensors() -> Result<()> {
    let more_layers = GgufFile::tiny().with("llama.block_count", Value::U32(2));
    assert!(refusal("layers", &more_layers)?.ends_with("tensor 'blk.1.attn_norm.weight': is missing"));
    let biased = GgufFile::tiny().with_tensor("blk.0.attn_q.bias", &[4]);
    assert!(refusal("bias", &biased)?.ends_with("tensor 'blk.0.attn_k.bias': is missing"));
    let divisors = GgufFile::tiny().with_tensor("rope_freqs.weight", &[2]);
    assert!(refusal("divisors", &divisors)?.ends_with("tensor 'rope_freqs.weight': shape [2] is not [1]"));
    let zeros = GgufFile::tiny().with_tensor("rope_freqs.weight", &[1]);
    assert!(refusal("zeros", &zeros)?.ends_with("tensor 'rope_freqs.weight': 0 is not a finite number above 0"));
    let checkpoint = opened("norm", &GgufFile::tiny())?;
    assert!(checkpoint.matrix(WeightName::Layer(0, LayerWeight::Up), 4, 6).is_err());
    assert!(checkpoint.vector(WeightName::OutputNorm, 5).is_err());
    Ok(())
}

#[test]
fn a_linear_scaling_is_read() -> Result<()> {
    let scaled = GgufFile::tiny().with("llama.rope.scaling.factor", Value::F32(4.0));
    let typed = scaled.clone().with("llama.rope.scaling.type", text("linear"));
    for file in [scaled, typed] {
        assert_eq!(scaling(&opened("linear", &file)?), Some(RopeScaling::Linear { factor: 4.0 }));
    }
    let none = GgufFile::tiny().with("llama.rope.scaling.type", text("none"));
    assert_eq!(scaling(&opened("none", &none)?), Some(RopeScaling::None));
    Ok(())
}

#[test]
fn names_from_the_file_cannot_break_the_line() -> Result<()> {
    let reason = refusal("escape", &GgufFile::tiny().with("llama.a\nb\u{1b}[31m", Value::U32(1)))?;
    assert!(reason.contains("metadata 'llama.a\\nb\\u{1b}[31m'"), "{reason}");
    Ok(())
}

#[test]
fn what_is_no_gguf_file_is_refused() -> Result<()> {
    let scratch = Scratch::new("foreign")?;
    for (bytes, part) in [
        (b"PK\x03\x04 something else entirely".as_slice(), "is not a GGUF file"),
        (b"GGUF\x00\x00\x00\x03\x00\x00\x00\x00", "version 50331648 is not supported"),
        (b"GGUF\x01\x00\x00\x00", "version 1 is not supported"),
        (b"", "needs 4 bytes at offset 0, file has 0"),
    ] {
        let path = scratch.write("model.gguf", bytes)?;
        let error = Checkpoint::open(&path).expect_err("it is refused").to_string();
        assert!(error.starts_with("model.gguf: ") && error.contains(part), "{error}");
    }
    let error = Checkpoint::open(&scratch.path().join("absent.gguf")).expect_err("it is not there").to_string();
    assert!(error.starts_with("absent.gguf: "), "{error}");
    Ok(())
}

//! Encoders from GGUF files give what the folders they are made of give. `fixtures/gguf_encoders` holds files that llama.cpp's
//! converter wrote of other fixtures, in 32 bits or in blocks of 8, beside which the tests write files of their own.
#![allow(clippy::unwrap_used, reason = "tests")]

mod model_files;
mod support;

use std::path::{Path, PathBuf};

use engine::config::{
    EncoderConfig, EncoderHead, LabelState, ModelConfig, PositionRule, Positions, RopeConfig, RopeScaling,
};
use engine::{Checkpoint, PoolingKind, TokenizerSource};
use model_files::gguf_file::{GgufFile, Value};
use model_files::gguf_of_encoder::file;
use support::reference::{self, unpadded};
use support::{Runner, fixture, json, load, max_abs_diff, whole};

const TOLERANCE: f32 = 1e-4;

fn converted(name: &str) -> PathBuf {
    fixture("gguf_encoders").join(format!("{name}.gguf"))
}

fn config(checkpoint: &Checkpoint) -> EncoderConfig {
    let ModelConfig::Encoder(config) = checkpoint.model() else { panic!("an encoder") };
    config.clone()
}

fn folder_config(name: &str) -> EncoderConfig {
    config(&Checkpoint::open(&fixture(name)).unwrap())
}

/// Asserts that a model gives the numbers of a fixture's reference run, pairs included where its head tells labels.
fn check(model: &Path, name: &str, array: &str) {
    let arrays = reference::arrays(&fixture(name));
    let mut runner = Runner::new(load(model, whole()).unwrap(), whole());
    let of_labels = array == "logits";
    let reference = json(&fixture(name).join("reference.json"));
    for case in reference["cases"].as_array().unwrap().iter().filter(|case| of_labels || case["tag"] != "pair") {
        let texts = unpadded(case);
        let seqs: Vec<_> = texts.iter().map(|text| runner.submit_pair(&text.tokens, text.second)).collect();
        let answers = runner.finish();
        let of_one = |vector: &[f32]| {
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.iter().map(|value| if of_labels { *value } else { value / length }).collect::<Vec<_>>()
        };
        let got: Vec<f32> = seqs.iter().flat_map(|seq| of_one(&answers[seq].vector)).collect();
        let want: Vec<f32> = arrays[case[array].as_str().unwrap()].flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(got.len(), want.len());
        let difference = max_abs_diff(&got, &want);
        assert!(difference < TOLERANCE, "{name}, {array}, {}: {difference}", case["tag"]);
    }
}

#[test]
fn files_of_the_converter_give_the_reference_numbers() {
    check(&converted("nomic_bert"), "nomic_bert", "mean_pooled_normalised");
    check(&converted("modernbert-seqcls"), "modernbert-seqcls", "logits");
    check(&converted("xlm_roberta-seqcls"), "xlm_roberta-seqcls", "logits");
    check(&fixture("xlm_roberta-seqcls"), "xlm_roberta-seqcls", "logits");
}

#[test]
fn every_family_gives_the_reference_numbers() {
    for name in ["bert", "roberta", "distilbert"] {
        for (kind, array) in [(1, "mean_pooled_normalised"), (2, "cls_normalised")] {
            let (_scratch, path) = file(name).with("bert.pooling_type", Value::U32(kind)).written();
            check(&path, name, array);
        }
    }
    for name in ["roberta-seqcls", "distilbert-seqcls"] {
        let (_scratch, path) = file(name).written();
        check(&path, name, "logits");
    }
}

#[test]
fn files_and_folders_are_configured_alike() {
    let of_file = |name| config(&Checkpoint::open(&converted(name)).unwrap());
    assert_eq!(of_file("modernbert-seqcls"), folder_config("modernbert-seqcls"));
    assert_eq!(of_file("distilbert-seqcls-q8_0"), folder_config("distilbert-seqcls"));
    assert_eq!(config(&file("bert").opened().unwrap()), folder_config("bert"));
    assert_eq!(config(&file("distilbert").opened().unwrap()), folder_config("distilbert"));
    // the converter guesses how long Nomic's texts may be
    let mut nomic = folder_config("nomic_bert");
    nomic.max_tokens = 2048;
    let Positions::Rotary(rule) = &mut nomic.positions else { panic!("Nomic's queries turn") };
    rule.max_tokens = 2048;
    assert_eq!(of_file("nomic_bert"), nomic);
    // rows that RoBERTa skips are not in the file, and nothing says that it is none of BERT
    for (file, folder) in [("roberta-q8_0", "roberta"), ("xlm_roberta-seqcls", "xlm_roberta-seqcls")] {
        let mut want = folder_config(folder);
        want.architecture = "bert";
        want.positions = Positions::Table(PositionRule { rows: want.max_tokens, pad: None });
        assert_eq!(of_file(file), want);
    }
}

#[test]
fn vectors_are_what_the_metadata_says() {
    let kind = |number| {
        let file = file("bert").with("bert.pooling_type", Value::U32(number));
        file.opened().unwrap().pooling().kind.clone()
    };
    assert_eq!([1, 2, 3].map(kind), [PoolingKind::Mean, PoolingKind::First, PoolingKind::Last]);
    assert_eq!(kind(0), PoolingKind::Mean, "as folders that say nothing");
    let silent = file("bert").opened().unwrap();
    assert_eq!((&silent.pooling().kind, silent.pooling().normalize), (&PoolingKind::Mean, true));
}

/// A file of the converter with another value for a key, or without it.
/// Files of their time say less than those of the converter of today.
#[test]
fn what_stands_around_texts_is_known_of_older_files() {
    let vocabulary = |file: GgufFile| match file.opened().unwrap().tokenizer().unwrap() {
        TokenizerSource::Gguf(vocabulary) => vocabulary,
        TokenizerSource::Json { .. } => panic!("it is a GGUF file"),
    };
    let of = |name: &str| GgufFile::of_bytes(&std::fs::read(converted(name)).unwrap());
    let first = vocabulary(of("nomic_bert")).bos_id.unwrap();
    let older = of("nomic_bert").without("tokenizer.ggml.bos_token_id");
    let older = older.with("tokenizer.ggml.cls_token_id", Value::U32(first));
    assert_eq!(vocabulary(older).bos_id, Some(first));
    assert!(vocabulary(of("xlm_roberta-seqcls").without("tokenizer.ggml.add_sep_token")).add_separator);
}

fn modern(key: &str, value: Option<Value>) -> Result<EncoderConfig, String> {
    let mut file = GgufFile::of_bytes(&std::fs::read(converted("modernbert-seqcls")).unwrap());
    file = file.without(&format!("modern-bert.{key}"));
    if let Some(value) = value {
        file = file.with(&format!("modern-bert.{key}"), value);
    }
    file.opened().map(|checkpoint| config(&checkpoint))
}

#[test]
fn modern_files_say_more_than_others() {
    const STATE: &str = "classifier.pooling_type";
    let state = |value| modern(STATE, value).unwrap().label_state;
    assert_eq!(state(None), LabelState::Mean);
    assert_eq!([1, 2].map(|kind| state(Some(Value::U32(kind)))), [LabelState::Mean, LabelState::First]);
    let windows = |key, value| modern(key, value).unwrap().windows;
    assert_eq!(windows("attention.sliding_window", None), [None; 3]);
    assert_eq!(windows("attention.sliding_window", Some(Value::U32(6))), [None, Some(4), Some(4)]);
    assert_eq!(windows("attention.sliding_window_pattern", Some(Value::U32(2))), [None, Some(5), None]);
    assert_eq!(windows("attention.sliding_window_pattern", Some(Value::U32(0))), [Some(5); 3]);
    let listed = Value::Bools(vec![true, false, true]);
    assert_eq!(windows("attention.sliding_window_pattern", Some(listed)), [Some(5), None, Some(5)]);
    let Positions::Rotary(rule) = modern("rope.freq_base_swa", Some(Value::F32(5.0))).unwrap().positions else {
        panic!("queries turn")
    };
    assert_eq!(rule.local, Some(RopeConfig { theta: 5.0, scaling: RopeScaling::None }));
    assert_ne!(
        modern("hidden_activation", Some(Value::Text(b"silu".to_vec()))).unwrap().activation,
        modern("hidden_activation", None).unwrap().activation
    );
    let EncoderHead::Labels(labels) = modern("classifier.output_labels", None).unwrap().head else { panic!("labels") };
    assert_eq!(labels.names, ["LABEL_0", "LABEL_1", "LABEL_2"]);
    for (key, value, end) in [
        ("hidden_activation", Value::Text(b"relu".to_vec()), "supported: gelu, gelu_new, silu"),
        ("rope.scaling.type", Value::Text(b"yarn".to_vec()), "\"yarn\" is not supported, only none"),
        ("rope.dimension_count", Value::U32(4), "4 is not supported, only 8"),
        (STATE, Value::U32(3), "3 is not supported; supported: 1, 2"),
        ("classifier.output_labels", Value::texts(&["one"]), "1 labels, 'cls.output.weight' has 3 rows"),
    ] {
        let error = modern(key, Some(value)).unwrap_err();
        assert!(error.contains(&format!("'modern-bert.{key}'")) && error.ends_with(end), "{error}");
    }
}

#[test]
fn what_would_change_the_numbers_is_refused() {
    let without = |name: &str, tensor: &str| {
        let mut file = file(name);
        file.tensors.retain(|other| other.name != tensor);
        file
    };
    let with = |key: &str, value| file("bert").with(key, value);
    for (file, end) in [
        (with("bert.attention.causal", Value::Bool(1)), "'bert.attention.causal': true is not supported, only false"),
        (
            with("bert.attention.head_count_kv", Value::U32(2)),
            "'bert.attention.head_count_kv': 2 is not supported, only 4",
        ),
        (
            with("bert.attention.key_length", Value::U32(32)),
            "'bert.attention.key_length': 32 is not supported, only 16",
        ),
        (with("bert.attention.head_count", Value::U32(6)), "'bert.embedding_length': 64 is no multiple of the 6 heads"),
        (with("bert.rope.freq_base", Value::F32(1.0)), "is not known, and what it changes cannot be guessed"),
        (with("bert.pooling_type", Value::U32(4)), "'bert.pooling_type': 4, rank, needs tensor 'cls.output.weight'"),
        (
            with("tokenizer.ggml.token_type_count", Value::U32(1)),
            "'tokenizer.ggml.token_type_count': 1 kinds, 'token_types.weight' has 2 rows",
        ),
        (
            with("bert.context_length", Value::U32(64)),
            "'position_embd.weight': shape [128, 64] is not [64, 64], outermost dimension first",
        ),
        (
            file("bert").with_tensor("blk.0.attn_q_norm.weight", &[64]),
            "'blk.0.attn_q_norm.weight': is not supported, and the numbers would differ without it",
        ),
        (file("bert").with_tensor("cls.weight", &[64, 2]), "a head of one matrix is not supported"),
        (file("bert-seqcls"), "converters leave out BERT's pooler, so its scores are lost"),
        (without("roberta-seqcls", "cls.weight"), "converters leave out BERT's pooler, so its scores are lost"),
        (without("bert", "blk.1.attn_output_norm.bias"), "'blk.1.attn_output_norm.bias': is missing"),
        (with("general.architecture", Value::Text(b"jina-bert-v2".to_vec())), "bert, modern-bert, nomic-bert"),
    ] {
        let error = file.opened().unwrap_err();
        assert!(error.starts_with("model.gguf: ") && error.ends_with(end), "{error}");
    }
}

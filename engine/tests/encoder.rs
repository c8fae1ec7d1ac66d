//! Vectors of encoders: transformers' numbers, and the same bits whatever else is in the step.
#![allow(clippy::unwrap_used, reason = "tests")]

mod model_files;
mod support;

use candle_core::Device;
use engine::config::{EncoderHead, ModelConfig};
use engine::{Checkpoint, Isa, PoolingKind};
use model_files::encoder_folder::{folder, with_field};
use proptest::prelude::*;
use scheduler::Token;
use serde_json::Value;
use std::path::Path;
use support::reference::{self, unpadded};
use support::{Answer, ENCODERS, Runner, Setup, fixture, json, load, max_abs_diff, whole};

fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter().map(|value| value / length).collect()
}

fn check_vectors(model: &Path, name: &str, vectors: &str) {
    let arrays = reference::arrays(&fixture(name));
    let mut runner = Runner::new(load(model, whole()).unwrap(), whole());
    let reference = json(&fixture(name).join("reference.json"));
    for case in reference["cases"].as_array().unwrap().iter().filter(|case| case["tag"] != "pair") {
        let texts = unpadded(case);
        let seqs: Vec<_> = texts.iter().map(|text| runner.submit_pooled(&text.tokens, 0)).collect();
        let answers = runner.finish();
        let got: Vec<f32> = seqs.iter().flat_map(|seq| unit(&answers[seq].vector)).collect();
        let want: Vec<f32> = arrays[case[vectors].as_str().unwrap()].flatten_all().unwrap().to_vec1().unwrap();
        let difference = max_abs_diff(&got, &want);
        assert!(difference < 1e-4, "{name}, {vectors}, {}: {difference}", case["tag"]);
    }
}

#[test]
fn vectors_are_means_where_the_folder_does_not_say_and_else_what_it_says() {
    let modules = br#"[
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
    ]"#;
    let first: (&str, &[u8]) = ("1_Pooling/config.json", br#"{"pooling_mode_cls_token": true}"#);
    for name in ENCODERS {
        check_vectors(&fixture(name), name, "mean_pooled_normalised");
        if name == "xlnet" {
            // its padding is on the left: the reference's first tokens are padding
            continue;
        }
        let scratch = folder(name, &[("modules.json", modules), first]);
        assert_eq!(Checkpoint::open(scratch.path()).unwrap().pooling().kind, PoolingKind::First);
        check_vectors(scratch.path(), name, "cls_normalised");
    }
}

/// Files of old versions call the terms of norms gamma and beta, and those with a head put `bert.` before all names.
#[test]
fn old_and_prefixed_names_are_found() {
    let weights = candle_core::safetensors::load(fixture("bert").join("model.safetensors"), &Device::Cpu).unwrap();
    let old = |name: &str| {
        format!("bert.{name}")
            .replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta")
    };
    let renamed: std::collections::HashMap<_, _> =
        weights.iter().map(|(name, tensor)| (old(name), tensor.clone())).collect();
    let scratch = folder("bert", &[]);
    candle_core::safetensors::save(&renamed, scratch.path().join("model.safetensors")).unwrap();
    check_vectors(scratch.path(), "bert", "mean_pooled_normalised");
}

fn setup() -> impl Strategy<Value = Setup> {
    let isas: Vec<Isa> = Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect();
    let isa = prop::sample::select(isas);
    (1..4usize, isa, 1..9usize, 40..200usize).prop_map(|(threads, isa, max_num_seqs, max_num_batched_tokens)| Setup {
        threads,
        isa,
        max_num_seqs,
        max_num_batched_tokens,
        ..whole()
    })
}

fn serve(name: &str, setup: Setup, texts: &[Vec<Token>]) -> Vec<Answer> {
    let mut runner = Runner::new(load(&fixture(name), setup).unwrap(), setup);
    let seqs: Vec<_> = texts.iter().map(|text| runner.submit_pooled(text, 0)).collect();
    let mut answers = runner.finish();
    seqs.iter().map(|seq| answers.remove(seq).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Neighbours, threads and instruction sets.
    #[test]
    fn every_batch_gives_the_bits_of_each_text_alone(
        name in prop::sample::select(ENCODERS.to_vec()),
        setup in setup(),
        texts in prop::collection::vec(prop::collection::vec(0..429 as Token, 1..41), 1..12),
    ) {
        let vocabulary = Checkpoint::open(&fixture(name)).unwrap().model().vocab_size() as Token;
        let known = |text: &Vec<Token>| text.iter().map(|token| token % vocabulary).collect();
        let texts: Vec<Vec<Token>> = texts.iter().map(known).collect();
        let plain = Setup { threads: 1, isa: Isa::Scalar, ..whole() };
        for (got, text) in serve(name, setup, &texts).iter().zip(&texts) {
            let alone = serve(name, plain, std::slice::from_ref(text)).remove(0);
            prop_assert!(!got.vector.is_empty());
            got.assert_same(&alone, "together");
        }
    }
}

/// The vector of a text of thirty tokens, by a model that has a field of its configuration set.
fn vector_with(name: &str, field: &str, value: Value) -> Vec<f32> {
    let text: Vec<Token> = (20..50).collect();
    let scratch = folder(name, &[("config.json", &with_field(name, field, value))]);
    let mut runner = Runner::new(load(scratch.path(), whole()).unwrap(), whole());
    let seq = runner.submit_pooled(&text, 0);
    runner.finish().remove(&seq).unwrap().vector
}

/// A clamp that no distance of a text reaches changes nothing; a lower one does.
#[test]
fn distances_beyond_a_clamp_are_one() {
    let vector = |clamp: i64| vector_with("xlnet", "clamp_len", clamp.into());
    let free = vector(-1);
    assert_eq!(vector(29), free);
    assert_ne!(vector(28), free);
}

/// So with a window, half of which lies on each side.
#[test]
fn a_window_as_wide_as_a_text_hides_nothing() {
    let vector = |window: u64| vector_with("modernbert", "local_attention", window.into());
    let free = vector_with("modernbert", "local_attention", Value::from(200));
    assert_eq!(vector(58), free);
    assert_eq!(vector(59), free, "the odd one is nobody's");
    assert_ne!(vector(57), free);
}

/// Old files write no base of their own for layers with a window as `null`.
#[test]
fn a_base_that_is_null_is_that_of_all_layers() {
    let vector = |value| vector_with("modernbert", "local_rope_theta", value);
    let same = vector(Value::from(160_000.0));
    assert_eq!(vector(Value::Null), same);
    assert_ne!(vector(Value::from(10_000.0)), same);
}

/// Scores of the labels of texts and pairs of texts.
fn check_labels(name: &str, wanted: &[&str]) {
    let folder = fixture(name);
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let ModelConfig::Encoder(config) = checkpoint.model() else { panic!("{name} is an encoder") };
    let EncoderHead::Labels(labels) = &config.head else { panic!("{name} has labels") };
    assert_eq!(labels.names, wanted);
    let arrays = reference::arrays(&folder);
    let mut runner = Runner::new(load(&folder, whole()).unwrap(), whole());
    for case in json(&folder.join("reference.json"))["cases"].as_array().unwrap() {
        let texts = unpadded(case);
        let seqs: Vec<_> = texts.iter().map(|text| runner.submit_pair(&text.tokens, text.second)).collect();
        let answers = runner.finish();
        let got: Vec<f32> = seqs.iter().flat_map(|seq| answers[seq].vector.clone()).collect();
        let want: Vec<f32> = arrays[case["logits"].as_str().unwrap()].flatten_all().unwrap().to_vec1().unwrap();
        let difference = max_abs_diff(&got, &want);
        assert!(difference < 1e-4, "{name}, {}: {difference}", case["tag"]);
    }
}

#[test]
fn labels_have_the_reference_scores() {
    let names = ["NEGATIVE", "NEUTRAL", "POSITIVE"];
    check_labels("bert-seqcls", &names);
    check_labels("roberta-seqcls", &names);
    check_labels("distilbert-seqcls", &names);
    check_labels("xlnet-seqcls", &names);
    check_labels("modernbert-seqcls", &names);
    check_labels("mpnet-seqcls", &names);
    check_labels("deberta-v2-seqcls", &names);
    check_labels("nomic_bert-seqcls", &names);
    check_labels("bert-xenc", &["LABEL_0"]);
}

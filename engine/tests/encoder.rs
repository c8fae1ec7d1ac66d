//! Vectors of encoders: transformers' numbers, and the same bits whatever else is in the step.
#![allow(clippy::unwrap_used, reason = "tests")]

mod model_files;
mod support;

use candle_core::Device;
use engine::config::{EncoderHead, LabelScores, ModelConfig};
use engine::{Checkpoint, Isa, PoolingKind};
use model_files::Scratch;
use proptest::prelude::*;
use scheduler::{Passes, Token};
use serde_json::Value;
use std::path::Path;
use support::reference::{self, unpadded};
use support::{Answer, Runner, Setup, fixture, json, load, max_abs_diff};

const FOLDERS: [&str; 4] = ["bert", "roberta", "distilbert", "xlnet"];

/// For a model that computes sequences whole.
fn whole() -> Setup {
    Setup { passes: Passes::Whole, num_blocks: 0, ..Setup::default() }
}

/// A copy of a fixture with these files in place of its own.
fn folder(name: &str, files: &[(&str, &[u8])]) -> Scratch {
    let test = std::thread::current().name().unwrap().replace(':', "-");
    let scratch = Scratch::new(&format!("{name}-{test}")).unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), scratch.path().join(entry.file_name())).unwrap();
    }
    for (file, bytes) in files {
        if let Some((inside, _)) = file.rsplit_once('/') {
            std::fs::create_dir_all(scratch.path().join(inside)).unwrap();
        }
        scratch.write(file, bytes).unwrap();
    }
    scratch
}

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
    for name in FOLDERS {
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

#[test]
fn both_spellings_are_one_model() {
    for name in FOLDERS {
        let respelled = std::fs::read(fixture(name).join("config.v5.json")).unwrap();
        let respelled = folder(name, &[("config.json", &respelled)]);
        let [one, other] = [fixture(name).as_path(), respelled.path()].map(|path| Checkpoint::open(path).unwrap());
        assert_eq!(one.model(), other.model());
        assert_eq!(one.model().architecture(), name);
    }
}

/// The fixture's configuration with one field set.
fn with_field(name: &str, field: &str, value: Value) -> Vec<u8> {
    let mut config = json(&fixture(name).join("config.json"));
    config[field] = value;
    serde_json::to_vec(&config).unwrap()
}

#[test]
fn what_could_change_numbers_is_refused_by_name() {
    let cases = [
        ("bert", "surprise", Value::from(1), "'surprise': is not known"),
        ("bert", "is_decoder", Value::from(true), "true is not supported, only false"),
        ("bert", "position_embedding_type", Value::from("relative_key"), "only \"absolute\""),
        ("bert", "hidden_act", Value::from("relu"), "\"relu\" is not supported; supported: gelu,"),
        ("bert", "architectures", serde_json::json!(["BertLMHeadModel"]), "supported: BertModel,"),
        ("bert", "num_attention_heads", Value::from(5), "64 is no multiple of the 5 heads"),
        ("bert", "max_position_embeddings", Value::from(129), "shape [128, 64] is not [129, 64]"),
        ("bert", "layer_norm_eps", Value::from(0), "is not above 0"),
        ("roberta", "max_position_embeddings", Value::from(2), "leave none behind that of the pad token 1"),
        ("roberta", "pad_token_id", Value::from(512), "512 is not in 0..=511"),
        ("distilbert", "hidden_size", Value::from(64), "'hidden_size': is not known"),
        ("xlnet", "attn_type", Value::from("uni"), "only \"bi\""),
        ("xlnet", "bi_data", Value::from(true), "true is not supported, only false"),
        ("xlnet", "d_head", Value::from(32), "32 is not supported, only 16"),
        ("xlnet", "clamp_len", Value::from(1.5), "1.5 is not a whole number"),
        ("xlnet", "n_head", Value::from(8), "only 8"),
        ("xlnet", "type_vocab", Value::from(2), "'type_vocab': is not known"),
        ("xlnet", "architectures", serde_json::json!(["XLNetLMHeadModel"]), "supported: XLNetModel,"),
        ("xlnet-seqcls", "summary_type", Value::from("mean"), "only \"last\""),
        ("xlnet-seqcls", "summary_activation", Value::Null, "null is not supported, only \"tanh\""),
    ];
    for (name, field, value, reason) in cases {
        let scratch = folder(name, &[("config.json", &with_field(name, field, value))]);
        let error = Checkpoint::open(scratch.path()).unwrap_err().to_string();
        assert!(error.contains(reason) && !error.contains('\n'), "{field}: {error}");
    }
    let vectors: (&str, &[u8]) = ("1_Pooling/config.json", br#"{"pooling_mode_weightedmean_tokens": true}"#);
    let modules: (&str, &[u8]) = ("modules.json", br#"[{"path": "1_Pooling", "type": "models.Pooling"}]"#);
    let scratch = folder("bert", &[modules, vectors]);
    let error = load(scratch.path(), whole()).unwrap_err().to_string();
    assert!(error.contains("Pooling of weightedmean_tokens, which is not supported"), "{error}");
}

#[test]
fn the_longest_text_is_what_the_folder_says() {
    let longest = |name: &str, files: &[(&str, &[u8])]| {
        let scratch = folder(name, files);
        Checkpoint::open(scratch.path()).map(|checkpoint| checkpoint.model().max_positions())
    };
    assert_eq!(longest("bert", &[]).unwrap(), 128);
    assert_eq!(longest("xlnet", &[]).unwrap(), 4096, "distances have no end");
    assert_eq!(longest("roberta", &[]).unwrap(), 128, "two of 130 rows are the pad token's and that before it");
    let file = "sentence_bert_config.json";
    assert_eq!(longest("bert", &[(file, br#"{"max_seq_length": 40, "do_lower_case": false}"#)]).unwrap(), 40);
    assert_eq!(longest("bert", &[(file, br#"{"max_seq_length": 500}"#)]).unwrap(), 128);
    assert!(longest("bert", &[(file, br#"{"do_lower_case": true}"#)]).is_err());
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
        name in prop::sample::select(FOLDERS.to_vec()),
        setup in setup(),
        texts in prop::collection::vec(prop::collection::vec(0..429 as Token, 1..41), 1..12),
    ) {
        let plain = Setup { threads: 1, isa: Isa::Scalar, ..whole() };
        for (got, text) in serve(name, setup, &texts).iter().zip(&texts) {
            let alone = serve(name, plain, std::slice::from_ref(text)).remove(0);
            prop_assert!(!got.vector.is_empty());
            got.assert_same(&alone, "together");
        }
    }
}

/// A clamp that no distance of a text reaches changes nothing; a lower one does.
#[test]
fn distances_beyond_a_clamp_are_one() {
    let text: Vec<Token> = (20..50).collect();
    let vector = |clamp: i64| {
        let scratch = folder("xlnet", &[("config.json", &with_field("xlnet", "clamp_len", clamp.into()))]);
        let mut runner = Runner::new(load(scratch.path(), whole()).unwrap(), whole());
        let seq = runner.submit_pooled(&text, 0);
        runner.finish().remove(&seq).unwrap().vector
    };
    let free = vector(-1);
    assert_eq!(vector(29), free);
    assert_ne!(vector(28), free);
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
    check_labels("bert-xenc", &["LABEL_0"]);
}

#[test]
fn files_say_how_scores_are_read() {
    let read = |name: &str, field: &str, value: Value| {
        let scratch = folder(name, &[("config.json", &with_field(name, field, value))]);
        let checkpoint = Checkpoint::open(scratch.path()).map_err(|error| error.to_string())?;
        let ModelConfig::Encoder(config) = checkpoint.model() else { panic!("{name} is an encoder") };
        let EncoderHead::Labels(labels) = &config.head else { panic!("{name} has labels") };
        Ok::<_, String>(labels.scores)
    };
    let old = "sbert_ce_default_activation_function";
    assert_eq!(read("bert-seqcls", "problem_type", Value::Null), Ok(LabelScores::One));
    assert_eq!(read("bert-xenc", "problem_type", Value::Null), Ok(LabelScores::Any));
    assert_eq!(read("bert-seqcls", "problem_type", "multi_label_classification".into()), Ok(LabelScores::Any));
    assert_eq!(read("bert-seqcls", "problem_type", "regression".into()), Ok(LabelScores::Raw));
    assert_eq!(read("bert-xenc", old, "torch.nn.modules.linear.Identity".into()), Ok(LabelScores::Raw));
    let new = serde_json::json!({"activation_fn": "torch.nn.modules.activation.Sigmoid", "version": "4.0.1"});
    assert_eq!(read("bert-xenc", "sentence_transformers", new), Ok(LabelScores::Any));
    assert!(read("bert-xenc", old, "torch.nn.Tanh".into()).unwrap_err().contains("\"torch.nn.Tanh\" is not supported"));
    let gap = serde_json::json!({"0": "A", "2": "B"});
    assert!(read("bert-seqcls", "id2label", gap).unwrap_err().contains("has 2 labels, but no text for id 1"));
    let fewer = serde_json::json!({"0": "A"});
    assert!(read("bert-seqcls", "id2label", fewer).unwrap_err().contains("classifier."));
}

#[test]
fn an_encoder_is_told_from_a_decoder() {
    let model = |name: &str| Checkpoint::open(&fixture(name)).unwrap();
    assert!(matches!(model("bert").model(), ModelConfig::Encoder(_)));
    assert!(matches!(model("llama2").model(), ModelConfig::Decoder(_)));
}

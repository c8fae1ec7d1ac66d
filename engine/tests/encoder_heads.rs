//! What an encoder tells of each token: its state, labels, where answers begin and end, words; transformers' numbers, and the
//! same bits whatever else is in the step.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use candle_core::Tensor;
use engine::config::{EncoderHead, ModelConfig};
use engine::{Checkpoint, Isa, MAX_ASKED};
use scheduler::{Passes, SeqId, Token};
use serde_json::Value;
use support::reference::{self, Unpadded, unpadded};
use support::{Runner, Setup, fixture, json, load, max_abs_diff};

const TOLERANCE: f32 = 1e-4;

/// A text of a reference run, and the scores `[tokens, numbers]` that it has there.
struct Row {
    tokens: Vec<Token>,
    second: Option<usize>,
    scores: Vec<f32>,
}

/// All texts of a fixture without their padding; arrays of one number for each token stand side by side.
fn rows(name: &str, arrays: &[&str]) -> Vec<Row> {
    let stored = reference::arrays(&fixture(name));
    let mut rows = Vec::new();
    for case in json(&fixture(name).join("reference.json"))["cases"].as_array().unwrap() {
        for (row, Unpadded { tokens, second, kept }) in unpadded(case).into_iter().enumerate() {
            let of_array = |array: &&str| -> Tensor {
                let padded = stored[case[*array].as_str().unwrap()].get(row).unwrap();
                padded.narrow(0, kept.start, kept.len()).unwrap().reshape((kept.len(), ())).unwrap()
            };
            let scores = Tensor::cat(&arrays.iter().map(of_array).collect::<Vec<_>>(), 1).unwrap();
            rows.push(Row { tokens, second, scores: scores.flatten_all().unwrap().to_vec1().unwrap() });
        }
    }
    rows
}

fn setup(threads: usize, isa: Isa, max_num_seqs: usize) -> Setup {
    Setup { passes: Passes::Whole, num_blocks: 0, threads, isa, max_num_seqs, ..Setup::default() }
}

/// What a model gives for each row, all at once and each alone: the same.
fn vectors(name: &str, rows: &[Row], submit: impl Fn(&mut Runner, &Row) -> SeqId) -> Vec<Vec<f32>> {
    let (together, alone) = (setup(2, Isa::detect(), 8), setup(1, Isa::Scalar, 1));
    let mut runner = Runner::new(load(&fixture(name), together).unwrap(), together);
    let seqs: Vec<_> = rows.iter().map(|row| submit(&mut runner, row)).collect();
    let mut answers = runner.finish();
    let mut runner = Runner::new(load(&fixture(name), alone).unwrap(), alone);
    let vectors = rows.iter().zip(seqs).map(|(row, seq)| {
        let seq_alone = submit(&mut runner, row);
        let answer = answers.remove(&seq).unwrap();
        answer.assert_same(&runner.finish()[&seq_alone], name);
        answer.vector
    });
    vectors.collect()
}

fn assert_near(got: &[f32], want: &[f32], name: &str) {
    assert_eq!(got.len(), want.len(), "{name}");
    let difference = max_abs_diff(got, want);
    assert!(difference < TOLERANCE, "{name}: {difference}");
}

/// Beside texts in the same steps of which vectors are wanted, and whose vectors are their means.
#[test]
fn each_token_has_its_reference_state() {
    let setup = setup(2, Isa::detect(), 8);
    for name in ["bert", "roberta", "distilbert", "xlnet"] {
        let arrays = reference::arrays(&fixture(name));
        let mut runner = Runner::new(load(&fixture(name), setup).unwrap(), setup);
        for case in json(&fixture(name).join("reference.json"))["cases"].as_array().unwrap() {
            if case["tag"] == "pair" {
                continue;
            }
            let texts = unpadded(case);
            let submit =
                |text: &Unpadded| (runner.submit_pooled(&text.tokens, 0), runner.submit_each_token(&text.tokens));
            let seqs: Vec<_> = texts.iter().map(submit).collect();
            let answers = runner.finish();
            let wanted = &arrays[case["last_hidden_state"].as_str().unwrap()];
            for (row, (text, (one, each))) in texts.iter().zip(seqs).enumerate() {
                let (vector, states) = (&answers[&one].vector, &answers[&each].vector);
                let wanted = wanted.get(row).unwrap().narrow(0, text.kept.start, text.kept.len()).unwrap();
                assert_near(states, &wanted.flatten_all().unwrap().to_vec1::<f32>().unwrap(), name);
                let mut sums = states[..vector.len()].to_vec();
                for state in states[vector.len()..].chunks_exact(vector.len()) {
                    sums.iter_mut().zip(state).for_each(|(sum, value)| *sum += value);
                }
                let mean: Vec<f32> = sums.iter().map(|sum| sum / text.tokens.len() as f32).collect();
                assert_eq!(&mean, vector, "{name}, {}", case["tag"]);
            }
        }
    }
}

#[test]
fn each_token_has_the_reference_scores_of_labels() {
    for name in [
        "bert-tokcls",
        "roberta-tokcls",
        "distilbert-tokcls",
        "xlnet-tokcls",
        "modernbert-tokcls",
        "mpnet-tokcls",
        "deberta-v2-tokcls",
        "nomic_bert-tokcls",
    ] {
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        let ModelConfig::Encoder(config) = checkpoint.model() else { panic!("{name} is an encoder") };
        let labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"].map(str::to_owned).to_vec();
        assert_eq!(config.head, EncoderHead::TokenLabels(labels));
        let rows = rows(name, &["logits"]);
        for (vector, row) in vectors(name, &rows, |runner, row| runner.submit_pair(&row.tokens, None)).iter().zip(&rows)
        {
            assert_near(vector, &row.scores, name);
        }
    }
}

#[test]
fn each_token_has_the_reference_scores_of_beginning_and_end() {
    for name in ["bert-qa", "roberta-qa", "distilbert-qa", "xlnet-qa", "modernbert-qa", "mpnet-qa", "deberta-v2-qa"] {
        let rows = rows(name, &["start_logits", "end_logits"]);
        let submit = |runner: &mut Runner, row: &Row| runner.submit_pair(&row.tokens, row.second);
        for (vector, row) in vectors(name, &rows, submit).iter().zip(&rows) {
            assert_near(vector, &row.scores, name);
        }
    }
}

#[test]
fn words_are_told_at_the_places_asked_for() {
    for name in ["bert-mlm", "modernbert-mlm", "mpnet-mlm", "deberta-v2-mlm", "nomic_bert-mlm"] {
        let rows = rows(name, &["logits"]);
        let places =
            |row: &Row| -> Vec<usize> { (0..row.tokens.len()).step_by(row.tokens.len().div_ceil(MAX_ASKED)).collect() };
        let submit = |runner: &mut Runner, row: &Row| runner.submit_masked(&row.tokens, &places(row));
        for (vector, row) in vectors(name, &rows, submit).iter().zip(&rows) {
            let vocabulary = row.scores.len() / row.tokens.len();
            let wanted = places(row).into_iter().flat_map(|place| &row.scores[place * vocabulary..][..vocabulary]);
            assert_near(vector, &wanted.copied().collect::<Vec<_>>(), name);
        }
        let nothing = vectors(name, &rows, |runner, row| runner.submit_masked(&row.tokens, &[]));
        assert!(nothing.iter().all(Vec::is_empty), "whom nobody asks tells nothing");
    }
}

#[test]
fn words_are_told_by_the_vectors_of_words_only() {
    let mut config = json(&fixture("bert-mlm").join("config.json"));
    config["tie_word_embeddings"] = Value::from(false);
    let scratch = std::env::temp_dir().join(format!("untied-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    for file in ["model.safetensors", "tokenizer.json"] {
        std::fs::copy(fixture("bert-mlm").join(file), scratch.join(file)).unwrap();
    }
    std::fs::write(scratch.join("config.json"), config.to_string()).unwrap();
    let error = Checkpoint::open(&scratch).unwrap_err().to_string();
    std::fs::remove_dir_all(&scratch).unwrap();
    assert!(error.contains("'tie_word_embeddings': false is not supported, only true"), "{error}");
}

#[test]
fn each_of_several_heads_has_the_reference_scores() {
    let name = "mt_dnn";
    let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
    let ModelConfig::Encoder(config) = checkpoint.model() else { panic!("{name} is an encoder") };
    let EncoderHead::Tasks(tasks) = &config.head else { panic!("{name} has several heads") };
    let told: Vec<_> = tasks.iter().map(|task| (task.name.as_str(), task.labels.names.len(), task.is_pair)).collect();
    assert_eq!(told, [("mnli", 3, true), ("sst2", 2, false), ("stsb", 1, true)]);
    for case in json(&fixture(name).join("reference.json"))["cases"].as_array().unwrap() {
        let place = tasks.iter().position(|task| case["task"] == task.name.as_str()).unwrap();
        let first: usize = tasks[..place].iter().map(|task| task.labels.names.len()).sum();
        let scored = |(row, Unpadded { tokens, second, .. }): (usize, Unpadded)| {
            let scores = serde_json::from_value(case["logits"][row].clone()).unwrap();
            Row { tokens, second, scores }
        };
        let rows: Vec<Row> = unpadded(case).into_iter().enumerate().map(scored).collect();
        let submit = |runner: &mut Runner, row: &Row| runner.submit_pair(&row.tokens, row.second);
        for (vector, row) in vectors(name, &rows, submit).iter().zip(&rows) {
            assert_eq!(vector.len(), 6);
            assert_near(&vector[first..first + row.scores.len()], &row.scores, name);
        }
    }
}

//! The last states of every token against a reference run of transformers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use scheduler::{SeqId, StepPlan, Token, Work};
use serde_json::Value;

use super::*;
use crate::config::ModelConfig;
use crate::input::{Bounds, LogitRows, Room};
use crate::kernels::cpu::isa::Isa;
use crate::panels::Dtype;

const TOLERANCE: f32 = 1e-4;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn work(tokens: Vec<Token>) -> Work {
    Work { tokens, pooled: true, ..Work::empty(SeqId(0)) }
}

/// The states of all tokens, sequence by sequence.
fn states(encoder: &mut Encoder, cpu: &Cpu, works: Vec<Work>) -> Vec<f32> {
    let bounds = Bounds { vocab_size: usize::MAX, room: Room::Tokens(usize::MAX), positions: None };
    let plan = StepPlan { copies: Vec::new(), works };
    let input = ForwardInput::default().fill(&plan, LogitRows::Sampling, bounds).unwrap();
    encoder.encode(cpu, &input, &mut Pause::default());
    encoder.stream.clone()
}

/// The sequences of a case without their padding, and the states that transformers gave for them.
fn sequences(case: &Value, arrays: &HashMap<String, Tensor>) -> (Vec<Work>, Vec<f32>) {
    let states = &arrays[case["last_hidden_state"].as_str().unwrap()];
    let (mut works, mut want) = (Vec::new(), Vec::new());
    let rows = case["input_ids"].as_array().unwrap().iter().zip(case["attention_mask"].as_array().unwrap());
    for (row, (ids, mask)) in rows.enumerate() {
        let ids: Vec<Token> = serde_json::from_value(ids.clone()).unwrap();
        let mask = mask.as_array().unwrap();
        let length = mask.iter().filter(|mark| **mark == 1).count();
        // padding may be on either side
        let first = mask.iter().position(|mark| *mark == 1).unwrap();
        let types = case["token_type_ids"][row].as_array();
        let second = types.and_then(|types| types[first..].iter().position(|of_token| *of_token == 1));
        works.push(Work { second, ..work(ids[first..][..length].to_vec()) });
        let of_row = states.get(row).unwrap().narrow(0, first, length).unwrap();
        want.extend(of_row.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    }
    (works, want)
}

#[test]
fn every_token_has_the_reference_state() {
    for name in ["bert", "roberta", "distilbert", "xlnet", "modernbert", "mpnet", "deberta-v2", "nomic_bert"] {
        let folder = fixture(name);
        let checkpoint = Checkpoint::open(&folder).unwrap();
        let ModelConfig::Encoder(config) = checkpoint.model() else { panic!("{name} is an encoder") };
        let cpu = Cpu::new(Isa::detect(), 2).unwrap();
        let (dtype, longest_text) = (Dtype::Float32, config.max_tokens);
        let loader = WeightLoader { checkpoint: &checkpoint, cpu: &cpu, dtype, longest_text };
        let mut encoder = Encoder::load(&loader, config).unwrap();
        let arrays = candle_core::safetensors::load(folder.join("reference.safetensors"), &Device::Cpu).unwrap();
        let reference = std::fs::read(folder.join("reference.json")).unwrap();
        let reference: Value = serde_json::from_slice(&reference).unwrap();
        for case in reference["cases"].as_array().unwrap() {
            let (works, want) = sequences(case, &arrays);
            let got = states(&mut encoder, &cpu, works);
            assert_eq!(got.len(), want.len());
            let differences = got.iter().zip(&want).map(|(got, want)| (got - want).abs());
            let difference = differences.fold(0.0, f32::max);
            assert!(difference < TOLERANCE, "{name}, {}: {difference}", case["tag"]);
        }
    }
}

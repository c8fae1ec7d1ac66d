//! The stored reference runs of transformers: logits of prompts and greedy tokens after them, and padded batches of encoders.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use candle_core::{Device, Tensor};
use scheduler::Token;
use serde_json::Value;

use super::{Runner, Setup, fixture, greedy, ids, json, load, logits, max_abs_diff};

const TOLERANCE: f32 = 1e-4;

/// The arrays beside a fixture's reference.json.
pub(crate) fn arrays(folder: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(folder.join("reference.safetensors"), &Device::Cpu).unwrap()
}

/// A row of a padded batch without its padding, which may be on either side.
pub(crate) struct Unpadded {
    pub(crate) tokens: Vec<Token>,
    /// Where a second text begins, if it is a pair.
    pub(crate) second: Option<usize>,
    /// What of the row it is.
    pub(crate) kept: Range<usize>,
}

/// The rows of a case.
pub(crate) fn unpadded(case: &Value) -> Vec<Unpadded> {
    let rows = case["input_ids"].as_array().unwrap().iter().zip(case["attention_mask"].as_array().unwrap());
    let unpad = |(row, (padded, mask)): (usize, (&Value, &Value))| {
        let marks: Vec<bool> = mask.as_array().unwrap().iter().map(|mark| *mark == 1).collect();
        let first = marks.iter().position(|mark| *mark).unwrap();
        let kept = first..first + marks.iter().filter(|mark| **mark).count();
        let types = case["token_type_ids"][row].as_array().map(|types| &types[kept.clone()]);
        let second = types.and_then(|types| types.iter().position(|of_token| *of_token == 1));
        Unpadded { tokens: ids(padded)[kept.clone()].to_vec(), second, kept }
    };
    rows.enumerate().map(unpad).collect()
}

/// Asserts that a model gives the logits and the greedy tokens of all cases.
pub(crate) fn check_cases(model: &Path, cases: &Value, arrays: &HashMap<String, Tensor>) {
    check_cases_under(Setup::default(), model, cases, arrays);
}

/// The same under a setup.
pub(crate) fn check_cases_under(setup: Setup, model: &Path, cases: &Value, arrays: &HashMap<String, Tensor>) {
    let mut engine = load(model, setup).unwrap();
    for case in cases.as_array().unwrap() {
        let want = flat(&arrays[array_name(&case["logits"])]);
        let got = logits(&mut engine, &ids(&case["input_ids"]), 0, setup.block_size);
        let difference = max_abs_diff(&got, &want);
        assert!(difference < TOLERANCE, "{}: {} differs by {difference}", model.display(), case["prompt"]);
    }
    let mut runner = Runner::new(engine, setup);
    for case in cases.as_array().unwrap() {
        let want = ids(&case["greedy_ids"]);
        let got = runner.alone(&ids(&case["input_ids"]), greedy(want.len()), 0);
        assert_eq!(got.tokens, want, "{}: {}", model.display(), case["prompt"]);
    }
}

/// Asserts that a model gives what the folder of this fixture does.
pub(crate) fn check_fixture(folder: &str, model: &Path) {
    let folder = fixture(folder);
    check_cases(model, &json(&folder.join("reference.json"))["cases"], &arrays(&folder));
}

fn flat(array: &Tensor) -> Vec<f32> {
    array.flatten_all().unwrap().to_vec1().unwrap()
}

/// The name of a case's logits: in `array` of an object, or a plain string.
fn array_name(value: &Value) -> &str {
    value.as_str().or_else(|| value["array"].as_str()).unwrap()
}

//! A second opinion: candle-transformers' Llama on the same weights, where it is known to be right.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::llama::{Cache, Llama, LlamaConfig};
use support::{Setup, fixture, ids, json, load, logits, max_abs_diff};

#[test]
fn the_last_rows_logits_equal_candle_transformers() {
    let folder = fixture("llama2");
    let device = Device::Cpu;
    let config: LlamaConfig = serde_json::from_value(json(&folder.join("config.json"))).unwrap();
    let config = config.into_config(false);
    let weights = candle_core::safetensors::load(folder.join("model.safetensors"), &device).unwrap();
    let oracle = Llama::load(VarBuilder::from_tensors(weights, DType::F32, &device), &config).unwrap();
    let setup = Setup::default();
    let mut engine = load(&folder, setup).unwrap();
    for case in json(&folder.join("reference.json"))["cases"].as_array().unwrap() {
        let prompt = ids(&case["input_ids"]);
        let mut cache = Cache::new(true, DType::F32, &config, &device).unwrap();
        let input = Tensor::new(prompt.as_slice(), &device).unwrap().unsqueeze(0).unwrap();
        let want = oracle.forward(&input, 0, &mut cache).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let all = logits(&mut engine, &prompt, 0, setup.block_size);
        assert!(max_abs_diff(&all[all.len() - want.len()..], &want) < 1e-4);
    }
}

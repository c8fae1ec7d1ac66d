//! An encoder's fixture as the GGUF file that llama.cpp's converter makes of such a model, all of the architecture `bert`, and
//! files whose matrices are quantised. Written from the outside, it shares nothing with the code that reads it.
#![allow(clippy::unwrap_used, reason = "test support")]

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor as Numbers, safetensors};
use serde_json::Value as Json;

use super::changed_folder::fixture;
use super::gguf_file::{GgufFile, Tensor, Value};
use super::gguf_of_folder::{count, said, text};

/// A fixture's folder as a file.
pub(crate) fn file(folder: &str) -> GgufFile {
    let config: Json = serde_json::from_slice(&std::fs::read(fixture(folder).join("config.json")).unwrap()).unwrap();
    let stored = safetensors::load(fixture(folder).join("model.safetensors"), &Device::Cpu).unwrap();
    // RoBERTa's pad token takes the last of the rows that the converter cuts away
    let skipped = if folder.starts_with("roberta") { 1 + config["pad_token_id"].as_u64().unwrap() } else { 0 };
    let rows = config["max_position_embeddings"].as_u64().unwrap() - skipped;
    let mut file = GgufFile::empty().with("general.architecture", text("bert"));
    for (key, value) in metadata(&config, rows) {
        file = file.with(&format!("bert.{key}"), value);
    }
    let kinds = config["type_vocab_size"].as_u64().unwrap_or(1);
    file = file.with("tokenizer.ggml.token_type_count", Value::U32(kinds as u32));
    for (name, numbers) in &stored {
        let Some(name) = stored_name(name) else { continue };
        let kept = if name == "position_embd.weight" {
            numbers.narrow(0, skipped as usize, rows as usize).unwrap()
        } else {
            numbers.clone()
        };
        file.tensors.push(tensor(&name, &kept));
    }
    file.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    file
}

fn metadata(config: &Json, rows: u64) -> Vec<(&'static str, Value)> {
    let of = |fields: &[&str]| count(said(config, fields).unwrap());
    let mut keys = vec![
        ("block_count", of(&["num_hidden_layers", "n_layers"])),
        ("context_length", Value::U32(rows as u32)),
        ("embedding_length", of(&["hidden_size", "dim"])),
        ("feed_forward_length", of(&["intermediate_size", "hidden_dim"])),
        ("attention.head_count", of(&["num_attention_heads", "n_heads"])),
        ("attention.layer_norm_epsilon", Value::F32(config["layer_norm_eps"].as_f64().unwrap_or(1e-12) as f32)),
        ("attention.causal", Value::Bool(0)),
    ];
    if let Some(labels) = config["id2label"].as_object() {
        let name = |id: usize| labels[&id.to_string()].as_str().unwrap().to_owned();
        keys.push(("classifier.output_labels", Value::Texts((0..labels.len()).map(name).collect())));
    }
    keys
}

/// A tensor of 32-bit floats.
pub(crate) fn tensor(name: &str, numbers: &Numbers) -> Tensor {
    let shape = numbers.dims().iter().rev().map(|&dimension| dimension as u64).collect();
    Tensor::f32(name, shape, &numbers.flatten_all().unwrap().to_vec1().unwrap())
}

/// The same file with this tensor in blocks, by candle's code.
pub(crate) fn quantise(file: &mut GgufFile, name: &str, (kind, type_id): (GgmlDType, u32)) {
    let tensor = file.tensor(name);
    let shape: Vec<usize> = tensor.shape.iter().rev().map(|&dimension| dimension as usize).collect();
    let values: Vec<f32> =
        tensor.data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    let numbers = Numbers::from_vec(values, shape, &Device::Cpu).unwrap();
    let blocks = QTensor::quantize(&numbers, kind).unwrap();
    tensor.data = blocks.data().unwrap().into_owned();
    tensor.type_id = type_id;
}

/// The same file with every matrix in blocks, tables of positions and kinds of text among them.
pub(crate) fn quantised(mut file: GgufFile, kind: (GgmlDType, u32)) -> GgufFile {
    let is_matrix = |tensor: &&Tensor| tensor.shape.len() == 2;
    let names: Vec<String> = file.tensors.iter().filter(is_matrix).map(|tensor| tensor.name.clone()).collect();
    for name in names {
        quantise(&mut file, &name, kind);
    }
    file
}

/// The converter's name; none for what it leaves out.
fn stored_name(name: &str) -> Option<String> {
    let bodies = ["bert.", "roberta.", "distilbert."];
    let short = bodies.iter().find_map(|body| name.strip_prefix(body)).unwrap_or(name);
    let (module, kind) = short.rsplit_once('.').unwrap();
    let layers = ["encoder.layer.", "transformer.layer."];
    if let Some(rest) = layers.iter().find_map(|layers| module.strip_prefix(layers)) {
        let (layer, module) = rest.split_once('.').unwrap();
        return Some(format!("blk.{layer}.{}.{kind}", in_layer(module)));
    }
    let stored = match module {
        "embeddings.word_embeddings" => "token_embd",
        "embeddings.position_embeddings" => "position_embd",
        "embeddings.token_type_embeddings" => "token_types",
        "embeddings.LayerNorm" => "token_embd_norm",
        "classifier.dense" | "pre_classifier" => "cls",
        "classifier.out_proj" | "classifier" => "cls.output",
        "pooler.dense" => return None,
        other => panic!("{other} is known"),
    };
    Some(format!("{stored}.{kind}"))
}

fn in_layer(module: &str) -> &'static str {
    match module {
        "attention.self.query" | "attention.q_lin" => "attn_q",
        "attention.self.key" | "attention.k_lin" => "attn_k",
        "attention.self.value" | "attention.v_lin" => "attn_v",
        "attention.output.dense" | "attention.out_lin" => "attn_output",
        "attention.output.LayerNorm" | "sa_layer_norm" => "attn_output_norm",
        "intermediate.dense" | "ffn.lin1" => "ffn_up",
        "output.dense" | "ffn.lin2" => "ffn_down",
        "output.LayerNorm" | "output_layer_norm" => "layer_output_norm",
        other => panic!("{other} is known"),
    }
}

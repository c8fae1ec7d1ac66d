//! A fixture's folder as the GGUF file that llama.cpp's converter makes of such a model: its names, its metadata, its layout
//! of weights. Written from the outside, it shares nothing with the code that reads it.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::path::Path;

use candle_core::{Device, safetensors};
use serde_json::Value as Json;

use super::gguf_file::{GgufFile, Tensor, Value};

/// How one family's file differs from the folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    /// The fixture's folder.
    pub(crate) folder: &'static str,
    /// `general.architecture`.
    pub(crate) architecture: &'static str,
    /// `tokenizer.ggml.model` and `tokenizer.ggml.pre`.
    pub(crate) tokenizer: [&'static str; 2],
}

/// The families whose files are written here.
pub(crate) const FAMILIES: [Family; 7] = [
    Family { folder: "llama2", architecture: "llama", tokenizer: ["llama", "default"] },
    Family { folder: "qwen2", architecture: "qwen2", tokenizer: ["gpt2", "qwen2"] },
    Family { folder: "qwen3", architecture: "qwen3", tokenizer: ["gpt2", "qwen2"] },
    Family { folder: "phi3", architecture: "phi3", tokenizer: ["llama", "default"] },
    Family { folder: "gemma", architecture: "gemma", tokenizer: ["llama", "default"] },
    Family { folder: "gemma2", architecture: "gemma2", tokenizer: ["llama", "default"] },
    Family { folder: "gemma3", architecture: "gemma3", tokenizer: ["llama", "default"] },
];

impl Family {
    fn is_gemma(self) -> bool {
        self.architecture.starts_with("gemma")
    }

    /// The whole file.
    pub(crate) fn gguf(self, folder: &Path) -> GgufFile {
        let json = |name: &str| -> Json { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
        let config = json("config.json");
        let mut file = GgufFile::empty().with("general.architecture", text(self.architecture));
        for (key, value) in self.metadata(&config) {
            file = file.with(&format!("{}.{key}", self.architecture), value);
        }
        for (key, value) in self.vocabulary(&json("tokenizer.json"), &config) {
            file = file.with(&format!("tokenizer.ggml.{key}"), value);
        }
        let stored = safetensors::load(folder.join("model.safetensors"), &Device::Cpu).unwrap();
        file.tensors = stored.iter().map(|(name, tensor)| self.tensor(name, tensor, &config)).collect();
        file.tensors.sort_by(|one, other| one.name.cmp(&other.name));
        file
    }

    fn metadata(self, config: &Json) -> Vec<(&'static str, Value)> {
        let mut keys = vec![
            ("block_count", count(&config["num_hidden_layers"])),
            ("context_length", count(&config["max_position_embeddings"])),
            ("embedding_length", count(&config["hidden_size"])),
            ("feed_forward_length", count(&config["intermediate_size"])),
            ("attention.head_count", count(&config["num_attention_heads"])),
            ("attention.head_count_kv", count(&config["num_key_value_heads"])),
            ("attention.layer_norm_rms_epsilon", float(&config["rms_norm_eps"])),
        ];
        if config["head_dim"].is_u64() {
            keys.push(("attention.key_length", count(&config["head_dim"])));
            keys.push(("attention.value_length", count(&config["head_dim"])));
        }
        if self.architecture != "gemma2" {
            keys.push(("rope.freq_base", float(&config["rope_theta"])));
        }
        match self.architecture {
            "llama" => keys.push(("vocab_size", count(&config["vocab_size"]))),
            "phi3" => {
                keys.push(("rope.dimension_count", Value::U32(head_dim(config))));
                keys.push(("rope.scaling.original_context_length", count(&config["max_position_embeddings"])));
                // what the converter writes for none
                keys.push(("attention.sliding_window", Value::U32(0)));
            }
            "gemma2" => {
                keys.push(("attn_logit_softcapping", float(&config["attn_logit_softcapping"])));
                keys.push(("final_logit_softcapping", float(&config["final_logit_softcapping"])));
                keys.push(("attention.sliding_window", count(&config["sliding_window"])));
            }
            "gemma3" => {
                let slides = |kind: &Json| kind == "sliding_attention";
                let slides = config["layer_types"].as_array().unwrap().iter().map(slides).collect();
                keys.push(("attention.sliding_window", count(&config["sliding_window"])));
                keys.push(("attention.sliding_window_pattern", Value::Bools(slides)));
            }
            _ => {}
        }
        keys
    }

    /// Merges of byte-level vocabularies, of the others scores: the later a piece was made, the lower.
    fn vocabulary(self, tokenizer: &Json, config: &Json) -> Vec<(&'static str, Value)> {
        let size = config["vocab_size"].as_u64().unwrap() as usize;
        let mut tokens: Vec<String> = (0..size).map(|id| format!("[PAD{id}]")).collect();
        let mut types = vec![5; size];
        for (piece, id) in tokenizer["model"]["vocab"].as_object().unwrap() {
            let id = id.as_u64().unwrap() as usize;
            types[id] = if self.tokenizer[0] == "llama" && piece.starts_with("<0x") { 6 } else { 1 };
            tokens[id].clone_from(piece);
        }
        for added in tokenizer["added_tokens"].as_array().unwrap() {
            let id = added["id"].as_u64().unwrap() as usize;
            added["content"].as_str().unwrap().clone_into(&mut tokens[id]);
            types[id] = if tokens[id] == "<unk>" { 2 } else { 3 };
        }
        let [model, pre] = self.tokenizer.map(text);
        let mut keys = vec![("model", model), ("pre", pre), ("token_type", Value::Integers(types))];
        if self.tokenizer[0] == "llama" {
            keys.push(("scores", Value::Floats((0..size).map(|id| -(id as f32)).collect())));
        } else {
            let pair = |merge: &Json| format!("{} {}", merge[0].as_str().unwrap(), merge[1].as_str().unwrap());
            let merges = tokenizer["model"]["merges"].as_array().unwrap();
            keys.push(("merges", Value::Texts(merges.iter().map(pair).collect())));
        }
        if self.is_gemma() {
            keys.push(("add_space_prefix", Value::Bool(0)));
        }
        keys.push(("bos_token_id", count(&config["bos_token_id"])));
        keys.push(("eos_token_id", count(&config["eos_token_id"])));
        keys.push(("tokens", Value::Texts(tokens)));
        keys
    }

    fn tensor(self, name: &str, tensor: &candle_core::Tensor, config: &Json) -> Tensor {
        let mut values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        if self.is_gemma() {
            self.change_gemma(name, config, &mut values);
        }
        if self.architecture == "llama" && (name.contains("q_proj") || name.contains("k_proj")) {
            let columns = tensor.elem_count() / tensor.dims()[0];
            values = in_pairs(&values, head_dim(config) as usize, columns);
        }
        let shape = tensor.dims().iter().rev().map(|&dimension| dimension as u64).collect();
        Tensor::f32(&self.stored_name(name), shape, &values)
    }

    /// Norms are stored plus one. Files cannot say that scores are divided by the root of 24 where heads are 16 wide: the
    /// queries, or the norms that they go through, are made smaller.
    fn change_gemma(self, name: &str, config: &Json, values: &mut [f32]) {
        let width = config["query_pre_attn_scalar"].as_f64().unwrap_or(head_dim(config).into());
        let factor = (f64::from(head_dim(config)) / width).sqrt() as f32;
        let is_scaled = name.contains(if self.architecture == "gemma2" { "q_proj" } else { "q_norm" });
        for value in values {
            *value += if name.ends_with("norm.weight") { 1.0 } else { 0.0 };
            *value *= if is_scaled { factor } else { 1.0 };
        }
    }

    fn stored_name(self, name: &str) -> String {
        let after_attention =
            if self.is_gemma() && self.architecture != "gemma" { "post_attention_norm" } else { "ffn_norm" };
        let Some(rest) = name.strip_prefix("model.layers.") else {
            return match name {
                "model.embed_tokens.weight" => "token_embd.weight",
                "model.norm.weight" => "output_norm.weight",
                "lm_head.weight" => "output.weight",
                other => panic!("{other} is known"),
            }
            .to_owned();
        };
        let (layer, rest) = rest.split_once('.').unwrap();
        let (module, kind) = rest.rsplit_once('.').unwrap();
        let stored = match module {
            "input_layernorm" => "attn_norm",
            "self_attn.q_proj" => "attn_q",
            "self_attn.k_proj" => "attn_k",
            "self_attn.v_proj" => "attn_v",
            "self_attn.qkv_proj" => "attn_qkv",
            "self_attn.o_proj" => "attn_output",
            "self_attn.q_norm" => "attn_q_norm",
            "self_attn.k_norm" => "attn_k_norm",
            "post_attention_layernorm" => after_attention,
            "pre_feedforward_layernorm" => "ffn_norm",
            "post_feedforward_layernorm" => "post_ffw_norm",
            "mlp.gate_proj" => "ffn_gate",
            "mlp.up_proj" | "mlp.gate_up_proj" => "ffn_up",
            "mlp.down_proj" => "ffn_down",
            other => panic!("{other} is known"),
        };
        format!("blk.{layer}.{stored}.{kind}")
    }
}

fn head_dim(config: &Json) -> u32 {
    let shared_out = config["hidden_size"].as_u64().unwrap() / config["num_attention_heads"].as_u64().unwrap();
    config["head_dim"].as_u64().unwrap_or(shared_out) as u32
}

/// Rows i and i + d/2 of each head become neighbours.
fn in_pairs(values: &[f32], head_dim: usize, columns: usize) -> Vec<f32> {
    let heads = values.chunks_exact(head_dim * columns);
    let rows = heads.flat_map(|head| {
        let row = move |index: usize| &head[index * columns..(index + 1) * columns];
        (0..head_dim / 2).flat_map(move |index| [row(index), row(index + head_dim / 2)])
    });
    rows.flatten().copied().collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().to_vec())
}

fn count(json: &Json) -> Value {
    Value::U32(json.as_u64().unwrap() as u32)
}

fn float(json: &Json) -> Value {
    Value::F32(json.as_f64().unwrap() as f32)
}

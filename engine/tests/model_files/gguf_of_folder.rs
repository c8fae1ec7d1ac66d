//! A fixture's folder as the GGUF file that llama.cpp's converter makes of such a model: its names, its metadata, its layout
//! of weights. Written from the outside, it shares nothing with the code that reads it.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::path::Path;

use candle_core::{Device, safetensors};
use serde_json::Value as Json;

use super::changed_folder::fixture;
use super::gguf_file::{GgufFile, Value};
use super::gguf_tensors;

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
pub(crate) const FAMILIES: [Family; 22] = [
    Family { folder: "llama2", architecture: "llama", tokenizer: ["llama", "default"] },
    Family { folder: "mixtral", architecture: "llama", tokenizer: ["llama", "default"] },
    Family { folder: "qwen2", architecture: "qwen2", tokenizer: ["gpt2", "qwen2"] },
    Family { folder: "qwen2_moe", architecture: "qwen2moe", tokenizer: ["gpt2", "qwen2"] },
    Family { folder: "qwen3", architecture: "qwen3", tokenizer: ["gpt2", "qwen2"] },
    Family { folder: "qwen3_moe", architecture: "qwen3moe", tokenizer: ["gpt2", "qwen2"] },
    Family { folder: "phi", architecture: "phi2", tokenizer: ["gpt2", "phi-2"] },
    Family { folder: "phi3", architecture: "phi3", tokenizer: ["llama", "default"] },
    Family { folder: "gemma", architecture: "gemma", tokenizer: ["llama", "default"] },
    Family { folder: "gemma2", architecture: "gemma2", tokenizer: ["llama", "default"] },
    Family { folder: "gemma3", architecture: "gemma3", tokenizer: ["llama", "default"] },
    Family { folder: "gpt2", architecture: "gpt2", tokenizer: ["gpt2", "gpt-2"] },
    Family { folder: "gpt_neox", architecture: "gptneox", tokenizer: ["gpt2", "olmo"] },
    Family { folder: "stablelm", architecture: "stablelm", tokenizer: ["gpt2", "stablelm2"] },
    Family { folder: "stablelm_beside", architecture: "stablelm", tokenizer: ["gpt2", "stablelm2"] },
    Family { folder: "falcon", architecture: "falcon", tokenizer: ["gpt2", "falcon"] },
    Family { folder: "falcon_new", architecture: "falcon", tokenizer: ["gpt2", "falcon"] },
    Family { folder: "starcoder2", architecture: "starcoder2", tokenizer: ["gpt2", "starcoder"] },
    Family { folder: "bloom", architecture: "bloom", tokenizer: ["gpt2", "bloom"] },
    Family { folder: "mpt_plain", architecture: "mpt", tokenizer: ["gpt2", "mpt"] },
    Family { folder: "smollm3", architecture: "smollm3", tokenizer: ["gpt2", "smaug-bpe"] },
    Family { folder: "ernie4_5", architecture: "ernie4_5", tokenizer: ["llama", "default"] },
];

/// Architectures whose files do not say by which base heads turn.
const SILENT: [&str; 6] = ["falcon", "gemma", "gemma2", "gptneox", "phi2", "stablelm"];

/// What families call the same.
const HIDDEN: &[&str] = &["hidden_size", "n_embd", "d_model"];
const HEADS: &[&str] = &["num_attention_heads", "n_head", "n_heads"];
const POSITIONS: &[&str] = &["max_position_embeddings", "n_positions", "seq_length", "max_seq_len"];

/// Of this fixture.
pub(crate) fn family(folder: &str) -> Family {
    FAMILIES.into_iter().find(|family| family.folder == folder).unwrap()
}

/// A fixture's folder as a file.
pub(crate) fn file(folder: &str) -> GgufFile {
    family(folder).gguf(&fixture(folder))
}

/// Whether a folder has a tokenizer.
pub(crate) fn has_tokenizer(folder: &Path) -> bool {
    folder.join("tokenizer.json").exists()
}

impl Family {
    pub(crate) fn is_gemma(self) -> bool {
        self.architecture.starts_with("gemma")
    }

    /// The whole file.
    pub(crate) fn gguf(self, folder: &Path) -> GgufFile {
        let json = |name: &str| -> Json { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
        let config = json("config.json");
        let mut file = GgufFile::empty().with("general.architecture", text(self.architecture));
        for (key, value) in self.metadata(&config).into_iter().chain(self.of_family(&config)) {
            file = file.with(&format!("{}.{key}", self.architecture), value);
        }
        let vocabulary = if has_tokenizer(folder) {
            self.vocabulary(&json("tokenizer.json"), &config)
        } else {
            self.made_up_vocabulary(&config)
        };
        for (key, value) in vocabulary {
            file = file.with(&format!("tokenizer.ggml.{key}"), value);
        }
        let stored = safetensors::load(folder.join("model.safetensors"), &Device::Cpu).unwrap();
        file.tensors = gguf_tensors::of_folder(self, &stored, &config);
        file
    }

    /// Keys of every family. Some fixtures are such as no release is: their files say what converters take for granted.
    fn metadata(self, config: &Json) -> Vec<(&'static str, Value)> {
        let hidden = said(config, HIDDEN).unwrap();
        let four_times = Json::from(4 * hidden.as_u64().unwrap());
        let width = said(config, &["intermediate_size", "ffn_hidden_size", "n_inner"]).unwrap_or(&four_times);
        let mut keys = vec![
            ("block_count", count(said(config, &["num_hidden_layers", "n_layer", "n_layers"]).unwrap())),
            ("context_length", count(said(config, POSITIONS).unwrap())),
            ("embedding_length", count(hidden)),
            ("feed_forward_length", count(width)),
            ("attention.head_count", count(said(config, HEADS).unwrap())),
        ];
        if let Some(eps) = said(config, &["rms_norm_eps"]) {
            keys.push(("attention.layer_norm_rms_epsilon", float(eps)));
        }
        if let Some(eps) = said(config, &["layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"]) {
            keys.push(("attention.layer_norm_epsilon", float(eps)));
        }
        if let Some(heads) = said(config, &["num_key_value_heads"]) {
            keys.push(("attention.head_count_kv", count(heads)));
        }
        if let Some(width) = said(config, &["head_dim"]) {
            keys.push(("attention.key_length", count(width)));
            keys.push(("attention.value_length", count(width)));
        }
        let is_silent = |theta: &&Json| SILENT.contains(&self.architecture) && theta.as_f64() == Some(10_000.0);
        if let Some(theta) = said(config, &["rope_theta"]).filter(|theta| !is_silent(theta)) {
            keys.push(("rope.freq_base", float(theta)));
        }
        if let Some(experts) = said(config, &["num_local_experts", "num_experts"]) {
            keys.push(("expert_count", count(experts)));
            keys.push(("expert_used_count", count(&config["num_experts_per_tok"])));
        }
        keys
    }

    /// Keys of one family.
    fn of_family(self, config: &Json) -> Vec<(&'static str, Value)> {
        let turned = |share: &str| Value::U32((config[share].as_f64().unwrap() * f64::from(head_dim(config))) as u32);
        let is_parallel = || Value::Bool(u8::from(config["use_parallel_residual"].as_bool().unwrap()));
        match self.architecture {
            "llama" | "smollm3" => vec![
                ("vocab_size", count(&config["vocab_size"])),
                ("rope.dimension_count", Value::U32(head_dim(config))),
            ],
            "qwen2moe" => vec![
                ("expert_feed_forward_length", count(&config["moe_intermediate_size"])),
                ("expert_shared_feed_forward_length", count(&config["shared_expert_intermediate_size"])),
            ],
            "qwen3moe" => vec![("expert_feed_forward_length", count(&config["moe_intermediate_size"]))],
            "phi2" => vec![("rope.dimension_count", turned("partial_rotary_factor"))],
            "phi3" => vec![
                ("rope.dimension_count", Value::U32(head_dim(config))),
                ("rope.scaling.original_context_length", count(&config["max_position_embeddings"])),
                // what the converter writes for none
                ("attention.sliding_window", Value::U32(0)),
            ],
            "gemma2" => vec![
                ("attn_logit_softcapping", float(&config["attn_logit_softcapping"])),
                ("final_logit_softcapping", float(&config["final_logit_softcapping"])),
                ("attention.sliding_window", count(&config["sliding_window"])),
            ],
            "gemma3" => {
                let slides = |kind: &Json| kind == "sliding_attention";
                let slides = config["layer_types"].as_array().unwrap().iter().map(slides).collect();
                vec![
                    ("attention.sliding_window", count(&config["sliding_window"])),
                    ("attention.sliding_window_pattern", Value::Bools(slides)),
                ]
            }
            "gptneox" => {
                vec![("rope.dimension_count", turned("rotary_pct")), ("use_parallel_residual", is_parallel())]
            }
            "stablelm" => {
                vec![
                    ("rope.dimension_count", turned("partial_rotary_factor")),
                    ("use_parallel_residual", is_parallel()),
                ]
            }
            "falcon" => vec![
                ("attention.head_count_kv", Value::U32(falcon_kv_heads(config))),
                ("tensor_data_layout", text("jploski")),
            ],
            "bloom" => vec![("attention.head_count_kv", count(&config["n_head"]))],
            "mpt" => vec![
                ("attention.clamp_kqv", float(&config["attn_config"]["clip_qkv"])),
                ("attention.max_alibi_bias", float(&config["attn_config"]["alibi_bias_max"])),
            ],
            // converters do not write it, and llama.cpp sees all: this fixture's window is narrower than its texts
            "starcoder2" => vec![("attention.sliding_window", count(&config["sliding_window"]))],
            _ => Vec::new(),
        }
    }

    /// Tokens for a folder that has none.
    fn made_up_vocabulary(self, config: &Json) -> Vec<(&'static str, Value)> {
        let size = config["vocab_size"].as_u64().unwrap();
        let [model, pre] = self.tokenizer.map(text);
        vec![
            ("model", model),
            ("pre", pre),
            ("tokens", Value::Texts((0..size).map(|id| format!("<{id}>")).collect())),
            ("token_type", Value::Integers(vec![1; size as usize])),
            ("bos_token_id", count(&config["bos_token_id"])),
            ("eos_token_id", count(&config["eos_token_id"])),
        ]
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
}

/// The first of these fields that is set.
pub(super) fn said<'a>(config: &'a Json, fields: &[&str]) -> Option<&'a Json> {
    fields.iter().map(|field| &config[*field]).find(|value| !value.is_null())
}

pub(super) fn head_dim(config: &Json) -> u32 {
    let of = |fields: &[&str]| said(config, fields).unwrap().as_u64().unwrap();
    let shared_out = of(HIDDEN) / of(HEADS);
    config["head_dim"].as_u64().unwrap_or(shared_out) as u32
}

/// In old Falcons all queries share one.
pub(super) fn falcon_kv_heads(config: &Json) -> u32 {
    let is_new = config["new_decoder_architecture"] == true;
    if is_new { config["num_kv_heads"].as_u64().unwrap() as u32 } else { 1 }
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().to_vec())
}

pub(super) fn count(json: &Json) -> Value {
    Value::U32(json.as_u64().unwrap() as u32)
}

pub(super) fn float(json: &Json) -> Value {
    Value::F32(json.as_f64().unwrap() as f32)
}

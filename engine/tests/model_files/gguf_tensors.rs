//! The tensors of a fixture's folder as llama.cpp's converter names, orders and stacks them.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use super::gguf_file::Tensor;
use super::gguf_of_folder::{Family, falcon_kv_heads, head_dim};

/// Numbers of one tensor, outermost dimension first.
#[derive(Clone, Debug)]
struct Numbers {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// All of them, in the order of their names.
pub(super) fn of_folder(family: Family, stored: &HashMap<String, candle_core::Tensor>, config: &Json) -> Vec<Tensor> {
    let mut whole = BTreeMap::new();
    let mut stacks: BTreeMap<String, BTreeMap<usize, Numbers>> = BTreeMap::new();
    for (name, tensor) in stored {
        let values = tensor.flatten_all().unwrap().to_vec1().unwrap();
        let numbers = changed(family, name, Numbers { shape: tensor.dims().to_vec(), values }, config);
        match in_stack(name) {
            Some((stack, index)) => _ = stacks.entry(stack).or_default().insert(index, numbers),
            None => _ = whole.insert(stored_name(family, name), numbers),
        }
    }
    whole.extend(stacks.iter().map(|(name, parts)| (stored_name(family, name), stacked(parts))));
    whole.iter().map(|(name, numbers)| numbers.named(name)).collect()
}

impl Numbers {
    fn named(&self, name: &str) -> Tensor {
        Tensor::f32(name, self.shape.iter().rev().map(|&dimension| dimension as u64).collect(), &self.values)
    }

    fn columns(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// The stack's name and the place in it, of an expert's or a head's weight.
fn in_stack(name: &str) -> Option<(String, usize)> {
    let mut parts: Vec<&str> = name.split('.').collect();
    let place = parts.iter().position(|part| ["experts", "norms"].contains(part))? + 1;
    let index = parts.remove(place).parse().unwrap();
    Some((parts.join("."), index))
}

fn stacked(parts: &BTreeMap<usize, Numbers>) -> Numbers {
    let shape = [&[parts.len()], parts[&0].shape.as_slice()].concat();
    Numbers { shape, values: parts.values().flat_map(|part| part.values.iter().copied()).collect() }
}

/// What converters do to the numbers.
fn changed(family: Family, name: &str, mut numbers: Numbers, config: &Json) -> Numbers {
    let (width, columns) = (head_dim(config) as usize, numbers.columns());
    match family.architecture {
        "llama" | "smollm3" if name.contains("q_proj") || name.contains("k_proj") => {
            numbers.values = in_pairs(&numbers.values, width, columns);
        }
        "gpt2" if [".c_attn.weight", ".c_proj.weight", ".c_fc.weight"].iter().any(|end| name.ends_with(end)) => {
            numbers = transposed(&numbers);
        }
        "gptneox" | "bloom" if name.contains("query_key_value") => {
            numbers.values = kind_by_kind(&numbers.values, (1, width), columns);
        }
        "falcon" if name.contains("query_key_value") => {
            let heads = config["num_attention_heads"].as_u64().unwrap() as usize;
            let group = heads / falcon_kv_heads(config) as usize;
            numbers.values = kind_by_kind(&numbers.values, (group, width), columns);
        }
        _ if family.is_gemma() => change_gemma(family, name, config, &mut numbers.values),
        _ => {}
    }
    numbers
}

/// Norms are stored plus one. Files cannot say that scores are divided by the root of 24 where heads are 16 wide: the
/// queries, or the norms that they go through, are made smaller.
fn change_gemma(family: Family, name: &str, config: &Json, values: &mut [f32]) {
    let width = config["query_pre_attn_scalar"].as_f64().unwrap_or(head_dim(config).into());
    let factor = (f64::from(head_dim(config)) / width).sqrt() as f32;
    let is_scaled = name.contains(if family.architecture == "gemma2" { "q_proj" } else { "q_norm" });
    for value in values {
        *value += if name.ends_with("norm.weight") { 1.0 } else { 0.0 };
        *value *= if is_scaled { factor } else { 1.0 };
    }
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

/// Groups of so many query heads, their key and their value become all queries, all keys, all values.
fn kind_by_kind(values: &[f32], (group, head_dim): (usize, usize), columns: usize) -> Vec<f32> {
    let head = head_dim * columns;
    let kinds = [0..group * head, group * head..(group + 1) * head, (group + 1) * head..(group + 2) * head];
    let of_kind = |kind: std::ops::Range<usize>| {
        values.chunks_exact((group + 2) * head).flat_map(move |group| group[kind.clone()].iter().copied())
    };
    kinds.into_iter().flat_map(of_kind).collect()
}

fn transposed(numbers: &Numbers) -> Numbers {
    let [rows, columns] = numbers.shape[..] else { panic!("a matrix") };
    let column = |column: usize| numbers.values.iter().skip(column).step_by(columns).copied();
    Numbers { shape: vec![columns, rows], values: (0..columns).flat_map(column).collect() }
}

fn stored_name(family: Family, name: &str) -> String {
    let prefixes = ["model.layers.", "gpt_neox.layers.", "transformer.h.", "transformer.blocks."];
    let Some(rest) = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)) else {
        let (module, kind) = name.rsplit_once('.').unwrap();
        return format!("{}.{kind}", outside_layers(module));
    };
    let (layer, rest) = rest.split_once('.').unwrap();
    let (module, kind) = rest.rsplit_once('.').unwrap();
    let has_output_norms = family.is_gemma() && family.architecture != "gemma";
    let stored = match module {
        "post_attention_layernorm" if has_output_norms => "post_attention_norm",
        other => in_layer(other),
    };
    format!("blk.{layer}.{stored}.{kind}")
}

fn outside_layers(module: &str) -> &'static str {
    match module {
        "model.embed_tokens" | "gpt_neox.embed_in" | "transformer.wte" | "transformer.word_embeddings" => "token_embd",
        "transformer.word_embeddings_layernorm" => "token_embd_norm",
        "transformer.wpe" => "position_embd",
        "model.norm"
        | "model.final_layernorm"
        | "gpt_neox.final_layer_norm"
        | "transformer.ln_f"
        | "transformer.norm_f" => "output_norm",
        "lm_head" | "embed_out" => "output",
        other => panic!("{other} is known"),
    }
}

fn in_layer(module: &str) -> &'static str {
    match module {
        "input_layernorm" | "ln_1" | "ln_mlp" | "norm_1" => "attn_norm",
        "ln_attn" => "attn_norm_2",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.qkv_proj"
        | "attention.query_key_value"
        | "self_attention.query_key_value"
        | "attn.c_attn"
        | "attn.Wqkv" => "attn_qkv",
        "self_attn.o_proj"
        | "self_attn.dense"
        | "attention.dense"
        | "self_attention.dense"
        | "attn.c_proj"
        | "attn.out_proj" => "attn_output",
        "self_attn.q_norm" | "self_attn.q_layernorm.norms" => "attn_q_norm",
        "self_attn.k_norm" | "self_attn.k_layernorm.norms" => "attn_k_norm",
        "post_attention_layernorm" | "pre_feedforward_layernorm" | "ln_2" | "norm_2" => "ffn_norm",
        "post_feedforward_layernorm" => "post_ffw_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" | "mlp.gate_up_proj" | "mlp.fc1" | "mlp.dense_h_to_4h" | "mlp.c_fc" | "ffn.up_proj" => "ffn_up",
        "mlp.down_proj" | "mlp.fc2" | "mlp.dense_4h_to_h" | "mlp.c_proj" | "ffn.down_proj" => "ffn_down",
        "mlp.gate" | "block_sparse_moe.gate" => "ffn_gate_inp",
        "mlp.experts.gate_proj" | "block_sparse_moe.experts.w1" => "ffn_gate_exps",
        "mlp.experts.up_proj" | "block_sparse_moe.experts.w3" => "ffn_up_exps",
        "mlp.experts.down_proj" | "block_sparse_moe.experts.w2" => "ffn_down_exps",
        "mlp.shared_expert_gate" => "ffn_gate_inp_shexp",
        "mlp.shared_expert.gate_proj" => "ffn_gate_shexp",
        "mlp.shared_expert.up_proj" => "ffn_up_shexp",
        "mlp.shared_expert.down_proj" => "ffn_down_shexp",
        other => panic!("{other} is known"),
    }
}

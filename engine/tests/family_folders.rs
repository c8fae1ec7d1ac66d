//! Folders of families that write them in their own way: matrices that lie transposed, files of old versions, what is refused
//! by name.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use engine::{
    Checkpoint, Dtype, EngineOptions, Isa, KvDtype, LayerWeight, MemoryLimits, MemoryPlan, StoredMatrix, WeightName,
};
use model_files::Scratch;
use serde_json::{Value, json};

mod model_files;

const HIDDEN: usize = 64;
const WEIGHTS: &str = "model.safetensors";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A fixture with another value for a field; none takes the field away.
fn changed(folder: &str, field: &str, value: Option<Value>) -> Result<Scratch> {
    let scratch = Scratch::new(&format!("{folder}-{field}"))?;
    let mut config: Value = serde_json::from_slice(&fs::read(fixture(folder).join("config.json"))?)?;
    let fields = config.as_object_mut().context("an object")?;
    match value {
        Some(value) => _ = fields.insert(field.to_owned(), value),
        None => _ = fields.remove(field),
    }
    scratch.write("config.json", config.to_string().as_bytes())?;
    fs::copy(fixture(folder).join(WEIGHTS), scratch.path().join(WEIGHTS))?;
    Ok(scratch)
}

fn read_all(matrix: &StoredMatrix) -> Result<Vec<f32>> {
    let mut values = vec![f32::NAN; matrix.rows() * matrix.columns()];
    matrix.read_rows(0..matrix.rows(), &mut values)?;
    Ok(values)
}

#[test]
fn transposed_matrices_come_out_as_the_others_do() -> Result<()> {
    for folder in ["gpt2", "openai_gpt"] {
        let checkpoint = Checkpoint::open(&fixture(folder))?;
        let stored = candle_core::safetensors::load(fixture(folder).join(WEIGHTS), &Device::Cpu)?;
        let turned =
            |name: &str| -> Result<Tensor> { Ok(stored[&format!("transformer.h.1.{name}")].t()?.contiguous()?) };
        let query_key_value = turned("attn.c_attn.weight")?;
        let part = |index: usize| -> Result<Tensor> { Ok(query_key_value.narrow(0, index * HIDDEN, HIDDEN)?) };
        for (weight, rows, columns, expected) in [
            (LayerWeight::Query, HIDDEN, HIDDEN, part(0)),
            (LayerWeight::Key, HIDDEN, HIDDEN, part(1)),
            (LayerWeight::Value, HIDDEN, HIDDEN, part(2)),
            (LayerWeight::AttentionOutput, HIDDEN, HIDDEN, turned("attn.c_proj.weight")),
            (LayerWeight::Up, 4 * HIDDEN, HIDDEN, turned("mlp.c_fc.weight")),
            (LayerWeight::Down, HIDDEN, 4 * HIDDEN, turned("mlp.c_proj.weight")),
        ] {
            let matrix = checkpoint.matrix(WeightName::Layer(1, weight), rows, columns)?;
            let (values, expected) = (read_all(&matrix)?, expected?.flatten_all()?.to_vec1::<f32>()?);
            assert_eq!(values, expected, "{folder} {weight:?}");
            let mut part = vec![f32::NAN; 5 * columns];
            matrix.read_rows(17..22, &mut part)?;
            assert_eq!(part, expected[17 * columns..22 * columns], "{folder} {weight:?}");
        }
        let bias = stored["transformer.h.1.attn.c_attn.bias"].to_vec1::<f32>()?;
        let key_bias = checkpoint.vector(WeightName::Layer(1, LayerWeight::KeyBias), HIDDEN)?;
        assert_eq!(key_bias, bias[HIDDEN..2 * HIDDEN]);
    }
    Ok(())
}

/// Their tensors begin at `h.` and `wte`, and causal masks lie among them.
#[test]
fn files_saved_without_a_head_hold_the_same_model() -> Result<()> {
    for (folder, mask) in [("gpt2", "attn.bias"), ("gpt3_like", "attn.attention.bias"), ("openai_gpt", "attn.bias")] {
        let scratch = changed(folder, "transformers_version", None)?;
        let tensors = candle_core::safetensors::load(fixture(folder).join(WEIGHTS), &Device::Cpu)?;
        let unnamed = |name: &str| name.trim_start_matches("transformer.").to_owned();
        let mut tensors: std::collections::HashMap<String, Tensor> =
            tensors.into_iter().map(|(name, tensor)| (unnamed(&name), tensor)).collect();
        tensors.insert(format!("h.0.{mask}"), Tensor::ones((1, 1, 8, 8), candle_core::DType::U8, &Device::Cpu)?);
        tensors.insert(format!("h.1.{mask}"), Tensor::ones((1, 1, 8, 8), candle_core::DType::F32, &Device::Cpu)?);
        candle_core::safetensors::save(&tensors, scratch.path().join(WEIGHTS))?;
        let [old, new] = [Checkpoint::open(scratch.path())?, Checkpoint::open(&fixture(folder))?];
        assert_eq!(old.config(), new.config());
        assert_eq!(old.facts().parameters, new.facts().parameters, "{folder}: masks are no parameters");
        let value = WeightName::Layer(0, LayerWeight::Value);
        let [old, new] = [old.matrix(value, HIDDEN, HIDDEN)?, new.matrix(value, HIDDEN, HIDDEN)?];
        assert_eq!(read_all(&old)?, read_all(&new)?, "{folder}");
    }
    Ok(())
}

#[test]
fn what_is_not_supported_is_refused_by_name() -> Result<()> {
    for (folder, field, value, part) in [
        ("gpt2", "scale_attn_by_inverse_layer_idx", json!(true), "true is not supported, only false"),
        ("gpt2", "activation_function", json!("relu"), "\\\"relu\\\" is not supported; supported: gelu_new"),
        ("gpt2", "architectures", json!(["GPT2ForTokenClassification"]), "supported: GPT2LMHeadModel"),
        ("gpt2", "n_head", json!(7), "'n_embd': 64 is no multiple of the 7 heads"),
        ("gpt2", "n_positions", json!(64), "tensor 'transformer.wpe.weight': shape [128, 64] is not [64, 64]"),
        ("gpt2", "n_inner", json!(128), "tensor 'transformer.h.0.mlp.c_fc.weight': shape [256, 64] is not [128, 64]"),
        ("gpt2", "n_layer", json!(3), "tensor 'transformer.h.2.attn.c_proj.weight': is missing"),
        ("gpt2", "rope_theta", json!(1e4), "'rope_theta': is not known"),
        ("gpt2", "hidden_act", json!("gelu_new"), "'hidden_act': is not known"),
        ("openai_gpt", "afn", json!("gelu_new"), "is not supported; supported: gelu"),
        ("gpt3_like", "layer_norm_epsilon", json!(null), "'layer_norm_epsilon': is missing"),
        (
            "gpt3_like",
            "attention_types",
            json!([[["global"], 1]]),
            "'attention_types': is not a list of kinds and counts",
        ),
        (
            "gpt3_like",
            "attention_types",
            json!([[["global", "local"], 1_u64 << 63]]),
            "'attention_types': is not a list",
        ),
        ("gpt3_like", "attention_types", json!([[["around", "local"], 1]]), "'attention_types': is not a list"),
        ("gpt3_like", "attention_layers", json!(["local", "global"]), "differs from what 'attention_types' says"),
        ("gpt3_like", "attention_layers", json!(["local"]), "'attention_layers': is not a list of global or local"),
        ("gpt3_like", "window_size", json!(0), "'window_size': 0 is not in 1..="),
        ("mixtral", "num_experts_per_tok", json!(5), "'num_experts_per_tok': 5 is not in 1..=4"),
        ("mixtral", "num_local_experts", json!(1), "'num_experts_per_tok': 2 is not in 1..=1"),
        (
            "mixtral",
            "num_local_experts",
            json!(5),
            "tensor 'model.layers.0.block_sparse_moe.gate.weight': shape [4, 64]",
        ),
        ("mixtral", "num_shared_experts", json!(1), "'num_shared_experts': is not known"),
    ] {
        let scratch = changed(folder, field, Some(value))?;
        let error = Checkpoint::open(scratch.path()).expect_err("it is refused").to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{field}: {error}");
    }
    let scratch = changed("gpt3_like", "attention_types", None)?;
    assert_eq!(Checkpoint::open(scratch.path())?.config().windows, [None, Some(8)], "the layers are written out too");
    Ok(())
}

#[test]
fn scores_may_be_left_unscaled() -> Result<()> {
    assert_eq!(Checkpoint::open(&fixture("gpt2"))?.config().attention_scale, 0.25);
    assert_eq!(Checkpoint::open(&fixture("gpt3_like"))?.config().attention_scale, 1.0);
    let scratch = changed("gpt2", "scale_attn_weights", Some(json!(false)))?;
    assert_eq!(Checkpoint::open(scratch.path())?.config().attention_scale, 1.0);
    Ok(())
}

#[test]
fn learned_positions_bound_the_context() -> Result<()> {
    let checkpoint = Checkpoint::open(&fixture("gpt2"))?;
    let options = EngineOptions { threads: 1, isa: Isa::Scalar, dtype: Dtype::Auto, kv_dtype: KvDtype::F32 };
    let limits = |max_model_len| MemoryLimits {
        num_kv_blocks: Some(16),
        max_num_seqs: 4,
        max_num_batched_tokens: 64,
        max_model_len,
        ..MemoryLimits::default()
    };
    let error = MemoryPlan::new(&checkpoint, &options, &limits(Some(129))).expect_err("128 rows").to_string();
    assert_eq!(error, "max-model-len 129 is not in 1..=128, the model's positions");
    let plan = MemoryPlan::new(&checkpoint, &options, &limits(None))?;
    assert_eq!(plan.max_model_len, 128);
    assert_eq!(plan.weights_bytes, 4 * 141_056, "learned positions are weights");
    Ok(())
}

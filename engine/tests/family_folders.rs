//! Folders of families that write them in their own way: matrices that lie transposed or in one, files of old versions.

use std::path::Path;

use anyhow::Result;
use candle_core::{Device, Tensor};
use engine::config::{DenseLayers, ExpertsConfig, LayerOrder, SlopeKind, SlopeRule};
use engine::{
    Checkpoint, Dtype, EngineOptions, Isa, KvDtype, LayerWeight, MemoryLimits, MemoryPlan, StoredMatrix, WeightName,
};
use model_files::changed_folder::{WEIGHTS, all_changed, changed, fixture};
use serde_json::json;

mod model_files;

const HIDDEN: usize = 64;

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

#[test]
fn matrices_stored_head_by_head_come_out_as_the_others_do() -> Result<()> {
    const NAME: &str = "gpt_neox.layers.1.attention.query_key_value";
    const WIDTH: usize = 32;
    let checkpoint = Checkpoint::open(&fixture("gpt_neox"))?;
    let stored = candle_core::safetensors::load(fixture("gpt_neox").join(WEIGHTS), &Device::Cpu)?;
    let (weight, bias) = (&stored[&format!("{NAME}.weight")], &stored[&format!("{NAME}.bias")]);
    for (index, (part, bias_part)) in [
        (LayerWeight::Query, LayerWeight::QueryBias),
        (LayerWeight::Key, LayerWeight::KeyBias),
        (LayerWeight::Value, LayerWeight::ValueBias),
    ]
    .into_iter()
    .enumerate()
    {
        let expected = weight.reshape((4, 3, 8, WIDTH))?.narrow(1, index, 1)?.flatten_all()?.to_vec1::<f32>()?;
        let matrix = checkpoint.matrix(WeightName::Layer(1, part), WIDTH, WIDTH)?;
        assert_eq!(read_all(&matrix)?, expected, "{part:?}");
        for rows in [0..8, 5..7, 5..21, 23..32] {
            let mut some = vec![f32::NAN; rows.len() * WIDTH];
            matrix.read_rows(rows.clone(), &mut some)?;
            assert_eq!(some, expected[rows.start * WIDTH..rows.end * WIDTH], "{part:?} {rows:?}");
        }
        let expected = bias.reshape((4, 3, 8))?.narrow(1, index, 1)?.flatten_all()?.to_vec1::<f32>()?;
        assert_eq!(checkpoint.vector(WeightName::Layer(1, bias_part), WIDTH)?, expected, "{bias_part:?}");
    }
    Ok(())
}

/// Their tensors begin at `h.` and `wte`, and causal masks lie among them.
#[test]
fn files_saved_without_a_head_hold_the_same_model() -> Result<()> {
    for (folder, body, layers, mask) in [
        ("gpt2", "transformer.", "h", "attn.bias"),
        ("gpt3_like", "transformer.", "h", "attn.attention.bias"),
        ("openai_gpt", "transformer.", "h", "attn.bias"),
        ("gpt_neox", "gpt_neox.", "layers", "attention.bias"),
        ("opt", "model.", "decoder.layers", "masked_bias"),
        ("bloom", "transformer.", "h", "attn.masked_bias"),
    ] {
        let scratch = changed(folder, "transformers_version", None)?;
        let tensors = candle_core::safetensors::load(fixture(folder).join(WEIGHTS), &Device::Cpu)?;
        let unnamed = |name: &str| name.trim_start_matches(body).to_owned();
        let mut tensors: std::collections::HashMap<String, Tensor> =
            tensors.into_iter().map(|(name, tensor)| (unnamed(&name), tensor)).collect();
        let ones = |dtype| Tensor::ones((1, 1, 8, 8), dtype, &Device::Cpu);
        tensors.insert(format!("{layers}.0.{mask}"), ones(candle_core::DType::U8)?);
        tensors.insert(format!("{layers}.1.{mask}"), ones(candle_core::DType::F32)?);
        candle_core::safetensors::save(&tensors, scratch.path().join(WEIGHTS))?;
        let [old, new] = [Checkpoint::open(scratch.path())?, Checkpoint::open(&fixture(folder))?];
        assert_eq!(old.config(), new.config());
        assert_eq!(old.facts().parameters, new.facts().parameters, "{folder}: masks are no parameters");
        let value = WeightName::Layer(0, LayerWeight::Value);
        let width = new.config().hidden_size;
        let [old, new] = [old.matrix(value, width, width)?, new.matrix(value, width, width)?];
        assert_eq!(read_all(&old)?, read_all(&new)?, "{folder}");
    }
    Ok(())
}

#[test]
fn layers_may_be_written_out() -> Result<()> {
    let scratch = changed("gpt3_like", "attention_types", None)?;
    assert_eq!(Checkpoint::open(scratch.path())?.config().windows, [None, Some(8)]);
    Ok(())
}

#[test]
fn a_falcon_may_leave_its_positions_unsaid() -> Result<()> {
    let scratch = changed("falcon", "max_position_embeddings", None)?;
    assert_eq!(Checkpoint::open(scratch.path())?.config().max_positions, 2048);
    Ok(())
}

#[test]
fn a_bloom_says_its_shape_by_either_name() -> Result<()> {
    let shape = |folder: &Path| -> Result<_> {
        let checkpoint = Checkpoint::open(folder)?;
        Ok((checkpoint.config().hidden_size, checkpoint.config().num_heads, checkpoint.config().max_positions))
    };
    assert_eq!(shape(&fixture("bloom"))?, (48, 6, 64));
    for field in ["hidden_size", "n_embed", "n_head", "num_attention_heads"] {
        assert_eq!(shape(changed("bloom", field, None)?.path())?, (48, 6, 64), "{field}");
    }
    assert_eq!(shape(changed("bloom", "seq_length", None)?.path())?, (48, 6, 2048));
    Ok(())
}

#[test]
fn makers_and_transformers_say_an_mpt_each_in_their_own_way() -> Result<()> {
    let config = |field: &str, value: serde_json::Value| -> Result<_> {
        Ok(Checkpoint::open(changed("mpt", field, Some(value))?.path())?.config().clone())
    };
    let saved = Checkpoint::open(&fixture("mpt"))?.config().clone();
    assert_eq!(config("architectures", json!(["MPTForCausalLM"]))?, saved);
    assert_eq!(config("layer_norm_epsilon", json!(null))?, saved);
    assert_eq!((saved.attention_clip, saved.attention_scale), (Some(1.5), 0.25));
    let flatter = config("attn_config", json!({"alibi": true, "alibi_bias_max": 16, "clip_qkv": null}))?;
    assert_eq!(flatter.slopes, Some(SlopeRule { kind: SlopeKind::Exact, halvings: 16 }));
    assert_eq!((flatter.attention_clip, flatter.attention_scale), (None, 1.0 / 8.0_f32.sqrt()));
    Ok(())
}

#[test]
fn a_falcon_turns_unless_its_scores_fall() -> Result<()> {
    let turns = |alibi: bool| -> Result<_> {
        let folder = changed("falcon_alibi", "alibi", Some(json!(alibi)))?;
        let config = Checkpoint::open(folder.path())?.config().clone();
        Ok((config.rope.is_some(), config.slopes.map(|rule| rule.kind)))
    };
    assert_eq!(turns(true)?, (false, Some(SlopeKind::Rounded)));
    assert_eq!(turns(false)?, (true, None));
    Ok(())
}

#[test]
fn the_first_layers_may_have_one_mlp_before_experts() -> Result<()> {
    let experts = |field, value| -> Result<_> {
        Ok(Checkpoint::open(changed("deepseek", field, value)?.path())?.config().experts)
    };
    let dense = Some(DenseLayers { count: 1, width: 40 });
    let saved = ExpertsConfig { count: 5, per_token: 3, normed: false, shared: Some(32), shared_gate: false, dense };
    assert_eq!(experts("seq_aux", None)?, Some(saved));
    assert_eq!(experts("n_shared_experts", None)?, Some(ExpertsConfig { shared: None, ..saved }));
    assert_eq!(experts("norm_topk_prob", Some(json!(true)))?, Some(ExpertsConfig { normed: true, ..saved }));
    Ok(())
}

#[test]
fn a_list_or_an_interval_says_which_layers_turn() -> Result<()> {
    let turns = |folder: &Path| -> Result<_> { Ok(Checkpoint::open(folder)?.config().turns.clone()) };
    let listed = |value| changed("smollm3", "no_rope_layers", value);
    assert_eq!(turns(&fixture("smollm3"))?, [true, true, true, false]);
    assert_eq!(turns(listed(Some(json!([0, 1, 1, 0])))?.path())?, [false, true, true, false]);
    assert_eq!(turns(listed(Some(json!(null)))?.path())?, [true, true, true, false]);
    let every = [("no_rope_layers", None), ("no_rope_layer_interval", Some(json!(2)))];
    assert_eq!(turns(all_changed("smollm3", every)?.path())?, [true, false, true, false]);
    assert_eq!(turns(&fixture("llama2"))?, [true; 2]);
    Ok(())
}

#[test]
fn layers_that_do_not_turn_may_see_a_window() -> Result<()> {
    let windows = |kinds: Option<serde_json::Value>, is_used: bool, window: serde_json::Value| -> Result<_> {
        let used = ("use_sliding_window", Some(json!(is_used)));
        let folder = all_changed("smollm3", [("layer_types", kinds), used, ("sliding_window", Some(window))])?;
        Ok(Checkpoint::open(folder.path())?.config().windows.clone())
    };
    assert_eq!(windows(None, true, json!(8))?, [None, None, None, Some(8)]);
    let kinds = ["sliding_attention", "full_attention", "full_attention", "full_attention"];
    assert_eq!(windows(Some(json!(kinds)), true, json!(8))?, [Some(8), None, None, None]);
    assert_eq!(windows(Some(json!(kinds)), false, json!(8))?, [None; 4]);
    assert_eq!(windows(None, true, json!(null))?, [None; 4]);
    Ok(())
}

#[test]
fn a_field_says_whether_attention_and_mlp_stand_beside_each_other() -> Result<()> {
    let order = |folder: &Path| -> Result<LayerOrder> { Ok(Checkpoint::open(folder)?.config().order) };
    assert_eq!(order(&fixture("gpt_neox"))?, LayerOrder::Beside);
    for (value, expected) in [(Some(json!(false)), LayerOrder::InTurn), (None, LayerOrder::Beside)] {
        assert_eq!(order(changed("gpt_neox", "use_parallel_residual", value)?.path())?, expected);
    }
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

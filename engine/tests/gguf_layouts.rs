//! What some GGUF files say by their tensors alone, and how those lie in them: stacks of experts, norms of heads, the order
//! of a layer's parts.
#![allow(clippy::unwrap_used, reason = "tests")]

mod model_files;
mod support;

use engine::config::{AttentionBias, ExpertsConfig, HeadNorm, LayerOrder, SlopeKind, SlopeRule};
use model_files::gguf_file::{GgufFile, Tensor, Value};
use model_files::gguf_of_folder::{family, file};
use support::reference::check_fixture;
use support::{Setup, load, logits};

fn order(file: &GgufFile) -> LayerOrder {
    file.opened().unwrap().config().order
}

/// A fixture's file with another value for a key of its architecture.
fn with(folder: &str, key: &str, value: Value) -> GgufFile {
    file(folder).with(&format!("{}.{key}", family(folder).architecture), value)
}

fn without(folder: &str, key: &str) -> GgufFile {
    file(folder).without(&format!("{}.{key}", family(folder).architecture))
}

fn check(folder: &str, file: &GgufFile) {
    let (_scratch, path) = file.written();
    check_fixture(folder, &path);
}

/// Asserts how the line ends with which a file is refused.
fn check_refusal(file: &GgufFile, end: &str) {
    let error = file.opened().unwrap_err();
    assert!(error.starts_with("model.gguf: ") && error.ends_with(end), "{error}");
}

fn without_tensor(folder: &str, name: &str) -> GgufFile {
    let mut file = file(folder);
    file.tensor(name);
    file.tensors.retain(|tensor| tensor.name != name);
    file
}

fn renamed(folder: &str, name: &str, other: &str) -> GgufFile {
    let mut file = file(folder);
    other.clone_into(&mut file.tensor(name).name);
    file
}

/// With a tensor for each expert, as files of old have them.
fn unstacked(mut file: GgufFile) -> GgufFile {
    let is_stack = |tensor: &Tensor| tensor.name.ends_with("_exps.weight");
    let (stacks, mut others): (Vec<_>, Vec<_>) = file.tensors.into_iter().partition(is_stack);
    for stack in stacks {
        let (matrix, count) = (stack.shape[..2].to_vec(), stack.shape[2] as usize);
        let parts = stack.data.chunks_exact(stack.data.len() / count).map(<[u8]>::to_vec);
        others.extend(parts.enumerate().map(|(expert, data)| Tensor {
            name: stack.name.replace("_exps.weight", &format!(".{expert}.weight")),
            shape: matrix.clone(),
            data,
            ..stack.clone()
        }));
    }
    file.tensors = others;
    file
}

#[test]
fn experts_stand_in_one_stack_or_apart() {
    for folder in ["mixtral", "qwen3_moe"] {
        let apart = unstacked(file(folder));
        assert!(apart.tensors.iter().any(|tensor| tensor.name == "blk.1.ffn_down.3.weight"));
        check(folder, &apart);
    }
    check_refusal(&without_tensor("mixtral", "blk.1.ffn_up_exps.weight"), "'blk.1.ffn_up_exps.weight': is missing");
    let mut short = unstacked(file("mixtral"));
    short.tensors.retain(|tensor| tensor.name != "blk.0.ffn_gate.2.weight");
    check_refusal(&short, "tensor 'blk.0.ffn_gate.2.weight': is missing");
    let mut flat = file("mixtral");
    flat.tensor("blk.0.ffn_gate_exps.weight").shape = vec![64, 640];
    let shapes = "shape [640, 64] is not [4, 160, 64], outermost dimension first";
    check_refusal(&flat, &format!("tensor 'blk.0.ffn_gate_exps.weight': {shapes}"));
}

#[test]
fn files_of_old_say_the_width_of_experts_by_their_tensors() {
    const WIDTH: &str = "expert_feed_forward_length";
    let silent = without("qwen2_moe", WIDTH).without("qwen2moe.expert_shared_feed_forward_length");
    for (folder, file) in [("qwen2_moe", silent), ("qwen3_moe", without("qwen3_moe", WIDTH))] {
        check(folder, &file);
        check(folder, &unstacked(file));
    }
    let mut neither = without("qwen3_moe", WIDTH);
    neither.tensors.retain(|tensor| tensor.name != "blk.0.ffn_gate_exps.weight");
    check_refusal(&neither, "metadata 'qwen3moe.expert_feed_forward_length': is missing");
    let mut wide = without("qwen3_moe", WIDTH);
    wide.tensor("blk.1.ffn_gate_exps.weight").shape = vec![16, 32, 5];
    let shapes = "shape [5, 32, 16] is not [5, 16, 32], outermost dimension first";
    check_refusal(&wide, &format!("tensor 'blk.1.ffn_gate_exps.weight': {shapes}"));
}

/// Of a few tokens.
fn logits_of(file: &GgufFile) -> Vec<f32> {
    let (_scratch, path) = file.written();
    logits(&mut load(&path, Setup::default()).unwrap(), &[1, 20, 300, 4], 0, Setup::default().block_size)
}

#[test]
fn stacks_of_blocks_are_cut_between_experts() {
    let mut stacked = file("mixtral");
    for layer in 0..2 {
        let down = stacked.tensor(&format!("blk.{layer}.ffn_down_exps.weight"));
        let blocks = down.shape.iter().product::<u64>() / 32;
        // Q8_0: a scale as f16, 2^-10 here, and 32 numbers
        let block = |index: u64| {
            [0_u8, 0x14].into_iter().chain((0..32).map(move |place| ((index * 37 + place * 11) % 251) as u8))
        };
        (down.type_id, down.data) = (8, (0..blocks).flat_map(block).collect());
    }
    let got = logits_of(&stacked);
    assert!(got.iter().all(|logit| logit.is_finite()));
    assert_eq!(got, logits_of(&unstacked(stacked)));
}

#[test]
fn the_gate_of_the_shared_expert_is_a_row_or_a_matrix() {
    let mut row = file("qwen2_moe");
    for layer in 0..2 {
        let gate = row.tensor(&format!("blk.{layer}.ffn_gate_inp_shexp.weight"));
        assert_eq!(gate.shape, [32, 1]);
        gate.shape = vec![32];
    }
    check("qwen2_moe", &row);
    row.tensor("blk.1.ffn_gate_inp_shexp.weight").shape = vec![16];
    check_refusal(&row, "'blk.1.ffn_gate_inp_shexp.weight': shape [16] is not [32], outermost dimension first");
}

#[test]
fn experts_are_counted_by_the_metadata() {
    let experts = |folder| file(folder).opened().unwrap().config().experts;
    let of_mixtral =
        ExpertsConfig { count: 4, per_token: 2, normed: true, shared: None, shared_gate: false, dense: None };
    assert_eq!(experts("mixtral"), Some(of_mixtral));
    let of_qwen2 = ExpertsConfig { normed: false, shared: Some(32), shared_gate: true, ..of_mixtral };
    assert_eq!(experts("qwen2_moe"), Some(of_qwen2));
    assert_eq!(experts("llama2"), None);
    let none = with("llama2", "expert_count", Value::U32(0));
    assert_eq!(none.opened().unwrap().config().experts, None, "dense models may say so");
    check_refusal(
        &with("qwen3_moe", "expert_used_count", Value::U32(6)),
        "'qwen3moe.expert_used_count': 6 is not in 1..=5",
    );
    check_refusal(&with("qwen3_moe", "expert_count", Value::U32(0)), "'qwen3moe.expert_count': 0 is not in 1..=1024");
    check_refusal(&without("mixtral", "expert_used_count"), "metadata 'llama.expert_used_count': is missing");
    for (folder, key) in [
        ("qwen2", "expert_count"),
        ("mixtral", "expert_shared_feed_forward_length"),
        ("qwen3_moe", "expert_gating_func"),
    ] {
        let end =
            format!("{}.{key}': is not known, and what it changes cannot be guessed", family(folder).architecture);
        check_refusal(&with(folder, key, Value::U32(2)), &end);
    }
}

#[test]
fn the_order_of_a_layer_is_what_key_or_norms_say() {
    const KEY: &str = "use_parallel_residual";
    assert_eq!(order(&file("gpt_neox")), LayerOrder::Beside);
    assert_eq!(order(&without("gpt_neox", KEY)), LayerOrder::Beside);
    assert_eq!(order(&with("gpt_neox", KEY, Value::Bool(0))), LayerOrder::InTurn);
    check_refusal(
        &with("gpt_neox", KEY, Value::U32(1)),
        "metadata 'gptneox.use_parallel_residual': is not true or false",
    );
    assert_eq!(order(&with("stablelm", KEY, Value::Bool(1))), LayerOrder::InTurn, "converters guess the key");
    assert_eq!(order(&without("stablelm_beside", KEY)), LayerOrder::BesideOneNorm);
    assert_eq!(order(&file("falcon")), LayerOrder::BesideOneNorm);
    assert_eq!(order(&file("falcon_new")), LayerOrder::Beside);
    let mut in_turn = file("falcon");
    for layer in 0..2 {
        in_turn = in_turn.with_tensor(&format!("blk.{layer}.ffn_norm.weight"), &[32]);
        in_turn = in_turn.with_tensor(&format!("blk.{layer}.ffn_norm.bias"), &[32]);
    }
    assert_eq!(order(&in_turn), LayerOrder::InTurn);
    check_refusal(&without_tensor("falcon_new", "blk.1.attn_norm_2.bias"), "'blk.1.attn_norm_2.bias': is missing");
    check_refusal(
        &file("falcon_new").with_tensor("blk.0.ffn_norm.weight", &[32]),
        "stands in the file twice, alone and in 'blk.0.attn_norm.weight'",
    );
}

#[test]
fn rows_of_falcon_lie_in_one_order_only() {
    const KEY: &str = "tensor_data_layout";
    assert!(without("falcon", KEY).opened().is_ok());
    check_refusal(
        &with("falcon", KEY, Value::Text(b"heads".to_vec())),
        "metadata 'falcon.tensor_data_layout': \"heads\" is not supported; supported: jploski",
    );
}

#[test]
fn scores_fall_as_the_metadata_says() {
    const SLOPES: &str = "attention.max_alibi_bias";
    const CLIP: &str = "attention.clamp_kqv";
    let config = |file: &GgufFile| file.opened().unwrap().config().clone();
    let rule = |halvings| Some(SlopeRule { kind: SlopeKind::Exact, halvings });
    assert_eq!((config(&file("bloom")).slopes, config(&file("bloom")).attention_clip), (rule(8), None));
    let mpt = config(&file("mpt_plain"));
    assert_eq!((mpt.slopes, mpt.attention_clip), (rule(8), Some(1.5)));
    assert_eq!(config(&with("mpt_plain", SLOPES, Value::F32(16.0))).slopes, rule(16));
    assert_eq!(config(&without("mpt_plain", CLIP)).attention_clip, None);
    for (key, value, end) in [
        (SLOPES, Value::F32(0.0), "0 is not in 1..=64"),
        (SLOPES, Value::F32(7.5), "7.5 is not a whole number"),
        (SLOPES, Value::F32(f32::NAN), "NaN is not a whole number"),
        (CLIP, Value::F32(0.0), "0 is not a finite number above 0"),
    ] {
        check_refusal(&with("mpt_plain", key, value), &format!("metadata 'mpt.{key}': {end}"));
    }
    check_refusal(&without("mpt_plain", SLOPES), "metadata 'mpt.attention.max_alibi_bias': is missing");
    check_refusal(&with("bloom", SLOPES, Value::F32(8.0)), "is not known, and what it changes cannot be guessed");
    check_refusal(&without_tensor("bloom", "token_embd_norm.bias"), "tensor 'token_embd_norm.bias': is missing");
    check_refusal(&without_tensor("mpt_plain", "blk.1.attn_qkv.weight"), "tensor 'blk.1.attn_q.weight': is missing");
}

#[test]
fn norms_of_heads_are_a_row_each() {
    let of_heads = |folder| file(folder).opened().unwrap().config().norms.of_heads;
    assert_eq!((of_heads("stablelm"), of_heads("stablelm_beside")), (HeadNorm::None, HeadNorm::Each));
    let mut short = file("stablelm_beside");
    short.tensor("blk.1.attn_q_norm.weight").shape = vec![8, 2];
    check_refusal(&short, "'blk.1.attn_q_norm.weight': shape [2, 8] is not [4, 8], outermost dimension first");
    let alone = without_tensor("stablelm_beside", "blk.0.attn_k_norm.weight");
    check_refusal(&alone, "tensor 'blk.0.attn_k_norm.weight': is missing");
}

#[test]
fn biases_are_those_that_stand_in_the_file() {
    let bias = |folder| file(folder).opened().unwrap().config().attention_bias;
    assert_eq!((bias("falcon"), bias("falcon_new")), (AttentionBias::None, AttentionBias::All));
    assert_eq!((bias("stablelm"), bias("gpt2")), (AttentionBias::QueryKeyValue, AttentionBias::All));
    check_refusal(&without_tensor("phi", "output.bias"), "tensor 'output.bias': is missing");
    check_refusal(&without_tensor("phi", "blk.1.ffn_up.bias"), "tensor 'blk.1.ffn_up.bias': is missing");
    check_refusal(&renamed("phi", "blk.0.attn_q.bias", "blk.0.attn_q.b"), "tensor 'blk.0.attn_q.bias': is missing");
}

#[test]
fn families_have_keys_of_their_own() {
    let starcoder = without("starcoder2", "attention.sliding_window");
    assert_eq!(starcoder.opened().unwrap().config().windows, [None; 2], "files as converters write them");
    check_refusal(
        &without("gpt2", "attention.layer_norm_epsilon"),
        "metadata 'gpt2.attention.layer_norm_epsilon': is missing",
    );
    let both = with("gpt_neox", "attention.layer_norm_rms_epsilon", Value::F32(1e-6));
    assert_eq!(both.opened().unwrap().config().norms.eps, 1e-5, "that of the norms it has");
    check_refusal(
        &with("gpt2", "context_length", Value::U32(64)),
        "'position_embd.weight': shape [128, 64] is not [64, 64], outermost dimension first",
    );
    check_refusal(
        &with("falcon", "rope.dimension_count", Value::U32(4)),
        "metadata 'falcon.rope.dimension_count': 4 is not the head's width 8",
    );
    check_refusal(
        &with("falcon", "attention.max_alibi_bias", Value::F32(8.0)),
        "metadata 'falcon.attention.max_alibi_bias': is not known, and what it changes cannot be guessed",
    );
}

//! GGUF files of every family give what the folders they are made of give.
#![allow(clippy::unwrap_used, reason = "tests")]

mod model_files;
mod support;

use engine::config::{DecoderConfig, LongRope, RopeConfig, RopeScaling};
use engine::{Checkpoint, TokenizerSource};
use model_files::gguf_file::{GgufFile, Tensor, Value};
use model_files::gguf_of_folder::{FAMILIES, family, file, has_tokenizer};
use support::fixture;
use support::reference::check_fixture;

/// Writes the file and asserts that it gives the folder's reference.
fn check(folder: &str, file: &GgufFile) {
    let (_scratch, path) = file.written();
    check_fixture(folder, &path);
}

fn config(file: &GgufFile) -> DecoderConfig {
    file.opened().unwrap().config().clone()
}

#[test]
fn every_family_gives_the_reference_logits_and_greedy_tokens() {
    for family in FAMILIES {
        check(family.folder, &file(family.folder));
    }
}

#[test]
fn files_and_folders_are_configured_alike() {
    for family in FAMILIES {
        let folder = Checkpoint::open(&fixture(family.folder)).unwrap();
        let mut want = folder.config().clone();
        want.architecture = family.architecture.to_owned();
        want.norms.less_one = false;
        if ["gemma2", "gemma3"].contains(&family.architecture) {
            want.attention_scale = 0.25;
        }
        let file = file(family.folder).opened().unwrap();
        assert_eq!(file.config(), &want);
        assert_eq!(file.facts().bos_id, folder.facts().bos_id);
        assert!(file.facts().eos_ids.contains(&folder.facts().eos_ids[0]));
    }
}

/// Puts q, k and v of every layer, weights and biases, into one tensor each.
fn fused(mut file: GgufFile) -> GgufFile {
    for layer in 0..2 {
        for kind in ["weight", "bias"] {
            let name = |part: &str| format!("blk.{layer}.{part}.{kind}");
            let parts = ["attn_q", "attn_k", "attn_v"].map(name);
            let mut whole: Option<Tensor> = None;
            for part in parts {
                let Some(index) = file.tensors.iter().position(|tensor| tensor.name == part) else { continue };
                let part = file.tensors.remove(index);
                match &mut whole {
                    None => whole = Some(Tensor { name: name("attn_qkv"), ..part }),
                    Some(whole) => {
                        *whole.shape.last_mut().unwrap() += part.shape.last().unwrap();
                        whole.data.extend(part.data);
                    }
                }
            }
            file.tensors.extend(whole);
        }
    }
    file
}

#[test]
fn matrices_stored_as_one_are_cut_in_any_family() {
    for folder in ["llama2", "qwen2", "gemma3"] {
        let fused = fused(file(folder));
        assert!(fused.tensors.iter().any(|tensor| tensor.name == "blk.1.attn_qkv.weight"));
        check(folder, &fused);
    }
    let mut short = fused(file("qwen2"));
    short.tensor("blk.0.attn_qkv.bias").shape[0] -= 1;
    let error = short.opened().unwrap_err();
    assert!(error.ends_with("tensor 'blk.0.attn_qkv.bias': shape [127] does not have 128 rows"), "{error}");
    let twice = fused(file("llama2")).with_tensor("blk.0.attn_k.weight", &[4, 4]);
    let error = twice.opened().unwrap_err();
    assert!(error.contains("stands in the file twice, alone and in 'blk.0.attn_qkv.weight'"), "{error}");
    let mut packed = fused(file("qwen2"));
    packed.tensor("blk.0.attn_qkv.bias").type_id = 8;
    let error = packed.opened().unwrap_err();
    assert!(error.ends_with("Q8_0 holds no single numbers to cut between"), "{error}");
}

#[test]
fn windows_are_what_the_metadata_says() {
    const WINDOW: &str = "gemma3.attention.sliding_window";
    const PATTERN: &str = "gemma3.attention.sliding_window_pattern";
    let gemma = || file("gemma3");
    assert_eq!(config(&gemma()).windows, [Some(8), None]);
    assert_eq!(config(&gemma().without(PATTERN)).windows, [Some(8); 2], "five of six layers have a window");
    assert_eq!(config(&gemma().with(PATTERN, Value::U32(2))).windows, [Some(8), None]);
    assert_eq!(config(&gemma().with(PATTERN, Value::U32(0))).windows, [Some(8); 2]);
    assert_eq!(config(&gemma().without(WINDOW)).windows, [None; 2]);
    let error = gemma().with(PATTERN, Value::Bools(vec![true; 3])).opened().unwrap_err();
    assert!(error.ends_with(&format!("metadata '{PATTERN}': 3 entries for 2 layers")), "{error}");
    let error = gemma().with(PATTERN, Value::Integers(vec![1; 2])).opened().unwrap_err();
    assert!(error.ends_with("is not a whole number"), "{error}");
    assert_eq!(config(&file("gemma2").without("gemma2.attention.sliding_window")).windows, [Some(4096), None]);
    let phi = |window| config(&file("phi3").with("phi3.attention.sliding_window", Value::U32(window))).windows;
    assert_eq!((phi(0), phi(8)), (vec![None; 2], vec![Some(8); 2]));
    for folder in ["llama2", "qwen2"] {
        let key = format!("{}.attention.sliding_window", family(folder).architecture);
        let error = file(folder).with(&key, Value::U32(8)).opened().unwrap_err();
        assert!(error.contains("is not known"), "{error}");
    }
}

#[test]
fn a_gemma_leaves_unsaid_what_its_family_knows() {
    let caps = |file: &GgufFile| {
        let config = config(file);
        (config.attention_softcap, config.logit_softcap)
    };
    let silent = file("gemma2").without("gemma2.attn_logit_softcapping").without("gemma2.final_logit_softcapping");
    assert_eq!(caps(&silent), (Some(50.0), Some(30.0)));
    assert_eq!(caps(&file("gemma3")), (None, None));
    let capped = file("gemma3").with("gemma3.final_logit_softcapping", Value::F32(7.0));
    assert_eq!(caps(&capped), (None, Some(7.0)));
    let local = |theta| Some(RopeConfig { theta, scaling: RopeScaling::None });
    let stretched = file("gemma3").with("gemma3.rope.scaling.factor", Value::F32(8.0));
    let spoken = stretched.clone().with("gemma3.rope.freq_base_swa", Value::F32(5.0));
    let scaling = config(&stretched).rope.map(|rope| rope.scaling);
    assert_eq!(scaling, Some(RopeScaling::Linear { factor: 8.0 }));
    assert_eq!((config(&stretched).local_rope, config(&spoken).local_rope), (local(10_000.0), local(5.0)));
}

/// The same layers again and again, with heads of half the width; to be opened, not run.
fn deepened(layers: u32) -> GgufFile {
    let mut file = file("gemma3").without("gemma3.attention.sliding_window_pattern");
    for key in ["key_length", "value_length"] {
        file = file.with(&format!("gemma3.attention.{key}"), Value::U32(8));
    }
    for (part, shape) in [("attn_q", [64, 32]), ("attn_k", [64, 8]), ("attn_v", [64, 8]), ("attn_output", [32, 64])] {
        file.tensor(&format!("blk.0.{part}.weight")).shape = shape.to_vec();
    }
    for part in ["attn_q_norm", "attn_k_norm"] {
        file.tensor(&format!("blk.0.{part}.weight")).shape = vec![8];
    }
    file.tensors.retain(|tensor| !tensor.name.starts_with("blk.1."));
    let first: Vec<Tensor> = file.tensors.iter().filter(|tensor| tensor.name.starts_with("blk.0.")).cloned().collect();
    for layer in 1..layers {
        let copy =
            |tensor: &Tensor| Tensor { name: tensor.name.replacen('0', &layer.to_string(), 1), ..tensor.clone() };
        file.tensors.extend(first.iter().map(copy));
    }
    file.with("gemma3.block_count", Value::U32(layers))
}

#[test]
fn the_largest_gemma_divides_scores_by_another_width() {
    assert_eq!(config(&deepened(61)).attention_scale, 1.0 / 8.0_f32.sqrt(), "by the root of a head's width");
    assert_eq!(config(&deepened(62)).attention_scale, 0.25, "by the root of what the heads share out");
}

/// With divisors for short texts and for long ones, of which half a head turns.
fn long_phi(short: &[f32], long: &[f32]) -> GgufFile {
    let mut file = file("phi3")
        .with("phi3.rope.dimension_count", Value::U32(8))
        .with("phi3.rope.scaling.original_context_length", Value::U32(64))
        .with("phi3.rope.scaling.attn_factor", Value::F32(1.25));
    for (name, values) in [("short", short), ("long", long)] {
        let name = format!("rope_factors_{name}.weight");
        file.tensors.push(Tensor::f32(&name, vec![values.len() as u64], values));
    }
    file
}

#[test]
fn phi_has_divisors_for_long_texts() {
    let (short, long) = (vec![1.0, 1.25, 1.5, 2.0], vec![1.0, 2.0, 4.0, 8.0]);
    let config = config(&long_phi(&short, &long));
    let expected = LongRope { short: short.clone(), long: long.clone(), original_max_positions: 64, amplitude: 1.25 };
    assert_eq!(config.rope.map(|rope| rope.scaling), Some(RopeScaling::Long(expected)));
    assert_eq!(config.turned_dim, 8);
    let mut alone = long_phi(&short, &long);
    alone.tensors.retain(|tensor| tensor.name != "rope_factors_short.weight");
    for (file, reason) in [
        (alone, "tensor 'rope_factors_long.weight': stands alone: its twin is missing"),
        (long_phi(&short[1..], &long), "tensor 'rope_factors_short.weight': shape [3] is not [4]"),
        (
            long_phi(&short, &[1.0, 2.0, 4.0, 0.0]),
            "tensor 'rope_factors_long.weight': 0 is not a finite number above 0",
        ),
    ] {
        let error = file.opened().unwrap_err();
        assert!(error.ends_with(reason), "{error}");
    }
}

#[test]
fn what_would_change_the_numbers_is_refused() {
    for (folder, tensor) in [
        ("llama2", "rope_factors_long.weight"),
        ("qwen2", "output.bias"),
        ("gpt_neox", "output.bias"),
        ("falcon", "position_embd.weight"),
        ("mpt_plain", "position_embd.weight"),
        ("mpt_plain", "output_norm.bias"),
        ("mpt_plain", "blk.0.attn_q_norm.weight"),
        ("mpt_plain", "blk.0.ffn_act.scales"),
    ] {
        let error = file(folder).with_tensor(tensor, &[8]).opened().unwrap_err();
        assert!(error.contains(&format!("tensor '{tensor}': is not supported")), "{error}");
    }
}

#[test]
fn vocabularies_are_read_with_their_settings() {
    for family in FAMILIES.into_iter().filter(|family| has_tokenizer(&fixture(family.folder))) {
        let TokenizerSource::Gguf(vocabulary) = file(family.folder).opened().unwrap().tokenizer().unwrap() else {
            panic!("it is a GGUF file")
        };
        let is_pieces = family.tokenizer[0] == "llama";
        assert_eq!([vocabulary.model.as_str(), vocabulary.pre.as_deref().unwrap()], family.tokenizer);
        assert_eq!(vocabulary.tokens.len(), if is_pieces { 640 } else { 512 });
        assert_eq!((vocabulary.scores.is_empty(), vocabulary.merges.is_empty()), (!is_pieces, is_pieces));
        assert_eq!(vocabulary.add_bos, is_pieces);
        assert_eq!(vocabulary.add_space_prefix, is_pieces && !family.architecture.starts_with("gemma"));
        assert_eq!(vocabulary.markup_swallows_space, family.architecture == "phi3");
    }
}

#[test]
fn answers_end_where_texts_or_turns_do() {
    let ends = |folder| file(folder).opened().unwrap().facts().eos_ids.clone();
    assert_eq!(ends("llama2"), [2]);
    assert_eq!(ends("qwen2"), [511, 509], "the end of a turn, which the file names, then that of a text");
    assert_eq!(ends("phi3"), [2, 3, 6], "<|endoftext|> and <|end|> beside </s>");
    assert_eq!(ends("gemma3"), [1, 5], "<end_of_turn> beside <eos>");
}

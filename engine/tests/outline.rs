//! Models of full size of which only config.json is there: what they take in memory, and what is said where that is too
//! much. The configurations are those that their makers published.

use std::fs;

use anyhow::{Context, Result};
use engine::{
    Dtype, EngineOptions, Fit, Isa, KvDtype, MemoryLimits, Outline,
    config::{DecoderConfig, ModelConfig, RopeScaling},
};
use model_files::Scratch;
use model_files::changed_folder::{WEIGHTS, changed, fixture};
use serde_json::json;

mod model_files;

const GIB: u64 = 1 << 30;
const OPTIONS: EngineOptions =
    EngineOptions { threads: 1, isa: Isa::Scalar, dtype: Dtype::Auto, kv_dtype: KvDtype::F16 };

fn published(name: &str) -> Result<Outline> {
    Ok(Outline::open(&fixture("published").join(name))?)
}

fn decoder(outline: &Outline) -> &DecoderConfig {
    match outline.model() {
        ModelConfig::Decoder(config) => config,
        ModelConfig::Encoder(_) => panic!("it is a decoder"),
    }
}

fn ways(outline: &Outline, available: u64) -> Result<Vec<Fit>> {
    Ok(outline.fits(&OPTIONS, &MemoryLimits::default(), available).context("of a decoder")?.ways)
}

#[test]
fn parameters_are_counted_as_their_makers_do() -> Result<()> {
    for (name, parameters) in [
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-2-7b", 6_738_415_616),
        ("mixtral-8x7b", 46_702_792_704),
        ("gemma-3-270m", 268_098_176),
    ] {
        let outline = published(name)?;
        assert_eq!((outline.parameters(), outline.has_weights()), (parameters, false), "{name}");
    }
    Ok(())
}

#[test]
fn the_shape_of_llama_31_is_read_from_its_configuration() -> Result<()> {
    let outline = published("llama-3.1-8b")?;
    let config = decoder(&outline);
    assert_eq!((config.num_layers, config.num_heads, config.num_kv_heads, config.head_dim), (32, 32, 8, 128));
    assert_eq!((config.vocab_size, config.max_positions, config.tied_embeddings), (128_256, 131_072, false));
    let rope = config.rope.as_ref().context("heads turn")?;
    let scaling =
        RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_positions: 8192 };
    assert_eq!((rope.theta, &rope.scaling), (500_000.0, &scaling));
    Ok(())
}

#[test]
fn keys_and_values_are_those_of_the_heads_that_have_some() -> Result<()> {
    let of = |name: &str| -> Result<_> {
        let ways = ways(&published(name)?, 1024 * GIB)?;
        Ok([ways[0], ways[1]].map(|way| (way.kv_dtype, way.kv_bytes_per_token, way.kv_bytes_of_longest)))
    };
    // 8 of 32 heads, 128 wide, in 32 layers; then all 32. In 8 bits with two bytes of scale for each 32 numbers.
    assert_eq!(of("llama-3.1-8b")?, [(KvDtype::F16, 131_072, 16 * GIB), (KvDtype::Q8_0, 69_632, 69_632 * 131_072)]);
    assert_eq!(of("llama-2-7b")?, [(KvDtype::F16, 524_288, 2 * GIB), (KvDtype::Q8_0, 278_528, 278_528 * 4096)]);
    Ok(())
}

#[test]
fn weights_are_planned_as_they_will_be_held() -> Result<()> {
    let plan = |name: &str, dtype| -> Result<_> {
        let options = EngineOptions { dtype, ..OPTIONS };
        Ok(published(name)?.plan(&options, &MemoryLimits::default(), 1024 * GIB)?)
    };
    // Norms are kept as f32: two of each layer and the last.
    let norms = 65 * 4096;
    assert_eq!(plan("llama-3.1-8b", Dtype::Auto)?.weights_bytes, 2 * (8_030_261_248 + norms));
    assert_eq!(plan("llama-2-7b", Dtype::Auto)?.weights_bytes, 2 * (6_738_415_616 + norms));
    assert_eq!(plan("llama-2-7b", Dtype::Float32)?.weights_bytes, 4 * 6_738_415_616);
    Ok(())
}

#[test]
fn the_whole_context_of_llama_31_is_planned_where_there_is_room() -> Result<()> {
    let outline = published("llama-3.1-8b")?;
    let limits = MemoryLimits { max_num_seqs: 1, max_model_len: Some(131_072), ..MemoryLimits::default() };
    let plan = outline.plan(&OPTIONS, &limits, 64 * GIB)?;
    assert_eq!((plan.max_model_len, plan.num_blocks, plan.kv_bytes), (131_072, 8192, 16 * GIB));
    let wide = ways(&outline, 64 * GIB)?[0];
    assert_eq!((wide.max_model_len, wide.sequences, wide.missing_bytes), (131_072, 3, 0));
    let narrow = ways(&outline, 24 * GIB)?[0];
    let left =
        24 * GIB - plan.weights_bytes - outline.plan(&OPTIONS, &MemoryLimits::default(), 64 * GIB)?.scratch_bytes;
    assert_eq!((narrow.max_model_len as u64, narrow.sequences), (left / (16 * 131_072) * 16, 0));
    Ok(())
}

#[test]
fn a_machine_that_is_too_small_is_told_what_is_missing_and_what_would_fit() -> Result<()> {
    let outline = published("llama-3.1-8b")?;
    let refusal = |limits: &MemoryLimits, available| {
        outline.plan(&OPTIONS, limits, available).map(|plan| plan.to_string()).unwrap_err().to_string()
    };
    let small = refusal(&MemoryLimits::default(), 6 * GIB);
    assert!(small.starts_with("needs 15.0") && small.contains("weights 14.96 GiB + KV 2.00 MiB (1 blocks)"), "{small}");
    assert!(small.contains("; have 6.00 GiB, 9.") && small.contains(" GiB too little; use a GGUF file"), "{small}");
    assert!(small.contains(" of it as Q4_K (weights 4."), "{small}");
    assert!(refusal(&MemoryLimits::default(), 12 * GIB).contains(" of it as Q8_0 (weights "));
    assert!(refusal(&MemoryLimits::default(), GIB).ends_with("use a smaller model or more memory"));
    let whole = MemoryLimits { max_model_len: Some(131_072), ..MemoryLimits::default() };
    let long = refusal(&whole, 24 * GIB);
    assert!(long.contains("KV 16.00 GiB (8192 blocks)"), "{long}");
    assert!(long.contains("use max-model-len 49152, or ") && long.contains(" with num-kv-blocks "), "{long}");
    let ways = ways(&outline, 6 * GIB)?;
    let told: Vec<_> = ways.iter().map(|way| (way.quantised, way.missing_bytes > 0)).collect();
    assert_eq!(
        told,
        [(None, true), (None, true), (Some("Q8_0"), true), (Some("Q8_0"), true)]
            .into_iter()
            .chain([(Some("Q4_K"), false); 2])
            .collect::<Vec<_>>()
    );
    Ok(())
}

#[test]
fn files_are_offered_only_where_they_are_read_and_smaller() -> Result<()> {
    let kinds = |outline: &Outline| -> Result<Vec<_>> {
        Ok(ways(outline, 1024 * GIB)?.iter().step_by(2).map(|way| way.quantised).collect())
    };
    assert_eq!(kinds(&published("gemma-3-270m")?)?, [None, Some("Q8_0"), Some("Q4_K")]);
    assert_eq!(kinds(&published("mixtral-8x7b")?)?, [None, Some("Q8_0"), Some("Q4_K")], "as Llama's with experts");
    assert_eq!(kinds(&Outline::open(&fixture("falcon_alibi"))?)?, [None], "they do not say slopes of Falcons");
    assert_eq!(kinds(&Outline::open(&fixture("bloom"))?)?, [None, Some("Q8_0"), Some("Q4_K")]);
    assert_eq!(kinds(&Outline::open(&fixture("smollm3"))?)?, [None, Some("Q8_0"), Some("Q4_K")]);
    let still = changed("smollm3", "no_rope_layers", Some(json!([0, 1, 1, 0])))?;
    assert_eq!(kinds(&Outline::open(still.path())?)?, [None], "they do not say which layers turn");
    let quantised = Outline::open(&fixture("llama_gguf").join("llama-Q4_1.gguf"))?;
    assert!(quantised.has_weights());
    assert!(!kinds(&quantised)?.contains(&Some("Q8_0")));
    Ok(())
}

#[test]
fn weights_that_are_there_say_how_they_are_stored() -> Result<()> {
    let scratch = Scratch::new("outline")?;
    let config = fs::read_to_string(fixture("llama31").join("config.json"))?;
    scratch.write("config.json", config.replace("float32", "bfloat16").as_bytes())?;
    let bytes = || -> Result<_> {
        let outline = Outline::open(scratch.path())?;
        let plan = outline.plan(&OPTIONS, &MemoryLimits::default(), GIB)?;
        Ok((outline.has_weights(), outline.parameters(), plan.weights_bytes))
    };
    let (absent, parameters, halves) = bytes()?;
    assert!(!absent && halves < 3 * parameters, "config.json says bfloat16");
    let index = r#"{"weight_map": {"lm_head.weight": "one.safetensors"}}"#;
    scratch.write("model.safetensors.index.json", index.as_bytes())?;
    assert_eq!(bytes()?, (false, parameters, halves), "a part that was not fetched");
    fs::copy(fixture("llama31").join(WEIGHTS), scratch.path().join(WEIGHTS))?;
    assert_eq!(bytes()?, (true, parameters, 4 * parameters), "the file says f32");
    Ok(())
}

#[test]
fn an_encoder_is_planned_without_its_weights_too() -> Result<()> {
    let scratch = Scratch::new("outline-encoder")?;
    fs::copy(fixture("bert").join("config.json"), scratch.path().join("config.json"))?;
    let (alone, whole) = (Outline::open(scratch.path())?, Outline::open(&fixture("bert"))?);
    assert_eq!((alone.has_weights(), whole.has_weights()), (false, true));
    for dtype in [Dtype::Auto, Dtype::Float16] {
        let options = EngineOptions { dtype, ..OPTIONS };
        let plan = |outline: &Outline| outline.plan(&options, &MemoryLimits::default(), GIB);
        assert_eq!(plan(&alone)?, plan(&whole)?, "{dtype:?}");
    }
    assert_eq!(alone.fits(&OPTIONS, &MemoryLimits::default(), GIB), None);
    Ok(())
}

#[test]
fn a_type_that_is_not_known_is_refused_by_its_field() -> Result<()> {
    let scratch = Scratch::new("outline-dtype")?;
    let config = fs::read_to_string(fixture("published").join("llama-2-7b/config.json"))?;
    scratch.write("config.json", config.replace("\"float16\"", "\"float8_e4m3fn\"").as_bytes())?;
    let error = Outline::open(scratch.path()).err().context("it is refused")?.to_string();
    assert_eq!(error, "config.json: 'torch_dtype': \"float8_e4m3fn\" is none of float32, float16, bfloat16");
    Ok(())
}

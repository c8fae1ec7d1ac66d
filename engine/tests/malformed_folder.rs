//! Model folders that lie: configuration, index, shards and links; each is refused with one line.

use std::fs;

use anyhow::Result;
use engine::config::RopeScaling;
use engine::{Checkpoint, WeightName};
use model_files::Scratch;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

mod model_files;

/// One layer, hidden 4, two heads and one key head of width 2, MLP 6, four tokens.
fn config() -> Value {
    json!({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 6, "vocab_size": 4,
        "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": true,
        "eos_token_id": 3, "torch_dtype": "bfloat16", "rope_scaling": null
    })
}

/// Tensors of such a model, by name, with their shapes.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let layer = [
        ("input_layernorm", vec![4]),
        ("self_attn.q_proj", vec![4, 4]),
        ("self_attn.k_proj", vec![2, 4]),
        ("self_attn.v_proj", vec![2, 4]),
        ("self_attn.o_proj", vec![4, 4]),
        ("post_attention_layernorm", vec![4]),
        ("mlp.gate_proj", vec![6, 4]),
        ("mlp.up_proj", vec![6, 4]),
        ("mlp.down_proj", vec![4, 6]),
    ];
    let mut tensors: Vec<_> =
        layer.into_iter().map(|(name, shape)| (format!("model.layers.0.{name}.weight"), shape)).collect();
    tensors.push(("model.embed_tokens.weight".to_owned(), vec![4, 4]));
    tensors.push(("model.norm.weight".to_owned(), vec![4]));
    tensors
}

/// A safetensors file of bf16 ones.
fn safetensors(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in tensors {
        let start = end;
        end += 2 * shape.iter().product::<usize>();
        header.insert(name.clone(), json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}));
    }
    raw_safetensors(&Value::Object(header).to_string(), &[0x80, 0x3f].repeat(end / 2))
}

fn raw_safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [(header.len() as u64).to_le_bytes().as_slice(), header.as_bytes(), data].concat()
}

fn folder(name: &str, config: &Value) -> Result<Scratch> {
    let scratch = Scratch::new(name)?;
    scratch.write("config.json", config.to_string().as_bytes())?;
    scratch.write("model.safetensors", &safetensors(&tensors()))?;
    Ok(scratch)
}

fn refusal(scratch: &Scratch) -> String {
    let error = Checkpoint::open(scratch.path()).expect_err("a lie is refused").to_string();
    assert!(!error.contains('\n') && !error.contains(&*std::env::temp_dir().to_string_lossy()), "{error}");
    error
}

#[test]
fn the_small_folder_is_valid() -> Result<()> {
    let scratch = folder("valid-folder", &config())?;
    scratch.write("generation_config.json", br#"{"eos_token_id": [1, 3], "temperature": 0.6, "top_k": 0}"#)?;
    let checkpoint = Checkpoint::open(scratch.path())?;
    assert_eq!(checkpoint.facts().eos_ids, [3, 1]);
    assert_eq!(checkpoint.generation_defaults().temperature, Some(0.6));
    assert_eq!(checkpoint.generation_defaults().top_k, None);
    assert_eq!(checkpoint.vector(WeightName::OutputNorm, 4)?, [1.0; 4]);
    assert_eq!(checkpoint.config().rope.as_ref().map(|rope| rope.theta), Some(10_000.0));
    assert!(checkpoint.tokenizer().is_err());
    Ok(())
}

#[test]
fn wrong_fields_are_refused_by_name() -> Result<()> {
    for (field, value, part) in [
        ("rope_theta", json!(-1), "'rope_theta': -1 is not a finite number above 0"),
        ("rope_theta", json!("many"), "'rope_theta': \\\"many\\\" is not a number"),
        ("rope_parameters", json!({"rope_theta": 1e6, "rope_type": "default", "twist": 2}), "'rope_parameters.twist'"),
        ("rope_parameters", json!({"rope_type": "longrope"}), "\"longrope\" is not supported"),
        ("rope_scaling", json!({"type": "linear"}), "'rope_scaling.factor': is missing"),
        ("rope_scaling", json!({"type": "linear", "factor": 0}), "0 is not a finite number above 0"),
        ("num_key_value_heads", json!(3), "3 does not divide num_attention_heads 2"),
        ("num_attention_heads", json!(3), "4 is no multiple of the 3 heads"),
        ("head_dim", json!(3), "3 is not an even number above 0"),
        ("hidden_size", json!(1_u64 << 40), "is not in 1..=131072"),
        ("vocab_size", json!(4.5), "4.5 is not a whole number"),
        ("rms_norm_eps", json!(0), "0 is not above 0 and at most 0.1"),
        ("hidden_act", json!("gelu"), "is not supported; supported: silu, swish"),
        ("architectures", json!(["LlamaForSequenceClassification"]), "supported: LlamaForCausalLM"),
        ("model_type", json!("mamba"), "\"mamba\" is not supported; supported: llama, mistral,"),
        ("sliding_window", json!(4096), "'sliding_window': is not known"),
        ("quantization_config", json!({"bits": 4}), "quantised safetensors are not supported"),
        ("eos_token_id", json!(4), "is not a token id below 4"),
        ("eos_token_id", json!([1, -1]), "is not a token id below 4"),
        ("attention_bias", json!("no"), "is not true or false"),
    ] {
        let mut config = config();
        config[field] = value;
        let error = refusal(&folder("field", &config)?);
        assert!(error.starts_with("config.json: '") && error.contains(part), "{field}: {error}");
    }
    Ok(())
}

#[test]
fn a_field_that_stands_twice_is_refused() -> Result<()> {
    let scratch = folder("twice", &config())?;
    scratch.write("config.json", br#"{"model_type": "llama", "model_type": "llama"}"#)?;
    assert!(refusal(&scratch).contains("field 'model_type' stands in the file twice"));
    Ok(())
}

#[test]
fn two_spellings_that_differ_are_refused() -> Result<()> {
    let mut differing = config();
    differing["rope_theta"] = json!(1e4);
    differing["rope_parameters"] = json!({"rope_theta": 5e5, "rope_type": "default"});
    assert!(
        refusal(&folder("spellings", &differing)?).contains("'rope_parameters': differs from what 'rope_theta' says")
    );
    let mut linear = config();
    linear["rope_scaling"] = json!({"type": "linear", "factor": 2.0});
    let scratch = folder("linear-scaling", &linear)?;
    let rope = Checkpoint::open(scratch.path())?.config().rope.clone();
    assert_eq!(rope.map(|rope| rope.scaling), Some(RopeScaling::Linear { factor: 2.0 }));
    Ok(())
}

#[test]
fn sampling_settings_have_the_ranges_of_requests() -> Result<()> {
    let scratch = folder("settings", &config())?;
    for (field, value) in
        [("temperature", "3"), ("top_p", "0"), ("min_p", "-0.1"), ("repetition_penalty", "0"), ("top_k", "-1")]
    {
        scratch.write("generation_config.json", format!("{{\"{field}\": {value}}}").as_bytes())?;
        let error = refusal(&scratch);
        assert!(error.starts_with(&format!("generation_config.json: '{field}': {value} is not")), "{error}");
    }
    Ok(())
}

#[test]
fn headers_of_safetensors_are_not_believed() -> Result<()> {
    let entry = |body: &str| raw_safetensors(&format!("{{\"model.norm.weight\": {body}}}"), &[0; 8]);
    let twice = "{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},\
                  \"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,8]}}";
    for (bytes, part) in [
        (vec![1, 2, 3], "has 3 bytes, too few for a header"),
        (u64::MAX.to_le_bytes().to_vec(), "header of 18446744073709551615 bytes, at most 0 are possible"),
        (raw_safetensors("[]", &[]), "header: "),
        (raw_safetensors(twice, &[0; 8]), "tensor 'a' stands in the file twice"),
        (entry(r#"{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}"#), "type F8_E4M3 is not supported"),
        (entry(r#"{"dtype":"U8","shape":[4],"data_offsets":[0,8]}"#), "shape [4] of U8 is not its place 0..8"),
        (entry(r#"{"dtype":"BOOL","shape":[4],"data_offsets":[4,8]}"#), "begins at offset 4, expected 0"),
        (entry(r#"{"dtype":"F16","shape":[4294967296,4294967296,2],"data_offsets":[0,8]}"#), "overflows"),
        (entry(r#"{"dtype":"F16","shape":[4],"data_offsets":[0,80]}"#), "needs 8 bytes, its place is 0..80"),
        (entry(r#"{"dtype":"F16","shape":[40],"data_offsets":[0,80]}"#), "needs 80 bytes at offset"),
        (entry(r#"{"dtype":"F16","shape":[2],"data_offsets":[4,8]}"#), "begins at offset 4, expected 0"),
        (entry(r#"{"dtype":"F16","shape":[2],"data_offsets":[0,4]}"#), "tensors end at byte"),
        (entry(r#"{"dtype":"F16","shape":[1,1,1,1,4],"data_offsets":[0,8]}"#), "more than 4 dimensions"),
    ] {
        let scratch = folder("header", &config())?;
        scratch.write("model.safetensors", &bytes)?;
        let error = refusal(&scratch);
        assert!(error.starts_with("model.safetensors: ") && error.contains(part), "{error}");
    }
    Ok(())
}

#[test]
fn a_header_cut_anywhere_is_refused() -> Result<()> {
    let scratch = folder("cut-folder", &config())?;
    let bytes = safetensors(&tensors());
    for length in (0..bytes.len()).step_by(3) {
        scratch.write("model.safetensors", &bytes[..length])?;
        refusal(&scratch);
    }
    Ok(())
}

#[test]
fn flipped_bytes_never_panic() -> Result<()> {
    for name in ["config.json", "model.safetensors"] {
        let scratch = folder("flipped-folder", &config())?;
        let bytes = fs::read(scratch.path().join(name))?;
        let flips = prop::collection::vec((0..bytes.len(), any::<u8>()), 1..4);
        let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
        runner.run(&flips, |flips| {
            let mut flipped = bytes.clone();
            for (index, byte) in flips {
                flipped[index] = byte;
            }
            scratch.write(name, &flipped).expect("the folder is writable");
            if let Err(error) = Checkpoint::open(scratch.path()) {
                prop_assert!(!error.to_string().contains('\n'), "{error}");
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn the_configuration_agrees_with_the_tensors() -> Result<()> {
    let scratch = folder("missing-head", &config())?;
    let mut untied = config();
    untied["tie_word_embeddings"] = json!(false);
    scratch.write("config.json", untied.to_string().as_bytes())?;
    assert_eq!(refusal(&scratch), "config.json: tensor 'lm_head.weight': is missing");
    let mut wider = config();
    wider["intermediate_size"] = json!(7);
    scratch.write("config.json", wider.to_string().as_bytes())?;
    assert!(refusal(&scratch).contains("tensor 'model.layers.0.mlp.gate_proj.weight': shape [6, 4] is not [7, 4]"));
    Ok(())
}

/// Replaces the single file by two shards, with an index that names them as given.
fn shard(scratch: &Scratch, names: [&str; 2]) -> Result<()> {
    fs::remove_file(scratch.path().join("model.safetensors"))?;
    let tensors = tensors();
    let (first, second) = tensors.split_at(5);
    scratch.write("one.safetensors", &safetensors(first))?;
    scratch.write("two.safetensors", &safetensors(second))?;
    let entries = first.iter().map(|entry| (entry, names[0])).chain(second.iter().map(|entry| (entry, names[1])));
    let map: serde_json::Map<_, _> = entries.map(|((name, _), file)| (name.clone(), json!(file))).collect();
    scratch.write("model.safetensors.index.json", json!({"weight_map": map}).to_string().as_bytes())?;
    Ok(())
}

#[test]
fn shards_are_read_and_their_names_are_plain() -> Result<()> {
    let scratch = folder("shards", &config())?;
    shard(&scratch, ["one.safetensors", "two.safetensors"])?;
    assert_eq!(Checkpoint::open(scratch.path())?.vector(WeightName::OutputNorm, 4)?, [1.0; 4]);
    for name in ["../two.safetensors", "/etc/passwd", "..", "", "sub/two.safetensors"] {
        let scratch = folder("shard-names", &config())?;
        shard(&scratch, ["one.safetensors", name])?;
        assert!(refusal(&scratch).ends_with("is not a plain file name"));
    }
    let scratch = folder("shard-missing", &config())?;
    shard(&scratch, ["one.safetensors", "three.safetensors"])?;
    assert!(refusal(&scratch).ends_with("has no three.safetensors"));
    let scratch = folder("shard-short", &config())?;
    shard(&scratch, ["one.safetensors", "one.safetensors"])?;
    assert!(refusal(&scratch).ends_with("is in the index, but in none of its files"));
    Ok(())
}

#[test]
fn links_may_not_lead_out_except_into_the_caches_own_blobs() -> Result<()> {
    let outside = folder("outside", &config())?;
    let scratch = folder("links", &config())?;
    let link = scratch.path().join("model.safetensors");
    fs::remove_file(&link)?;
    std::os::unix::fs::symlink(outside.path().join("model.safetensors"), &link)?;
    assert!(refusal(&scratch).ends_with("model.safetensors: is a link that leads out of the model's folder"));

    let cache = Scratch::new("cache")?;
    let (blobs, snapshot) = (cache.path().join("blobs"), cache.path().join("snapshots/0123"));
    fs::create_dir_all(&blobs)?;
    fs::create_dir_all(&snapshot)?;
    for name in ["config.json", "model.safetensors"] {
        fs::copy(outside.path().join(name), blobs.join(name))?;
        std::os::unix::fs::symlink(format!("../../blobs/{name}"), snapshot.join(name))?;
    }
    Checkpoint::open(&snapshot)?;
    Ok(())
}

#[test]
fn pickled_weights_are_named_with_their_conversion() -> Result<()> {
    let scratch = folder("pickled", &config())?;
    fs::rename(scratch.path().join("model.safetensors"), scratch.path().join("pytorch_model.bin"))?;
    let error = refusal(&scratch);
    assert!(error.contains("pytorch_model.bin is not opened") && error.contains("safe_serialization=True"), "{error}");
    Ok(())
}

//! Checkpoints of the fixtures: opened, compared with candle's own readers and with the stored references.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::quantized::gguf_file;
use candle_core::{Device, Tensor};
use engine::config::{DecoderConfig, RopeScaling};
use engine::{Checkpoint, LayerWeight, TokenizerSource, WeightName};
use model_files::Scratch;

mod model_files;

const GGUF_TYPES: [&str; 6] = ["F16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn gguf_fixture(stored_type: &str) -> PathBuf {
    fixture("llama_gguf").join(format!("llama-{stored_type}.gguf"))
}

/// Every matrix of a decoder with its shape and the tensor's name in a GGUF file.
fn matrices(config: &DecoderConfig) -> Vec<(WeightName, [usize; 2], String)> {
    let (hidden, wide) = (config.hidden_size, config.intermediate_size);
    let (query, key) = (config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim);
    let mut matrices = vec![
        (WeightName::TokenEmbedding, [config.vocab_size, hidden], "token_embd.weight".to_owned()),
        (WeightName::Output, [config.vocab_size, hidden], "output.weight".to_owned()),
    ];
    for layer in 0..config.num_layers {
        for (weight, shape, name) in [
            (LayerWeight::Query, [query, hidden], "attn_q"),
            (LayerWeight::Key, [key, hidden], "attn_k"),
            (LayerWeight::Value, [key, hidden], "attn_v"),
            (LayerWeight::AttentionOutput, [hidden, query], "attn_output"),
            (LayerWeight::Gate, [wide, hidden], "ffn_gate"),
            (LayerWeight::Up, [wide, hidden], "ffn_up"),
            (LayerWeight::Down, [hidden, wide], "ffn_down"),
        ] {
            matrices.push((WeightName::Layer(layer, weight), shape, format!("blk.{layer}.{name}.weight")));
        }
    }
    matrices
}

fn read_all(checkpoint: &Checkpoint, name: WeightName, [rows, columns]: [usize; 2]) -> Result<Vec<f32>> {
    let mut values = vec![0.0; rows * columns];
    checkpoint.matrix(name, rows, columns)?.read_rows(0..rows, &mut values)?;
    Ok(values)
}

/// transformers' order of the rows of a projection that llama.cpp stores as neighbouring pairs.
fn unpaired(stored: &Tensor, head_dim: usize) -> candle_core::Result<Tensor> {
    let (rows, columns) = stored.dims2()?;
    let pairs = stored.reshape((rows / head_dim, head_dim / 2, 2, columns))?;
    pairs.transpose(1, 2)?.contiguous()?.reshape((rows, columns))
}

#[test]
fn gguf_matrices_equal_those_of_candle() -> Result<()> {
    for stored_type in GGUF_TYPES {
        let path = gguf_fixture(stored_type);
        let checkpoint = Checkpoint::open(&path)?;
        let mut file = File::open(&path)?;
        let content = gguf_file::Content::read(&mut file)?;
        for (name, shape, stored_name) in matrices(checkpoint.config()) {
            let mut oracle = content.tensor(&mut file, &stored_name, &Device::Cpu)?.dequantize(&Device::Cpu)?;
            if stored_name.contains("attn_q") || stored_name.contains("attn_k") {
                oracle = unpaired(&oracle, checkpoint.config().head_dim)?;
            }
            let values = read_all(&checkpoint, name, shape)?;
            assert_eq!(values, oracle.flatten_all()?.to_vec1::<f32>()?, "{stored_type} {stored_name}");
        }
    }
    Ok(())
}

#[test]
fn safetensors_matrices_equal_those_of_candle() -> Result<()> {
    for folder in ["llama2", "llama31"] {
        let checkpoint = Checkpoint::open(&fixture(folder))?;
        let oracle = candle_core::safetensors::load(fixture(folder).join("model.safetensors"), &Device::Cpu)?;
        let config = checkpoint.config();
        let query = [config.num_heads * config.head_dim, config.hidden_size];
        let down = [config.hidden_size, config.intermediate_size];
        let embedding = [config.vocab_size, config.hidden_size];
        for (name, shape, stored_name) in [
            (WeightName::Layer(1, LayerWeight::Query), query, "model.layers.1.self_attn.q_proj.weight"),
            (WeightName::Layer(0, LayerWeight::Down), down, "model.layers.0.mlp.down_proj.weight"),
            (WeightName::TokenEmbedding, embedding, "model.embed_tokens.weight"),
            (WeightName::Output, embedding, "lm_head.weight"),
        ] {
            let values = read_all(&checkpoint, name, shape)?;
            assert_eq!(values, oracle[stored_name].flatten_all()?.to_vec1::<f32>()?, "{folder} {stored_name}");
        }
        let norm = checkpoint.vector(WeightName::OutputNorm, config.hidden_size)?;
        assert_eq!(norm, oracle["model.norm.weight"].to_vec1::<f32>()?);
    }
    Ok(())
}

#[test]
fn any_range_of_rows_is_the_same_part_of_the_whole() -> Result<()> {
    for stored_type in ["F16", "Q4_1"] {
        let checkpoint = Checkpoint::open(&gguf_fixture(stored_type))?;
        let name = WeightName::Layer(0, LayerWeight::Query);
        let matrix = checkpoint.matrix(name, 64, 64)?;
        let whole = read_all(&checkpoint, name, [64, 64])?;
        for rows in [0..0, 0..1, 3..5, 15..17, 7..64, 63..64, 16..48] {
            let mut part = vec![0.0; rows.len() * 64];
            matrix.read_rows(rows.clone(), &mut part)?;
            assert_eq!(part, whole[rows.start * 64..rows.end * 64], "{stored_type} {rows:?}");
        }
    }
    Ok(())
}

#[test]
fn threads_read_disjoint_rows_of_one_matrix() -> Result<()> {
    let checkpoint = Checkpoint::open(&gguf_fixture("Q8_0"))?;
    let config = checkpoint.config().clone();
    let whole = read_all(&checkpoint, WeightName::Output, [config.vocab_size, config.hidden_size])?;
    let matrix = checkpoint.matrix(WeightName::Output, config.vocab_size, config.hidden_size)?;
    let mut parts = vec![0.0; whole.len()];
    let rows = config.vocab_size / 4;
    std::thread::scope(|scope| {
        let readers: Vec<_> = parts
            .chunks_mut(rows * config.hidden_size)
            .enumerate()
            .map(|(index, part)| (index, part, matrix.clone()))
            .map(|(index, part, matrix)| scope.spawn(move || matrix.read_rows(index * rows..(index + 1) * rows, part)))
            .collect();
        readers.into_iter().try_for_each(|reader| reader.join().expect("a reader does not panic"))
    })?;
    assert_eq!(parts, whole);
    Ok(())
}

#[test]
fn both_spellings_of_transformers_open_to_the_same_model() -> Result<()> {
    let made = ["llama2", "llama31", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3"];
    let others = ["gpt2", "gpt3_like", "openai_gpt", "mixtral"];
    let small = ["gemma", "phi", "gpt_neox", "stablelm", "stablelm_beside", "qwen2_moe", "qwen3_moe", "phi3_long"];
    let last = ["gptj", "opt", "falcon", "falcon_new", "starcoder2", "falcon_alibi", "bloom", "mpt"];
    for folder in made.into_iter().chain(others).chain(small).chain(last) {
        let classic = Checkpoint::open(&fixture(folder))?;
        let scratch = Scratch::new(&format!("v5-{folder}"))?;
        fs::copy(fixture(folder).join("config.v5.json"), scratch.path().join("config.json"))?;
        for name in ["model.safetensors", "generation_config.json"] {
            fs::copy(fixture(folder).join(name), scratch.path().join(name))?;
        }
        let modern = Checkpoint::open(scratch.path())?;
        assert_eq!(classic.config(), modern.config());
        assert_eq!(classic.facts().eos_ids, modern.facts().eos_ids);
    }
    Ok(())
}

#[test]
fn a_folder_says_what_its_model_is() -> Result<()> {
    let checkpoint = Checkpoint::open(&fixture("llama31"))?;
    let facts = checkpoint.facts();
    assert_eq!((facts.num_heads, facts.num_kv_heads, facts.head_dim), (4, 2, 32));
    assert_eq!((facts.bos_id, facts.eos_ids.as_slice()), (Some(506), [507, 510].as_slice()));
    assert_eq!(facts.tensor_types, [("F32".to_owned(), 21)]);
    let llama3 =
        RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_positions: 8192 };
    assert_eq!(checkpoint.config().rope.as_ref().map(|rope| &rope.scaling), Some(&llama3));
    assert!(checkpoint.chat_template().context("template")?.contains("<|start_header_id|>"));
    let TokenizerSource::Json { tokenizer, bos_token, eos_token, .. } = checkpoint.tokenizer()? else {
        panic!("a folder has a tokenizer.json")
    };
    assert_eq!(tokenizer, fs::read(fixture("llama31/tokenizer.json"))?);
    assert_eq!(bos_token.as_deref(), Some("<|begin_of_text|>"));
    assert_eq!(eos_token.as_deref(), Some("<|eot_id|>"));
    Ok(())
}

#[test]
fn a_gguf_file_says_what_its_model_is() -> Result<()> {
    let checkpoint = Checkpoint::open(&gguf_fixture("Q4_1"))?;
    let facts = checkpoint.facts();
    assert_eq!((facts.bos_id, facts.eos_ids.as_slice()), (Some(506), [510, 507].as_slice()));
    let types: BTreeMap<_, _> = facts.tensor_types.iter().cloned().collect();
    assert_eq!(types, BTreeMap::from([("F32".to_owned(), 5), ("Q4_1".to_owned(), 16)]));
    assert_eq!(facts.fingerprint, Checkpoint::open(&gguf_fixture("Q4_1"))?.facts().fingerprint);
    assert_ne!(facts.fingerprint, Checkpoint::open(&gguf_fixture("Q4_0"))?.facts().fingerprint);
    assert_eq!(facts.fingerprint.len(), 12);
    assert!(!checkpoint.config().tied_embeddings);
    let TokenizerSource::Gguf(vocabulary) = checkpoint.tokenizer()? else { panic!("a GGUF file has a vocabulary") };
    assert_eq!((vocabulary.model.as_str(), vocabulary.pre.as_deref()), ("gpt2", Some("llama-bpe")));
    assert_eq!((vocabulary.tokens.len(), vocabulary.merges.len()), (512, 250));
    assert_eq!((vocabulary.tokens[0].as_str(), vocabulary.merges[0].as_str()), ("!", "Ġ Ġ"));
    assert_eq!(vocabulary.token_types.iter().filter(|&&kind| kind == 3).count(), 6);
    assert!(vocabulary.add_bos);
    Ok(())
}

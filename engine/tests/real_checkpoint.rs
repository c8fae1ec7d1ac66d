//! The real default model (SmolLM2-135M-Instruct, Q4_1), at the path in `GONDOLA_TEST_MODEL`; fails without it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use engine::{Checkpoint, Dtype, EngineOptions, Isa, KvDtype, MemoryLimits, MemoryPlan, TokenizerSource, WeightName};

fn open() -> Result<Checkpoint> {
    let path = std::env::var_os("GONDOLA_TEST_MODEL").context("GONDOLA_TEST_MODEL names the model's file")?;
    Ok(Checkpoint::open(&PathBuf::from(path))?)
}

#[test]
fn it_opens_and_says_what_it_is() -> Result<()> {
    let checkpoint = open()?;
    let facts = checkpoint.facts();
    assert_eq!((facts.num_layers, facts.hidden_size, facts.vocab_size), (30, 576, 49_152));
    assert_eq!((facts.bos_id, facts.eos_ids.as_slice()), (Some(1), [2, 0].as_slice()));
    assert_eq!(facts.parameters, 134_515_008);
    assert!(checkpoint.config().tied_embeddings);
    let TokenizerSource::Gguf(vocabulary) = checkpoint.tokenizer()? else { panic!("it is a GGUF file") };
    assert_eq!((vocabulary.tokens.len(), vocabulary.merges.len()), (49_152, 48_900));
    assert_eq!(vocabulary.token_types.iter().filter(|&&kind| kind == 3).count(), 17);
    Ok(())
}

#[test]
fn its_embedding_is_read_in_parts_and_its_plan_fits() -> Result<()> {
    let checkpoint = open()?;
    let matrix = checkpoint.matrix(WeightName::TokenEmbedding, 49_152, 576)?;
    let mut rows = vec![0.0; 1024 * 576];
    matrix.read_rows(48_128..49_152, &mut rows)?;
    assert!(rows.iter().all(|value| value.is_finite()) && rows.iter().any(|value| *value != 0.0));
    let limits = MemoryLimits::default();
    let weights_bytes = |dtype| {
        let options = EngineOptions { threads: 1, isa: Isa::Scalar, dtype, kv_dtype: KvDtype::F16 };
        MemoryPlan::new(&checkpoint, &options, &limits).map(|plan| plan.weights_bytes)
    };
    assert_eq!(weights_bytes(Dtype::Float32)?, 538_060_032);
    assert!(weights_bytes(Dtype::Auto)? < 538_060_032 / 3, "quantised weights stay so");
    Ok(())
}

//! A model in one `.gguf` file: header, configuration, vocabulary and the list of tensors.
//!
//! The format is ggml's (github.com/ggml-org/ggml, docs/gguf.md). The header is read by bounded reads and never
//! believed; no tensor's numbers are read here but the few of `rope_freqs.weight`, which are configuration.

mod arrange;
mod byte_reader;
mod header;
mod metadata;
mod tensor_list;
mod value;
mod vocabulary;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub(crate) use arrange::second_norm;
pub(crate) use metadata::Metadata;
pub(crate) use vocabulary::{end_ids, special_id, vocabulary};

use crate::checkpoint::{Contents, TensorMap, TokenizerParts, hash_header};
use crate::config::ModelConfig;
use crate::config::gguf::decoder_config;
use crate::error::{LoadError, shown};
use crate::generation_defaults::GenerationDefaults;
use crate::model_file::ModelFile;
use crate::stored_tensor::StoredTensor;
use crate::weight_name::Naming;

/// Reads everything of the file but the weights.
pub(crate) fn open(path: &Path) -> Result<Contents, LoadError> {
    let file = Arc::new(ModelFile::open(path)?);
    let header = header::read(&file)?;
    let mut tensors = tensor_map(&file, &header)?;
    let read = decoder_config(&header.metadata, &tensors)?;
    arrange::arrange(path, &read, &mut tensors)?;
    vocabulary::check(&header.metadata, read.config.vocab_size)?;
    let chat_template = header.metadata.optional_text("tokenizer.chat_template")?.map(str::to_owned);
    Ok(Contents {
        path: path.to_owned(),
        naming: Naming::Gguf,
        fingerprint: hash_header(&file, header.data_start)?,
        tensors,
        config: ModelConfig::Decoder(read.config),
        bos_id: read.bos_id,
        eos_ids: read.eos_ids,
        chat_template,
        generation_defaults: GenerationDefaults::default(),
        pooling: read.pooling,
        tokenizer: TokenizerParts::Gguf(Box::new(header.metadata)),
        file_bytes: file.len(),
    })
}

fn tensor_map(file: &Arc<ModelFile>, header: &header::Header) -> Result<TensorMap, LoadError> {
    let mut tensors = BTreeMap::new();
    for claim in &header.tensors {
        let tensor = StoredTensor::new(file, claim)?;
        if tensors.insert(claim.name.clone(), tensor).is_some() {
            return Err(LoadError::tensor(file.path(), &claim.name, "stands in the file twice"));
        }
    }
    check_overlaps(&tensors)?;
    Ok(tensors)
}

fn check_overlaps(tensors: &TensorMap) -> Result<(), LoadError> {
    let mut places: Vec<&StoredTensor> = tensors.values().collect();
    places.sort_by_key(|tensor| tensor.place().start);
    for pair in places.windows(2) {
        if pair[0].place().end > pair[1].place().start {
            return Err(pair[1].error(format!("overlaps tensor '{}'", shown(pair[0].name()))));
        }
    }
    Ok(())
}

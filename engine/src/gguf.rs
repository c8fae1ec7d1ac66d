//! A model in one `.gguf` file: header, configuration, vocabulary and the list of tensors.
//!
//! The format is ggml's (github.com/ggml-org/ggml, docs/gguf.md). The header is read by bounded reads and never
//! believed; no tensor's numbers are read here but the few of `rope_freqs.weight`, which are configuration.

mod arrange;
mod byte_reader;
mod encoder;
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
use scheduler::Token;
pub(crate) use vocabulary::{end_ids, special_id, vocabulary};

use crate::checkpoint::{Contents, TensorMap, TokenizerParts, hash_header};
use crate::config::ModelConfig;
use crate::config::encoder_families::EncoderFamily;
use crate::config::gguf::{ARCHITECTURE, KINDS_OF_TEXT, decoder_config};
use crate::error::{LoadError, shown};
use crate::generation_defaults::GenerationDefaults;
use crate::model_file::ModelFile;
use crate::pooling::PoolingConfig;
use crate::stored_tensor::StoredTensor;
use crate::weight_name::Naming;

/// Reads everything of the file but the weights.
pub(crate) fn open(path: &Path) -> Result<Contents, LoadError> {
    let file = Arc::new(ModelFile::open(path)?);
    let header = header::read(&file)?;
    let mut tensors = tensor_map(&file, &header)?;
    let metadata = &header.metadata;
    let architecture = metadata.text(ARCHITECTURE)?;
    let model = match EncoderFamily::of_gguf(architecture, tensors.contains_key(KINDS_OF_TEXT)) {
        Some(family) => encoder::describe(path, metadata, (architecture, family), &mut tensors)?,
        None => describe_decoder(path, metadata, &mut tensors)?,
    };
    vocabulary::check(metadata, model.config.vocab_size())?;
    let chat_template = metadata.optional_text("tokenizer.chat_template")?.map(str::to_owned);
    Ok(Contents {
        path: path.to_owned(),
        naming: model.naming,
        fingerprint: hash_header(&file, header.data_start)?,
        tensors,
        config: model.config,
        bos_id: model.bos_id,
        eos_ids: model.eos_ids,
        chat_template,
        generation_defaults: GenerationDefaults::default(),
        pooling: model.pooling,
        tokenizer: TokenizerParts::Gguf(Box::new(header.metadata)),
        file_bytes: file.len(),
    })
}

/// What metadata and tensors say of a model.
struct Described {
    naming: Naming,
    config: ModelConfig,
    bos_id: Option<Token>,
    eos_ids: Vec<Token>,
    pooling: PoolingConfig,
}

/// Reads a decoder's configuration, and arranges its tensors as they are looked for.
fn describe_decoder(path: &Path, metadata: &Metadata, tensors: &mut TensorMap) -> Result<Described, LoadError> {
    let read = decoder_config(metadata, tensors)?;
    arrange::arrange(path, &read, tensors)?;
    Ok(Described {
        naming: Naming::Gguf,
        config: ModelConfig::Decoder(read.config),
        bos_id: read.bos_id,
        eos_ids: read.eos_ids,
        pooling: read.pooling,
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

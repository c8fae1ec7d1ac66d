//! A model folder as hubs give it: `config.json` and safetensors, with tokenizer and chat template beside them.
//!
//! Only plain file names inside the folder are opened, and no link that leads out of it.

mod deberta;
mod decoder;
mod encoder;
mod file_names;
mod fused_layers;
mod gpt;
mod outline;
mod safetensors_header;
mod sentence_transformers;
mod shards;
mod tasks;
mod tokenizer_files;
mod xlnet;

use std::path::Path;
use std::sync::Arc;

pub(crate) use outline::outline;
pub(crate) use tokenizer_files::TokenizerFiles;

use crate::checkpoint::{Contents, Fingerprint, TensorMap, TokenizerParts, hash_header};
use crate::config::encoder_families::EncoderFamily;
use crate::config::json_fields::JsonFile;
use crate::config::{ModelConfig, hugging_face};
use crate::error::LoadError;
use crate::generation_defaults::GenerationDefaults;
use crate::model_file::{ModelFile, read_small};
use crate::pooling::PoolingConfig;
use crate::weight_name::Naming;
use file_names::Folder;

const CONFIG_BYTES: u64 = 1 << 20;

/// Reads everything of the folder but the weights.
pub(crate) fn open(path: &Path) -> Result<Contents, LoadError> {
    let folder = Folder::new(path)?;
    let (config_bytes, config_file) = read_config(&folder)?;
    let config_path = config_file.path.clone();
    if let Some(family) = EncoderFamily::of(&config_file.fields())? {
        return encoder::open(&folder, family, &config_file, &config_bytes);
    }
    let generation = folder.object("generation_config.json", CONFIG_BYTES)?;
    let generation = generation.as_ref().map(JsonFile::fields);
    let read = hugging_face::read(config_file.fields(), generation)?;
    let generation_defaults = generation.map(|fields| GenerationDefaults::read(&fields)).transpose()?;
    let pooling = sentence_transformers::pooling(&folder)?;
    let mut fingerprint = Fingerprint::new();
    fingerprint.add(&config_bytes);
    let mut weights = read_weights(&folder, &mut fingerprint)?;
    decoder::arrange(&config_path, &read, &mut weights.tensors)?;
    let tokenizer = TokenizerFiles::open(&folder)?;
    Ok(Contents {
        path: config_path,
        naming: Naming::Decoder(read.tensors),
        tensors: weights.tensors,
        config: ModelConfig::Decoder(read.config),
        bos_id: read.bos_id,
        eos_ids: read.eos_ids,
        chat_template: tokenizer.chat_template(&folder)?,
        generation_defaults: generation_defaults.unwrap_or_default(),
        pooling: pooling.unwrap_or(PoolingConfig::OF_DECODERS),
        tokenizer: TokenizerParts::Folder(tokenizer),
        fingerprint,
        file_bytes: weights.file_bytes,
    })
}

fn read_config(folder: &Folder) -> Result<(Vec<u8>, JsonFile), LoadError> {
    let path = folder.required("config.json")?;
    let bytes = read_small(&path, CONFIG_BYTES)?;
    let file = JsonFile::parse(path, &bytes)?;
    Ok((bytes, file))
}

struct Weights {
    tensors: TensorMap,
    file_bytes: u64,
}

/// Reads the headers of all weight files; a tensor that stands in two of them is an error.
fn read_weights(folder: &Folder, fingerprint: &mut Fingerprint) -> Result<Weights, LoadError> {
    let mut weights = Weights { tensors: TensorMap::new(), file_bytes: 0 };
    let shards = shards::list(folder)?;
    for path in &shards.files {
        let file = Arc::new(ModelFile::open(path)?);
        let header = safetensors_header::read(&file)?;
        fingerprint.add(hash_header(&file, header.data_start)?.to_string().as_bytes());
        weights.file_bytes += file.len();
        for tensor in header.tensors {
            let name = tensor.name().to_owned();
            if weights.tensors.contains_key(&name) {
                return Err(tensor.error("stands in two files"));
            }
            weights.tensors.insert(name, tensor);
        }
    }
    shards.check(&weights.tensors)?;
    Ok(weights)
}

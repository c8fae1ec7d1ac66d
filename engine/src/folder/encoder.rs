//! An encoder's folder: which of its files say what, and its tensors by the names that are looked for.

use super::file_names::Folder;
use super::{TokenizerFiles, Weights, deberta, fused_layers, read_weights, sentence_transformers, tasks, xlnet};
use crate::checkpoint::{Contents, Fingerprint, TensorMap, TokenizerParts};
use crate::config::encoder_families::EncoderFamily;
use crate::config::json_fields::{JsonFields, JsonFile};
use crate::config::{EncoderConfig, EncoderHead, ModelConfig, hugging_face};
use crate::encoder_weight::EncoderNaming;
use crate::error::LoadError;
use crate::generation_defaults::GenerationDefaults;
use crate::pooling::PoolingConfig;
use crate::weight_name::Naming;

/// What files of old versions call the weight and the bias of a norm.
const OLD_NORMS: [(&str, &str); 2] = [(".gamma", ".weight"), (".beta", ".bias")];

/// Reads everything of the folder but the weights.
pub(super) fn open(
    folder: &Folder,
    family: &EncoderFamily,
    config_file: &JsonFile,
    config_bytes: &[u8],
) -> Result<Contents, LoadError> {
    let (config, pooling) = config(folder, family, &config_file.fields())?;
    let mut fingerprint = Fingerprint::new();
    fingerprint.add(config_bytes);
    let Weights { tensors, file_bytes } = read_weights(folder, &mut fingerprint)?;
    let mut tensors = renamed(tensors, family.body)?;
    match family.naming {
        EncoderNaming::XlNet => xlnet::arrange(&config_file.path, &config, &mut tensors)?,
        EncoderNaming::Deberta => deberta::rename(&config_file.fields(), &mut tensors)?,
        EncoderNaming::ModernBert | EncoderNaming::Nomic => {
            fused_layers::cut(&config_file.path, (&config, family.naming), &mut tensors)?;
        }
        EncoderNaming::Bert | EncoderNaming::Roberta | EncoderNaming::DistilBert | EncoderNaming::MpNet => {}
    }
    if let EncoderHead::Tasks(heads) = &config.head {
        tasks::number(heads, &mut tensors);
    }
    Ok(Contents {
        path: config_file.path.clone(),
        naming: Naming::Encoder(family.naming),
        tensors,
        config: ModelConfig::Encoder(config),
        bos_id: None,
        eos_ids: Vec::new(),
        chat_template: None,
        generation_defaults: GenerationDefaults::default(),
        pooling: pooling.unwrap_or(PoolingConfig::OF_ENCODERS),
        tokenizer: TokenizerParts::Folder(TokenizerFiles::open(folder)?),
        fingerprint,
        file_bytes,
    })
}

/// What config.json says, and what files of sentence-transformers beside it do.
pub(super) fn config(
    folder: &Folder,
    family: &EncoderFamily,
    fields: &JsonFields,
) -> Result<(EncoderConfig, Option<PoolingConfig>), LoadError> {
    let pooling = sentence_transformers::pooling(folder)?;
    let mut config = hugging_face::encoder::read(fields, family, pooling.is_some())?;
    if let Some(most) = sentence_transformers::max_tokens(folder)? {
        config.max_tokens = config.max_tokens.min(most);
    }
    Ok((config, pooling))
}

/// The encoder's tensors without what their names begin with in files that hold a head too, and norms by their new names.
fn renamed(tensors: TensorMap, body: &str) -> Result<TensorMap, LoadError> {
    let mut renamed = TensorMap::new();
    for (name, tensor) in tensors {
        let mut short = name.strip_prefix(body).unwrap_or(&name).to_owned();
        for (old, new) in OLD_NORMS {
            if let Some(norm) = short.strip_suffix(old) {
                short = format!("{norm}{new}");
            }
        }
        if renamed.contains_key(&short) {
            return Err(tensor.error(format!("stands in the files twice, also as {}", crate::error::shown(&short))));
        }
        renamed.insert(short, tensor);
    }
    Ok(renamed)
}

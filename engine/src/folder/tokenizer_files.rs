//! Tokenizer and chat template of a model folder.

use std::path::PathBuf;

use serde_json::Value;

use super::file_names::Folder;
use super::sentence_transformers;
use crate::config::json_fields::{JsonFields, JsonFile};
use crate::error::LoadError;
use crate::model_file::read_small;
use crate::tokenizer_source::TokenizerSource;

const TOKENIZER_BYTES: u64 = 1 << 27;
const TOKENIZER_CONFIG_BYTES: u64 = 1 << 24;
const TEMPLATE_BYTES: u64 = 1 << 20;

/// `tokenizer.json`, not read yet, and the parsed `tokenizer_config.json`.
#[derive(Debug)]
pub(crate) struct TokenizerFiles {
    folder: PathBuf,
    tokenizer: Option<PathBuf>,
    config: Option<JsonFile>,
    lowercases: bool,
}

impl TokenizerFiles {
    pub(super) fn open(folder: &Folder) -> Result<Self, LoadError> {
        Ok(Self {
            folder: folder.path().to_owned(),
            tokenizer: folder.optional("tokenizer.json")?,
            config: folder.object("tokenizer_config.json", TOKENIZER_CONFIG_BYTES)?,
            lowercases: sentence_transformers::lowercases(folder)?,
        })
    }

    pub(crate) fn read(&self) -> Result<TokenizerSource, LoadError> {
        let missing = || LoadError::file(&self.folder, "has no tokenizer.json");
        let path = self.tokenizer.as_ref().ok_or_else(missing)?;
        Ok(TokenizerSource::Json {
            tokenizer: read_small(path, TOKENIZER_BYTES)?,
            bos_token: self.token("bos_token")?,
            eos_token: self.token("eos_token")?,
            mask_token: self.token("mask_token")?,
            lowercases: self.lowercases,
        })
    }

    /// A file of its own wins over the field in `tokenizer_config.json`, as in transformers.
    pub(super) fn chat_template(&self, folder: &Folder) -> Result<Option<String>, LoadError> {
        if let Some(path) = folder.optional("chat_template.jinja")? {
            let text = String::from_utf8(read_small(&path, TEMPLATE_BYTES)?);
            return text.map(Some).map_err(|_| LoadError::file(&path, "is not UTF-8"));
        }
        let Some(fields) = self.fields() else {
            return Ok(None);
        };
        match fields.value("chat_template") {
            None => Ok(None),
            Some(Value::String(template)) => Ok(Some(template.clone())),
            Some(Value::Array(named)) => Ok(default_template(named)),
            Some(_) => Err(fields.error("chat_template", "is neither a text nor a list of named ones")),
        }
    }

    fn fields(&self) -> Option<JsonFields<'_>> {
        self.config.as_ref().map(JsonFile::fields)
    }

    /// A token's text: a plain one, or the `content` of an object.
    fn token(&self, field: &str) -> Result<Option<String>, LoadError> {
        let Some(fields) = self.fields() else {
            return Ok(None);
        };
        let text = match fields.value(field) {
            None => return Ok(None),
            Some(Value::Object(token)) => token.get("content").and_then(Value::as_str),
            Some(value) => value.as_str(),
        };
        text.map(|text| Some(text.to_owned())).ok_or_else(|| fields.error(field, "is not a token's text"))
    }
}

fn default_template(named: &[Value]) -> Option<String> {
    let default = named.iter().find(|entry| entry["name"] == "default")?;
    default["template"].as_str().map(str::to_owned)
}

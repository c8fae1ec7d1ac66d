//! Fixtures' folders with another configuration.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use engine::Checkpoint;
use serde_json::Value;

use super::Scratch;

/// The weights' file.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// A fixture's folder.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A fixture with another value for a field; none takes the field away.
pub(crate) fn changed(folder: &str, field: &str, value: Option<Value>) -> Result<Scratch> {
    all_changed(folder, [(field, value)])
}

/// The same of several fields.
pub(crate) fn all_changed<const N: usize>(folder: &str, changes: [(&str, Option<Value>); N]) -> Result<Scratch> {
    let scratch = Scratch::new(&format!("{folder}-{}", changes.each_ref().map(|(field, _)| *field).join("-")))?;
    let mut config: Value = serde_json::from_slice(&fs::read(fixture(folder).join("config.json"))?)?;
    let fields = config.as_object_mut().context("an object")?;
    for (field, value) in changes {
        match value {
            Some(value) => _ = fields.insert(field.to_owned(), value),
            None => _ = fields.remove(field),
        }
    }
    scratch.write("config.json", config.to_string().as_bytes())?;
    fs::copy(fixture(folder).join(WEIGHTS), scratch.path().join(WEIGHTS))?;
    Ok(scratch)
}

/// The line with which a fixture is refused that has another value for a field.
pub(crate) fn refusal(folder: &str, field: &str, value: Value) -> Result<String> {
    let scratch = changed(folder, field, Some(value))?;
    let error = Checkpoint::open(scratch.path()).err().context("it is refused")?.to_string();
    assert!(!error.contains('\n'), "{error}");
    Ok(error)
}

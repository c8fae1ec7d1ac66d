//! Copies of encoders' fixtures with files of a test's own.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Scratch;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy of a fixture with these files in place of its own.
pub(crate) fn folder(name: &str, files: &[(&str, &[u8])]) -> Scratch {
    let test = std::thread::current().name().unwrap().replace(':', "-");
    let scratch = Scratch::new(&format!("{name}-{test}")).unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), scratch.path().join(entry.file_name())).unwrap();
    }
    for (file, bytes) in files {
        if let Some((inside, _)) = file.rsplit_once('/') {
            std::fs::create_dir_all(scratch.path().join(inside)).unwrap();
        }
        scratch.write(file, bytes).unwrap();
    }
    scratch
}

/// The fixture's configuration with one field set.
pub(crate) fn with_field(name: &str, field: &str, value: Value) -> Vec<u8> {
    let mut config =
        serde_json::from_slice::<Value>(&std::fs::read(fixture(name).join("config.json")).unwrap()).unwrap();
    config[field] = value;
    serde_json::to_vec(&config).unwrap()
}

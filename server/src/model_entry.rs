//! Which models a configuration names: where each comes from, and what clients call it.

use std::{collections::HashSet, path::Path};

use crate::config::{ConfigError, DEFAULT_MODEL};

/// One configured model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// Where it comes from, as named.
    pub source: String,
    /// Names that clients use, the first one being the main one.
    pub names: Vec<String>,
}

/// The models of a configuration, each as `SOURCE` or `SOURCE=NAME`; `served` are the names of the only one.
pub(crate) fn entries(models: &[String], served: &[String]) -> Result<Vec<ModelEntry>, ConfigError> {
    let entries: Vec<ModelEntry> = match models {
        [] => vec![entry(DEFAULT_MODEL, served)],
        [only] => vec![entry(only, served)],
        _ if served.is_empty() => models.iter().map(|model| entry(model, &[])).collect(),
        _ => {
            return Err(wrong(
                "--served-model-name",
                "names one model: of several, each is named by --model MODEL=NAME",
            ));
        }
    };
    if entries.iter().any(|entry| entry.source.is_empty()) {
        return Err(wrong("--model", "is empty, or ends with a comma where it is a list"));
    }
    match repeated(&entries) {
        Some(name) if entries.len() > 1 => Err(wrong("--model", &format!("two models are called {name}"))),
        _ => Ok(entries),
    }
}

/// A name that stands twice.
fn repeated(entries: &[ModelEntry]) -> Option<&String> {
    let mut names = HashSet::new();
    entries.iter().flat_map(|entry| &entry.names).find(|name| !names.insert(name.as_str()))
}

fn entry(model: &str, served: &[String]) -> ModelEntry {
    let (source, name) = split(model);
    let names = match name {
        _ if !served.is_empty() => served.to_vec(),
        Some(name) => vec![name.to_owned()],
        None => vec![default_name(source)],
    };
    ModelEntry { source: source.to_owned(), names }
}

/// The source, and the name that follows it. A path may hold an equals sign itself: one that exists has no name behind it,
/// and a name has no slash.
fn split(model: &str) -> (&str, Option<&str>) {
    match model.rsplit_once('=') {
        Some((source, name))
            if !source.is_empty() && !name.is_empty() && !name.contains('/') && !Path::new(model).exists() =>
        {
            (source, Some(name))
        }
        _ => (model, None),
    }
}

/// Of a path the file's or folder's name without the suffix, else the source as it stands.
fn default_name(source: &str) -> String {
    let path = Path::new(source);
    let is_path = path.extension().is_some_and(|extension| extension == "gguf") || path.exists();
    let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match file.file_name() {
        Some(name) if is_path => name.to_string_lossy().trim_end_matches(".gguf").to_owned(),
        _ => source.to_owned(),
    }
}

fn wrong(flag: &'static str, reason: &str) -> ConfigError {
    ConfigError::Value { flag, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sources and names.
    fn of(models: &[&str], served: &[&str]) -> Result<Vec<(String, Vec<String>)>, String> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let entries = entries(&owned(models), &owned(served)).map_err(|error| error.to_string())?;
        Ok(entries.into_iter().map(|entry| (entry.source, entry.names)).collect())
    }

    #[test]
    fn the_name_of_a_path_is_its_file_without_the_suffix() {
        for (model, name) in [("a/b/small.gguf", "small"), ("org/model", "org/model"), ("short", "short")] {
            assert_eq!(of(&[model], &[]).unwrap(), [(model.to_owned(), vec![name.to_owned()])]);
        }
        let named = of(&["a.gguf"], &["x", "y"]).unwrap();
        assert_eq!(named, [("a.gguf".to_owned(), vec!["x".to_owned(), "y".to_owned()])]);
    }

    #[test]
    fn a_name_may_follow_the_source() {
        let named = of(&["a.gguf=x", "org/b=y", "c"], &[]).unwrap();
        let told: Vec<_> = named.iter().map(|(source, names)| (source.as_str(), names[0].as_str())).collect();
        assert_eq!(told, [("a.gguf", "x"), ("org/b", "y"), ("c", "c")]);
        for no_name in ["a=", "=a", "dir=x/model.gguf"] {
            assert_eq!(of(&[no_name], &[]).unwrap()[0].0, no_name);
        }
    }

    #[test]
    fn a_model_comes_from_somewhere() {
        assert!(of(&["a", ""], &[]).unwrap_err().starts_with("--model: is empty"));
    }

    #[test]
    fn names_belong_to_one_model_each() {
        assert_eq!(of(&["a", "b=a"], &[]).unwrap_err(), "--model: two models are called a");
        let served = of(&["a", "b"], &["x"]).unwrap_err();
        assert!(served.starts_with("--served-model-name: names one model"), "{served}");
    }
}

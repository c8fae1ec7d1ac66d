//! The labels of a classifier: `id2label`, and what says how their scores are read.

use serde_json::Value;

use crate::config::json_fields::JsonFields;
use crate::config::{LabelScores, Labels, range};
use crate::error::{LoadError, shown};

const NAMES: &str = "id2label";
/// Labels of a model that names none.
const DEFAULT: usize = 2;
/// Where sentence-transformers keeps the function that its cross-encoders put behind the score, in old files and new ones.
const OLD_FUNCTION: &str = "sbert_ce_default_activation_function";
const NEW_FUNCTION: &str = "sentence_transformers";

/// Reads the labels, in order of their ids.
pub(super) fn read(json: &JsonFields) -> Result<Labels, LoadError> {
    let names = names(json)?;
    let scores = scores(json, names.len())?;
    Ok(Labels { names, scores })
}

/// Their names alone.
pub(super) fn names(json: &JsonFields) -> Result<Vec<String>, LoadError> {
    let Some(value) = json.value(NAMES) else {
        return Ok(Labels::unnamed(DEFAULT));
    };
    let map = value.as_object().filter(|map| range::LABELS.contains(&(map.len() as u64)));
    let most = range::LABELS.end();
    let map = map.ok_or_else(|| json.error(NAMES, format!("is not an object of 1 to {most} labels")))?;
    let name = |id: usize| map.get(&id.to_string()).and_then(Value::as_str).map(str::to_owned);
    let missing = |id| json.error(NAMES, format!("has {} labels, but no text for id {id}", map.len()));
    (0..map.len()).map(|id| name(id).ok_or_else(|| missing(id))).collect()
}

/// By `problem_type`, or as transformers and sentence-transformers read scores of one label, and of several.
fn scores(json: &JsonFields, labels: usize) -> Result<LabelScores, LoadError> {
    const PROBLEM: &str = "problem_type";
    if let Some(scores) = function(json)? {
        return Ok(scores);
    }
    match json.text(PROBLEM)? {
        Some("single_label_classification") => Ok(LabelScores::One),
        Some("multi_label_classification") => Ok(LabelScores::Any),
        Some("regression") => Ok(LabelScores::Raw),
        Some(other) => Err(json.error(PROBLEM, format!("\"{}\" is not known", shown(other)))),
        None => Ok(LabelScores::unsaid(labels)),
    }
}

fn function(json: &JsonFields) -> Result<Option<LabelScores>, LoadError> {
    let newer = json.object(NEW_FUNCTION)?;
    let newer = newer.map(|fields| fields.text("activation_fn")).transpose()?.flatten();
    let Some(class) = newer.or(json.text(OLD_FUNCTION)?) else {
        return Ok(None);
    };
    match class.rsplit('.').next().unwrap_or_default() {
        "Sigmoid" => Ok(Some(LabelScores::Any)),
        "Identity" => Ok(Some(LabelScores::Raw)),
        "Softmax" => Ok(Some(LabelScores::One)),
        _ => Err(json.error(NEW_FUNCTION, format!("\"{}\" is not supported", shown(class)))),
    }
}

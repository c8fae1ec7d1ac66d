//! The heads of an MT-DNN: `tasks`, an object that says of each its labels and whether it reads pairs.

use serde_json::Value;

use crate::config::json_fields::JsonFields;
use crate::config::{LabelScores, Labels, Task};
use crate::error::{LoadError, shown};

/// The class in `architectures`.
pub(super) const CLASS: &str = "MTDNN";
/// The field.
pub(super) const TASKS: &str = "tasks";
const LABELS: &str = "labels";
const PAIR: &str = "pair";
const MOST: usize = 1 << 10;

/// Reads the heads, in the order of their names.
pub(super) fn read(json: &JsonFields) -> Result<Vec<Task>, LoadError> {
    let tasks = json.object(TASKS)?.ok_or_else(|| json.missing(TASKS))?;
    let mut names: Vec<&str> = tasks.names().collect();
    names.sort_unstable();
    if names.is_empty() || names.len() > MOST {
        return Err(json.error(TASKS, format!("is not an object of 1 to {MOST} tasks")));
    }
    names.into_iter().map(|name| task(&tasks, name)).collect()
}

fn task<'a>(tasks: &JsonFields<'a>, name: &'a str) -> Result<Task, LoadError> {
    let fields = tasks.object(name)?.ok_or_else(|| tasks.missing(name))?;
    if let Some(other) = fields.names().find(|member| ![LABELS, PAIR].contains(member)) {
        return Err(tasks.error(name, format!("has a member \"{}\", which is not known", shown(other))));
    }
    let texts = fields.value(LABELS).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<_> = texts.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect();
    if names.len() != texts.len() || !(1..=MOST).contains(&names.len()) {
        return Err(tasks.error(name, format!("has no \"{LABELS}\" that are a list of 1 to {MOST} texts")));
    }
    // one label is a number that is asked for, as that of STS-B
    let scores = if names.len() == 1 { LabelScores::Raw } else { LabelScores::One };
    let is_pair = fields.bool(PAIR)?.unwrap_or(false);
    Ok(Task { name: name.to_owned(), labels: Labels { names, scores }, is_pair })
}

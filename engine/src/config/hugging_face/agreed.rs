//! Facts that a file may state in several fields: all that state one must state the same.

use crate::config::json_fields::JsonFields;
use crate::error::LoadError;

/// What these fields say, if any does; fails at the first that says something else than one before it.
pub(super) fn agreed<'a, T: PartialEq>(
    json: &JsonFields,
    said: impl IntoIterator<Item = (&'a str, Option<T>)>,
) -> Result<Option<T>, LoadError> {
    let mut said = said.into_iter().filter_map(|(field, fact)| Some((field, fact?)));
    let Some((first, fact)) = said.next() else { return Ok(None) };
    match said.find(|(_, other)| *other != fact) {
        Some((field, _)) => Err(json.error(field, format!("differs from what '{first}' says"))),
        None => Ok(Some(fact)),
    }
}

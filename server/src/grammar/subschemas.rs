//! Where a schema holds other schemas.

use serde_json::{Map, Value};

/// Keywords whose value is a schema.
const ONE: &[&str] = &["additionalItems", "additionalProperties", "items"];

/// Keywords whose value is a list of schemas.
const LISTS: &[&str] = &["allOf", "anyOf", "items", "oneOf", "prefixItems"];

/// Keywords whose value holds a schema for each name.
const NAMED: &[&str] = &["$defs", "definitions", "patternProperties", "properties"];

/// The schemas under one keyword, each with the path from the keyword to it.
pub(super) fn under<'a>(keyword: &str, value: &'a Value) -> Vec<(String, &'a Value)> {
    match value {
        Value::Array(items) if LISTS.contains(&keyword) => {
            items.iter().enumerate().map(|(index, item)| (format!("[{index}]"), item)).collect()
        }
        Value::Object(named) if NAMED.contains(&keyword) => {
            named.iter().map(|(name, item)| (format!(".{name}"), item)).collect()
        }
        _ if ONE.contains(&keyword) => vec![(String::new(), value)],
        _ => Vec::new(),
    }
}

/// The schemas right inside one, to be changed.
pub(super) fn inside(members: &mut Map<String, Value>) -> Vec<&mut Value> {
    let mut inside = Vec::new();
    for (name, value) in members {
        let (is_list, has_names) = (LISTS.contains(&name.as_str()), NAMED.contains(&name.as_str()));
        match (value, is_list, has_names) {
            (Value::Array(items), true, _) => inside.extend(items),
            (Value::Object(named), _, true) => inside.extend(named.values_mut()),
            (value, ..) if ONE.contains(&name.as_str()) => inside.push(value),
            _ => {}
        }
    }
    inside
}

/// Whether a reference's pointer leads from schema to schema only, so that whoever walks over all of them meets its
/// target.
pub(super) fn leads_to_schema(pointer: &str) -> bool {
    let mut segments = pointer.split('/').skip(1).peekable();
    while let Some(keyword) = segments.next() {
        let is_index = segments.peek().is_some_and(|segment| segment.parse::<usize>().is_ok());
        if NAMED.contains(&keyword) || (LISTS.contains(&keyword) && is_index) {
            if segments.next().is_none() {
                return false;
            }
        } else if !ONE.contains(&keyword) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_paths_through_other_values() {
        for pointer in ["", "/$defs/a", "/properties/a/items/anyOf/1", "/items/0/prefixItems/2", "/properties/items"] {
            assert!(leads_to_schema(pointer), "{pointer}");
        }
        for pointer in ["/$defs", "/$defs/group/a", "/components/schemas/a", "/anyOf", "/enum/0"] {
            assert!(!leads_to_schema(pointer), "{pointer}");
        }
    }
}

//! Which JSON Schemas can be kept, and how they are read.
//!
//! A schema is kept whole or refused by the path of the keyword that cannot be kept. Unknown keywords say nothing, as
//! the standard has it. Where a schema lists `properties` and is silent about others, there are none: models would
//! invent them.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// Most bytes of a schema, written without white space.
const MAX_BYTES: usize = 64 << 10;

/// Deepest nesting of its values.
const MAX_DEPTH: usize = 64;

/// Keywords of the standard that restrict a value and are not kept.
const NOT_KEPT: &[&str] = &[
    "$dynamicRef",
    "$recursiveRef",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Formats of strings that are kept.
const FORMATS: &[&str] = &["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"];

/// Keywords whose value is a schema.
const ONE: &[&str] = &["additionalItems", "additionalProperties", "items"];

/// Keywords whose value is a list of schemas.
const LISTS: &[&str] = &["allOf", "anyOf", "items", "oneOf", "prefixItems"];

/// Keywords whose value holds a schema for each name.
const NAMED: &[&str] = &["$defs", "definitions", "patternProperties", "properties"];

/// Keywords beside which `properties` may be no whole list of an object's members.
const COMBINING: &[&str] = &["$ref", "allOf", "anyOf", "oneOf", "patternProperties"];

/// Checks a schema and closes its objects; `field` is its path in the request.
pub(crate) fn prepare(mut schema: Value, field: &str) -> Result<Value, ApiError> {
    let bytes = schema.to_string().len();
    if bytes > MAX_BYTES {
        return Err(ApiError::invalid_schema(field, format_args!("has {bytes} bytes, limit {MAX_BYTES}")));
    }
    if depth(&schema) > MAX_DEPTH {
        return Err(ApiError::invalid_schema(field, format_args!("is nested deeper than {MAX_DEPTH}")));
    }
    let mut combines = false;
    check(&schema, field, &mut combines)?;
    if !combines {
        close(&mut schema);
    }
    Ok(schema)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Refuses what cannot be kept in a schema and in those inside it. `combines` is raised where objects are put together
/// from parts, so that none of the parts may be closed.
fn check(schema: &Value, path: &str, combines: &mut bool) -> Result<(), ApiError> {
    let Value::Object(members) = schema else {
        return if schema.is_boolean() {
            Ok(())
        } else {
            Err(ApiError::invalid_schema(path, "must be an object or a boolean"))
        };
    };
    *combines |= members.contains_key("allOf") || (members.contains_key("$ref") && has_object_keywords(members));
    for (name, value) in members {
        let path = format!("{path}.{name}");
        check_keyword(name, value, members, &path)?;
        match value {
            Value::Array(items) if LISTS.contains(&name.as_str()) => {
                for (index, item) in items.iter().enumerate() {
                    check(item, &format!("{path}[{index}]"), combines)?;
                }
            }
            Value::Object(named) if NAMED.contains(&name.as_str()) => {
                for (name, item) in named {
                    check(item, &format!("{path}.{name}"), combines)?;
                }
            }
            _ if ONE.contains(&name.as_str()) => check(value, &path, combines)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_keyword(name: &str, value: &Value, members: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
    match name {
        "uniqueItems" if value == &Value::Bool(false) => Ok(()),
        name if NOT_KEPT.contains(&name) => Err(ApiError::invalid_schema(path, "cannot be enforced")),
        "$ref" if !value.as_str().is_some_and(|target| target.starts_with('#')) => {
            Err(ApiError::invalid_schema(path, "must point into the same schema, with #"))
        }
        "format" if may_be_string(members) && !value.as_str().is_some_and(|format| FORMATS.contains(&format)) => {
            Err(ApiError::invalid_schema(path, format_args!("is none of {}", FORMATS.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Whether a value under the schema may be a string; a `format` says something about strings only.
fn may_be_string(members: &Map<String, Value>) -> bool {
    match members.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => true,
    }
}

fn has_object_keywords(members: &Map<String, Value>) -> bool {
    ["properties", "required", "additionalProperties", "patternProperties"]
        .iter()
        .any(|name| members.contains_key(*name))
}

/// Where a schema lists its properties and says nothing about others, says that there are none.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    for (name, value) in members.iter_mut() {
        match value {
            Value::Array(items) if LISTS.contains(&name.as_str()) => items.iter_mut().for_each(close),
            Value::Object(named) if NAMED.contains(&name.as_str()) => named.values_mut().for_each(close),
            _ if ONE.contains(&name.as_str()) => close(value),
            _ => {}
        }
    }
    if lists_all(members) {
        members.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// Whether `properties` is meant as the whole list of an object's members.
fn lists_all(members: &Map<String, Value>) -> bool {
    let Some(Value::Object(properties)) = members.get("properties") else { return false };
    let required = members.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_listed = |name: &Value| name.as_str().is_some_and(|name| properties.contains_key(name));
    let combined = COMBINING.iter().any(|name| members.contains_key(*name));
    !combined && !members.contains_key("additionalProperties") && required.iter().all(is_listed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_kept_is_named_by_its_path() {
        let cases = [
            (json!({"not": {}}), "s.not"),
            (json!({"properties": {"a": {"items": {"uniqueItems": true}}}}), "s.properties.a.items.uniqueItems"),
            (json!({"anyOf": [{}, {"if": {}}]}), "s.anyOf[1].if"),
            (json!({"$defs": {"a": {"$ref": "https://example.org/a"}}}), "s.$defs.a.$ref"),
            (json!({"type": ["string", "null"], "format": "idn-email"}), "s.format"),
            (json!({"items": 3}), "s.items"),
            (json!([]), "s"),
        ];
        for (schema, path) in cases {
            let error = prepare(schema.clone(), "s").unwrap_err();
            assert_eq!((error.code(), error.param()), ("invalid_schema", Some(path)), "{schema}");
        }
    }

    #[test]
    fn names_of_properties_are_no_keywords() {
        let schema =
            json!({"properties": {"not": {"type": "integer", "format": "int32"}, "if": true}, "enum": [{"not": 1}]});
        assert!(prepare(schema, "s").is_ok());
    }

    #[test]
    fn sizes_are_bounded() {
        let mut deep = json!({});
        for _ in 0..=MAX_DEPTH {
            deep = json!({"items": deep});
        }
        let wide: Map<String, Value> = (0..8000).map(|index| (format!("p{index}"), json!({}))).collect();
        for schema in [deep, json!({"properties": wide})] {
            assert_eq!(prepare(schema, "s").unwrap_err().code(), "invalid_schema");
        }
    }

    #[test]
    fn objects_are_closed_where_their_list_is_whole() {
        let closed = |schema: Value| prepare(schema, "s").unwrap()["additionalProperties"] == json!(false);
        assert!(closed(json!({"properties": {"a": {}}, "required": ["a"]})));
        assert!(!closed(json!({"properties": {"a": {}}, "required": ["b"]})));
        assert!(!closed(json!({"properties": {"a": {}}, "additionalProperties": {"type": "string"}})));
        assert!(!closed(json!({"properties": {"a": {}}, "anyOf": [{"required": ["a"]}]})));
        assert!(!closed(json!({"properties": {"a": {"allOf": [{}]}}})));
        assert!(!closed(json!({"type": "object"})));
        let nested = prepare(json!({"items": {"anyOf": [{"properties": {"a": {}}}]}}), "s").unwrap();
        assert_eq!(nested["items"]["anyOf"][0]["additionalProperties"], json!(false));
    }
}

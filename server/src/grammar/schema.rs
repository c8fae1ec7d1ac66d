//! Which JSON Schemas can be kept, and how they are read.
//!
//! A schema is kept whole or refused by the path of the keyword that cannot be kept. Unknown keywords say nothing, as
//! the standard has it. Where a schema lists `properties` and is silent about others, there are none: models would
//! invent them.

use serde_json::{Map, Value, json};

use super::{
    formats::tighten,
    keywords::{Reading, canonical},
    subschemas::inside,
};
use crate::error::ApiError;

/// Most bytes of a schema, written without white space.
const MAX_BYTES: usize = 64 << 10;

/// Deepest nesting of its values.
const MAX_DEPTH: usize = 64;

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
    let written = schema.clone();
    let reading = Reading::new(&written, field)?;
    if !reading.renames {
        forget_definitions(&mut schema, &reading);
    }
    name_dialect(&mut schema);
    change_each(&mut schema, &mut spell_reference);
    change_each(&mut schema, &mut unite);
    change_each(&mut schema, &mut settle);
    if !reading.renames && !reading.combines {
        change_each(&mut schema, &mut close);
    }
    change_each(&mut schema, &mut tighten);
    Ok(schema)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Leaves out the definitions that nothing refers to, whatever they hold.
fn forget_definitions(schema: &mut Value, reading: &Reading<'_>) {
    for keyword in ["$defs", "definitions"] {
        if let Some(Value::Object(named)) = schema.get_mut(keyword) {
            named.retain(|name, _| reading.refers_to(keyword, name));
        }
    }
}

/// Gives the dialect the name that the library knows it by.
fn name_dialect(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    match members.get("$schema").and_then(Value::as_str).and_then(canonical) {
        Some("") => members.retain(|name, _| name != "$schema"),
        Some(address) => drop(members.insert("$schema".to_owned(), Value::from(address))),
        None => {}
    }
}

/// Writes a reference as a URI has it: names of definitions may have letters that no URI may have.
fn spell_reference(members: &mut Map<String, Value>) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'()*+,-./:;=?@_~".contains(&byte);
    if let Some(Value::String(target)) = members.get_mut("$ref")
        && !target.bytes().all(is_plain)
    {
        let spell = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        *target = target.bytes().map(spell).collect();
    }
}

/// Brings together what the library reads together only where no `anyOf` or the like stands between.
fn unite(members: &mut Map<String, Value>) {
    const PAIRS: [(&str, &str); 3] =
        [("items", "additionalItems"), ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")];
    for (first, second) in PAIRS {
        if !members.contains_key(first) {
            continue;
        }
        let Some(following) = members.get(second).cloned() else { continue };
        let kept = std::mem::take(members).into_iter().filter(|(name, _)| name != second);
        for (name, value) in kept {
            let is_first = name == first;
            members.insert(name, value);
            if is_first {
                members.insert(second.to_owned(), following.clone());
            }
        }
    }
}

/// Writes `oneOf` as `anyOf`, which the library always keeps: the alternatives exclude each other. That was decided on
/// the schema as it was sent, since closed objects exclude each other more often.
fn settle(members: &mut Map<String, Value>) {
    let Some(alternatives) = members.get("oneOf").cloned() else { return };
    if members.contains_key("anyOf") {
        members.retain(|name, _| name != "oneOf");
        if let Value::Array(parts) = members.entry("allOf").or_insert_with(|| json!([])) {
            parts.push(json!({"anyOf": alternatives}));
        }
    } else {
        let renamed = |name: String| if name == "oneOf" { "anyOf".to_owned() } else { name };
        *members = std::mem::take(members).into_iter().map(|(name, value)| (renamed(name), value)).collect();
    }
}

/// Changes a schema and all those inside it.
fn change_each(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(members) = schema else { return };
    for inner in inside(members) {
        change_each(inner, change);
    }
    change(members);
}

/// Where a schema lists its properties and says nothing about others, says that there are none.
fn close(members: &mut Map<String, Value>) {
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
    use super::*;

    #[test]
    fn what_cannot_be_kept_is_named_by_its_path() {
        let cases = [
            (json!({"not": {}}), "s.not"),
            (json!({"properties": {"a": {"items": {"uniqueItems": true}}}}), "s.properties.a.items.uniqueItems"),
            (json!({"anyOf": [{}, {"if": {}}]}), "s.anyOf[1].if"),
            (json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "https://example.org/a"}}}), "s.$defs.a.$ref"),
            (json!({"items": {"$ref": "#/x/y~1/0"}, "x": {"y/": [{"not": {}}]}}), "s.x.y/[0].not"),
            (json!({"$ref": "#a", "$defs": {"a": {"$anchor": "a", "not": {}}}}), "s.$defs.a.not"),
            (json!({"minProperties": 3, "required": ["a"]}), "s.minProperties"),
            (json!({"maxProperties": 3, "properties": {"a": {}}}), "s.maxProperties"),
            (json!({"$schema": "https://example.org/dialect"}), "s.$schema"),
            (json!({"type": ["string", "null"], "format": "regex"}), "s.format"),
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
    fn definitions_that_nothing_refers_to_say_nothing() {
        let sent = json!({"$ref": "#/$defs/a/items", "$defs": {"a": {"items": true}, "b": {"not": {}}, "a-": true}});
        assert_eq!(prepare(sent, "s").unwrap()["$defs"], json!({"a": {"items": true}}));
    }

    #[test]
    fn alternatives_are_told_apart_before_objects_are_closed() {
        let object = |name: &str, kind: &str| json!({"type": "object", "properties": {name: {"type": kind}}, "required": [name]});
        let apart = prepare(json!({"oneOf": [object("a", "string"), object("a", "null")]}), "s").unwrap();
        assert_eq!(apart["anyOf"][0]["additionalProperties"], json!(false));
        let together = json!({"oneOf": [object("a", "string"), {"properties": {"b": {}}}]});
        assert_eq!(prepare(together, "s").unwrap_err().param(), Some("s.oneOf"));
    }

    #[test]
    fn days_and_seconds_exist() {
        let date = |more: Value| {
            let mut schema = json!({"format": "date"});
            schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            prepare(json!({"items": schema}), "s").unwrap()["items"].clone()
        };
        assert!(date(json!({}))["pattern"].is_string());
        assert!(date(json!({"pattern": "1$"}))["allOf"][0]["pattern"].is_string());
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

//! Whether the alternatives of a `oneOf` exclude each other, so that "exactly one" says no more than "at least one".
//!
//! What is said of a value is read from types, constants and members that must be there, references resolved. A proof
//! that is not found here proves nothing.

use serde_json::{Map, Value};

/// References and members that are followed into each other.
const MAX_STEPS: usize = 8;

/// Kinds of JSON values, as bits. A number with a fraction is another kind than one without.
const NULL: u8 = 1;
const BOOLEAN: u8 = 2;
const INTEGER: u8 = 4;
const FRACTION: u8 = 8;
const STRING: u8 = 16;
const ARRAY: u8 = 32;
const OBJECT: u8 = 64;
const ANY: u8 = 127;

/// Whether no value is valid under two alternatives of the schema's `oneOf`; `root` is the whole schema.
/// Takes from the comparisons that are `left`; without any there is no proof.
pub(super) fn is_exclusive(members: &Map<String, Value>, root: &Value, left: &mut usize) -> bool {
    let Some(Value::Array(alternatives)) = members.get("oneOf") else { return false };
    let within = View { kinds: kinds(members), required: required(members) };
    let mut proof = Proof { root, left };
    alternatives
        .iter()
        .enumerate()
        .all(|(index, one)| alternatives[..index].iter().all(|other| proof.exclude(one, other, &within, MAX_STEPS)))
}

/// What is known of a value from elsewhere.
struct View<'a> {
    kinds: u8,
    required: Vec<&'a str>,
}

struct Proof<'a> {
    root: &'a Value,
    /// Comparisons that may still be made.
    left: &'a mut usize,
}

impl Proof<'_> {
    /// Whether no value is valid under both.
    fn exclude(&mut self, one: &Value, other: &Value, within: &View<'_>, steps: usize) -> bool {
        let root = self.root;
        let (Some(one), Some(other)) = (resolved(one, root), resolved(other, root)) else { return false };
        let (Value::Object(ones), Value::Object(others)) = (one, other) else {
            return one == &Value::Bool(false) || other == &Value::Bool(false);
        };
        if steps == 0 || !self.may_make(1 + length(ones) + length(others)) {
            return false;
        }
        self.exclude_plainly(ones, others, within, steps)
            || self.parts_exclude(ones, other, within, steps)
            || self.parts_exclude(others, one, within, steps)
    }

    fn exclude_plainly(
        &mut self,
        one: &Map<String, Value>,
        other: &Map<String, Value>,
        within: &View<'_>,
        steps: usize,
    ) -> bool {
        if let (Some(ones), Some(others)) = (constants(one), constants(other)) {
            return self.may_make(ones.len() * others.len())
                && !ones.iter().any(|value| others.iter().any(|other| is_equal(value, other)));
        }
        match kinds(one) & kinds(other) & within.kinds {
            0 => true,
            OBJECT => {
                let mut names = [required(one), required(other), within.required.clone()].concat();
                names.sort_unstable();
                names.dedup();
                let anything = View { kinds: ANY, required: Vec::new() };
                names.into_iter().any(|name| match (member(one, name), member(other, name)) {
                    (Some(one), Some(other)) => self.exclude(one, other, &anything, steps - 1),
                    (Some(Value::Bool(false)), _) | (_, Some(Value::Bool(false))) => true,
                    _ => false,
                })
            }
            _ => false,
        }
    }

    /// Whether a part of one that must hold excludes the other, or each of those of which one must hold.
    fn parts_exclude(&mut self, one: &Map<String, Value>, other: &Value, within: &View<'_>, steps: usize) -> bool {
        let parts = |name: &str| one.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let choices = [parts("anyOf"), parts("oneOf")];
        parts("allOf").iter().any(|part| self.exclude(part, other, within, steps - 1))
            || choices.iter().any(|choice| {
                !choice.is_empty() && choice.iter().all(|part| self.exclude(part, other, within, steps - 1))
            })
    }

    fn may_make(&mut self, comparisons: usize) -> bool {
        let left = self.left.checked_sub(comparisons);
        *self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// What a reference to a place in the schema stands for.
fn resolved<'a>(mut schema: &'a Value, root: &'a Value) -> Option<&'a Value> {
    for _ in 0..MAX_STEPS {
        let Some(target) = schema.get("$ref") else { return Some(schema) };
        schema = root.pointer(target.as_str()?.strip_prefix('#')?)?;
    }
    None
}

/// The values that are allowed, where they are listed.
fn constants(members: &Map<String, Value>) -> Option<Vec<&Value>> {
    match (members.get("const"), members.get("enum")) {
        (Some(value), _) => Some(vec![value]),
        (None, Some(Value::Array(values))) => Some(values.iter().collect()),
        _ => None,
    }
}

/// The kinds of value that are allowed.
fn kinds(members: &Map<String, Value>) -> u8 {
    if let Some(values) = constants(members) {
        return values.into_iter().fold(0, |kinds, value| kinds | kind_of(value));
    }
    match members.get("type") {
        Some(Value::String(name)) => kind_named(name),
        Some(Value::Array(names)) => names.iter().fold(0, |kinds, name| kinds | name.as_str().map_or(ANY, kind_named)),
        _ => ANY,
    }
}

fn kind_named(name: &str) -> u8 {
    match name {
        "null" => NULL,
        "boolean" => BOOLEAN,
        "integer" => INTEGER,
        "number" => INTEGER | FRACTION,
        "string" => STRING,
        "array" => ARRAY,
        "object" => OBJECT,
        _ => ANY,
    }
}

fn kind_of(value: &Value) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => BOOLEAN,
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => INTEGER,
        Value::Number(_) => FRACTION,
        Value::String(_) => STRING,
        Value::Array(_) => ARRAY,
        Value::Object(_) => OBJECT,
    }
}

/// Equal as JSON Schema has it: 1 is 1.0. Lists and objects count as equal, which proves nothing.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => true,
        _ => one == other,
    }
}

/// What a comparison looks through.
fn length(members: &Map<String, Value>) -> usize {
    ["enum", "required"].iter().filter_map(|name| members.get(*name)?.as_array()).map(Vec::len).sum()
}

fn required(members: &Map<String, Value>) -> Vec<&str> {
    let names = members.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(Value::as_str).collect()
}

/// What an object's member of this name must be, if something is said of it.
fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let listed = members.get("properties").and_then(|properties| properties.get(name));
    let others = if members.contains_key("patternProperties") { None } else { members.get("additionalProperties") };
    listed.or(others)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn are_exclusive(schema: &Value) -> bool {
        is_exclusive(schema.as_object().unwrap(), schema, &mut 20_000)
    }

    #[test]
    fn types_and_constants_tell_alternatives_apart() {
        assert!(are_exclusive(&json!({"oneOf": [{"type": "string"}, {"type": ["integer", "null"]}]})));
        assert!(are_exclusive(&json!({"oneOf": [{"const": "a"}, {"enum": ["b", 1]}, {"const": null}]})));
        assert!(are_exclusive(&json!({"oneOf": [{"const": 1.5}, {"type": "integer"}]})));
        assert!(!are_exclusive(&json!({"oneOf": [{"type": "integer"}, {"type": "number"}]})));
        assert!(!are_exclusive(&json!({"oneOf": [{"const": 1}, {"const": 1.0}]})));
        assert!(!are_exclusive(&json!({"oneOf": [{"const": "a"}, {"type": "string"}]})));
        assert!(!are_exclusive(&json!({"oneOf": [{"type": "string"}, {}]})));
    }

    #[test]
    fn a_member_that_must_be_there_tells_objects_apart() {
        let kind =
            |name: &str| json!({"type": "object", "required": ["kind"], "properties": {"kind": {"const": name}}});
        assert!(are_exclusive(&json!({"oneOf": [kind("a"), kind("b"), {"type": "array"}]})));
        assert!(!are_exclusive(&json!({"oneOf": [kind("a"), kind("b"), kind("a")]})));
        let optional = |name: &str| json!({"type": "object", "properties": {"kind": {"const": name}}});
        assert!(!are_exclusive(&json!({"oneOf": [optional("a"), optional("b")]})));
        assert!(are_exclusive(&json!({"required": ["kind"], "oneOf": [optional("a"), optional("b")]})));
        let untyped = |name: &str| json!({"required": ["kind"], "properties": {"kind": {"const": name}}});
        assert!(!are_exclusive(&json!({"oneOf": [untyped("a"), untyped("b")]})));
        assert!(are_exclusive(&json!({"type": "object", "oneOf": [untyped("a"), untyped("b")]})));
    }

    #[test]
    fn members_that_may_not_be_there_tell_objects_apart() {
        let only = |name: &str, more: Value| json!({"type": "object", "required": [name], "properties": {name: {}}, "additionalProperties": more});
        assert!(are_exclusive(&json!({"oneOf": [only("a", json!(false)), only("b", json!(false))]})));
        assert!(!are_exclusive(&json!({"oneOf": [only("a", json!(true)), only("b", json!({}))]})));
    }

    #[test]
    fn references_are_followed() {
        let kind =
            |name: &str| json!({"type": "object", "required": ["kind"], "properties": {"kind": {"const": name}}});
        let choice = json!([{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]);
        assert!(are_exclusive(&json!({"oneOf": choice, "$defs": {"a": kind("a"), "b": kind("b")}})));
        assert!(!are_exclusive(&json!({"oneOf": choice, "$defs": {"a": kind("a")}})));
        assert!(!are_exclusive(&json!({"oneOf": choice, "$defs": {"a": {"$ref": "#/$defs/a"}, "b": kind("b")}})));
        let deep = json!({"type": "object", "required": ["n"], "properties": {"n": {"$ref": "#/$defs/a"}}});
        assert!(!are_exclusive(&json!({"oneOf": choice, "$defs": {"a": deep, "b": deep}})));
    }

    #[test]
    fn parts_tell_alternatives_apart() {
        let text = json!({"anyOf": [{"type": "string"}, {"const": null}]});
        assert!(are_exclusive(&json!({"oneOf": [text, {"allOf": [{}, {"type": "integer"}]}]})));
        assert!(!are_exclusive(&json!({"oneOf": [text, {"type": ["integer", "null"]}]})));
    }

    #[test]
    fn a_proof_that_costs_too_much_is_none() {
        let values = |from: usize| json!({"enum": (from..from + 200).collect::<Vec<_>>()});
        assert!(!are_exclusive(&json!({"oneOf": [values(0), values(1000)]})));
        let names: Vec<String> = (0..20).map(|index| format!("p{index}")).collect();
        let again: Map<String, Value> = names.iter().map(|name| (name.clone(), json!({"$ref": "#/$defs/a"}))).collect();
        let tree = json!({"type": "object", "required": names, "properties": again});
        assert!(!are_exclusive(
            &json!({"oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": tree}})
        ));
    }
}

//! Which keywords of a schema can be kept.
//!
//! Definitions are read where references lead to them: what nothing refers to says nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    exclusive::is_exclusive,
    formats::FORMATS,
    subschemas::{leads_to_schema, under},
};
use crate::error::ApiError;

/// Keywords of the standard that restrict a value and are not kept.
const NOT_KEPT: &[&str] = &[
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveAnchor",
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

/// Where no reference can be followed for sure.
const NOTHING: &Value = &Value::Null;

/// Schemas that are read at most, with repeats: references may lead into what was read before. More than that many
/// have no room in a schema of the greatest size.
const MAX_READ: usize = 30_000;

/// Comparisons of alternatives in all, a few milliseconds.
const MAX_COMPARISONS: usize = 100_000;

/// What reading a schema found out about it.
pub(super) struct Reading<'a> {
    root: &'a Value,
    field: &'a str,
    /// Definitions are read whether or not something refers to them.
    whole: bool,
    followed: BTreeSet<&'a str>,
    open: Vec<(&'a Value, String)>,
    /// Schemas that may still be read, and comparisons that may still be made.
    left: usize,
    comparisons: usize,
    /// Objects are put together from parts, so that none of the parts may be closed.
    pub(super) combines: bool,
    /// References may lead elsewhere than their pointers say: by identifiers inside the schema, or by names.
    pub(super) renames: bool,
}

impl<'a> Reading<'a> {
    /// Refuses what cannot be kept; `field` is the schema's path in the request.
    pub(super) fn new(root: &'a Value, field: &'a str) -> Result<Self, ApiError> {
        let reading = Self::read(root, field, false)?;
        if reading.renames { Self::read(root, field, true) } else { Ok(reading) }
    }

    /// Whether something refers to the definition or into it.
    pub(super) fn refers_to(&self, keyword: &str, name: &str) -> bool {
        let name = name.replace('~', "~0").replace('/', "~1");
        let place = format!("/{keyword}/{name}");
        let into = format!("{place}/");
        let is_into = |pointer: &&str| pointer.starts_with(&into);
        self.followed.contains(place.as_str())
            || self.followed.range::<&str, _>(into.as_str()..).next().is_some_and(is_into)
    }

    fn read(root: &'a Value, field: &'a str, whole: bool) -> Result<Self, ApiError> {
        let mut reading = Self {
            root,
            field,
            whole,
            followed: BTreeSet::new(),
            open: vec![(root, field.to_owned())],
            left: MAX_READ,
            comparisons: MAX_COMPARISONS,
            combines: false,
            renames: false,
        };
        while let Some((schema, path)) = reading.open.pop() {
            reading.check(schema, &path)?;
        }
        Ok(reading)
    }

    fn check(&mut self, schema: &'a Value, path: &str) -> Result<(), ApiError> {
        let Value::Object(members) = schema else {
            return if schema.is_boolean() {
                Ok(())
            } else {
                Err(ApiError::invalid_schema(path, "must be an object or a boolean"))
            };
        };
        if self.left == 0 {
            return Err(ApiError::invalid_schema(self.field, "refers to its parts too often"));
        }
        self.left -= 1;
        self.combines |=
            members.contains_key("allOf") || (members.contains_key("$ref") && has_object_keywords(members));
        self.renames |= !std::ptr::eq(schema, self.root) && has_address(members);
        for (name, value) in members {
            let path = format!("{path}.{name}");
            check_keyword(name, value, members, &path)?;
            let root = if self.whole { NOTHING } else { self.root };
            if name == "oneOf" && !is_exclusive(members, root, &mut self.comparisons) {
                let says = "cannot be enforced where two may hold at once; use anyOf";
                return Err(ApiError::invalid_schema(&path, says));
            }
            if let ("$ref", Some(target)) = (name.as_str(), value.as_str()) {
                self.follow(target);
            }
            if self.whole || !["$defs", "definitions"].contains(&name.as_str()) {
                for (step, inner) in under(name, value) {
                    self.check(inner, &format!("{path}{step}"))?;
                }
            }
        }
        Ok(())
    }

    fn follow(&mut self, target: &'a str) {
        match target.strip_prefix('#') {
            Some("") => {}
            Some(pointer) if pointer.starts_with('/') && !pointer.contains('%') => {
                self.combines |= !leads_to_schema(pointer);
                if let Some(schema) = self.root.pointer(pointer)
                    && self.followed.insert(pointer)
                {
                    self.open.push((schema, format!("{}{}", self.field, path_of(pointer))));
                }
            }
            _ => self.renames = true,
        }
    }
}

/// A pointer as paths in errors are written.
fn path_of(pointer: &str) -> String {
    let step = |segment: &str| match segment.parse::<usize>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!(".{}", segment.replace("~1", "/").replace("~0", "~")),
    };
    pointer.split('/').skip(1).map(step).collect()
}

fn check_keyword(name: &str, value: &Value, members: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
    match name {
        "uniqueItems" if value == &Value::Bool(false) => Ok(()),
        "minProperties" if value.as_u64() == Some(0) => Ok(()),
        name if NOT_KEPT.contains(&name) => Err(ApiError::invalid_schema(path, "cannot be enforced")),
        "$ref" if !value.as_str().is_some_and(|target| target.starts_with('#')) => {
            Err(ApiError::invalid_schema(path, "must point into the same schema, with #"))
        }
        "format" if may_be_string(members) && !value.as_str().is_some_and(|format| FORMATS.contains(&format)) => {
            Err(ApiError::invalid_schema(path, format_args!("is none of {}", FORMATS.join(", "))))
        }
        "$schema" if value.as_str().is_none_or(|dialect| canonical(dialect).is_none()) => {
            Err(ApiError::invalid_schema(path, "is not known: drafts 4, 6, 7, 2019-09 and 2020-12 are"))
        }
        "minProperties" | "maxProperties" if !is_countable(members) => {
            Err(ApiError::invalid_schema(path, "cannot be enforced beside optional properties"))
        }
        "minProperties" if value.as_u64().is_some_and(|least| least > most_told_apart(members)) => {
            Err(ApiError::invalid_schema(path, "cannot be enforced: names that are not listed could come twice"))
        }
        _ => Ok(()),
    }
}

/// The address of a dialect as the library knows it; empty for "the latest".
pub(super) fn canonical(dialect: &str) -> Option<&'static str> {
    const DIALECTS: [(&str, &str); 6] = [
        ("schema", ""),
        ("draft-04/schema", "http://json-schema.org/draft-04/schema#"),
        ("draft-06/schema", "http://json-schema.org/draft-06/schema#"),
        ("draft-07/schema", "http://json-schema.org/draft-07/schema#"),
        ("draft/2019-09/schema", "https://json-schema.org/draft/2019-09/schema"),
        ("draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema"),
    ];
    let place = dialect.strip_prefix("https://").or(dialect.strip_prefix("http://"))?;
    let place = place.strip_prefix("json-schema.org/")?.trim_end_matches('#');
    DIALECTS.iter().find(|(name, _)| *name == place).map(|(_, address)| *address)
}

/// Whether the library can count an object's members: all that are listed must be there, or it is about one of them.
fn is_countable(members: &Map<String, Value>) -> bool {
    let number = |name: &str| members.get(name).and_then(Value::as_u64);
    let needed: BTreeSet<&str> = names_needed(members).iter().filter_map(Value::as_str).collect();
    let Some(Value::Object(listed)) = members.get("properties") else { return true };
    let all_needed = listed.keys().all(|name| needed.contains(name.as_str()));
    let is_closed = matches!(members.get("additionalProperties"), None | Some(Value::Bool(false)));
    all_needed
        || (is_closed
            && !members.contains_key("patternProperties")
            && number("minProperties").unwrap_or(0) <= needed.len() as u64 + 1
            && number("maxProperties").is_none_or(|most| most == needed.len() as u64 + 1))
}

/// Members that an object surely has under different names: those it must have, and one more.
fn most_told_apart(members: &Map<String, Value>) -> u64 {
    names_needed(members).len() as u64 + 1
}

fn names_needed(members: &Map<String, Value>) -> &[Value] {
    members.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a value under the schema may be a string; a `format` says something about strings only.
fn may_be_string(members: &Map<String, Value>) -> bool {
    match members.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => true,
    }
}

/// Whether references inside the schema are read from an address of its own.
fn has_address(members: &Map<String, Value>) -> bool {
    ["$id", "id"].iter().any(|name| matches!(members.get(*name), Some(Value::String(id)) if !id.starts_with('#')))
}

fn has_object_keywords(members: &Map<String, Value>) -> bool {
    ["properties", "required", "additionalProperties", "patternProperties"]
        .iter()
        .any(|name| members.contains_key(*name))
}

//! Arguments under a schema in a notation other than JSON, as rules of a grammar.
//!
//! What the notation has words for is written in it; for everything else the value, or all arguments, are JSON under
//! their part of the schema. So a schema is kept in each notation or in none.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{calls::literal, spec::with_whitespace};
use crate::{
    tokenizer::TextPart,
    tools::notation::{ESCAPE, Notation, is_word},
};

/// Keywords that say nothing about values.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Where schemas that others point at stand.
const DEFINITIONS: &[&str] = &["$defs", "definitions"];

/// The rules of one function's arguments.
struct ArgumentRules<'a> {
    notation: Notation,
    /// The schema as a whole.
    root: &'a Value,
    /// What the names of its rules begin with.
    prefix: &'a str,
    /// The mark of texts as it stands in rules.
    mark: String,
    /// Whether it is a token, which no text can hold.
    mark_is_token: bool,
    /// Rules of schemas that are pointed at.
    pointed: HashMap<String, String>,
    rules: String,
    count: usize,
}

/// The rules that end with that of all arguments under a schema, `PREFIX_arguments`. `cut` tells special tokens from
/// text.
pub(super) fn rules(
    notation: Notation,
    prefix: &str,
    schema: &Value,
    cut: &dyn Fn(&'static str) -> Vec<TextPart<'static>>,
) -> String {
    let mark = cut(ESCAPE);
    let mut rules = ArgumentRules {
        notation,
        root: schema,
        prefix,
        mark_is_token: matches!(mark[..], [TextPart::Special(_)]),
        mark: literal(mark),
        pointed: HashMap::new(),
        rules: String::new(),
        count: 0,
    };
    let arguments = rules.arguments();
    rules.rule(&format!("{prefix}_arguments"), &arguments);
    rules.rules
}

impl ArgumentRules<'_> {
    fn arguments(&mut self) -> String {
        let root = self.root;
        let members = members_of(root).filter(|_| !points_elsewhere(root));
        let are_words = |members: &[Member<'_>]| members.iter().all(|member| is_word(member.name));
        match (members, self.notation) {
            (Some(members), Notation::Python) if are_words(&members) => self.object(&members, "(", ")"),
            (Some(members), Notation::Escaped) => self.object(&members, "{", "}"),
            (_, Notation::Python) => format!("\"(**\" {} \")\"", self.json(root)),
            (_, Notation::Json | Notation::Escaped) => self.json(root),
        }
    }

    /// What a value under a schema is written as.
    fn value(&mut self, schema: &Value) -> String {
        let Some(keywords) = schema.as_object().map(keywords) else { return self.json(schema) };
        self.spelled(schema, &keywords).unwrap_or_else(|| self.json(schema))
    }

    /// The same, if the notation has words for it.
    fn spelled(&mut self, schema: &Value, keywords: &Map<String, Value>) -> Option<String> {
        let only = |names: &[&str]| keywords.keys().all(|name| names.contains(&name.as_str()));
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str) {
            return if only(&["$ref"]) { self.pointed_at(target) } else { None };
        }
        if let Some(alternatives) = keywords.get("anyOf").and_then(Value::as_array) {
            return if only(&["anyOf"]) { Some(self.either(alternatives)) } else { None };
        }
        let values = keywords.get("enum").and_then(Value::as_array).cloned();
        if let Some(values) = keywords.get("const").map(|value| vec![value.clone()]).or(values) {
            let fits = |value: &Value| has_type(value, keywords) && !value.to_string().contains(ESCAPE);
            let known = (only(&["const", "type"]) || only(&["enum", "type"])) && !values.is_empty();
            return (known && values.iter().all(fits)).then(|| self.one_of(&values));
        }
        if let Some(kinds) = keywords.get("type").and_then(Value::as_array) {
            let one = |kind: &Value| {
                let mut members = keywords.clone();
                members.insert("type".to_owned(), kind.clone());
                Value::Object(members)
            };
            let schemas: Vec<Value> = kinds.iter().map(one).collect();
            return if schemas.is_empty() { None } else { Some(self.either(&schemas)) };
        }
        match (self.notation, keywords.get("type")?.as_str()?) {
            (_, "boolean") if only(&["type"]) => Some(self.one_of(&[json!(true), json!(false)])),
            (_, "null") if only(&["type"]) => Some(self.one_of(&[Value::Null])),
            (Notation::Escaped, "string") if only(&["type", "minLength", "maxLength"]) => self.text(keywords),
            (Notation::Escaped, "array") if only(&["type", "items", "minItems", "maxItems"]) => self.array(keywords),
            (Notation::Escaped, "object") => members_of(schema).map(|members| self.object(&members, "{", "}")),
            _ => None,
        }
    }

    /// One of some values; no text in them holds a mark.
    fn one_of(&self, values: &[Value]) -> String {
        let spelled = |value: &Value| {
            let text = self.notation.value(value);
            let texts: Vec<String> = text.split(ESCAPE).map(|text| json!(text).to_string()).collect();
            texts.join(&format!(" {} ", self.mark))
        };
        alternatives(values.iter().map(spelled))
    }

    fn either(&mut self, schemas: &[Value]) -> String {
        let values: Vec<String> = schemas.iter().map(|schema| self.value(schema)).collect();
        alternatives(values)
    }

    /// The rule of a schema that is pointed at, made before what it says: it may point at itself.
    fn pointed_at(&mut self, target: &str) -> Option<String> {
        if let Some(rule) = self.pointed.get(target) {
            return Some(rule.clone());
        }
        let root = self.root;
        let schema = root.pointer(target.strip_prefix('#')?)?;
        let rule = self.new_name();
        self.pointed.insert(target.to_owned(), rule.clone());
        let value = self.value(schema);
        self.rule(&rule, &value);
        Some(rule)
    }

    /// A text between marks.
    fn text(&self, keywords: &Map<String, Value>) -> Option<String> {
        let (least, most) = bounds(keywords, "minLength", "maxLength")?;
        let letter = if self.mark_is_token { "(?s:.)" } else { "[^<]" };
        let upto = most.map_or(String::new(), |most| most.to_string());
        let text = format!("/{letter}{{{},{upto}}}/", least.max(1));
        let mark = &self.mark;
        Some(match (least, most) {
            (_, Some(0)) => format!("({mark} {mark})"),
            (0, _) => format!("({mark} ({text})? {mark})"),
            (_, _) => format!("({mark} {text} {mark})"),
        })
    }

    fn array(&mut self, keywords: &Map<String, Value>) -> Option<String> {
        let (least, most) = bounds(keywords, "minItems", "maxItems")?;
        let item = match keywords.get("items") {
            Some(items) => self.value(items),
            None => self.json(&json!(true)),
        };
        let more = match most {
            Some(0) => return None,
            Some(1) => String::new(),
            Some(most) => format!("(\",\" {item}){{{},{}}}", least.max(1) - 1, most - 1),
            None => format!("(\",\" {item}){{{},}}", least.max(1) - 1),
        };
        let optional = if least == 0 { "?" } else { "" };
        Some(format!("\"[\" ({item} {more}){optional} \"]\""))
    }

    /// Members in the order of the schema. A rule for each says what may come when one has come before, another when
    /// none has.
    fn object(&mut self, members: &[Member<'_>], open: &str, close: &str) -> String {
        let own = self.new_name();
        let (comma, colon) = match self.notation {
            Notation::Python => (", ", "="),
            Notation::Json | Notation::Escaped => (",", ":"),
        };
        for (index, member) in members.iter().enumerate() {
            let next = index + 1;
            let name = if is_word(member.name) { member.name.to_owned() } else { json!(member.name).to_string() };
            let written = format!("{} {}", json!(name + colon), self.value(member.schema));
            let skip = |rule: &str| if member.required { String::new() } else { format!(" | {own}_{rule}_{next}") };
            let (first, later) = (skip("first"), skip("later"));
            self.rule(&format!("{own}_first_{index}"), &format!("{own}_{index} {own}_later_{next}{first}"));
            let later = format!("\"{comma}\" {own}_{index} {own}_later_{next}{later}");
            self.rule(&format!("{own}_later_{index}"), &later);
            self.rule(&format!("{own}_{index}"), &written);
        }
        for rule in ["first", "later"] {
            self.rule(&format!("{own}_{rule}_{}", members.len()), "\"\"");
        }
        format!("\"{open}\" {own}_first_0 \"{close}\"")
    }

    /// A value as JSON.
    fn json(&mut self, schema: &Value) -> String {
        let mut schema = match schema {
            Value::Object(members) => members.clone(),
            other => Map::from_iter([("allOf".to_owned(), json!([other]))]),
        };
        let points = json!(schema).to_string().contains("\"$ref\"");
        for name in DEFINITIONS.iter().filter(|_| points) {
            schema.extend(self.root.get(*name).map(|definitions| ((*name).to_owned(), definitions.clone())));
        }
        let rule = self.new_name();
        self.rule(&rule, &format!("%json {}", with_whitespace(Value::Object(schema))));
        rule
    }

    fn rule(&mut self, name: &str, body: &str) {
        self.rules.extend([name, ": ", body, "\n"]);
    }

    fn new_name(&mut self) -> String {
        self.count += 1;
        format!("{}_v{}", self.prefix, self.count)
    }
}

/// How long a text or a list is at least and at most, if that can be counted and is no contradiction.
fn bounds(keywords: &Map<String, Value>, least: &str, most: &str) -> Option<(i32, Option<i32>)> {
    let bound = |name: &str| keywords.get(name).map(|bound| i32::try_from(bound.as_u64()?).ok());
    let (least, most) = (bound(least).unwrap_or(Some(0))?, bound(most));
    match most {
        None => Some((least, None)),
        Some(most) => Some((least, Some(most?))).filter(|(least, most)| *most >= Some(*least)),
    }
}

/// A member of an object.
struct Member<'a> {
    name: &'a str,
    schema: &'a Value,
    required: bool,
}

/// The members of an object that has no others.
fn members_of(schema: &Value) -> Option<Vec<Member<'_>>> {
    let own = keywords(schema.as_object()?);
    let known = ["type", "properties", "required", "additionalProperties"];
    let no_others = own.get("additionalProperties") == Some(&Value::Bool(false));
    if own.get("type")? != "object" || !no_others || !own.keys().all(|name| known.contains(&name.as_str())) {
        return None;
    }
    let none = Vec::new();
    let required = schema.get("required").map_or(Some(&none), Value::as_array)?;
    let properties = schema.get("properties")?.as_object()?;
    let listed = required.iter().all(|name| name.as_str().is_some_and(|name| properties.contains_key(name)));
    let is_required = |name: &String| required.iter().any(|other| other == name);
    let members = properties.iter().map(|(name, schema)| Member { name, schema, required: is_required(name) });
    listed.then(|| members.collect())
}

fn keywords(schema: &Map<String, Value>) -> Map<String, Value> {
    let says = |name: &str| !ANNOTATIONS.contains(&name);
    schema.iter().filter(|(name, _)| says(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether a part of the schema, taken out of it, would point at something else.
fn points_elsewhere(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(name, value)| match (name.as_str(), value) {
            ("$ref", Value::String(target)) => {
                !DEFINITIONS.iter().any(|name| target.starts_with(&format!("#/{name}/")))
            }
            (_, value) => points_elsewhere(value),
        }),
        Value::Array(items) => items.iter().any(points_elsewhere),
        _ => false,
    }
}

/// Whether a value has the type that stands beside it, if one does.
fn has_type(value: &Value, keywords: &Map<String, Value>) -> bool {
    match (keywords.get("type").map(Value::as_str), value) {
        (Some(Some("integer")), Value::Number(number)) => number.is_i64() || number.is_u64(),
        (None, _)
        | (Some(Some("string")), Value::String(_))
        | (Some(Some("boolean")), Value::Bool(_))
        | (Some(Some("number")), Value::Number(_))
        | (Some(Some("null")), Value::Null) => true,
        _ => false,
    }
}

fn alternatives(values: impl IntoIterator<Item = String>) -> String {
    format!("({})", values.into_iter().collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(notation: Notation, schema: &Value) -> String {
        rules(notation, "f", schema, &|text| vec![TextPart::Text(text)])
    }

    fn closed(properties: &Value) -> Value {
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    }

    #[test]
    fn members_are_written_in_the_notation() {
        let schema = closed(&json!({"open": {"type": "boolean"}}));
        let rules = "f_v1_first_0: f_v1_0 f_v1_later_1 | f_v1_first_1\n\
                     f_v1_later_0: \", \" f_v1_0 f_v1_later_1 | f_v1_later_1\n\
                     f_v1_0: \"open=\" (\"True\" | \"False\")\n\
                     f_v1_first_1: \"\"\nf_v1_later_1: \"\"\n\
                     f_arguments: \"(\" f_v1_first_0 \")\"\n";
        assert_eq!(written(Notation::Python, &schema), rules);
    }

    #[test]
    fn what_has_no_words_is_json() {
        let free = json!({"type": "object"});
        let odd = closed(&json!({"a b": {"type": "null"}}));
        assert!(written(Notation::Python, &free).ends_with("f_arguments: \"(**\" f_v1 \")\"\n"));
        assert!(written(Notation::Python, &odd).ends_with("f_arguments: \"(**\" f_v1 \")\"\n"));
        assert!(written(Notation::Escaped, &free).ends_with("f_arguments: f_v1\n"));
        assert!(written(Notation::Escaped, &odd).contains("f_v1_0: \"\\\"a b\\\":\" (\"null\")\n"));
        let pattern = closed(&json!({"a": {"type": "string", "pattern": "x"}}));
        assert!(written(Notation::Escaped, &pattern).contains("f_v2: %json {"));
    }

    #[test]
    fn schemas_that_are_pointed_at_are_rules_of_their_own() {
        let mut schema = closed(&json!({"a": {"$ref": "#/$defs/b"}, "c": {"$ref": "#/$defs/b"}}));
        schema["$defs"] = json!({"b": {"enum": ["x", 1]}});
        let rules = written(Notation::Escaped, &schema);
        assert!(rules.contains("f_v2: (\"\" \"<escape>\" \"x\" \"<escape>\" \"\" | \"1\")\n"), "{rules}");
        assert!(rules.contains("f_v1_0: \"a:\" f_v2\n") && rules.contains("f_v1_1: \"c:\" f_v2\n"), "{rules}");
        schema["properties"]["a"] = json!({"$ref": "#"});
        assert!(written(Notation::Escaped, &schema).ends_with("f_arguments: f_v1\n"), "it cannot be taken out");
    }
}

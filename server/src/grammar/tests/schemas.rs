//! Texts that a schema allows and those that it does not, where the library alone would be mistaken.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::draw::{Dice, allows, compile, draw, grammars};
use crate::grammar::{Form, Grammars};

static GRAMMARS: LazyLock<Grammars> = LazyLock::new(grammars);

fn assert_allowed(schema: &Value, text: &str, is_allowed: bool) {
    let grammar = compile(&GRAMMARS, Form::Schema(schema.clone())).unwrap();
    assert_eq!(allows(&grammar, text), is_allowed, "{text} under {schema}");
}

#[test]
fn a_listed_name_is_not_written_in_a_second_way() {
    let schema =
        json!({"properties": {"a": {"type": "integer"}}, "required": [], "additionalProperties": {"type": "string"}});
    assert_allowed(&schema, r#"{"a":1}"#, true);
    assert_allowed(&schema, r#"{"b\n\"":"x"}"#, true);
    assert_allowed(&schema, r#"{"a":"x"}"#, false);
    assert_allowed(&schema, r#"{"\u0061":"x"}"#, false);
}

#[test]
fn days_and_seconds_exist() {
    let format = |name: &str| json!({"type": "string", "format": name});
    for (day, exists) in [("2024-02-29", true), ("2000-02-29", true), ("2023-02-29", false), ("1900-02-29", false)] {
        assert_allowed(&format("date"), &format!("\"{day}\""), exists);
        assert_allowed(&format("date-time"), &format!("\"{day}T10:11:12.5Z\""), exists);
    }
    for (day, exists) in [("2023-02-28", true), ("2023-12-31", true), ("2023-04-31", false), ("0000-01-01", false)] {
        assert_allowed(&format("date"), &format!("\"{day}\""), exists);
    }
    for (time, exists) in [("23:59:59Z", true), ("23:59:60Z", false), ("24:00:00Z", false), ("00:00:00+01:30", true)] {
        assert_allowed(&format("time"), &format!("\"{time}\""), exists);
        assert_allowed(&format("date-time"), &format!("\"2023-01-31t{time}\""), exists);
    }
    let both = json!({"type": ["string", "null"], "format": "date", "pattern": "^2023"});
    assert_allowed(&both, "\"2023-01-01\"", true);
    assert_allowed(&both, "\"2024-01-01\"", false);
    assert_allowed(&both, "null", true);
}

#[test]
fn addresses_have_their_form() {
    let cases: [(&str, &[&str], &[&str]); 6] = [
        (
            "uri-reference",
            &["http://a.b:1/c?d#e", "//a/b", "/a:b", "a/b", "", "#x", "mailto:a"],
            &["a b", "%zz", ":a", "1:b"],
        ),
        ("uri-template", &["https://a.b/{c}{/d,e*}{?f:3}", "", "%20"], &["{", "{a", "a}", "{a b}"]),
        ("json-pointer", &["", "/a~0b/~1", "//"], &["a", "/~2"]),
        ("relative-json-pointer", &["0", "12/a", "1#"], &["", "01", "/a", "1a"]),
        ("iri", &["http://a.b"], &["a"]),
        ("idn-email", &["a@b.c"], &["a"]),
    ];
    for (format, right, wrong) in cases {
        for (texts, exists) in [(right, true), (wrong, false)] {
            for text in texts {
                assert_allowed(&json!({"type": "string", "format": format}), &format!("\"{text}\""), exists);
            }
        }
    }
}

#[test]
fn of_alternatives_exactly_one_holds() {
    let kind = |name: &str, more: &str| json!({"type": "object", "required": ["kind"], "properties": {"kind": {"const": name}, more: {"type": "integer"}}});
    let schema = json!({"oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
                        "$defs": {"a": kind("a", "x"), "b": kind("b", "y"), "unused": {"not": {}}}});
    assert_allowed(&schema, r#"{"kind":"a","x":1}"#, true);
    assert_allowed(&schema, r#"{"kind":"b","x":1}"#, false);
    let both = json!({"oneOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                                {"type": "object", "properties": {"b": {}}}]});
    let error = compile(&GRAMMARS, Form::Schema(both)).unwrap_err();
    assert!(error.contains("form.oneOf"), "{error}");
}

#[test]
fn references_may_have_any_letter() {
    let schema = json!({"$ref": "#/definitions/List<string>|é", "definitions": {"List<string>|é": {"const": 1}}});
    assert_allowed(&schema, "1", true);
    assert_allowed(&schema, "2", false);
}

#[test]
fn what_belongs_together_may_be_written_apart() {
    let tuple = json!({"type": "array", "items": [{"const": 1}], "anyOf": [{"minItems": 1}], "additionalItems": false});
    assert_allowed(&tuple, "[1]", true);
    assert_allowed(&tuple, "[1,2]", false);
    let above = json!({"type": "integer", "minimum": 3, "maximum": 5, "enum": [3, 4, 5], "exclusiveMinimum": true});
    assert_allowed(&above, "4", true);
    assert_allowed(&above, "3", false);
}

#[test]
fn drawn_texts_are_valid() {
    let schemas = [
        json!({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "string"}, "required": ["a"]}),
        json!({"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": false, "minProperties": 1}),
        json!({"type": "array", "prefixItems": [{"const": 1}, {"format": "date", "type": "string"}], "items": false, "minItems": 1}),
        json!({"allOf": [{"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]},
                         {"properties": {"a": {"minimum": 3}, "b": {"enum": ["x", 1]}}, "additionalProperties": false}]}),
    ];
    let mut dice = Dice(1);
    for schema in schemas {
        let judge = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let grammar = compile(&GRAMMARS, Form::Schema(schema.clone())).unwrap();
        for _ in 0..100 {
            let text = draw(&grammar, &mut dice);
            assert!(judge.is_valid(&serde_json::from_str(&text).unwrap()), "{text} under {schema}");
        }
    }
}

#[test]
fn references_and_alternatives_without_end_are_refused() {
    let place = |depth: usize| format!("#{}", "/items".repeat(depth));
    let wide: Vec<Value> = (0..1500).map(|_| json!({"a": 1})).collect();
    let deep = (0..40).fold(json!({"anyOf": wide}), |inner, depth| json!({"items": inner, "$ref": place(depth + 1)}));
    let error = compile(&GRAMMARS, Form::Schema(deep)).unwrap_err();
    assert!(error.contains("too often"), "{error}");
    let alternatives: Vec<Value> = (0..600).map(|number| json!({"const": number})).collect();
    let error = compile(&GRAMMARS, Form::Schema(json!({"oneOf": alternatives}))).unwrap_err();
    assert!(error.contains("form.oneOf"), "{error}");
}

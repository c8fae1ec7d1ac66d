//! Streams of calls: the deltas join to the whole, and arguments are valid under the tool's schema.

use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::draw::{Dice, compile, draw, grammars};
use crate::{
    grammar::{Callable, CallsForm, Form, Grammars, Otherwise, prepare_schema},
    tools::{AnswerCalls, CallDelta, CallReader, format::FORMATS},
};

/// Streams drawn of each set of tools; with as many sets as below, 10,000 in all.
const STREAMS: usize = 20;

static GRAMMARS: LazyLock<Grammars> = LazyLock::new(grammars);

/// Schemas of one value.
fn value() -> impl Strategy<Value = Value> {
    let name = "[a-c{}\"\\\\é]{0,3}";
    let leaf = prop_oneof![
        (0..4u8, 0..5u8)
            .prop_map(|(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more})),
        (-50..50i32, 0..60i32)
            .prop_map(|(least, more)| json!({"type": "integer", "minimum": least, "maximum": least + more})),
        (-5..5i32, 1..9i32)
            .prop_map(|(least, more)| json!({"type": "number", "exclusiveMinimum": least, "maximum": least + more})),
        proptest::collection::vec(name, 1..4).prop_map(|texts| json!({"enum": texts})),
        name.prop_map(|text| json!({"const": {"is": [text, null, 1.5]}})),
        Just(json!({"type": ["boolean", "null"]})),
        Just(json!({"type": "string", "pattern": "^[a-f]+-[0-9]{1,3}$"})),
        Just(json!({"type": "string", "format": "date-time"})),
        Just(json!({"type": "integer", "multipleOf": 7, "minimum": -99, "maximum": 999})),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), 0..2u8, 0..3u8)
                .prop_map(|(item, least, more)| json!({"type": "array", "items": item, "minItems": least, "maxItems": least + more})),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| json!({"anyOf": [one, other]})),
            object(inner),
        ]
    })
}

/// Schemas of an object whose members may be left out or not.
fn object(member: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-c{}\"\\\\é ]{1,3}", (member, any::<bool>()), 0..4).prop_map(|members| {
        let needed: Vec<&String> = members.iter().filter(|(_, (_, needed))| *needed).map(|(name, _)| name).collect();
        let properties: Map<String, Value> =
            members.iter().map(|(name, (schema, _))| (name.clone(), schema.clone())).collect();
        json!({"type": "object", "properties": properties, "required": needed})
    })
}

/// The calls that the pieces of a text add up to.
fn read<'a>(answer: &AnswerCalls, pieces: impl IntoIterator<Item = &'a str>) -> Vec<(String, String)> {
    let mut reader = CallReader::new(answer);
    let mut calls = Vec::<(String, String)>::new();
    for piece in pieces {
        let read = reader.push(piece);
        assert_eq!(read.content, "", "the answer begins with its calls");
        for delta in read.calls {
            match delta {
                CallDelta::Begin(name) => calls.push((name, String::new())),
                CallDelta::Arguments(text) => calls.last_mut().unwrap().1 += &text,
            }
        }
    }
    assert_eq!(reader.finish(), "");
    calls
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn streams_of_calls_are_whole_and_valid(
        format in 0..FORMATS.len(),
        schemas in proptest::collection::vec(object(value()), 1..3),
        several in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let format = &FORMATS[format];
        let prepared = |schema: &Value| prepare_schema(schema.clone(), "tools").unwrap();
        let callable = |(index, schema)| Callable { name: format!("tool-{index}"), arguments: prepared(schema) };
        let tools = schemas.iter().enumerate().map(callable).collect();
        let form = CallsForm { format, tools, several, otherwise: Otherwise::Call };
        let answer = form.answer_calls();
        let grammar = compile(&GRAMMARS, Form::Calls(form)).unwrap();
        let judges: Vec<Validator> = schemas.iter().map(|schema| {
            jsonschema::options().should_validate_formats(true).build(schema).unwrap()
        }).collect();
        let mut dice = Dice(seed);
        for _ in 0..STREAMS {
            let text = draw(&grammar, &mut dice);
            let calls = read(&answer, [text.as_str()]);
            let ends = text.char_indices().map(|(start, letter)| &text[start..start + letter.len_utf8()]);
            prop_assert_eq!(&read(&answer, ends), &calls, "{}", text);
            prop_assert!(calls.len() == 1 || (several && !calls.is_empty()), "{}", text);
            for (name, arguments) in calls {
                let judge = &judges[name.strip_prefix("tool-").unwrap().parse::<usize>().unwrap()];
                let arguments: Value = serde_json::from_str(&arguments).unwrap();
                prop_assert!(judge.is_valid(&arguments), "{} under {}", arguments, schemas[0]);
            }
        }
    }
}

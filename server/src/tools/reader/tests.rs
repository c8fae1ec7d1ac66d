//! Calls in every format, cut anywhere.

use proptest::{prelude::*, sample::Index};
use serde_json::Value;

use super::{
    super::format::{FORMATS, Opening},
    *,
};

/// What pieces of a text add up to, arguments as their text.
fn read(calls: &AnswerCalls, pieces: &[&str]) -> (String, Vec<(String, String)>) {
    let mut reader = CallReader::new(calls);
    let (mut content, mut calls) = (String::new(), Vec::<(String, String)>::new());
    for piece in pieces {
        let read = reader.push(piece);
        assert!(calls.is_empty() || read.content.is_empty(), "content comes before calls");
        content += &read.content;
        for delta in read.calls {
            match delta {
                CallDelta::Begin(name) => calls.push((name, String::new())),
                CallDelta::Arguments(text) => calls.last_mut().unwrap().1 += &text,
            }
        }
    }
    content += &reader.finish();
    (content, calls)
}

fn pieces<'a>(text: &'a str, cuts: &[Index]) -> Vec<&'a str> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
    ends.push(text.len());
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.iter().copied()).collect::<Vec<_>>();
    starts.into_iter().zip(ends).map(|(start, end)| &text[start..end]).collect()
}

/// JSON objects with brackets, quotes and marks in their names and texts.
fn arguments() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[ a{}()\"\\\\:,=*<é산]{0,8}", Just("</escape><escape>".to_owned())];
    let name = prop_oneof!["[a-z_]{1,3}", text.clone()];
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i16>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let value = leaf.prop_recursive(2, 8, 3, move |inner| {
        let members = proptest::collection::vec(("[a-z_ ]{0,3}", inner.clone()), 0..3);
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    proptest::collection::vec((name, value), 0..4).prop_map(|members| Value::Object(members.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn any_cut_of_an_answer_reads_the_same(
        format in 0..FORMATS.len(),
        content in "[ a<{\\[tool_cal\"é]{0,12}",
        calls in proptest::collection::vec(("[a-zA-Z0-9_-]{1,9}", arguments()), 0..4),
        cuts in proptest::collection::vec(any::<Index>(), 0..8),
        kept in any::<Index>(),
    ) {
        let format = &FORMATS[format];
        let names = calls.iter().map(|(name, _)| name.clone()).chain(["a".to_owned()]);
        let answer = AnswerCalls { format, names: names.collect() };
        let content = if format.opening == Opening::InText || calls.is_empty() { content } else { String::new() };
        let borrowed = calls.iter().map(|(name, arguments)| (name.as_str(), arguments));
        let written = if calls.is_empty() { String::new() } else { format.write(borrowed) };
        let text = content.clone() + &written;
        let (read_content, read_calls) = read(&answer, &pieces(&text, &cuts));
        let parsed: Vec<(String, Value)> =
            read_calls.into_iter().map(|(name, text)| (name, serde_json::from_str(&text).unwrap())).collect();
        prop_assert_eq!((read_content, parsed), (content, calls));

        let cut = &text[..text.floor_char_boundary(kept.index(text.len() + 1))];
        prop_assert_eq!(read(&answer, &pieces(cut, &cuts)), read(&answer, &[cut]));
    }
}

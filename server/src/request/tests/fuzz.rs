//! No bytes panic, and every refusal is a 4xx with an error object.

use proptest::prelude::*;

use super::*;

const BODIES: [&str; 6] = [
    r#"{"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]}],"temperature":0.5,"stop":["x","y"],"n":2}"#,
    r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"5"}],"logit_bias":{"5":1}}"#,
    r#"{"model":"m","prompt":[[1,2],[3]],"max_tokens":5,"stream":true,"stream_options":{"include_usage":true},"seed":-1}"#,
    r#"{"model":"m","prompt":"\ud83d\ude00 x","logprobs":3,"top_k":40,"min_p":1e-3,"response_format":{"type":"text"},"bad_words":[]}"#,
    r#"{"model":"m","input":[[1,2],[3]],"encoding_format":"base64","dimensions":5,"truncate_prompt_tokens":-1}"#,
    r#"{"model":"m","messages":[{"role":"user","content":"b"}],"normalize":false,"add_special_tokens":true,"priority":1}"#,
];

/// Pieces that change the meaning of JSON when they are put somewhere.
const PIECES: [&str; 20] = [
    "null",
    "true",
    "-1",
    "1e400",
    "1.5",
    "18446744073709551616",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"\\ud800\"",
    "\"stop\":",
    "\u{0}",
    "{}",
    "[]",
    "-0.0",
];

#[derive(Clone, Debug)]
enum Edit {
    Put(usize, usize),
    Byte(usize, u8),
    Cut(usize, usize),
    Twice(usize, usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (any::<usize>(), 0..PIECES.len()).prop_map(|(place, piece)| Edit::Put(place, piece)),
        (any::<usize>(), any::<u8>()).prop_map(|(place, byte)| Edit::Byte(place, byte)),
        (any::<usize>(), 0..12_usize).prop_map(|(place, length)| Edit::Cut(place, length)),
        (any::<usize>(), 0..40_usize).prop_map(|(place, length)| Edit::Twice(place, length)),
    ];
    prop::collection::vec(edit, 0..4)
}

fn apply(body: &mut Vec<u8>, edit: &Edit) {
    let spot = |place: usize| place % (body.len() + 1);
    match *edit {
        Edit::Put(place, piece) => {
            let place = spot(place);
            body.splice(place..place, PIECES[piece].bytes());
        }
        Edit::Byte(place, byte) => {
            let place = spot(place);
            body.splice(place..body.len().min(place + 1), [byte]);
        }
        Edit::Cut(place, length) => {
            let place = spot(place);
            body.drain(place..body.len().min(place + length));
        }
        Edit::Twice(place, length) => {
            let place = spot(place);
            let copy = body[place..body.len().min(place + length)].to_vec();
            body.splice(place..place, copy);
        }
    }
}

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    let chat = json::parse(body).and_then(|request| chat(request, &rules()));
    let completion = json::parse(body).and_then(|request| completion(request, &rules()));
    let vectors = json::parse(body).and_then(|request| embeddings(request, &rules()));
    for error in [chat.err(), completion.err(), vectors.err()].into_iter().flatten() {
        prop_assert!((400..500).contains(&error.status()), "{error:?}");
        prop_assert!(error.message().chars().count() < 500 && !error.message().is_empty());
        prop_assert!(!error.message().chars().any(char::is_control));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn mutated_bodies(body in 0..BODIES.len(), edits in edits()) {
        let mut body = BODIES[body].as_bytes().to_vec();
        for edit in &edits {
            apply(&mut body, edit);
        }
        check(&body)?;
    }

    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..64)) {
        check(&body)?;
    }

    #[test]
    fn numbers_stay_in_their_ranges(temperature in any::<f64>(), penalty in any::<f64>(), seed in any::<f64>()) {
        let body = json!({"model": "m", "prompt": "x", "temperature": temperature, "repetition_penalty": penalty, "seed": seed});
        if let Ok(request) = json::parse(body.to_string().as_bytes()).and_then(|body| completion(body, &rules())) {
            let params = request.sampling;
            prop_assert!((0.0..=2.0).contains(&params.temperature));
            prop_assert!(params.repetition_penalty > 0.0 && params.repetition_penalty <= 10.0);
        }
    }
}

#[test]
fn the_bodies_are_right_before_they_are_changed() {
    for body in &BODIES[..2] {
        chat(json::parse(body.as_bytes()).unwrap(), &rules()).unwrap();
    }
    for body in &BODIES[2..4] {
        completion(json::parse(body.as_bytes()).unwrap(), &rules()).unwrap();
    }
    for body in &BODIES[4..] {
        embeddings(json::parse(body.as_bytes()).unwrap(), &rules()).unwrap();
    }
}

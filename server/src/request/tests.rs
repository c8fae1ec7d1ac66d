//! Every limit at its edge and one past, by the code and the path that a client sees.
#![allow(clippy::needless_pass_by_value, reason = "literals of JSON read best where they are used")]

mod chat;
mod completion;
mod document;
mod embeddings;
mod fuzz;

use serde_json::{Value, json};

use super::*;
use crate::json;

fn rules() -> RequestRules {
    RequestRules {
        models: vec!["m".to_owned(), "alias".to_owned()],
        kind: ModelKind::Decoder,
        max_model_len: 1000,
        vocab_size: 500,
        max_choices: 8,
        max_prompt_bytes: 10_000,
        defaults: SamplingDefaults::default(),
        calls: CallFormat::plain(),
        max_inputs: 100,
        vectors: Ok(VectorRules { dimensions: 64, normalize: true }),
        reasoning: None,
        template_variables: ["enable_thinking".to_owned()].into(),
    }
}

/// `members` over a request that is right; null takes a member away.
fn merged(mut body: Value, members: Value) -> Vec<u8> {
    let (Value::Object(body_members), Value::Object(members)) = (&mut body, members) else { panic!("not objects") };
    body_members.extend(members);
    body.to_string().into_bytes()
}

fn try_chat(members: Value) -> Result<GenerateRequest, ApiError> {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    chat(json::parse(&merged(body, members))?, &rules())
}

fn try_completion(members: Value) -> Result<GenerateRequest, ApiError> {
    completion(json::parse(&merged(json!({"model": "m", "prompt": "x"}), members))?, &rules())
}

/// Code and path of a refused chat.
fn chat_error(members: Value) -> (&'static str, String) {
    let shown = members.to_string();
    let error = try_chat(members).expect_err(&shown);
    assert!((400..=404).contains(&error.status()));
    (error.code(), error.param().unwrap_or_default().to_owned())
}

fn completion_error(members: Value) -> (&'static str, String) {
    let shown = members.to_string();
    let error = try_completion(members).expect_err(&shown);
    (error.code(), error.param().unwrap_or_default().to_owned())
}

fn at(code: &'static str, param: &str) -> (&'static str, String) {
    (code, param.to_owned())
}

/// The member has this value at the edge, and this code one past it, in both kinds of requests.
fn edge(name: &str, inside: &Value, outside: &Value, code: &'static str) {
    for value in [inside, outside] {
        let members = json!({name: value});
        if value == inside {
            try_chat(members.clone()).expect(name);
            try_completion(members).expect(name);
        } else {
            assert_eq!(chat_error(members.clone()), at(code, name), "{value}");
            assert_eq!(completion_error(members), at(code, name), "{value}");
        }
    }
}

#[test]
fn numbers_at_their_edges() {
    edge("temperature", &json!(0), &json!(-0.001), "decimal_below_min_value");
    edge("temperature", &json!(2), &json!(2.000_000_001), "decimal_above_max_value");
    edge("top_p", &json!(0), &json!(-1e-9), "decimal_below_min_value");
    edge("top_p", &json!(1), &json!(1.000_000_001), "decimal_above_max_value");
    edge("min_p", &json!(1), &json!(1.5), "decimal_above_max_value");
    edge("min_p", &json!(0), &json!(-0.5), "decimal_below_min_value");
    edge("repetition_penalty", &json!(0.001), &json!(0), "decimal_below_min_value");
    edge("repetition_penalty", &json!(10), &json!(10.5), "decimal_above_max_value");
    edge("repetition_penalty", &json!(1e-30), &json!(1e-60), "decimal_below_min_value");
    edge("frequency_penalty", &json!(-2), &json!(-2.1), "decimal_below_min_value");
    edge("presence_penalty", &json!(2), &json!(1e300), "decimal_above_max_value");
    edge("top_k", &json!(-1), &json!(-2), "integer_below_min_value");
    edge("top_k", &json!(4_294_967_295_u64), &json!(4_294_967_296_u64), "integer_above_max_value");
    edge("seed", &json!(i64::MIN), &json!(-1e19), "integer_below_min_value");
    edge("seed", &json!(i64::MAX), &json!(u64::MAX), "integer_above_max_value");
    edge("n", &json!(8), &json!(9), "integer_above_max_value");
    edge("n", &json!(1), &json!(0), "integer_below_min_value");
    edge("priority", &json!(-100), &json!(-101), "integer_below_min_value");
    edge("priority", &json!(100), &json!(101), "integer_above_max_value");
    edge("stream_interval", &json!(1), &json!(0), "integer_below_min_value");
    edge("stream_interval", &json!(64), &json!(65), "integer_above_max_value");
    edge("max_tokens", &json!(1), &json!(-1), "integer_below_min_value");
    edge("max_tokens", &json!(8.0), &json!(8.5), "invalid_type");
    edge("max_tokens", &json!(u32::MAX), &json!(1e30), "integer_above_max_value");
}

#[test]
fn strings_at_their_edges() {
    let text = |length| json!("x".repeat(length));
    for name in ["user", "session_id", "request_id", "rid", "cache_salt"] {
        edge(name, &text(128), &text(129), "string_above_max_length");
    }
    edge("cache_salt", &text(1), &json!(""), "string_below_min_length");
    edge("stop", &text(256), &text(257), "string_above_max_length");
    edge("stop", &json!([]), &json!(""), "string_below_min_length");
    edge("stop", &json!(vec!["x"; 16]), &json!(vec!["x"; 17]), "array_above_max_length");
    edge("stop_token_ids", &json!(vec![499; 128]), &json!(vec![499; 129]), "array_above_max_length");
    assert_eq!(chat_error(json!({"stop": ["a", ""]})), at("string_below_min_length", "stop[1]"));
    assert_eq!(chat_error(json!({"stop": ["\u{e4}".repeat(129)]})), at("string_above_max_length", "stop[0]"));
    assert_eq!(chat_error(json!({"stop_token_ids": [1, 500]})), at("integer_above_max_value", "stop_token_ids[1]"));
}

#[test]
fn biases_at_their_edges() {
    let bias = |count: u32| Value::Object((0..count).map(|id| (id.to_string(), json!(1))).collect());
    edge("logit_bias", &bias(500), &bias(1025), "invalid_value");
    for id in ["500", "-1", "+5", "05", "x", "", "1.0", "99999999999999999999"] {
        let path = format!("logit_bias.{id}");
        assert_eq!(chat_error(json!({"logit_bias": {id: 1}})), at("invalid_value", &path));
    }
    assert_eq!(chat_error(json!({"logit_bias": {"7": 100.5}})), at("decimal_above_max_value", "logit_bias.7"));
    assert_eq!(chat_error(json!({"logit_bias": {"7": -101}})), at("decimal_below_min_value", "logit_bias.7"));
    let request = try_chat(json!({"logit_bias": {"499": -100, "0": 0.5}})).unwrap();
    let mut read = request.sampling.logit_bias;
    read.sort_by_key(|(id, _)| *id);
    assert_eq!(read, [(0, 0.5), (499, -100.0)]);
}

#[test]
fn min_tokens_is_at_most_max_tokens() {
    assert_eq!(try_chat(json!({"max_tokens": 5, "min_tokens": 5})).unwrap().sampling.min_new, 5);
    assert_eq!(chat_error(json!({"max_tokens": 5, "min_tokens": 6})), at("integer_above_max_value", "min_tokens"));
    assert!(try_chat(json!({"min_tokens": 1000})).is_ok());
    assert_eq!(chat_error(json!({"min_tokens": 1001})), at("integer_above_max_value", "min_tokens"));
    assert_eq!(completion_error(json!({"min_tokens": 17})), at("integer_above_max_value", "min_tokens"));
}

#[test]
fn defaults_are_the_models_then_the_apis() {
    let params = try_chat(json!({})).unwrap().sampling;
    assert_eq!((params.temperature, params.top_k, params.top_p, params.min_p), (1.0, 0, 1.0, 0.0));
    let model = engine::GenerationDefaults {
        temperature: Some(0.6),
        top_k: Some(40),
        top_p: Some(0.9),
        min_p: None,
        repetition_penalty: Some(1.1),
        max_new_tokens: None,
    };
    let rules = RequestRules { defaults: (&model).into(), ..rules() };
    let body = br#"{"model":"m","prompt":"x","top_k":-1,"temperature":null}"#;
    let params = completion(json::parse(body).unwrap(), &rules).unwrap().sampling;
    let expected =
        SamplingParams { temperature: 0.6, top_p: 0.9, repetition_penalty: 1.1, ..SamplingParams::default() };
    assert_eq!(params, expected);
}

#[test]
fn a_temperature_too_small_to_divide_by_is_greedy() {
    for (given, used) in [(0.0, 0.0), (1e-45, 0.0), (1e-300, 0.0), (9e-6, 0.0), (1e-5, 1e-5), (0.7, 0.7)] {
        assert_eq!(try_chat(json!({"temperature": given})).unwrap().sampling.temperature, used);
    }
}

#[test]
fn streams() {
    assert_eq!(try_chat(json!({})).unwrap().stream, None);
    assert_eq!(try_chat(json!({"stream": false})).unwrap().stream, None);
    let options = json!({"include_usage": true, "include_obfuscation": false});
    let stream = try_chat(json!({"stream": true, "stream_options": options, "stream_interval": 4})).unwrap().stream;
    assert_eq!(stream, Some(StreamRules { include_usage: true, continuous_usage: false, interval: 4 }));
    for members in [json!({"stream_options": {}}), json!({"stream": false, "stream_options": {}})] {
        assert_eq!(chat_error(members.clone()), at("invalid_value", "stream_options"));
        assert_eq!(completion_error(members), at("invalid_value", "stream_options"));
    }
}

#[test]
fn best_of_computes_more_than_are_returned() {
    let counts = |members| try_completion(members).map(|request| (request.choices, request.returned)).unwrap();
    assert_eq!(counts(json!({"n": 2, "best_of": 2})), (2, 2));
    assert_eq!(counts(json!({"best_of": 8})), (8, 1));
    let chosen = try_completion(json!({"best_of": 2})).unwrap();
    assert_eq!((chosen.sampling.logprobs, chosen.logprobs), (Some(0), None), "measured, not reported");
    assert_eq!(completion_error(json!({"best_of": 2, "stream": true})), at("invalid_value", "best_of"));
    assert_eq!(completion_error(json!({"n": 2, "best_of": 1})), at("integer_below_min_value", "best_of"));
    assert_eq!(completion_error(json!({"best_of": 9})), at("integer_above_max_value", "best_of"));
    assert_eq!(chat_error(json!({"best_of": 2})), at("unsupported_parameter", "best_of"));
    assert!(try_chat(json!({"n": 2, "best_of": 2})).is_ok());
}

#[test]
fn a_beam_search_is_as_wide_as_best_of_or_n() {
    let beams = |members: Value| {
        let request = try_chat(members).unwrap();
        let beams = request.sampling.beams.unwrap();
        assert_eq!(request.choices, beams.returned);
        (beams.width, beams.returned, beams.length_penalty, beams.early_stopping)
    };
    assert_eq!(beams(json!({"use_beam_search": true, "n": 3, "temperature": 0})), (3, 3, 1.0, false));
    let wide = json!({"use_beam_search": true, "best_of": 16, "n": 2, "stream": true, "temperature": 1,
        "length_penalty": -0.5, "early_stopping": true, "top_k": -1, "top_p": 1, "min_p": 0, "typical_p": 1});
    assert_eq!(beams(wide), (16, 2, -0.5, true));
    assert_eq!(try_completion(json!({"length_penalty": 1, "early_stopping": false})).unwrap().sampling.beams, None);
    let with = |name: &str, value: Value| {
        let mut members = json!({"use_beam_search": true});
        members[name] = value;
        completion_error(members)
    };
    assert_eq!(with("best_of", json!(17)), at("integer_above_max_value", "best_of"));
    assert_eq!(with("length_penalty", json!(11)), at("decimal_above_max_value", "length_penalty"));
    for (name, value) in [("temperature", 0.5), ("top_p", 0.9), ("top_k", 4.0), ("min_p", 0.1), ("typical_p", 0.5)] {
        assert_eq!(with(name, json!(value)), at("invalid_value", name));
    }
    assert_eq!(with("seed", json!(1)), at("invalid_value", "seed"));
    for (name, value) in [("length_penalty", json!(2)), ("early_stopping", json!(true))] {
        assert_eq!(chat_error(json!({name: value})), at("invalid_value", name));
    }
    let predicted = json!({"use_beam_search": true, "prediction": {"type": "content", "content": "a"}});
    assert_eq!(chat_error(predicted), at("invalid_value", "prediction"));
}

#[test]
fn prompts_are_scored_whole_only() {
    edge("prompt_logprobs", &json!(20), &json!(21), "integer_above_max_value");
    edge("prompt_logprobs", &json!(0), &json!(-1), "integer_below_min_value");
    let streamed = json!({"prompt_logprobs": 1, "stream": true});
    assert_eq!(chat_error(streamed.clone()), at("invalid_value", "prompt_logprobs"));
    assert_eq!(completion_error(streamed), at("invalid_value", "prompt_logprobs"));
    let request = try_chat(json!({"prompt_logprobs": 2})).unwrap();
    assert_eq!((request.prompt_logprobs, request.sampling.prompt_logprobs), (Some(2), Some(2)));
}

#[test]
fn refused_members_pass_only_when_off() {
    let members = [
        ("watermarking", json!(false), json!(true)),
        ("return_token_offsets", json!(false), json!(true)),
        ("spaces_between_special_tokens", json!(true), json!(false)),
        ("grammar", json!(null), json!("root ::= a")),
        ("ebnf", json!(null), json!("root ::= a")),
        ("json_schema", json!(null), json!({})),
        ("lora_path", json!(null), json!("x")),
        ("stop_regex", json!(null), json!("x")),
    ];
    for (name, off, on) in members {
        edge(name, &off, &on, "unsupported_parameter");
    }
}

#[test]
fn what_must_not_be_drawn() {
    edge("typical_p", &json!(1), &json!(1.001), "decimal_above_max_value");
    edge("typical_p", &json!(0.001), &json!(0), "decimal_below_min_value");
    edge("no_repeat_ngram_size", &json!(64), &json!(65), "integer_above_max_value");
    edge("no_repeat_ngram_size", &json!(0), &json!(-1), "integer_below_min_value");
    edge("bad_words", &json!(vec!["x"; 128]), &json!(vec!["x"; 129]), "array_above_max_length");
    edge("allowed_token_ids", &json!([0, 499]), &json!([]), "array_below_min_length");
    assert_eq!(
        chat_error(json!({"allowed_token_ids": [1, 500]})),
        at("integer_above_max_value", "allowed_token_ids[1]")
    );
    assert_eq!(chat_error(json!({"bad_words": ["a", ""]})), at("string_below_min_length", "bad_words[1]"));
    assert_eq!(chat_error(json!({"bad_words": ["a".repeat(257)]})), at("string_above_max_length", "bad_words[0]"));
    let request = try_chat(json!({"allowed_token_ids": [7, 40], "bad_words": [" x"], "typical_p": 0.5})).unwrap();
    assert_eq!(request.sampling.allowed.unwrap().tokens().collect::<Vec<_>>(), [7, 40]);
    assert_eq!((request.bad_words, request.sampling.typical_p), (vec![" x".to_owned()], 0.5));
}

#[test]
fn a_request_knows_what_restricts_it() {
    let restricted_by = |members| try_chat(members).unwrap().restricted_by();
    assert_eq!(restricted_by(json!({"regex": "a"})), None);
    assert_eq!(restricted_by(json!({"no_repeat_ngram_size": 2})), Some("no_repeat_ngram_size"));
    assert_eq!(restricted_by(json!({"bad_words": ["x"], "regex": "a"})), Some("bad_words"));
    assert_eq!(restricted_by(json!({"bad_words": ["x"], "allowed_token_ids": [1]})), Some("allowed_token_ids"));
}

#[test]
fn other_tokens_are_reported_beside_log_probabilities() {
    let ids = |members| try_chat(members).map(|request| request.sampling.logprob_ids);
    assert_eq!(ids(json!({"logprobs": true, "logprob_token_ids": [3, 499]})).unwrap(), [3, 499]);
    assert_eq!(chat_error(json!({"logprob_token_ids": [3]})), at("invalid_value", "logprob_token_ids"));
    assert_eq!(chat_error(json!({"logprob_token_ids": []})), at("array_below_min_length", "logprob_token_ids"));
    let past = json!({"logprobs": true, "logprob_token_ids": [3, 500]});
    assert_eq!(chat_error(past), at("integer_above_max_value", "logprob_token_ids[1]"));
}

#[test]
fn a_prompt_is_cut_at_its_front() {
    edge("truncate_prompt_tokens", &json!(-1), &json!(-2), "integer_below_min_value");
    edge("truncate_prompt_tokens", &json!(u32::MAX), &json!(u64::from(u32::MAX) + 1), "integer_above_max_value");
    assert_eq!(chat_error(json!({"truncate_prompt_tokens": 0})), at("invalid_value", "truncate_prompt_tokens"));
    let cut = |cut: PromptCut, room| {
        let mut tokens = vec![1, 2, 3];
        cut.apply(&mut tokens, room);
        tokens
    };
    assert_eq!(cut(PromptCut::To(2), 100), [2, 3]);
    assert_eq!(cut(PromptCut::To(4), 1), [1, 2, 3]);
    assert_eq!(cut(PromptCut::ToFit, 1), [3]);
    assert_eq!(cut(PromptCut::ToFit, 3), [1, 2, 3]);
    assert_eq!(cut(PromptCut::ToFit, 0), [3], "a prompt has a token");
}

#[test]
fn a_text_that_is_read_loses_its_end_and_stays_closed() {
    let cut = |cut: PromptCut, room, closing: &[Token]| {
        let mut tokens = vec![1, 7, 8, 9, 2];
        cut.apply_to_end(&mut tokens, room, closing);
        tokens
    };
    assert_eq!(cut(PromptCut::To(3), 100, &[2]), [1, 7, 2]);
    assert_eq!(cut(PromptCut::To(3), 100, &[]), [1, 7, 8]);
    assert_eq!(cut(PromptCut::To(5), 100, &[2]), [1, 7, 8, 9, 2]);
    assert_eq!(cut(PromptCut::ToFit, 4, &[2]), [1, 7, 8, 2]);
    assert_eq!(cut(PromptCut::To(1), 100, &[2]), [2]);
    assert_eq!(cut(PromptCut::To(1), 100, &[3, 2]), [2]);
}

#[test]
fn a_form_has_several_names() {
    let schema = json!({"type": "object"});
    let named = |members: Value| {
        let field = |grammar: Option<GrammarSpec>| grammar.map(|grammar| grammar.field().to_owned());
        let chat = field(try_chat(members.clone()).unwrap().grammar);
        assert_eq!(chat, field(try_completion(members).unwrap().grammar));
        chat
    };
    let format = |schema: Value| json!({"type": "json_schema", "json_schema": {"name": "a-B_1", "schema": schema}});
    let cases = [
        (json!({"response_format": {"type": "text"}}), None),
        (json!({"response_format": null, "guided_json": null, "structured_outputs": null}), None),
        (json!({"response_format": {"type": "json_object"}}), Some("response_format")),
        (json!({"response_format": format(schema.clone())}), Some("response_format.json_schema.schema")),
        (json!({"guided_json": schema}), Some("guided_json")),
        (json!({"guided_json": "{\"type\": \"object\"}"}), Some("guided_json")),
        (json!({"guided_regex": "a+"}), Some("guided_regex")),
        (json!({"regex": "a+"}), Some("regex")),
        (json!({"guided_choice": ["a", "b"]}), Some("guided_choice")),
        (json!({"guided_grammar": "start: \"a\""}), Some("guided_grammar")),
        (json!({"structured_outputs": {"json": {"type": "array"}}}), Some("structured_outputs.json")),
        (json!({"structured_outputs": {"json_object": true}}), Some("structured_outputs.json_object")),
        (json!({"structured_outputs": {"choice": ["x"], "regex": null}}), Some("structured_outputs.choice")),
    ];
    for (members, expected) in cases {
        assert_eq!(named(members.clone()).as_deref(), expected, "{members}");
    }
}

#[test]
fn a_form_that_cannot_be_read_is_named() {
    let format = |named: Value| json!({"response_format": {"type": "json_schema", "json_schema": named}});
    let cases = [
        (json!({"regex": "a", "guided_regex": "a"}), "invalid_value", "regex"),
        (json!({"response_format": {"type": "json_object"}, "regex": "a"}), "invalid_value", "regex"),
        (
            json!({"response_format": {"type": "json_schema"}}),
            "missing_required_parameter",
            "response_format.json_schema",
        ),
        (json!({"response_format": {"type": "xml"}}), "invalid_value", "response_format.type"),
        (format(json!({"schema": {}})), "missing_required_parameter", "response_format.json_schema.name"),
        (format(json!({"name": "a"})), "missing_required_parameter", "response_format.json_schema.schema"),
        (format(json!({"name": "a b", "schema": {}})), "invalid_value", "response_format.json_schema.name"),
        (
            format(json!({"name": "a", "schema": {"not": {}}})),
            "invalid_schema",
            "response_format.json_schema.schema.not",
        ),
        (
            json!({"response_format": {"type": "text", "json_schema": {"name": "a"}}}),
            "invalid_value",
            "response_format.json_schema",
        ),
        (json!({"structured_outputs": {}}), "invalid_value", "structured_outputs"),
        (json!({"structured_outputs": {"regex": "a", "choice": ["a"]}}), "invalid_value", "structured_outputs"),
        (
            json!({"structured_outputs": {"structural_tag": "a"}}),
            "unsupported_parameter",
            "structured_outputs.structural_tag",
        ),
        (json!({"structured_outputs": {"regexp": "a"}}), "unknown_parameter", "structured_outputs.regexp"),
        (json!({"guided_json": "{"}), "invalid_schema", "guided_json"),
        (json!({"guided_json": "{\"a\": 1, \"a\": 2}"}), "invalid_schema", "guided_json"),
        (json!({"guided_choice": []}), "array_below_min_length", "guided_choice"),
        (json!({"guided_choice": [""]}), "string_below_min_length", "guided_choice[0]"),
        (json!({"guided_choice": vec!["a"; 1025]}), "array_above_max_length", "guided_choice"),
        (json!({"guided_regex": "a".repeat(5000)}), "invalid_schema", "guided_regex"),
        (json!({"regex": "a", "ignore_eos": true}), "invalid_value", "ignore_eos"),
    ];
    for (members, code, param) in cases {
        assert_eq!(chat_error(members.clone()), at(code, param), "{members}");
        assert_eq!(completion_error(members.clone()), at(code, param), "{members}");
    }
}

#[test]
fn the_model_comes_after_the_fields() {
    assert_eq!(chat_error(json!({"model": "other"})), at("model_not_found", "model"));
    assert_eq!(chat_error(json!({"model": "other", "n": 0})), at("integer_below_min_value", "n"));
    assert_eq!(
        completion_error(json!({"model": "other", "prompt": [500]})),
        at("integer_above_max_value", "prompt[0]")
    );
    assert_eq!(
        completion_error(json!({"model": "other", "prompt": "x".repeat(20_000)})),
        at("model_not_found", "model")
    );
    assert_eq!(try_chat(json!({"model": "alias"})).unwrap().model, "alias");
}

#[test]
fn a_client_id_is_echoed_only_if_a_header_can_hold_it() {
    let id = |members| try_chat(members).unwrap().request_id;
    assert_eq!(id(json!({"rid": "a-1"})), Some("a-1".to_owned()));
    assert_eq!(id(json!({"request_id": "b", "rid": "a"})), Some("b".to_owned()));
    assert_eq!(id(json!({"request_id": "a b"})), None);
    assert_eq!(id(json!({"request_id": "\u{e4}"})), None);
}

#[test]
fn debug_shows_no_text() {
    let members =
        json!({"stop": "secret", "cache_salt": "secret", "messages": [{"role": "user", "content": "secret"}]});
    let body = merged(json!({"model": "m"}), members);
    let wire: proto::ChatRequest = json::parse(&body).unwrap();
    let request = chat(wire.clone(), &rules()).unwrap();
    let completion = try_completion(json!({"prompt": ["secret"], "suffix": null})).unwrap();
    for shown in [format!("{wire:?}"), format!("{request:?}"), format!("{completion:?}")] {
        assert!(!shown.contains("secret"), "{shown}");
    }
}

//! One test for each class of errors, by the words and the paths that clients see.

use proto::{ChatRequest, CompletionRequest};

use super::*;

fn chat(body: &str) -> (&'static str, Option<String>) {
    let error = parse::<ChatRequest>(body.as_bytes()).unwrap_err();
    assert_eq!(error.status(), 400);
    (error.code(), error.param().map(str::to_owned))
}

fn completion(body: &str) -> (&'static str, Option<String>) {
    let error = parse::<CompletionRequest>(body.as_bytes()).unwrap_err();
    (error.code(), error.param().map(str::to_owned))
}

fn at(code: &'static str, param: &str) -> (&'static str, Option<String>) {
    (code, Some(param.to_owned()))
}

/// A chat that is right but for these members.
fn with(members: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{members}}}"#)
}

#[test]
fn what_is_not_one_json_value() {
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let deep = with(&format!(r#""metadata":{nested}"#));
    let bodies = [
        "",
        "  \n",
        "{",
        "{}x",
        "{}{}",
        "\u{feff}{}",
        "{'a':1}",
        "[1,]",
        "nul",
        r#"{"model":"\ud800"}"#,
        r#"{"model":"m","model":"m"}"#,
        r#"{"a":[{"b":{"c":1,"\u0063":2}}]}"#,
        nested.as_str(),
        deep.as_str(),
    ];
    for body in bodies {
        assert_eq!(chat(body), ("invalid_json", None), "{body}");
    }
    assert_eq!(parse::<ChatRequest>(b"{\"model\":\"\xff\"}").unwrap_err().code(), "invalid_json");
}

#[test]
fn a_body_is_an_object() {
    for body in ["null", "[]", "1", "\"x\"", r#"["m",[]]"#] {
        assert_eq!(chat(body), ("invalid_type", None), "{body}");
    }
}

#[test]
fn missing_members() {
    assert_eq!(chat("{}"), at("missing_required_parameter", "model"));
    assert_eq!(chat(r#"{"model":null,"messages":[{"role":"user"}]}"#), at("missing_required_parameter", "model"));
    assert_eq!(chat(r#"{"model":"m"}"#), at("missing_required_parameter", "messages"));
    assert_eq!(
        chat(r#"{"model":"m","messages":[{"content":"x"}]}"#),
        at("missing_required_parameter", "messages[0].role")
    );
    let part = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}"#;
    assert_eq!(chat(part), at("missing_required_parameter", "messages[0].content[0].text"));
    let call = r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f"}}]}]}"#;
    assert_eq!(chat(call), at("missing_required_parameter", "messages[0].tool_calls[0].function.arguments"));
}

#[test]
fn unknown_members() {
    assert_eq!(chat(&with(r#""foo":1"#)), at("unknown_parameter", "foo"));
    assert_eq!(chat(&with(r#""stream_options":{"x":{"y":1}}"#)), at("unknown_parameter", "stream_options.x"));
    assert_eq!(
        chat(r#"{"model":"m","messages":[{"role":"user","foo":[]}]}"#),
        at("unknown_parameter", "messages[0].foo")
    );
    assert_eq!(completion(r#"{"model":"m","prompt":"x","messages":[]}"#), at("unknown_parameter", "messages"));
    let long = chat(&with(&format!(r#""{}":1"#, "n".repeat(100_000))));
    assert!(long.0 == "unknown_parameter" && long.1.unwrap().len() < 140);
}

#[test]
fn wrong_types() {
    for value in ["\"8\"", "true", "1.5", "[]", "{}"] {
        assert_eq!(chat(&with(&format!(r#""max_tokens":{value}"#))), at("invalid_type", "max_tokens"), "{value}");
    }
    for value in ["\"1\"", "false", "[]", "{}"] {
        assert_eq!(chat(&with(&format!(r#""temperature":{value}"#))), at("invalid_type", "temperature"), "{value}");
    }
    for value in ["1", "\"true\"", "[]"] {
        assert_eq!(chat(&with(&format!(r#""stream":{value}"#))), at("invalid_type", "stream"), "{value}");
    }
    assert_eq!(chat(&with(r#""stop":5"#)), at("invalid_type", "stop"));
    assert_eq!(chat(&with(r#""stop":["a",5]"#)), at("invalid_type", "stop[1]"));
    assert_eq!(chat(&with(r#""logit_bias":{"5":"x"}"#)), at("invalid_type", "logit_bias.5"));
    assert_eq!(chat(&with(r#""logit_bias":[]"#)), at("invalid_type", "logit_bias"));
    assert_eq!(chat(&with(r#""stream_options":[true]"#)), at("invalid_type", "stream_options"));
    assert_eq!(chat(r#"{"model":"m","messages":{}}"#), at("invalid_type", "messages"));
    assert_eq!(chat(r#"{"model":"m","messages":["x"]}"#), at("invalid_type", "messages[0]"));
    assert_eq!(chat(r#"{"model":"m","messages":[["user","x"]]}"#), at("invalid_type", "messages[0]"));
    assert_eq!(
        chat(r#"{"model":"m","messages":[{"role":"user","content":5}]}"#),
        at("invalid_type", "messages[0].content")
    );
    assert_eq!(completion(r#"{"model":"m","prompt":["a",1]}"#), at("invalid_type", "prompt[1]"));
    assert_eq!(completion(r#"{"model":"m","prompt":[[1],["a"]]}"#), at("invalid_type", "prompt[1][0]"));
}

#[test]
fn values_outside_a_closed_set() {
    for role in ["function", "robot", "User", ""] {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"{role}","content":"x"}}]}}"#);
        assert_eq!(chat(&body), at("invalid_value", "messages[0].role"));
    }
    let part = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"video"}]}]}"#;
    assert_eq!(chat(part), at("invalid_value", "messages[0].content[0].type"));
    assert_eq!(chat(&with(r#""service_tier":"best""#)), at("invalid_value", "service_tier"));
    assert_eq!(chat(&with(r#""response_format":{"type":"xml"}"#)), at("invalid_value", "response_format.type"));
}

#[test]
fn lengths_and_bounds_of_types() {
    let messages = vec![r#"{"role":"user","content":"x"}"#; 4097].join(",");
    assert_eq!(chat(&format!(r#"{{"model":"m","messages":[{messages}]}}"#)), at("array_above_max_length", "messages"));
    let stop = vec![r#""x""#; 17].join(",");
    assert_eq!(chat(&with(&format!(r#""stop":[{stop}]"#))), at("array_above_max_length", "stop"));
    let ids = vec!["1"; 129].join(",");
    assert_eq!(chat(&with(&format!(r#""stop_token_ids":[{ids}]"#))), at("array_above_max_length", "stop_token_ids"));
    let prompts = vec![r#""x""#; 129].join(",");
    assert_eq!(completion(&format!(r#"{{"model":"m","prompt":[{prompts}]}}"#)), at("array_above_max_length", "prompt"));
    assert_eq!(completion(r#"{"model":"m","prompt":[]}"#), at("array_below_min_length", "prompt"));
    assert_eq!(completion(r#"{"model":"m","prompt":[[1],[]]}"#), at("array_below_min_length", "prompt[1]"));
    assert_eq!(chat(&with(r#""seed":1e30"#)), at("integer_above_max_value", "seed"));
    assert_eq!(chat(&with(r#""seed":-1e30"#)), at("integer_below_min_value", "seed"));
    assert_eq!(completion(r#"{"model":"m","prompt":[-1]}"#), at("integer_below_min_value", "prompt[0]"));
    assert_eq!(completion(r#"{"model":"m","prompt":[4294967296]}"#), at("integer_above_max_value", "prompt[0]"));
}

#[test]
fn messages_do_not_repeat_text() {
    let error = |body: &str| parse::<ChatRequest>(body.as_bytes()).unwrap_err().message().to_owned();
    assert_eq!(error(&with(r#""max_tokens":"secret""#)), "max_tokens must be an integer, not a string");
    let role = r#"{"model":"m","messages":[{"role":"secret , expected nothing at line 5","content":"x"}]}"#;
    let expected = "messages[0].role must be one of `system`, `developer`, `user`, `assistant`, `tool`";
    assert_eq!(error(role), expected);
    assert_eq!(error(&with(r#""n":1.5"#)), "n must be an integer, not floating point 1.5");
    assert_eq!(error(r#"{"model":5,"messages":[]}"#), "model must be a string, not integer 5");
}

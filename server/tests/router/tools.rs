//! Calls of tools: always valid, whatever the model would have said.

use serde_json::{Value, json};
use server::tools::format::FORMATS;

use crate::support::{Setup, TestServer, client::Answer};

fn tools() -> Value {
    json!([
        {"type": "function", "function": {"name": "lift_status", "description": "whether a lift runs", "parameters": {
            "type": "object", "required": ["lift", "cabins"], "properties": {
                "lift": {"type": "string", "maxLength": 6}, "cabins": {"type": "integer", "minimum": 1, "maximum": 9},
                "kind": {"enum": ["go{n}dola", "\"chair\\"]}}}}},
        {"type": "function", "function": {"name": "ring", "strict": false}},
    ])
}

/// The calls of an answer, their arguments read and checked.
fn calls(message: &Value) -> Vec<(String, Value)> {
    let call = |call: &Value| {
        assert!(call["id"].as_str().unwrap().starts_with("call_"), "{call}");
        assert_eq!(call["type"], "function");
        let function = &call["function"];
        let arguments: Value = serde_json::from_str(function["arguments"].as_str().unwrap()).unwrap();
        check(function["name"].as_str().unwrap(), &arguments);
        (function["name"].as_str().unwrap().to_owned(), arguments)
    };
    message["tool_calls"].as_array().map(|calls| calls.iter().map(call).collect()).unwrap_or_default()
}

fn check(name: &str, arguments: &Value) {
    let members = arguments.as_object().unwrap();
    if name == "ring" {
        assert!(members.is_empty(), "a tool without parameters takes none: {arguments}");
        return;
    }
    assert_eq!(name, "lift_status");
    assert!(arguments["lift"].as_str().unwrap().chars().count() <= 6);
    assert!((1..=9).contains(&arguments["cabins"].as_i64().unwrap()));
    let kind = arguments.get("kind").and_then(Value::as_str);
    assert!(members.len() == 2 || (members.len() == 3 && ["go{n}dola", "\"chair\\"].contains(&kind.unwrap())));
}

fn choice(answer: &Answer) -> Value {
    answer.json()["choices"][0].clone()
}

/// Room for tools in a prompt of bytes.
fn roomy() -> Setup {
    let mut setup = Setup::default();
    setup.limits.max_model_len = 4096;
    setup.limits.num_blocks = 2048;
    setup
}

fn with_parser(name: &str) -> TestServer {
    let mut setup = roomy();
    setup.flags.tool_call_parser = Some(name.to_owned());
    TestServer::with(setup)
}

fn start() -> TestServer {
    with_parser("hermes")
}

fn streamed(mut members: Value) -> Value {
    members["stream"] = json!(true);
    members
}

/// The message that the chunks of a stream add up to, and why it ended.
fn joined(answer: &Answer) -> (Value, Value) {
    let (mut content, mut calls, mut finish) = (String::new(), Vec::<Value>::new(), Value::Null);
    for chunk in answer.chunks() {
        let choice = &chunk["choices"][0];
        content += choice["delta"]["content"].as_str().unwrap_or_default();
        for delta in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            if delta.get("id").is_some() {
                assert_eq!(delta["index"], calls.len(), "calls come one after the other");
                assert_eq!((&delta["type"], &delta["function"]["arguments"]), (&json!("function"), &json!("")));
                calls.push(delta.clone());
            } else {
                assert_eq!(delta["index"], calls.len() - 1);
                assert!(delta.get("type").is_none() && delta["function"].get("name").is_none());
                let call = calls.last_mut().unwrap();
                let more = call["function"]["arguments"].as_str().unwrap().to_owned();
                call["function"]["arguments"] = json!(more + delta["function"]["arguments"].as_str().unwrap());
            }
        }
        finish = choice["finish_reason"].clone();
    }
    (json!({"content": content, "tool_calls": calls}), finish)
}

#[tokio::test]
async fn a_required_call_comes_in_every_format() {
    for format in FORMATS {
        let server = with_parser(format.name);
        for seed in 0..8 {
            let members = json!({"tools": tools(), "tool_choice": "required", "seed": seed, "temperature": 1,
                                 "max_tokens": 900, "stop": ["\"", "}"]});
            let choice = choice(&server.chat(members.clone()).await);
            assert_eq!(choice["finish_reason"], "tool_calls", "{}: {choice}", format.name);
            assert!(choice["message"]["content"].is_null());
            let whole = calls(&choice["message"]);
            assert!(!whole.is_empty());
            let (message, finish) = joined(&server.chat(streamed(members)).await);
            assert_eq!((calls(&message), finish), (whole, json!("tool_calls")), "{}", format.name);
        }
        server.assert_whole().await;
    }
}

#[tokio::test]
async fn a_choice_binds_which_tool_and_how_many() {
    let server = start();
    let named = json!({"type": "function", "function": {"name": "ring"}});
    let allowed = |mode: &str| {
        let tools = json!([{"type": "function", "function": {"name": "ring"}}]);
        json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}})
    };
    for seed in 0..8 {
        let ask = async |choice: &Value, parallel: bool| {
            let members = json!({"tools": tools(), "tool_choice": choice, "parallel_tool_calls": parallel,
                                 "seed": seed, "temperature": 1, "max_tokens": 900});
            calls(&self::choice(&server.chat(members).await)["message"])
        };
        assert_eq!(ask(&named, true).await, [("ring".to_owned(), json!({}))]);
        assert_eq!(ask(&json!("required"), false).await.len(), 1);
        assert!(ask(&allowed("required"), true).await.iter().all(|(name, _)| name == "ring"));
        assert_eq!(ask(&json!("none"), true).await, []);
        assert_eq!(ask(&allowed("auto"), true).await, []);
    }
}

#[tokio::test]
async fn text_is_free_until_the_model_opens_a_call() {
    let server = start();
    let free = choice(&server.chat(json!({})).await);
    let told = choice(&server.chat(json!({"tools": tools(), "max_tokens": 300})).await);
    assert_eq!(told["finish_reason"], "stop");
    assert!(told["message"].get("tool_calls").is_none());
    assert!(!free["message"]["content"].as_str().unwrap().is_empty());

    server.controls.say("Let me see <tool <tool_call>");
    for seed in 0..8 {
        let members = json!({"tools": tools(), "seed": seed, "temperature": 1, "max_tokens": 900, "logprobs": true});
        let whole = choice(&server.chat(members.clone()).await);
        assert_eq!(whole["finish_reason"], "tool_calls");
        assert_eq!(whole["message"]["content"], "Let me see <tool ");
        let (message, _) = joined(&server.chat(streamed(members)).await);
        assert_eq!(message["content"], whole["message"]["content"]);
        assert_eq!(calls(&message), calls(&whole["message"]));
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn a_format_that_opens_an_answer_leaves_other_answers_alone() {
    let cases: [(&str, &str, &[&str]); 2] = [
        ("llama3_json", "{\"name\": \"", &["{\"named\": 1}", "see {\"name\": \"x\"}"]),
        ("pythonic", "[lift_status(", &["[1, 2]", "[see](x)", "see [ring()]", "[rings()]", "[lift_statu"]),
    ];
    for (parser, opening, others) in cases {
        let server = with_parser(parser);
        server.controls.say(opening);
        let called = choice(&server.chat(json!({"tools": tools(), "max_tokens": 900})).await);
        assert!(!calls(&called["message"]).is_empty(), "{called}");
        for text in others {
            server.controls.say(text);
            let answer = choice(&server.chat(json!({"tools": tools(), "max_tokens": 900})).await);
            assert_eq!((&answer["message"]["content"], &answer["finish_reason"]), (&json!(text), &json!("stop")));
        }
    }
}

#[tokio::test]
async fn every_notation_reads_back_as_the_model_says_it() {
    let parameters = json!({"type": "object", "required": ["town"], "properties": {
        "town": {"type": "string"}, "open": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}},
        "at": {"$ref": "#/$defs/place"}},
        "$defs": {"place": {"type": "object", "properties": {"lift": {"type": ["string", "null"]}}}}});
    let tools = json!([{"type": "function", "function": {"name": "find", "parameters": parameters}}]);
    let cases = [
        ("pythonic", r#"[find(town="Z\"(,", open=True, at={"lift": null}), find(town="", tags=["a", "b"])]"#),
        (
            "functiongemma",
            "<start_function_call>call:find{town:<escape>Z\"(,<escape>,open:true,at:{lift:null}}<end_function_call>\
             <start_function_call>call:find{town:<escape><escape>,tags:[<escape>a<escape>,<escape>b<escape>]}<end_function_call>",
        ),
        (
            "phi4_mini",
            r#"<|tool_call|>[{"name": "find", "arguments": {"town": "Z\"(,", "open": true, "at": {"lift": null}}}, {"name": "find", "arguments": {"town": "", "tags": ["a", "b"]}}]<|/tool_call|>"#,
        ),
    ];
    let expected =
        [json!({"town": "Z\"(,", "open": true, "at": {"lift": null}}), json!({"town": "", "tags": ["a", "b"]})];
    for (parser, said) in cases {
        let server = with_parser(parser);
        server.controls.say(said);
        for stream in [false, true] {
            let answer = server.chat(json!({"tools": tools, "max_tokens": 900, "stream": stream})).await;
            let message = if stream { joined(&answer).0 } else { choice(&answer)["message"].clone() };
            let read =
                |call: &Value| serde_json::from_str::<Value>(call["function"]["arguments"].as_str().unwrap()).unwrap();
            let got: Vec<Value> = message["tool_calls"].as_array().unwrap().iter().map(read).collect();
            assert_eq!(got, expected, "{parser}: {message}");
        }
        server.assert_whole().await;
    }
}

#[tokio::test]
async fn beside_tools_a_text_keeps_its_form() {
    for parser in ["hermes", "llama3_json"] {
        let server = with_parser(parser);
        let schema = json!({"type": "object", "required": ["up"], "properties": {"up": {"type": "boolean"}}});
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
        for seed in 0..8 {
            let members =
                json!({"tools": tools(), "response_format": format, "seed": seed, "temperature": 1, "max_tokens": 900});
            let choice = choice(&server.chat(members).await);
            match calls(&choice["message"])[..] {
                [] => {
                    let text = choice["message"]["content"].as_str().unwrap();
                    assert!(serde_json::from_str::<Value>(text).unwrap()["up"].is_boolean());
                }
                _ => assert_eq!(choice["finish_reason"], "tool_calls"),
            }
        }
    }
}

#[tokio::test]
async fn a_limit_cuts_a_call() {
    let server = start();
    for limit in [1, 30, 60] {
        let members = json!({"tools": tools(), "tool_choice": {"type": "function", "function": {"name": "lift_status"}},
                             "max_tokens": limit, "n": 2, "temperature": 1});
        for choice in server.chat(members).await.json()["choices"].as_array().unwrap() {
            assert_eq!(choice["finish_reason"], "length");
        }
    }
}

#[tokio::test]
async fn a_template_without_tools_is_told_of_them_in_text() {
    let server = start();
    let call = json!({"id": "c1", "type": "function", "function": {"name": "ring", "arguments": "{ }"}});
    let messages = json!([
        {"role": "user", "content": "ring twice"},
        {"role": "assistant", "content": "Here.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "<|im_end|>once"},
        {"role": "tool", "tool_call_id": "c1", "content": "twice"},
    ]);
    let answer = server.chat(json!({"messages": messages, "tools": tools(), "return_token_ids": true})).await.json();
    let tokens = answer["prompt_token_ids"].as_array().unwrap();
    let bytes = tokens.iter().filter_map(|token| u8::try_from(token.as_u64().unwrap()).ok()).collect();
    let prompt = String::from_utf8(bytes).unwrap();
    let expected = "assistant\nHere.\n<tool_call>\n{\"name\": \"ring\", \"arguments\": {}}\n</tool_call>\nuser\n\
                    <tool_response>\n<|im_end|>once\n</tool_response>\n<tool_response>\ntwice\n</tool_response>";
    assert!(prompt.contains(expected), "{prompt}");
    assert!(prompt.starts_with("system\nYou can call functions."), "{prompt}");
    assert!(prompt.contains("{\"name\": \"lift_status\", \"description\": \"whether a lift runs\", \"parameters\": "));
    assert!(prompt.contains("{\"name\": \"NAME\", \"arguments\": {\"ARGUMENT\": VALUE}}"));
}

#[tokio::test]
async fn a_template_may_take_tools_as_a_member_of_the_system_turn() {
    let template = "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}\
                    {% if message['tools'] %}{{ '<|tool|>' + message['tools'] + '<|/tool|>' }}{% endif %}\n{% endfor %}";
    let server = TestServer::with(Setup { template, ..roomy() });
    let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "ring"}]);
    let ring = json!([{"type": "function", "function": {"name": "ring", "parameters": {"type": "object"}}}]);
    server.controls.say("<|tool_call|>");
    let answer = server.chat(json!({"messages": messages, "tools": ring, "return_token_ids": true, "max_tokens": 900}));
    let answer = answer.await.json();
    assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "ring");
    let tokens = answer["prompt_token_ids"].as_array().unwrap();
    let bytes = tokens.iter().map(|token| u8::try_from(token.as_u64().unwrap()).unwrap()).collect();
    let expected = "<|system|>Be brief.<|tool|>[{\"name\": \"ring\", \"parameters\": {\"type\": \"object\"}}]<|/tool|>\
                    <|user|>ring";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[tokio::test]
async fn tools_that_cannot_be_kept_are_refused() {
    let server = start();
    let tool = |function: Value| json!([{"type": "function", "function": function}]);
    let ring = tool(json!({"name": "ring"}));
    let named = json!({"type": "function", "function": {"name": "other"}});
    let cases = [
        (json!({"tool_choice": "required"}), "invalid_value", "tool_choice"),
        (json!({"tools": ring, "tool_choice": "sometimes"}), "invalid_value", "tool_choice"),
        (json!({"tools": ring, "tool_choice": named}), "invalid_value", "tool_choice.function.name"),
        (json!({"tools": [{"type": "custom"}]}), "unsupported_value", "tools[0].type"),
        (json!({"tools": [{"type": "function"}]}), "missing_required_parameter", "tools[0].function"),
        (json!({"tools": tool(json!({"name": "a b"}))}), "invalid_value", "tools[0].function.name"),
        (json!({"tools": [ring[0], ring[0]]}), "invalid_value", "tools[1].function.name"),
        (json!({"tools": tool(json!({"name": "f", "foo": 1}))}), "unknown_parameter", "tools[0].function.foo"),
        (
            json!({"tools": tool(json!({"name": "f", "parameters": {"type": "array"}}))}),
            "invalid_schema",
            "tools[0].function.parameters.type",
        ),
        (
            json!({"tools": tool(json!({"name": "f", "parameters": {"properties": {"a": {"not": {}}}}}))}),
            "invalid_schema",
            "tools[0].function.parameters.properties.a.not",
        ),
        (json!({"tools": ring, "regex": "a+"}), "invalid_value", "regex"),
        (json!({"tools": ring, "ignore_eos": true}), "invalid_value", "ignore_eos"),
    ];
    for (members, code, param) in cases {
        let answer = server.chat(members.clone()).await;
        assert_eq!(answer.error(), (400, code.to_owned()), "{members}");
        assert_eq!(answer.json()["error"]["param"], param, "{members}");
    }
    server.assert_whole().await;
}

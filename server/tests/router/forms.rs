//! Answers that are bound to a form, whatever the model would have said.

use serde_json::{Value, json};

use crate::support::{Setup, TestServer, client::Answer};

fn schema() -> Value {
    json!({"type": "object", "required": ["name", "cabins", "open"], "properties": {
        "name": {"type": "string", "maxLength": 6},
        "cabins": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 40}, "maxItems": 3},
        "open": {"type": "boolean"},
        "kind": {"enum": ["gondola", "chair"]}}})
}

fn format(schema: &Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "lift", "schema": schema, "strict": true}})
}

/// The answer's text as JSON; it ended with `stop`.
fn content(answer: &Answer) -> Value {
    let choice = answer.json()["choices"][0].clone();
    assert_eq!(choice["finish_reason"], "stop", "{}", answer.text());
    let text = choice["message"]["content"].as_str().or(choice["text"].as_str()).unwrap();
    serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text:?}"))
}

fn assert_lift(lift: &Value) {
    let members = lift.as_object().unwrap();
    let names: Vec<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(names[..3], ["name", "cabins", "open"], "members come as the schema lists them");
    assert!(names.len() == 3 || names[3..] == ["kind"], "{lift}");
    assert!(lift["name"].as_str().unwrap().chars().count() <= 6);
    let cabins = lift["cabins"].as_array().unwrap();
    assert!(cabins.len() <= 3 && cabins.iter().all(|cabin| (1..=40).contains(&cabin.as_i64().unwrap())));
    assert!(lift["open"].is_boolean());
}

#[tokio::test]
async fn an_answer_is_valid_under_its_schema() {
    let server = TestServer::start();
    for seed in 0..12 {
        let members = json!({"response_format": format(&schema()), "seed": seed, "max_tokens": 400});
        assert_lift(&content(&server.chat(members.clone()).await));
        assert_lift(&content(&server.complete(members).await));
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn every_choice_and_every_prompt_is_bound() {
    let server = TestServer::start();
    let members = json!({"response_format": format(&schema()), "n": 3, "temperature": 1, "seed": 5, "max_tokens": 400,
                         "prompt": ["one", "two"]});
    let answer = server.complete(members).await.json();
    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 6);
    for choice in choices {
        assert_lift(&serde_json::from_str(choice["text"].as_str().unwrap()).unwrap());
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn a_stream_is_the_same_text() {
    let server = TestServer::start();
    let members = json!({"response_format": format(&schema()), "seed": 3, "max_tokens": 400});
    let whole = server.chat(members.clone()).await.json()["choices"][0]["message"]["content"].clone();
    let mut streamed = members;
    streamed["stream"] = json!(true);
    let chunks = server.chat(streamed).await.chunks();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(whole, text);
}

#[tokio::test]
async fn each_name_of_a_form_binds() {
    let server = TestServer::start();
    let text = async |members: Value| {
        let answer = server.complete(members).await.json();
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
        answer["choices"][0]["text"].as_str().unwrap().to_owned()
    };
    assert!(["up", "down"].contains(&text(json!({"guided_choice": ["up", "down"]})).await.as_str()));
    let number = text(json!({"structured_outputs": {"regex": "[0-9]{3}-[a-c]{2}"}})).await;
    assert!(number.len() == 6 && number[..3].parse::<u32>().is_ok(), "{number}");
    assert_eq!(text(json!({"regex": "über \\\"die\\\" \\\\ Berge"})).await, "über \"die\" \\ Berge");
    assert_eq!(text(json!({"guided_grammar": "start: \"a\" b+\nb: \"bc\" \"d\""})).await[..4], *"abcd");
    assert!(
        serde_json::from_str::<Value>(
            &text(json!({"guided_json": {"type": "integer", "minimum": -5, "maximum": 300}, "max_tokens": 300})).await
        )
        .is_ok()
    );
    let object = text(json!({"response_format": {"type": "json_object"}, "max_tokens": 900, "seed": 1})).await;
    assert!(serde_json::from_str::<Value>(&object).unwrap().is_object());
}

#[tokio::test]
async fn recursion_and_references_are_kept() {
    let server = TestServer::start();
    let tree = json!({"type": "object", "properties": {
        "tag": {"$ref": "#/$defs/tag"}, "next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}},
        "required": ["tag", "next"], "$defs": {"tag": {"type": "string", "pattern": "^[xyz]{2}$"}}});
    for seed in 0..6 {
        let answer = server.chat(json!({"response_format": format(&tree), "seed": seed, "max_tokens": 900})).await;
        let mut node = &content(&answer);
        while !node.is_null() {
            assert_eq!(node.as_object().unwrap().len(), 2);
            assert!(node["tag"].as_str().unwrap().bytes().all(|byte| (b'x'..=b'z').contains(&byte)));
            node = &node["next"];
        }
    }
}

#[tokio::test]
async fn a_limit_cuts_and_a_minimum_does_not_lengthen() {
    let server = TestServer::start();
    let cut = server.complete(json!({"regex": "[a-z]{50}", "max_tokens": 9})).await.json();
    assert_eq!(cut["choices"][0]["finish_reason"], "length");
    assert_eq!(cut["choices"][0]["text"].as_str().unwrap().len(), 9);
    let short = server.complete(json!({"guided_choice": ["up"], "min_tokens": 20})).await.json();
    assert_eq!((&short["choices"][0]["text"], &short["choices"][0]["finish_reason"]), (&json!("up"), &json!("stop")));
}

#[tokio::test]
async fn forms_that_cannot_be_kept_cost_their_sender_a_400() {
    let server = TestServer::start();
    let one_of = |group: usize| {
        let member = |index: usize| json!({"properties": {format!("p{group}_{index}"): {"type": "integer"}}});
        json!({"anyOf": (0..6).map(member).collect::<Vec<_>>()})
    };
    let bomb = json!({"allOf": (0..12).map(one_of).collect::<Vec<_>>()});
    let cases = [
        (json!({"regex": "(unclosed"}), "invalid_schema", "regex"),
        (json!({"guided_grammar": "start: missing"}), "invalid_schema", "guided_grammar"),
        (json!({"guided_json": {"type": "string", "minLength": 3, "maxLength": 2}}), "invalid_schema", "guided_json"),
        (json!({"guided_json": {"type": "elephant"}}), "invalid_schema", "guided_json"),
        (json!({"guided_json": false}), "invalid_schema", "guided_json"),
        (json!({"guided_json": {"type": "integer", "multipleOf": 999_999_937}}), "invalid_schema", "guided_json"),
        (json!({"guided_json": bomb}), "grammar_too_complex", "guided_json"),
    ];
    for (members, code, param) in cases {
        for stream in [false, true] {
            let mut members = members.clone();
            members["stream"] = json!(stream);
            let answer = server.complete(members).await;
            assert_eq!(answer.status, 400, "{code} at {param}: {}", answer.text());
            assert_eq!(answer.error(), (400, code.to_owned()), "{}", answer.text());
            assert_eq!(answer.json()["error"]["param"], param);
        }
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn bound_and_free_answers_share_steps() {
    let server = TestServer::with(Setup::default());
    let bound = json!({"response_format": format(&schema()), "seed": 1, "max_tokens": 400});
    let (alone_bound, alone_free) = (server.chat(bound.clone()).await.json(), server.chat(json!({})).await.json());
    let together = futures_util::future::join_all((0..8).map(|index| {
        let (bound, server) = (bound.clone(), &server);
        async move { server.chat(if index % 2 == 0 { bound } else { json!({}) }).await.json() }
    }));
    for (index, answer) in together.await.into_iter().enumerate() {
        let alone = if index % 2 == 0 { &alone_bound } else { &alone_free };
        assert_eq!(answer["choices"], alone["choices"], "{index}");
    }
    server.assert_whole().await;
}

//! Beam search: answers best first, told as they settle, and gone when nobody wants them.

use serde_json::{Value, json};

use crate::support::{Setup, TestServer};

fn search(members: Value) -> Value {
    let mut body = json!({"use_beam_search": true, "max_tokens": 12, "ignore_eos": true});
    let Value::Object(members) = members else { panic!("members of a request") };
    body.as_object_mut().unwrap().extend(members);
    body
}

/// What each choice of a stream said.
fn joined(chunks: &[Value], choices: usize) -> Vec<String> {
    let mut texts = vec![String::new(); choices];
    for choice in chunks.iter().filter_map(|chunk| chunk["choices"].get(0)) {
        texts[choice["index"].as_u64().unwrap() as usize] += choice["text"].as_str().unwrap();
    }
    texts
}

#[tokio::test]
async fn the_best_come_first_and_a_stream_says_the_same() {
    let server = TestServer::start();
    let members = search(json!({"n": 2, "best_of": 4, "logprobs": 0}));
    let answer = server.complete(members.clone()).await.json();
    let choices = answer["choices"].as_array().unwrap();
    let sum = |choice: &Value| -> f64 {
        choice["logprobs"]["token_logprobs"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).sum()
    };
    assert_eq!(choices.len(), 2);
    assert_eq!((sum(&choices[0]), sum(&choices[1])), (-3.0, -4.0), "one token of the second is the second likeliest");
    assert_eq!(answer["usage"]["completion_tokens"], 24, "of the answers");
    let mut streamed = members;
    streamed["stream"] = json!(true);
    let texts = joined(&server.complete(streamed).await.chunks(), 2);
    for (choice, text) in choices.iter().zip(texts) {
        assert_eq!((&choice["text"], &choice["finish_reason"]), (&json!(text), &json!("length")));
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn each_prompt_has_a_search_of_its_own() {
    let server = TestServer::start();
    let prompts = json!(["once", "up we go"]);
    let both = server.complete(search(json!({"prompt": prompts, "n": 2}))).await.json();
    for (index, prompt) in prompts.as_array().unwrap().iter().enumerate() {
        let alone = server.complete(search(json!({"prompt": prompt, "n": 2}))).await.json();
        for rank in 0..2 {
            assert_eq!(alone["choices"][rank]["text"], both["choices"][2 * index + rank]["text"]);
        }
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn a_stop_string_cuts_an_answer() {
    let server = TestServer::start();
    let whole = server.complete(search(json!({"best_of": 3}))).await.json();
    let text = whole["choices"][0]["text"].as_str().unwrap().to_owned();
    let stop = &text[6..8];
    let cut = server.complete(search(json!({"best_of": 3, "stop": stop}))).await.json();
    assert_eq!(cut["choices"][0]["text"], text[..text.find(stop).unwrap()]);
    assert_eq!(cut["choices"][0]["finish_reason"], "stop");
    server.assert_whole().await;
}

#[tokio::test]
async fn what_the_pool_could_never_hold_is_refused() {
    let mut setup = Setup::default();
    setup.limits.num_blocks = 24;
    let server = TestServer::with(setup);
    let refused = server.complete(search(json!({"best_of": 16, "max_tokens": 100}))).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].clone()), (400, json!("context_length_exceeded")));
    assert_eq!(server.complete(search(json!({"best_of": 2}))).await.status, 200);
    server.assert_whole().await;
}

#[tokio::test]
async fn every_answer_keeps_its_form() {
    let server = TestServer::start();
    let members = search(json!({"n": 4, "best_of": 6, "guided_regex": "(up|down|[0-9]{2})[a-c]", "ignore_eos": false}));
    let answer = server.complete(members.clone()).await.json();
    let texts: Vec<&str> =
        answer["choices"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
    for text in &texts {
        let (stem, letter) = text.split_at(text.len() - 1);
        let digits = stem.len() == 2 && stem.bytes().all(|byte| byte.is_ascii_digit());
        assert!("abc".contains(letter) && (stem == "up" || stem == "down" || digits), "{text}");
    }
    assert_eq!(texts.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "each is another one: {texts:?}");
    assert!(answer["choices"].as_array().unwrap().iter().all(|choice| choice["finish_reason"] == "stop"));
    let mut streamed = members;
    streamed["stream"] = json!(true);
    assert_eq!(joined(&server.complete(streamed).await.chunks(), 4), texts);
    server.assert_whole().await;
}

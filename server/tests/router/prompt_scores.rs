//! Log-probabilities of prompts: beside an echo, on their own, in a stream, under load.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Setup, TestServer};

const PROMPT: &str = "once upon a time";

/// What the fake executor says of a byte that is not the first.
fn logprob(byte: u8) -> f64 {
    -0.25 - f64::from(byte % 4)
}

/// The arrays of an echoed prompt's log-probabilities.
fn assert_scored(logprobs: &Value, prompt: &str, alternatives: usize) {
    let letters = prompt.bytes().enumerate();
    for (index, byte) in letters {
        let letter = char::from(byte).to_string();
        let [token, score, top, offset] =
            ["tokens", "token_logprobs", "top_logprobs", "text_offset"].map(|array| &logprobs[array][index]);
        assert_eq!((token, offset), (&json!(letter), &json!(index)));
        if index == 0 {
            assert_eq!((score, top), (&Value::Null, &Value::Null), "nothing stands before the first token");
            continue;
        }
        assert_eq!((score, &top[&letter]), (&json!(logprob(byte)), &json!(logprob(byte))));
        let own = usize::from(usize::from(byte % 4) >= alternatives);
        assert_eq!(top.as_object().unwrap().len(), alternatives + own, "{letter}: {top}");
    }
}

#[tokio::test]
async fn an_echo_with_logprobs_scores_the_prompt() {
    let server = TestServer::start();
    let answer = server.complete(json!({"echo": true, "logprobs": 2, "max_tokens": 3})).await.json();
    let choice = &answer["choices"][0];
    assert_eq!(choice["text"].as_str().unwrap().find(PROMPT), Some(0));
    assert_scored(&choice["logprobs"], PROMPT, 2);
    let plain = server.complete(json!({"logprobs": 2, "max_tokens": 3})).await.json();
    let plain = &plain["choices"][0]["logprobs"];
    for array in ["tokens", "token_logprobs", "top_logprobs"] {
        let all = choice["logprobs"][array].as_array().unwrap();
        assert_eq!(json!(all[PROMPT.len()..]), plain[array], "{array} of the answer follow");
    }
    let offsets = plain["text_offset"].as_array().unwrap().iter().map(|offset| offset.as_u64().unwrap() as usize);
    let offsets: Vec<_> = (0..PROMPT.len()).chain(offsets.map(|offset| PROMPT.len() + offset)).collect();
    assert_eq!(choice["logprobs"]["text_offset"], json!(offsets));
    server.assert_whole().await;
}

#[tokio::test]
async fn a_prompt_is_scored_without_an_answer() {
    let server = TestServer::start();
    let answer = server.complete(json!({"echo": true, "logprobs": 0, "max_tokens": 0})).await.json();
    let choice = &answer["choices"][0];
    assert_eq!((&choice["text"], &choice["finish_reason"]), (&json!(PROMPT), &json!("length")));
    assert_scored(&choice["logprobs"], PROMPT, 0);
    assert_eq!(choice["logprobs"]["tokens"].as_array().unwrap().len(), PROMPT.len());
    assert_eq!(answer["usage"]["completion_tokens"], 0);
    let one = server.complete(json!({"prompt": "x", "echo": true, "logprobs": 1, "max_tokens": 0})).await.json();
    let nothing_before = json!({"tokens": ["x"], "token_logprobs": [null], "top_logprobs": [null], "text_offset": [0]});
    assert_eq!(one["choices"][0]["logprobs"], nothing_before);
}

#[tokio::test]
async fn a_stream_begins_with_the_scored_prompt() {
    let server = TestServer::start();
    for max_tokens in [0, 12] {
        let members = json!({"echo": true, "logprobs": 1, "max_tokens": max_tokens, "n": 2, "prompt": [PROMPT, "up"]});
        let whole = server.complete(members.clone()).await.json();
        let mut streamed = members;
        streamed["stream"] = json!(true);
        let chunks = server.complete(streamed).await.chunks();
        for index in 0..4 {
            let own = |chunk: &&Value| chunk["choices"][0]["index"] == index;
            let first = chunks.iter().find(own).unwrap();
            let prompt = if index < 2 { PROMPT } else { "up" };
            assert_eq!(first["choices"][0]["text"], prompt);
            assert_scored(&first["choices"][0]["logprobs"], prompt, 1);
            for array in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
                let parts =
                    chunks.iter().filter(own).filter_map(|chunk| chunk["choices"][0]["logprobs"][array].as_array());
                let joined: Vec<_> = parts.flatten().cloned().collect();
                assert_eq!(json!(joined), whole["choices"][index]["logprobs"][array], "{array}");
            }
        }
    }
}

/// `prompt_logprobs` of a prompt of one byte for each token.
fn assert_places(places: &Value, prompt: &[u8], alternatives: usize) {
    let places = places.as_array().unwrap();
    assert_eq!((places.len(), &places[0]), (prompt.len(), &Value::Null));
    for (byte, place) in prompt.iter().zip(places).skip(1) {
        let rank = usize::from(byte % 4) + 1;
        let own = json!({"logprob": logprob(*byte), "rank": rank, "decoded_token": char::from(*byte).to_string()});
        assert_eq!(place[byte.to_string()], own);
        let mut ranks: Vec<_> =
            place.as_object().unwrap().values().map(|token| token["rank"].as_u64().unwrap() as usize).collect();
        ranks.sort_unstable();
        let expected: Vec<_> = (1..=alternatives).chain((rank > alternatives).then_some(rank)).collect();
        assert_eq!(ranks, expected);
    }
}

#[tokio::test]
async fn prompt_logprobs_are_maps_from_ids() {
    let server = TestServer::start();
    let members = json!({"prompt": [PROMPT, "up"], "n": 2, "max_tokens": 2, "prompt_logprobs": 3});
    let answer = server.complete(members).await.json();
    for (index, prompt) in [PROMPT, PROMPT, "up", "up"].into_iter().enumerate() {
        let choice = &answer["choices"][index];
        assert_places(&choice["prompt_logprobs"], prompt.as_bytes(), 3);
        assert_eq!(choice["logprobs"], Value::Null, "only what was asked for");
    }
    let both = json!({"prompt_logprobs": 0, "echo": true, "logprobs": 2, "max_tokens": 1});
    let both = &server.complete(both).await.json()["choices"][0];
    assert_places(&both["prompt_logprobs"], PROMPT.as_bytes(), 0);
    assert_scored(&both["logprobs"], PROMPT, 2);

    let chat = server.chat(json!({"prompt_logprobs": 1, "n": 2, "return_token_ids": true})).await.json();
    let places = chat["prompt_logprobs"].as_array().unwrap();
    assert_eq!((places.len(), &places[0]), (chat["usage"]["prompt_tokens"].as_u64().unwrap() as usize, &Value::Null));
    for (id, place) in chat["prompt_token_ids"].as_array().unwrap().iter().zip(places).skip(1) {
        assert_eq!(place[id.to_string()]["rank"], id.as_u64().unwrap() % 4 + 1);
    }
    assert!(chat["choices"][0].get("prompt_logprobs").is_none());
    let plain = server.chat(json!({})).await.json();
    assert!(plain.get("prompt_logprobs").is_none());
    server.assert_whole().await;
}

#[tokio::test]
async fn scores_are_computed_though_the_prompt_is_cached() {
    let server = TestServer::start();
    let scored = || server.complete(json!({"prompt_logprobs": 2, "max_tokens": 4}));
    let cached = |answer: &Value| answer["usage"]["prompt_tokens_details"]["cached_tokens"].clone();
    let first = scored().await.json();
    let plain = server.complete(json!({"max_tokens": 4})).await.json();
    assert!(cached(&plain).as_u64().unwrap() > 0, "others find what a scored prompt computed");
    let again = scored().await.json();
    assert_eq!((cached(&again), &again["choices"]), (json!(0), &first["choices"]));
}

#[tokio::test]
async fn names_of_scored_tokens_may_be_ids() {
    let server = TestServer::start();
    let members = json!({"echo": true, "logprobs": 1, "max_tokens": 1, "return_tokens_as_token_ids": true, "return_token_ids": true});
    let choice = &server.complete(members).await.json()["choices"][0];
    let ids = [&choice["prompt_token_ids"], &choice["token_ids"]];
    let ids = ids.into_iter().flat_map(|ids| ids.as_array().unwrap());
    let named: Vec<_> = ids.map(|id| format!("token_id:{id}")).collect();
    assert_eq!(choice["logprobs"]["tokens"], json!(named));
}

#[tokio::test]
async fn an_answer_holds_only_so_many_log_probabilities() {
    let server = TestServer::start();
    let long = "x".repeat(1000);
    let members =
        |prompts: usize| json!({"prompt": vec![&long; prompts], "n": 8, "prompt_logprobs": 20, "max_tokens": 1});
    assert_eq!(server.complete(members(1)).await.status, 200);
    let refused = server.complete(members(2)).await;
    assert_eq!(refused.error(), (400, "invalid_value".to_owned()));
    assert_eq!(refused.json()["error"]["param"], "prompt_logprobs");
    let echoed = json!({"prompt": vec![&long; 2], "n": 8, "logprobs": 20, "echo": true, "max_tokens": 1});
    assert_eq!(server.complete(echoed).await.json()["error"]["param"], "logprobs");
    server.assert_whole().await;
}

#[tokio::test]
async fn scores_are_the_same_whatever_else_runs() {
    let mut setup = Setup::default();
    setup.limits.num_blocks = 48;
    setup.limits.max_samples = 9;
    let server = Arc::new(TestServer::with(setup));
    let ask = |server: Arc<TestServer>, index: usize| async move {
        let prompt = "a rope hums softly between two towers ".repeat(1 + index % 3);
        let fields = json!({"prompt": prompt, "prompt_logprobs": index % 5, "max_tokens": 30, "n": 1 + index % 2});
        server.complete(fields).await.json()["choices"].clone()
    };
    let mut alone = Vec::new();
    for index in 0..16 {
        alone.push(ask(Arc::clone(&server), index).await);
    }
    let together: Vec<_> = (0..16).map(|index| tokio::spawn(ask(Arc::clone(&server), index))).collect();
    for (expected, found) in alone.into_iter().zip(together) {
        assert_eq!(found.await.unwrap(), expected);
    }
    server.assert_whole().await;
}

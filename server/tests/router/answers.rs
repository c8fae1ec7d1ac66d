//! Whole answers: their form, their text, their account.

use serde_json::{Value, json};
use server::flags::Flags;

use crate::support::{MODEL, Setup, TestServer};

fn text(choice: &Value) -> &str {
    choice["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_chat_has_the_documented_form() {
    let server = TestServer::start();
    let answer = server.chat(json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert!(json["id"].as_str().unwrap().strip_prefix("chatcmpl-").unwrap().len() >= 32);
    assert_eq!(json["object"], "chat.completion");
    assert_eq!(json["model"], MODEL);
    assert_eq!(json["system_fingerprint"], "fp_0123456789ab");
    assert_eq!(json["service_tier"], "default");
    let choice = &json["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!((&choice["stop_reason"], &choice["logprobs"]), (&Value::Null, &Value::Null));
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["refusal"], Value::Null);
    let content = choice["message"]["content"].as_str().unwrap();
    assert!(content.ends_with('.'), "{content}");
    let usage = &json["usage"];
    assert_eq!(usage["completion_tokens"], content.len() + 1, "one token for each byte and the end token");
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 0);
    let prompt = "<|im_start|>user\ntell me of the mountain<|im_end|>\n<|im_start|>assistant\n";
    let controls = 3 * ("<|im_start|>".len() - 1) - 2;
    assert_eq!(usage["prompt_tokens"], prompt.len() - controls);
    server.assert_whole().await;
}

#[tokio::test]
async fn ids_are_random_and_names_are_those_asked_for() {
    let server = TestServer::start();
    let first = server.chat(json!({"model": "fake-alias"})).await.json();
    let second = server.chat(json!({})).await.json();
    assert_eq!(first["model"], "fake-alias");
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn the_prompt_is_cached_and_says_so() {
    let server = TestServer::start();
    let cold = server.complete(json!({})).await.json();
    let warm = server.complete(json!({})).await.json();
    assert_eq!(cold["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    assert!(warm["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap() >= 12);
    assert_eq!(cold["choices"], warm["choices"]);
    let salted = server.complete(json!({"cache_salt": "mine"})).await.json();
    assert_eq!(salted["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
}

#[tokio::test]
async fn a_length_ends_with_length() {
    let server = TestServer::start();
    let json = server.complete(json!({"max_tokens": 3})).await.json();
    assert_eq!(json["choices"][0]["finish_reason"], "length");
    assert_eq!(text(&json["choices"][0]).len(), 3);
    assert_eq!(json["usage"]["completion_tokens"], 3);
    let nothing = server.complete(json!({"max_tokens": 0, "echo": true})).await.json();
    assert_eq!(text(&nothing["choices"][0]), "once upon a time");
    assert_eq!(nothing["choices"][0]["finish_reason"], "length");
    assert_eq!(nothing["usage"]["completion_tokens"], 0);
}

#[tokio::test]
async fn n_choices_share_a_prompt_and_differ_when_sampled() {
    let server = TestServer::start();
    let sampled = json!({"n": 3, "temperature": 1, "seed": 5, "max_tokens": 200});
    let json = server.complete(sampled.clone()).await.json();
    let choices = json["choices"].as_array().unwrap();
    assert_eq!(choices.iter().map(|choice| choice["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_ne!(text(&choices[0]), text(&choices[1]));
    assert_eq!(json["usage"]["prompt_tokens"], "once upon a time".len());
    let generated: usize = choices.iter().map(|choice| text(choice).len() + 1).sum();
    assert_eq!(json["usage"]["completion_tokens"], generated);
    assert_eq!(server.complete(sampled).await.json()["choices"], json["choices"], "a seed gives the same texts");
    server.assert_whole().await;
}

#[tokio::test]
async fn several_prompts_are_numbered_prompt_by_prompt() {
    let server = TestServer::start();
    let alone = |prompt: &'static str| server.complete(json!({"prompt": prompt, "max_tokens": 30}));
    let (first, second) = (alone("first prompt").await.json(), alone("another one").await.json());
    let both = json!({"prompt": ["first prompt", "another one"], "n": 2, "max_tokens": 30});
    let json = server.complete(both).await.json();
    let texts: Vec<_> = json["choices"].as_array().unwrap().iter().map(text).collect();
    let (first, second) = (text(&first["choices"][0]), text(&second["choices"][0]));
    assert_eq!(texts, [first, first, second, second]);
    assert_eq!(json["usage"]["prompt_tokens"], "first prompt".len() + "another one".len());
}

#[tokio::test]
async fn token_prompts_equal_text_prompts() {
    let server = TestServer::start();
    let tokens: Vec<u8> = b"once upon a time".to_vec();
    let by_tokens = server.complete(json!({"prompt": tokens, "add_special_tokens": false, "echo": true})).await.json();
    let by_text = server.complete(json!({"add_special_tokens": false, "echo": true})).await.json();
    assert_eq!(by_tokens["choices"], by_text["choices"]);
}

#[tokio::test]
async fn a_stop_string_ends_the_text_before_it() {
    let server = TestServer::start();
    let whole = server.complete(json!({"max_tokens": 200})).await.json();
    let whole = text(&whole["choices"][0]);
    let stop = &whole[whole.len() - 9..whole.len() - 3];
    let json = server.complete(json!({"max_tokens": 200, "stop": ["never there", stop]})).await.json();
    let choice = &json["choices"][0];
    let expected = &whole[..whole.find(stop).unwrap()];
    assert_eq!(text(choice), expected);
    assert_eq!((&choice["finish_reason"], &choice["stop_reason"]), (&json!("stop"), &json!(stop)));
    assert_eq!(json["usage"]["completion_tokens"], expected.len() + stop.len(), "tokens up to the match");
    let kept = json!({"max_tokens": 200, "stop": stop, "include_stop_str_in_output": true});
    let kept = server.complete(kept).await.json();
    assert_eq!(text(&kept["choices"][0]), format!("{expected}{stop}"));
    server.assert_whole().await;
}

#[tokio::test]
async fn text_held_back_for_a_stop_string_is_released_at_the_end() {
    let server = TestServer::start();
    let plain = server.complete(json!({"max_tokens": 20})).await.json();
    let plain = text(&plain["choices"][0]);
    let nearly = format!("{}~", &plain[plain.len() - 4..]);
    let json = server.complete(json!({"max_tokens": 20, "stop": nearly})).await.json();
    assert_eq!(text(&json["choices"][0]), plain);
    assert_eq!(json["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn nothing_stops_before_the_minimum() {
    let server = TestServer::start();
    let whole = server.complete(json!({"max_tokens": 60, "ignore_eos": true})).await.json();
    let whole = text(&whole["choices"][0]);
    let stop = &whole[2..4];
    let fields = json!({"max_tokens": 60, "ignore_eos": true, "min_tokens": 10, "stop": stop});
    let json = server.complete(fields).await.json();
    let found = text(&json["choices"][0]);
    assert!(found.len() >= 10 && found.starts_with(&whole[..10]), "{found}");
    assert_eq!(found, whole[10..].find(stop).map_or(whole, |at| &whole[..10 + at]));
}

#[tokio::test]
async fn stop_token_ids_are_told_and_end_tokens_are_not() {
    let server = TestServer::start();
    let json = server.complete(json!({"max_tokens": 200, "stop_token_ids": [u32::from(b'.')]})).await.json();
    assert_eq!(json["choices"][0]["stop_reason"], u32::from(b'.'));
    let json = server.complete(json!({"max_tokens": 200})).await.json();
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    assert_eq!(json["choices"][0]["stop_reason"], Value::Null);
    let json = server.complete(json!({"max_tokens": 200, "ignore_eos": true})).await.json();
    assert_eq!(json["choices"][0]["finish_reason"], "length");
    assert_eq!(json["usage"]["completion_tokens"], 200);
}

#[tokio::test]
async fn chat_logprobs_have_one_entry_for_each_token() {
    let server = TestServer::start();
    let json = server.chat(json!({"logprobs": true, "top_logprobs": 2, "max_tokens": 30})).await.json();
    let choice = &json["choices"][0];
    let content = choice["logprobs"]["content"].as_array().unwrap();
    let bytes: Vec<u8> = content
        .iter()
        .flat_map(|entry| entry["bytes"].as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8))
        .collect();
    assert!(String::from_utf8(bytes).unwrap().starts_with(choice["message"]["content"].as_str().unwrap()));
    assert!(content.iter().all(|entry| entry["top_logprobs"].as_array().unwrap().len() == 2));
    assert_eq!(content[0]["logprob"], -0.25);
}

#[tokio::test]
async fn completion_logprobs_are_arrays_of_one_length() {
    let server = TestServer::start();
    let json = server.complete(json!({"logprobs": 1, "max_tokens": 12})).await.json();
    let choice = &json["choices"][0];
    let offsets: Vec<usize> =
        choice["logprobs"]["text_offset"].as_array().unwrap().iter().map(|at| at.as_u64().unwrap() as usize).collect();
    let tokens = choice["logprobs"]["tokens"].as_array().unwrap();
    assert_eq!((tokens.len(), offsets.len(), offsets[0]), (12, 12, 0));
    assert!(offsets.is_sorted());
    let letters: Vec<char> = text(choice).chars().collect();
    for (token, offset) in tokens.iter().zip(&offsets).filter(|(token, _)| token.as_str().unwrap().is_ascii()) {
        assert_eq!(token.as_str().unwrap(), letters[*offset].to_string());
    }
    for (token, top) in tokens.iter().zip(choice["logprobs"]["top_logprobs"].as_array().unwrap()) {
        assert!(top.as_object().unwrap().contains_key(token.as_str().unwrap()));
    }
}

#[tokio::test]
async fn token_ids_come_when_asked_for() {
    let server = TestServer::start();
    let json = server.complete(json!({"return_token_ids": true, "max_tokens": 5})).await.json();
    let choice = &json["choices"][0];
    assert_eq!(choice["token_ids"].as_array().unwrap().len(), 5);
    assert_eq!(choice["prompt_token_ids"].as_array().unwrap().len(), json["usage"]["prompt_tokens"]);
}

#[tokio::test]
async fn what_is_accepted_without_effect_is_named_in_a_header() {
    let server = TestServer::start();
    let answer = server.chat(json!({"store": true, "user": "somebody"})).await;
    assert_eq!((answer.status, answer.header("x-gondola-ignored")), (200, "store"));
}

#[tokio::test]
async fn models_list_every_name() {
    let server = TestServer::start();
    let list = server.get("/v1/models").await.json();
    assert_eq!(list["object"], "list");
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [MODEL, "fake-alias"]);
    let one = server.get("/v1/models/fake-alias").await.json();
    assert_eq!(
        (&one["object"], &one["owned_by"], &one["max_model_len"]),
        (&json!("model"), &json!("gondola"), &json!(1024))
    );
    assert_eq!(one["tasks"], json!(["chat", "completion", "embed", "rerank", "score"]));
    for path in ["/v1/models/other", "/v1/models/org/name", "/v1/models/org%2Fname", "/v1/models/%FF"] {
        assert_eq!(server.get(path).await.error(), (404, "model_not_found".to_owned()), "{path}");
    }
    assert_eq!(server.get("/version").await.json()["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn tokens_may_be_named_by_their_ids() {
    let server = TestServer::start();
    let ids = json!({"logprobs": true, "top_logprobs": 1, "max_tokens": 3, "return_tokens_as_token_ids": true, "return_token_ids": true});
    let choice = &server.chat(ids).await.json()["choices"][0];
    for (entry, id) in
        choice["logprobs"]["content"].as_array().unwrap().iter().zip(choice["token_ids"].as_array().unwrap())
    {
        assert_eq!(entry["token"], format!("token_id:{id}"));
        assert_eq!(entry["bytes"][0], *id, "bytes stay those of the token");
        assert!(entry["top_logprobs"][0]["token"].as_str().unwrap().starts_with("token_id:"));
    }
    let legacy = json!({"logprobs": 0, "max_tokens": 2, "return_tokens_as_token_ids": true});
    let choice = &server.complete(legacy).await.json()["choices"][0];
    assert!(choice["logprobs"]["tokens"][0].as_str().unwrap().starts_with("token_id:"));
    assert_eq!(choice["logprobs"]["text_offset"], json!([0, 1]));
}

#[tokio::test]
async fn a_long_prompt_is_cut_where_it_is_asked_for() {
    let server = TestServer::start();
    let whole = "once upon a time";
    let members = json!({"prompt": whole, "truncate_prompt_tokens": 4, "echo": true, "add_special_tokens": false, "max_tokens": 9});
    let cut = server.complete(members).await.json();
    let alone = json!({"prompt": "time", "echo": true, "add_special_tokens": false, "max_tokens": 9});
    let alone = server.complete(alone).await.json();
    assert_eq!(cut["choices"], alone["choices"]);
    assert_eq!(cut["usage"]["prompt_tokens"], 4);
    let long = json!({"prompt": "x".repeat(5000), "truncate_prompt_tokens": -1, "max_tokens": 24});
    let fitted = server.complete(long).await.json();
    assert_eq!(fitted["usage"]["prompt_tokens"], 1000);
    let no_room = json!({"prompt": whole, "truncate_prompt_tokens": -1, "max_tokens": 1024});
    assert_eq!(server.complete(no_room).await.error(), (400, "context_length_exceeded".to_owned()));
}

#[tokio::test]
async fn variables_that_the_template_does_not_read_are_named() {
    let server = TestServer::start();
    let answer = server.chat(json!({"chat_template_kwargs": {"enable_thinking": false}})).await;
    assert_eq!((answer.status, answer.header("x-gondola-ignored")), (200, "chat_template_kwargs.enable_thinking"));
}

#[tokio::test]
async fn best_of_returns_the_likeliest_of_each_prompt() {
    let server = TestServer::start();
    let sampled = json!({"prompt": ["first", "another"], "temperature": 1, "seed": 3, "max_tokens": 20, "logprobs": 0});
    let with = |members: Value| {
        let mut all = sampled.clone();
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        all
    };
    let all = server.complete(with(json!({"n": 4}))).await.json();
    let best = server.complete(with(json!({"n": 2, "best_of": 4}))).await.json();
    let mean = |choice: &Value| {
        let logprobs = choice["logprobs"]["token_logprobs"].as_array().unwrap();
        logprobs.iter().map(|logprob| logprob.as_f64().unwrap()).sum::<f64>() / logprobs.len() as f64
    };
    for prompt in 0..2 {
        let mut ranked: Vec<&Value> = all["choices"].as_array().unwrap()[4 * prompt..4 * (prompt + 1)].iter().collect();
        ranked.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
        for (place, wanted) in ranked[..2].iter().enumerate() {
            let got = &best["choices"][2 * prompt + place];
            assert_eq!((&got["text"], &got["index"]), (&wanted["text"], &json!(2 * prompt + place)));
        }
    }
    assert_eq!(best["choices"].as_array().unwrap().len(), 4);
    let completion = |answer: &Value| answer["usage"]["completion_tokens"].clone();
    assert_eq!(completion(&best), completion(&all), "what was computed is counted");
    let quiet = server.complete(json!({"best_of": 3, "temperature": 1, "max_tokens": 5})).await.json();
    assert_eq!((quiet["choices"].as_array().unwrap().len(), &quiet["choices"][0]["logprobs"]), (1, &Value::Null));
    server.assert_whole().await;
}

#[tokio::test]
async fn an_answer_tells_where_its_time_went() {
    let server = TestServer::start();
    let whole = server.chat(json!({"max_tokens": 20, "n": 2})).await.json();
    for name in ["queue_ms", "prefill_ms", "decode_ms", "block_seconds"] {
        assert!(whole["timings"][name].as_f64().unwrap() >= 0.0, "{name}: {whole}");
    }
    assert!(whole["timings"]["block_seconds"].as_f64().unwrap() > 0.0, "{whole}");
    let again = server.chat(json!({"max_tokens": 20})).await;
    assert!(again.header("server-timing").starts_with("queue;dur="));
    let cached = again.header("x-gondola-cached-tokens").to_owned();
    let again = again.json();
    assert_eq!(again["timings"]["cached_tokens"].to_string(), cached);
    assert_eq!(again["timings"]["cached_tokens"], again["usage"]["prompt_tokens_details"]["cached_tokens"]);
    assert!(again["timings"]["cached_tokens"].as_u64().unwrap() > 0);
    let options = json!({"stream": true, "stream_options": {"include_usage": true}, "max_tokens": 5});
    let events = server.complete(options).await.events();
    let chunks: Vec<Value> = events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
    let (last, others) = chunks.split_last().unwrap();
    assert!(last["timings"]["decode_ms"].is_number(), "{last}");
    assert!(others.iter().all(|chunk| chunk.get("timings").is_none()));
    let flags = Flags { request_accounting: Some(false), ..Setup::default().flags };
    let silent = TestServer::with(Setup { flags, ..Setup::default() });
    assert!(silent.complete(json!({})).await.json().get("timings").is_none());
}

#[tokio::test]
async fn a_prediction_changes_nothing_but_the_account() {
    let server = TestServer::start();
    let plain = server.chat(json!({})).await.json();
    assert_eq!(plain["usage"]["completion_tokens_details"], json!({"reasoning_tokens": 0}));
    let said = plain["choices"][0]["message"]["content"].as_str().unwrap();
    let predicted = |content: Value| json!({"prediction": {"type": "content", "content": content}});
    let parts = json!([{"type": "text", "text": &said[..5]}, {"type": "text", "text": &said[5..]}]);
    for content in [json!(said), parts] {
        let answer = server.chat(predicted(content)).await.json();
        assert_eq!(answer["choices"], plain["choices"]);
        let details = &answer["usage"]["completion_tokens_details"];
        assert!(details["accepted_prediction_tokens"].as_u64().unwrap() as usize > said.len() / 2, "{details}");
        assert_eq!(details["rejected_prediction_tokens"], 0);
    }
    let wrong = server.chat(predicted(json!("something else was said"))).await.json();
    assert_eq!(wrong["choices"], plain["choices"]);
    assert_eq!(wrong["usage"]["completion_tokens_details"]["accepted_prediction_tokens"], 0);
    server.assert_whole().await;
}

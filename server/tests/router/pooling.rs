//! What vLLM's `/pooling` answers: of texts and of their tokens, by the kinds of models.

use base64::{Engine, engine::general_purpose::STANDARD};
use engine::config::LabelScores;
use scheduler::Limits;
use serde_json::{Value, json};
use server::model_kind::ModelKind;

use crate::{
    dialects::{answered, column, refused},
    encoders::{LONGEST, classifier, server as embedder},
    support::{MODEL, Setup, TestServer, fake_executor::WIDTH},
};

/// Bytes that leave 1 or 2 when they are divided by 3 have the labels X and Y.
fn tagger() -> TestServer {
    let labels = ["O", "X", "Y"].map(str::to_owned).to_vec();
    TestServer::with(Setup::encoder(ModelKind::TokenClassifier(labels), LONGEST))
}

/// The numbers of an entry that is base64.
fn decoded(entry: &Value) -> Vec<f32> {
    let bytes = STANDARD.decode(entry["data"].as_str().unwrap()).unwrap();
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[tokio::test]
async fn pooling_is_what_the_model_does() {
    let embedder = embedder();
    let texts = json!(["up", "down"]);
    let vectors = answered(&embedder.post("/v1/embeddings", json!({"model": MODEL, "input": texts})).await);
    for path in ["/pooling", "/v1/pooling"] {
        for task in [json!(null), json!("embed")] {
            let body = json!({"model": MODEL, "input": texts, "task": task});
            let pooled = answered(&embedder.post(path, body).await);
            assert_eq!((&pooled["object"], &pooled["model"]), (&json!("list"), &json!(MODEL)));
            assert!(pooled["id"].as_str().unwrap().starts_with("pool-") && pooled["created"].is_u64(), "{pooled}");
            assert_eq!(column(&pooled["data"], "data"), column(&vectors["data"], "embedding"));
            assert_eq!(column(&pooled["data"], "index"), json!([0, 1]));
            assert_eq!(column(&pooled["data"], "object"), json!(["pooling", "pooling"]));
            assert_eq!(pooled["usage"], vectors["usage"]);
        }
    }
    let classifier = classifier(8, LabelScores::One);
    let labels = answered(&classifier.post("/v1/classify", json!({"model": MODEL, "input": texts})).await);
    for task in [json!(null), json!("classify")] {
        let body = json!({"model": MODEL, "input": texts, "task": task});
        let pooled = answered(&classifier.post("/pooling", body).await);
        assert_eq!(column(&pooled["data"], "data"), column(&labels["data"], "probs"));
    }
    let body = json!({"model": MODEL, "input": "up", "encoding_format": "base64"});
    let written = answered(&classifier.post("/pooling", body).await);
    let wanted: Vec<f32> = serde_json::from_value(labels["data"][0]["probs"].clone()).unwrap();
    assert_eq!(decoded(&written["data"][0]), wanted);
    let decoder = TestServer::start();
    let chat = json!({"model": MODEL, "messages": [{"role": "user", "content": "up?"}]});
    let pooled = answered(&decoder.post("/pooling", chat.clone()).await);
    let vectors = answered(&decoder.post("/v1/embeddings", chat).await);
    assert_eq!(pooled["data"][0]["data"], vectors["data"][0]["embedding"]);
}

/// The vector of a token of these tests: unit length, and all of it in the one number that the byte tells.
fn vector(byte: u8) -> Vec<f32> {
    (0..WIDTH).map(|number| if number == usize::from(byte) % WIDTH { 1.0 } else { 0.0 }).collect()
}

#[tokio::test]
async fn each_token_has_a_vector() {
    let server = embedder();
    let texts = ["up", "down we go"];
    let body = json!({"model": MODEL, "input": texts, "task": "token_embed"});
    let answer = answered(&server.post("/pooling", body).await);
    let wanted = texts.map(|text| text.bytes().map(vector).collect::<Vec<_>>());
    assert_eq!(column(&answer["data"], "data"), json!(wanted));
    assert_eq!(column(&answer["data"], "index"), json!([0, 1]));
    assert_eq!(column(&answer["data"], "object"), json!(["pooling", "pooling"]));
    assert_eq!(answer["usage"]["prompt_tokens"], 2 + 10);
    let body = json!({"model": MODEL, "input": "up", "task": "token_embed", "encoding_format": "base64"});
    let written = answered(&server.post("/pooling", body).await);
    assert_eq!(decoded(&written["data"][0]), wanted[0].concat(), "one token behind the other");
    let long = "x".repeat(LONGEST) + "y";
    let body = json!({"model": MODEL, "input": long, "task": "token_embed", "truncate_prompt_tokens": -1});
    let cut = answered(&server.post("/pooling", body).await);
    assert_eq!(cut["data"][0]["data"], json!(vec![vector(b'x'); LONGEST]));
    server.assert_whole().await;
}

/// In pieces, as a step holds fewer tokens than a text, and for texts that the prefix cache holds.
#[tokio::test]
async fn each_token_of_a_decoder_has_a_vector() {
    let setup = Setup::default();
    let limits = Limits { max_num_batched_tokens: 5, ..setup.limits };
    let server = TestServer::with(Setup { limits, ..setup });
    let texts = ["down we go, all of us", "down we go, and up again", "x"];
    let wanted = json!(texts.map(|text| text.bytes().map(vector).collect::<Vec<_>>()));
    server.post("/pooling", json!({"model": MODEL, "input": texts})).await;
    for _ in 0..2 {
        let answer =
            answered(&server.post("/pooling", json!({"model": MODEL, "input": texts, "task": "token_embed"})).await);
        assert_eq!(column(&answer["data"], "data"), wanted);
        assert_eq!(answer["usage"]["prompt_tokens"], texts.concat().len());
    }
    let chat = json!({"model": MODEL, "messages": [{"role": "user", "content": "up?"}], "task": "token_embed"});
    let answer = answered(&server.post("/pooling", chat).await);
    let tokens = answer["data"][0]["data"].as_array().unwrap();
    assert_eq!(tokens.len() as u64, answer["usage"]["prompt_tokens"].as_u64().unwrap());
    server.assert_whole().await;
}

#[tokio::test]
async fn each_token_has_probabilities_of_labels() {
    let server = tagger();
    // "b" is 98, "c" 99, "d" 100
    let certain = 9.0_f64.exp() / (9.0_f64.exp() + 2.0);
    for task in [json!(null), json!("token_classify")] {
        let body = json!({"model": MODEL, "input": ["bcd", "c"], "task": task});
        let answer = answered(&server.post("/pooling", body).await);
        for (index, likeliest) in [vec![2, 0, 1], vec![0]].iter().enumerate() {
            let data = answer["data"][index]["data"].clone();
            let tokens: Vec<Vec<f64>> = serde_json::from_value(data).unwrap();
            assert_eq!(tokens.len(), likeliest.len());
            for (probabilities, label) in tokens.iter().zip(likeliest) {
                assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{probabilities:?}");
                assert!((probabilities[*label] - certain).abs() < 1e-6, "{probabilities:?}");
            }
        }
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn tasks_of_other_kinds_of_models_are_refused() {
    let asked = |task: &str| json!({"model": MODEL, "input": "up", "task": task});
    let (embedder, classifier, tagger, decoder) =
        (embedder(), classifier(8, LabelScores::One), tagger(), TestServer::start());
    let cases: [(&TestServer, &[&str]); 4] = [
        (&embedder, &["classify", "token_classify"]),
        (&classifier, &["embed", "token_embed", "token_classify"]),
        (&tagger, &["embed", "classify", "token_embed"]),
        (&decoder, &["classify", "token_classify"]),
    ];
    for (server, tasks) in cases {
        for task in tasks {
            let refusal = refused(server, "/pooling", &asked(task)).await;
            assert_eq!(refusal, ("unsupported_model".to_owned(), "model".to_owned()), "{task}");
        }
    }
    let refusal = refused(&embedder, "/pooling", &asked("reward")).await;
    assert_eq!(refusal, ("invalid_value".to_owned(), "task".to_owned()));
    assert_eq!(decoder.controls.steps(), 0);
}

#[tokio::test]
async fn tokens_of_one_request_have_an_end() {
    // the tokens of 524 such texts have as many numbers as an answer holds, or fewer
    for server in [TestServer::with(Setup::encoder(ModelKind::Embedder, 1000)), TestServer::start()] {
        let texts = vec!["x".repeat(1000); 525];
        let body = json!({"model": MODEL, "input": texts, "task": "token_embed"});
        assert_eq!(refused(&server, "/pooling", &body).await, ("invalid_value".to_owned(), "input".to_owned()));
        assert_eq!(server.controls.steps(), 0);
        let cut = json!({"model": MODEL, "input": texts, "task": "token_embed", "truncate_prompt_tokens": 1});
        assert_eq!(answered(&server.post("/pooling", cut).await)["data"].as_array().unwrap().len(), 525);
    }
}

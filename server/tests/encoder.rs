//! Encoders from their folders to their answers: the texts of reference runs of transformers, over the whole server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use axum::{
    Router,
    body::Body,
    http::{Request, header::CONTENT_TYPE},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::{
    app::{self, App},
    clock::Clock,
    config::Config,
    flags::Flags,
    start_up,
    text_pool::TextPool,
};
use tower::ServiceExt;

const MODEL: &str = "encoder";
/// Of numbers that were written down with six places.
const TOLERANCE: f64 = 1e-4;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures").join(name)
}

/// The cases of a reference run.
fn cases(name: &str) -> Vec<Value> {
    let reference = std::fs::read(folder(name).join("reference.json")).unwrap();
    let reference: Value = serde_json::from_slice(&reference).unwrap();
    reference["cases"].as_array().unwrap().clone()
}

/// A server of a fixture; its engine runs as long as the process does.
fn serve(name: &str) -> Router {
    let flags = Flags {
        model: Some(folder(name).to_str().unwrap().to_owned()),
        served_model_name: vec![MODEL.to_owned()],
        dtype: Some("float32".to_owned()),
        ..Flags::default()
    };
    let app = App::new(Config::resolve(&flags).unwrap(), Clock::monotonic(), TextPool::new());
    let router = app::router(&app);
    let (loaded, is_loaded) = std::sync::mpsc::channel();
    let of_engine = Arc::clone(&app);
    thread::spawn(move || {
        let worker = start_up::load(&of_engine);
        loaded.send(worker.as_ref().err().map(ToString::to_string)).unwrap();
        worker.unwrap().run();
    });
    assert_eq!(is_loaded.recv().unwrap(), None);
    router
}

async fn post(router: &Router, path: &str, mut body: Value) -> Value {
    body["model"] = json!(MODEL);
    let request = Request::post(path).header("host", "localhost").header(CONTENT_TYPE, "application/json");
    let response = router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let answer = serde_json::from_slice(&body).unwrap();
    assert_eq!(head.status, 200, "{answer}");
    answer
}

fn assert_near(got: &[f64], want: &Value, what: &str) {
    let want: Vec<f64> = serde_json::from_value(want.clone()).unwrap();
    assert_eq!(got.len(), want.len(), "{what}");
    let difference = got.iter().zip(&want).map(|(got, want)| (got - want).abs()).fold(0.0, f64::max);
    assert!(difference < TOLERANCE, "{what}: {got:?} is not {want:?}");
}

fn scores(data: &Value) -> Vec<f64> {
    data.as_array().unwrap().iter().map(|item| item["score"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn vectors_have_the_reference_angles_and_unit_length() {
    for name in ["bert", "roberta", "distilbert"] {
        let router = serve(name);
        for case in cases(name).into_iter().filter(|case| case["tag"] != "pair") {
            let texts = case["texts"].as_array().unwrap();
            let answer = post(&router, "/v1/embeddings", json!({"input": texts})).await;
            let tokens = case["attention_mask"].as_array().unwrap().iter().flat_map(|mask| mask.as_array().unwrap());
            assert_eq!(answer["usage"]["prompt_tokens"], tokens.filter(|mark| **mark == 1).count());
            for item in answer["data"].as_array().unwrap() {
                let vector: Vec<f64> = serde_json::from_value(item["embedding"].clone()).unwrap();
                let length: f64 = vector.iter().map(|number| number * number).sum();
                assert!((length - 1.0).abs() < 1e-6, "{length}");
            }
            for (text, want) in texts.iter().zip(case["cosine"].as_array().unwrap()) {
                let answer = post(&router, "/v1/score", json!({"text_1": text, "text_2": texts})).await;
                assert_near(&scores(&answer["data"]), want, name);
            }
        }
    }
}

#[tokio::test]
async fn labels_have_the_reference_probabilities() {
    for name in ["bert-seqcls", "roberta-seqcls", "distilbert-seqcls"] {
        let router = serve(name);
        for case in cases(name) {
            let input = |text: &Value| match text.as_array() {
                Some(pair) => json!({"text": pair[0], "text_pair": pair[1]}),
                None => text.clone(),
            };
            let input: Vec<Value> = case["texts"].as_array().unwrap().iter().map(input).collect();
            let answer = post(&router, "/v1/classify", json!({"input": input})).await;
            for (index, item) in answer["data"].as_array().unwrap().iter().enumerate() {
                let probs: Vec<f64> = serde_json::from_value(item["probs"].clone()).unwrap();
                assert_near(&probs, &case["softmax"][index], name);
                assert_eq!(item["label"], case["labels"][index], "{name}");
            }
        }
    }
}

#[tokio::test]
async fn pairs_have_the_reference_scores() {
    let router = serve("bert-xenc");
    for case in cases("bert-xenc") {
        let column = |index: usize| -> Vec<Value> {
            case["texts"].as_array().unwrap().iter().map(|pair| pair[index].clone()).collect()
        };
        let answer = post(&router, "/v1/score", json!({"text_1": column(0), "text_2": column(1)})).await;
        assert_near(&scores(&answer["data"]), &case["sigmoid"], "bert-xenc");
        let query = &case["texts"][0];
        let body = json!({"query": query[0], "documents": [query[1]]});
        let answer = post(&router, "/v1/rerank", body).await;
        let score = answer["results"][0]["relevance_score"].as_f64().unwrap();
        assert_near(&[score], &json!([case["sigmoid"][0]]), "bert-xenc");
    }
}

//! Encoders from their folders to their answers: the texts of reference runs of transformers, over the whole server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fixture_server;

use axum::Router;
use fixture_server::{fixture, send};
use serde_json::{Value, json};
use server::flags::Flags;

const MODEL: &str = "encoder";
/// Of numbers that were written down with six places.
const TOLERANCE: f64 = 1e-4;

/// The cases of a reference run.
fn cases(name: &str) -> Vec<Value> {
    let reference = std::fs::read(fixture(name).join("reference.json")).unwrap();
    let reference: Value = serde_json::from_slice(&reference).unwrap();
    reference["cases"].as_array().unwrap().clone()
}

/// A server of a fixture.
fn serve(name: &str) -> Router {
    let flags = Flags {
        first_model: Some(fixture(name).to_str().unwrap().to_owned()),
        served_model_name: vec![MODEL.to_owned()],
        dtype: Some("float32".to_owned()),
        ..Flags::default()
    };
    fixture_server::serve(&flags)
}

async fn post(router: &Router, path: &str, mut body: Value) -> Value {
    body["model"] = json!(MODEL);
    post_unnamed(router, path, &body).await
}

/// The same for a body that names no model.
async fn post_unnamed(router: &Router, path: &str, body: &Value) -> Value {
    let (status, answer) = send(router, path, body).await;
    assert_eq!(status, 200, "{answer}");
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
    for name in ["bert", "roberta", "distilbert", "xlnet", "modernbert", "mpnet", "deberta-v2", "nomic_bert"] {
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
                let inputs = json!({"source_sentence": text, "sentences": texts});
                let answer = post_unnamed(&router, "/similarity", &json!({"inputs": inputs})).await;
                assert_near(&serde_json::from_value::<Vec<f64>>(answer).unwrap(), want, name);
            }
        }
    }
}

#[tokio::test]
async fn labels_have_the_reference_probabilities() {
    for name in [
        "bert-seqcls",
        "roberta-seqcls",
        "distilbert-seqcls",
        "xlnet-seqcls",
        "modernbert-seqcls",
        "mpnet-seqcls",
        "deberta-v2-seqcls",
        "nomic_bert-seqcls",
    ] {
        let router = serve(name);
        for case in cases(name) {
            let input = |text: &Value| match text.as_array() {
                Some(pair) => json!({"text": pair[0], "text_pair": pair[1]}),
                None => text.clone(),
            };
            let input: Vec<Value> = case["texts"].as_array().unwrap().iter().map(input).collect();
            let answer = post(&router, "/v1/classify", json!({"input": input})).await;
            let inputs = |text: &Value| if text.is_array() { text.clone() } else { json!([text]) };
            let inputs: Vec<Value> = case["texts"].as_array().unwrap().iter().map(inputs).collect();
            let bare = post_unnamed(&router, "/predict", &json!({"inputs": inputs})).await;
            for (index, item) in answer["data"].as_array().unwrap().iter().enumerate() {
                assert_eq!(bare[index][0]["label"], case["labels"][index], "{name}");
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
        let answer = post_unnamed(&router, "/rerank", &json!({"query": query[0], "texts": [query[1]]})).await;
        assert_near(&scores(&answer), &json!([case["sigmoid"][0]]), "bert-xenc");
    }
}

#[tokio::test]
async fn each_token_has_the_reference_label() {
    for name in [
        "bert-tokcls",
        "roberta-tokcls",
        "distilbert-tokcls",
        "xlnet-tokcls",
        "modernbert-tokcls",
        "mpnet-tokcls",
        "deberta-v2-tokcls",
        "nomic_bert-tokcls",
    ] {
        let router = serve(name);
        for case in cases(name) {
            let texts = case["texts"].as_array().unwrap();
            let answer = post(&router, "/v1/ner", json!({"input": texts, "aggregation": "none"})).await;
            for (row, text) in texts.iter().enumerate() {
                let entities = answer["data"][row]["entities"].as_array().unwrap();
                let told: Vec<&str> = entities.iter().map(|entity| entity["label"].as_str().unwrap()).collect();
                let mask = case["attention_mask"][row].as_array().unwrap();
                let labels = case["labels"][row].as_array().unwrap().iter().zip(mask);
                let labels: Vec<&str> =
                    labels.filter(|(_, mark)| **mark == 1).map(|(label, _)| label.as_str().unwrap()).collect();
                // two special tokens stand around a text, or behind it
                let within =
                    if name.starts_with("xlnet") { &labels[..labels.len() - 2] } else { &labels[1..labels.len() - 1] };
                let within = within.iter().copied().filter(|label| *label != "O");
                assert_eq!(told, within.collect::<Vec<_>>(), "{name}: {text}");
                for entity in entities {
                    let [start, end] = ["start", "end"].map(|end| entity[end].as_u64().unwrap() as usize);
                    let part: String = text.as_str().unwrap().chars().take(end).skip(start).collect();
                    assert_eq!(entity["text"], part.as_str(), "{name}");
                    assert_eq!(part.trim(), part, "{name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn questions_have_the_reference_answers() {
    for name in ["bert-qa", "roberta-qa", "distilbert-qa", "xlnet-qa", "modernbert-qa", "mpnet-qa", "deberta-v2-qa"] {
        let router = serve(name);
        for case in cases(name) {
            for (pair, best) in case["texts"].as_array().unwrap().iter().zip(case["best_span"].as_array().unwrap()) {
                let asked = json!({"question": pair[0], "context": pair[1], "max_answer_tokens": 512});
                let answer = post(&router, "/v1/qa", asked).await;
                let told = answer["data"][0]["answers"][0]["text"].as_str().unwrap();
                let wanted = best["answer"].as_str().unwrap().trim();
                assert!(told.contains(wanted) || wanted.is_empty(), "{name}: {told} is not {wanted}");
            }
        }
    }
}

#[tokio::test]
async fn masks_have_candidates_whose_probabilities_fall() {
    let router = serve("bert-mlm");
    let text = "A class is a [MASK] for objects.";
    let answer = post(&router, "/v1/fill-mask", json!({"input": [text, text], "top_k": 100})).await;
    assert_eq!(answer["data"][0]["masks"], answer["data"][1]["masks"]);
    let mask = &answer["data"][0]["masks"][0];
    assert_eq!(mask["position"], 13);
    let told = scores(&mask["candidates"]);
    assert!(told.len() == 100 && told.is_sorted_by(|a, b| a >= b) && told.iter().sum::<f64>() < 1.0, "{told:?}");
}

#[tokio::test]
async fn a_request_chooses_one_of_several_heads() {
    let router = serve("mt_dnn");
    for case in cases("mt_dnn") {
        let input = |text: &Value| match text.as_array() {
            Some(pair) => json!({"text": pair[0], "text_pair": pair[1]}),
            None => text.clone(),
        };
        let input: Vec<Value> = case["texts"].as_array().unwrap().iter().map(input).collect();
        let asked = json!({"head": case["task"], "input": input, "raw_scores": true});
        let answer = post(&router, "/v1/classify", asked).await;
        for (index, item) in answer["data"].as_array().unwrap().iter().enumerate() {
            let scores: Vec<f64> = serde_json::from_value(item["probs"].clone()).unwrap();
            assert_near(&scores, &case["logits"][index], "mt_dnn");
        }
    }
    let text = "A fine day.";
    let told = post(&router, "/v1/sentiment", json!({"input": text})).await;
    let named = post(&router, "/v1/classify", json!({"input": text, "head": "sst2"})).await;
    assert_eq!(told["data"], named["data"]);
    let pair = json!({"text": text, "text_pair": text});
    let wrong = [
        (json!({"input": text}), "head", "is required"),
        (json!({"input": text, "head": "cola"}), "head", "must be one of mnli, sst2, stsb"),
        (json!({"input": text, "head": "mnli"}), "input", "must be pairs"),
        (json!({"input": pair, "head": "sst2"}), "input", "must be single texts"),
    ];
    for (mut body, param, says) in wrong {
        body["model"] = json!(MODEL);
        let (status, answer) = send(&router, "/v1/classify", &body).await;
        assert_eq!((status, &answer["error"]["param"]), (400, &json!(param)), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(says), "{answer}");
    }
}

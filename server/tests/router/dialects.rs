//! Encoders as clients of text-embeddings-inference and of vLLM ask them: each form beside the route that it goes with.

use engine::config::LabelScores;
use serde_json::{Value, json};

use crate::{
    encoders::{LONGEST, classifier, server as embedder},
    support::{MODEL, Setup, TestServer, client::Answer, fake_executor::WIDTH},
};

/// `members` over a body.
fn with(mut body: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("not an object") };
    body.as_object_mut().unwrap().extend(members);
    body
}

pub(crate) fn answered(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The values under this name in a list of objects, as a list.
pub(crate) fn column(list: &Value, name: &str) -> Value {
    list.as_array().unwrap_or_else(|| panic!("{list}")).iter().map(|item| item[name].clone()).collect()
}

/// Code and path of a refusal.
pub(crate) async fn refused(server: &TestServer, path: &str, body: &Value) -> (String, String) {
    let answer = server.post(path, body.clone()).await;
    let error = &answer.json()["error"];
    assert!([400, 404].contains(&answer.status), "{path} {body}: {}", answer.text());
    (error["code"].as_str().unwrap().to_owned(), error["param"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn vectors_come_bare() {
    for server in [embedder(), TestServer::start()] {
        let texts = json!(["up we go", "down"]);
        let vectors = async |members: Value| {
            let body = with(json!({"model": MODEL, "input": texts}), members);
            column(&answered(&server.post("/v1/embeddings", body).await)["data"], "embedding")
        };
        let bare =
            async |members: Value| answered(&server.post("/embed", with(json!({"inputs": texts}), members)).await);
        let unit = vectors(json!({"normalize": true})).await;
        assert_eq!(bare(json!({})).await, unit, "of unit length unless asked otherwise");
        let raw = vectors(json!({"normalize": false})).await;
        assert_ne!(raw, unit);
        let members = json!({"normalize": false, "truncate": false, "truncation_direction": "right"});
        assert_eq!(bare(members).await, raw);
        assert_eq!(bare(json!({"dimensions": 3})).await, vectors(json!({"dimensions": 3, "normalize": true})).await);
        for one in [json!("down"), json!(b"down"), json!([b"down"])] {
            assert_eq!(bare(json!({"inputs": one})).await, json!([unit[1]]), "{one}");
        }
        server.assert_whole().await;
    }
}

#[tokio::test]
async fn a_long_text_is_refused_or_keeps_its_begin_whatever_reads_it() {
    let mut decoder = Setup::default();
    decoder.limits.max_model_len = LONGEST;
    for server in [embedder(), TestServer::with(decoder)] {
        let long = "x".repeat(LONGEST) + "y";
        let too_long = ("context_length_exceeded".to_owned(), "inputs".to_owned());
        assert_eq!(refused(&server, "/embed", &json!({"inputs": long})).await, too_long);
        assert_eq!(refused(&server, "/embed", &json!({"inputs": long, "truncate": false})).await, too_long);
        let cut = answered(&server.post("/embed", json!({"inputs": ["y", long], "truncate": true})).await);
        let plain = answered(&server.post("/embed", json!({"inputs": "x".repeat(LONGEST)})).await);
        assert_eq!(cut[1], plain[0]);
        let inputs = json!({"source_sentence": "x".repeat(LONGEST), "sentences": [long]});
        let compared = json!({"inputs": inputs, "parameters": {"truncate": true, "truncation_direction": "Right"}});
        let near = answered(&server.post("/similarity", compared).await)[0].as_f64().unwrap();
        assert!((near - 1.0).abs() < 1e-6, "{near}");
        let (source, others) = ("inputs.source_sentence", "inputs.sentences");
        for (one, other, member) in [(long.as_str(), "x", source), ("x", long.as_str(), others)] {
            let inputs = json!({"source_sentence": one, "sentences": [other]});
            let refusal = refused(&server, "/similarity", &json!({"inputs": inputs})).await;
            assert_eq!(refusal, ("context_length_exceeded".to_owned(), member.to_owned()));
        }
    }
}

#[tokio::test]
async fn labels_come_bare_the_likeliest_first() {
    let server = classifier(8, LabelScores::One);
    let ask = async |inputs: Value, raw: bool| {
        answered(&server.post("/predict", json!({"inputs": inputs, "raw_scores": raw})).await)
    };
    // "a", "b" and "c" stand for the labels 1, 2 and 3, each with its place in the text.
    let one = ask(json!("aa"), true).await;
    assert_eq!(column(&one, "label"), json!(["L1", "L0", "L2", "L3", "L4", "L5", "L6", "L7"]));
    assert_eq!(column(&one, "score"), json!([3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    let pair = ask(json!(["ab", "c"]), true).await;
    assert_eq!(column(&pair, "label"), json!(["L3", "L2", "L1", "L0", "L4", "L5", "L6", "L7"]));
    assert_eq!(column(&pair, "score"), json!([3.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    assert_eq!(ask(json!(["aa"]), true).await, one, "a list of one text is that text");
    assert_eq!(ask(json!([["aa"], ["ab", "c"]]), true).await, json!([one, pair]));
    assert_eq!(ask(json!([["aa"]]), true).await, json!([one]), "a list of one is a list");
    let likely = ask(json!("aa"), false).await;
    let classified = server.post("/v1/classify", json!({"model": MODEL, "input": "aa"})).await.json();
    assert_eq!((&likely[0]["label"], &likely[0]["score"]), (&json!("L1"), &classified["data"][0]["probs"][1]));
    let long = json!({"inputs": ["a".repeat(LONGEST), "b"]});
    let too_long = ("context_length_exceeded".to_owned(), "inputs".to_owned());
    assert_eq!(refused(&server, "/predict", &long).await, too_long);
    answered(&server.post("/predict", with(long, json!({"truncate": true}))).await);
    server.assert_whole().await;
}

#[tokio::test]
async fn texts_are_compared_with_one() {
    let server = embedder();
    let inputs = json!({"source_sentence": "up", "sentences": ["up", "q", "down"]});
    for body in [json!({"inputs": inputs}), json!({"inputs": inputs, "parameters": {}})] {
        let near = answered(&server.post("/similarity", body).await);
        let pairs = json!({"model": MODEL, "text_1": "up", "text_2": ["up", "q", "down"]});
        assert_eq!(near, column(&answered(&server.post("/v1/score", pairs).await)["data"], "score"));
    }
    let cross_encoder = classifier(1, LabelScores::Any);
    let not_for_vectors = ("unsupported_model".to_owned(), "model".to_owned());
    assert_eq!(refused(&cross_encoder, "/similarity", &json!({"inputs": inputs})).await, not_for_vectors);
}

#[tokio::test]
async fn texts_are_ranked_in_a_bare_list() {
    let texts = json!(["zzz", "hello", "hellp", "zzz"]);
    for server in [embedder(), classifier(1, LabelScores::Any)] {
        for raw in [true, false] {
            let body = json!({"model": MODEL, "query": "hello", "documents": texts, "raw_scores": raw});
            let results = answered(&server.post("/v1/rerank", body).await)["results"].clone();
            let body = json!({"query": "hello", "texts": texts, "raw_scores": raw});
            for path in ["/rerank", "/v1/rerank", "/v2/rerank"] {
                let ranks = answered(&server.post(path, body.clone()).await);
                assert_eq!(column(&ranks, "index"), column(&results, "index"), "{path}");
                assert_eq!(column(&ranks, "score"), column(&results, "relevance_score"), "{path}");
                assert!(ranks[0].get("text").is_none(), "{ranks}");
            }
            let told =
                answered(&server.post("/rerank", with(body, json!({"model": MODEL, "return_text": true}))).await);
            for rank in told.as_array().unwrap() {
                assert_eq!(rank["text"], texts[rank["index"].as_u64().unwrap() as usize]);
            }
        }
        server.assert_whole().await;
    }
}

#[tokio::test]
async fn members_of_two_forms_of_ranking_do_not_mix() {
    let server = embedder();
    let of_texts = json!({"query": "a", "texts": ["a"]});
    let of_documents = json!({"model": MODEL, "query": "a", "documents": ["a"]});
    let cases = [
        (&of_texts, json!({"documents": ["a"]}), "documents"),
        (&of_texts, json!({"top_n": 1}), "top_n"),
        (&of_texts, json!({"return_documents": false}), "return_documents"),
        (&of_texts, json!({"truncate_prompt_tokens": -1}), "truncate_prompt_tokens"),
        (&of_texts, json!({"priority": 0}), "priority"),
        (&of_texts, json!({"user": "u"}), "user"),
        (&of_documents, json!({"return_text": true}), "return_text"),
        (&of_documents, json!({"truncate": true}), "truncate"),
        (&of_documents, json!({"truncation_direction": "Right"}), "truncation_direction"),
    ];
    for (body, members, param) in cases {
        let refusal = refused(&server, "/v1/rerank", &with(body.clone(), members)).await;
        assert_eq!(refusal, ("invalid_value".to_owned(), param.to_owned()));
    }
    let cases = [
        (json!({"model": MODEL, "query": "a"}), "missing_required_parameter", "documents"),
        (json!({"query": "a", "documents": ["a"]}), "missing_required_parameter", "model"),
        (json!({"texts": ["a"]}), "missing_required_parameter", "query"),
        (with(of_texts.clone(), json!({"model": "none"})), "model_not_found", "model"),
        (with(of_texts.clone(), json!({"truncation_direction": "Left"})), "unsupported_value", "truncation_direction"),
        (with(of_texts.clone(), json!({"texts": ["a", {"text": "a"}]})), "invalid_type", "texts[1]"),
    ];
    for (body, code, param) in cases {
        assert_eq!(refused(&server, "/rerank", &body).await, (code.to_owned(), param.to_owned()), "{body}");
    }
    let nulls = json!({"documents": null, "top_n": null, "priority": null});
    answered(&server.post("/rerank", with(of_texts, nulls)).await);
}

#[tokio::test]
async fn tasks_that_the_model_does_not_do_are_refused() {
    for server in [embedder(), TestServer::start()] {
        let refusal = refused(&server, "/predict", &json!({"inputs": "up"})).await;
        assert_eq!(refusal, ("unsupported_model".to_owned(), "model".to_owned()));
    }
    let classifier = classifier(8, LabelScores::One);
    assert_eq!(refused(&classifier, "/embed", &json!({"inputs": "up"})).await.0, "unsupported_model");
}

#[tokio::test]
async fn wrong_members_are_named_and_nothing_is_computed() {
    let (embedder, classifier) = (embedder(), classifier(2, LabelScores::One));
    let inputs = json!({"source_sentence": "a", "sentences": ["a"]});
    let cases = [
        ("/embed", json!({}), "missing_required_parameter", "inputs"),
        ("/embed", json!({"inputs": ""}), "string_below_min_length", "inputs"),
        ("/embed", json!({"inputs": ["a", ""]}), "string_below_min_length", "inputs[1]"),
        ("/embed", json!({"inputs": vec!["a"; 2049]}), "array_above_max_length", "inputs"),
        ("/embed", json!({"inputs": "a", "model": MODEL}), "unknown_parameter", "model"),
        ("/embed", json!({"inputs": "a", "dimensions": WIDTH + 1}), "integer_above_max_value", "dimensions"),
        ("/embed", json!({"inputs": "a", "prompt_name": "query"}), "unsupported_parameter", "prompt_name"),
        ("/embed", json!({"inputs": "a", "truncation_direction": "Left"}), "unsupported_value", "truncation_direction"),
        ("/embed", json!({"inputs": "a", "truncation_direction": "left"}), "unsupported_value", "truncation_direction"),
        ("/embed", json!({"inputs": "a", "truncation_direction": "up"}), "invalid_value", "truncation_direction"),
        ("/embed", json!({"inputs": "a", "truncate": 1}), "invalid_type", "truncate"),
        ("/similarity", json!({"inputs": "a"}), "invalid_type", "inputs"),
        ("/similarity", json!({"inputs": {"source_sentence": "a"}}), "missing_required_parameter", "inputs.sentences"),
        (
            "/similarity",
            json!({"inputs": {"source_sentence": "a", "sentences": []}}),
            "array_below_min_length",
            "inputs.sentences",
        ),
        (
            "/similarity",
            json!({"inputs": inputs, "parameters": {"prompt_name": "query"}}),
            "unsupported_parameter",
            "parameters.prompt_name",
        ),
        (
            "/similarity",
            json!({"inputs": inputs, "parameters": {"truncation_direction": "Left"}}),
            "unsupported_value",
            "parameters.truncation_direction",
        ),
        ("/predict", json!({"inputs": []}), "array_below_min_length", "inputs"),
        ("/predict", json!({"inputs": ["a", "b", "c"]}), "array_above_max_length", "inputs"),
        ("/predict", json!({"inputs": [["a"], ["a", "b", "c"]]}), "array_above_max_length", "inputs[1]"),
        ("/predict", json!({"inputs": [["a"], "b"]}), "invalid_type", "inputs[1]"),
        (
            "/predict",
            json!({"inputs": "a", "truncation_direction": "Left"}),
            "unsupported_value",
            "truncation_direction",
        ),
        ("/pooling", json!({"input": "a"}), "missing_required_parameter", "model"),
        ("/pooling", json!({"model": MODEL}), "missing_required_parameter", "input"),
        ("/pooling", json!({"model": "none", "input": "a"}), "model_not_found", "model"),
        (
            "/pooling",
            json!({"model": MODEL, "input": "a", "encoding_format": "int8"}),
            "invalid_value",
            "encoding_format",
        ),
    ];
    for (path, body, code, param) in cases {
        let server = if path == "/predict" { &classifier } else { &embedder };
        assert_eq!(refused(server, path, &body).await, (code.to_owned(), param.to_owned()), "{path} {body}");
    }
    assert_eq!((embedder.controls.steps(), classifier.controls.steps()), (0, 0));
}

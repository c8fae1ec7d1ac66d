//! An encoder behind the router: what it serves, what it refuses, and how long texts are made to fit.

use engine::config::{LabelScores, Labels};
use serde_json::{Value, json};
use server::model_kind::ModelKind;

use crate::support::{
    MODEL, Setup, TestServer,
    client::{Answer, chat_body, json_request},
};

/// Tokens of the longest text; a token is a byte.
pub(crate) const LONGEST: usize = 40;

/// An encoder that makes vectors.
pub(crate) fn server() -> TestServer {
    TestServer::with(Setup::encoder(ModelKind::Embedder, LONGEST))
}

/// An encoder with so many labels; the score of a label is how often tokens stand in the text that leave its number when
/// they are divided by 8, later ones counting more.
pub(crate) fn classifier(labels: usize, scores: LabelScores) -> TestServer {
    let names = (0..labels).map(|label| format!("L{label}")).collect();
    TestServer::with(Setup::encoder(ModelKind::Classifier(Labels { names, scores }), LONGEST))
}

async fn embed(server: &TestServer, input: Value, members: Value) -> Answer {
    let mut body = json!({"model": MODEL, "input": input});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    server.post("/v1/embeddings", body).await
}

#[tokio::test]
async fn what_a_person_is_told_to_try_has_an_answer() {
    let labels = |count: usize| {
        let names = (0..count).map(|label| format!("L{label}")).collect();
        ModelKind::Classifier(Labels { names, scores: LabelScores::One })
    };
    let encoders = [ModelKind::Embedder, labels(1), labels(8)].map(|kind| Setup::encoder(kind, 200));
    for setup in encoders.into_iter().chain([Setup::default()]) {
        let (path, members) = setup.kind.first_request();
        let body = serde_json::from_str(&format!("{{\"model\": \"{MODEL}\", {members}}}")).unwrap();
        let answer = TestServer::with(setup).post(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn each_text_of_a_list_has_the_vector_that_it_has_alone() {
    let server = server();
    let texts: Vec<String> = (0..30).map(|index| "up and down ".repeat(3)[..=index].to_owned()).collect();
    let answer = embed(&server, json!(texts), json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let together = answer.json();
    assert_eq!(together["usage"]["prompt_tokens"], (1..=30).sum::<usize>());
    for (text, item) in texts.iter().zip(together["data"].as_array().unwrap()) {
        let alone = embed(&server, json!(text), json!({})).await.json();
        assert_eq!(alone["data"][0]["embedding"], item["embedding"], "{text}");
        assert_eq!(alone["timings"]["cached_tokens"], 0, "nothing is kept");
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn a_long_text_is_refused_or_cut_at_its_end() {
    let server = server();
    let long = "x".repeat(LONGEST) + "y";
    let refused = embed(&server, json!(long), json!({})).await;
    assert_eq!(refused.error(), (400, "context_length_exceeded".to_owned()));
    let of_short = embed(&server, json!("x".repeat(LONGEST)), json!({})).await.json();
    for (input, cut, kept) in [(long.as_str(), -1, LONGEST), ("xxxy", 3, 3), ("xx", 3, 2)] {
        let answer = embed(&server, json!(input), json!({"truncate_prompt_tokens": cut})).await.json();
        assert_eq!(answer["usage"]["prompt_tokens"], kept);
        let plain = embed(&server, json!("x".repeat(kept)), json!({})).await.json();
        assert_eq!(answer["data"], plain["data"], "the first tokens are kept");
    }
    assert_eq!(of_short["usage"]["prompt_tokens"], LONGEST);
}

#[tokio::test]
async fn what_looks_like_a_control_token_is_text_where_texts_are_read() {
    let (vectors, pairs, decoder) = (server(), classifier(1, LabelScores::Any), TestServer::start());
    let cases = [
        (&vectors, "/v1/embeddings", json!({"input": "</s>"}), 4),
        (&decoder, "/v1/embeddings", json!({"input": "</s>"}), 4),
        (&vectors, "/pooling", json!({"input": ["</s>", "<s>"]}), 4 + 3),
        (&vectors, "/v1/score", json!({"text_1": "<s>", "text_2": "</s>"}), 3 + 4),
        (&pairs, "/v1/rerank", json!({"query": "<s>", "documents": ["</s>"]}), 3 + 4),
        (&pairs, "/v1/classify", json!({"input": ["</s>", {"text": "<s>", "text_pair": "</s>"}]}), 4 + 3 + 4),
    ];
    for (server, path, mut body, tokens) in cases {
        body["model"] = json!(MODEL);
        let answer = server.post(path, body).await.json();
        assert_eq!(answer["usage"]["prompt_tokens"], tokens, "{path}: {answer}");
    }
}

#[tokio::test]
async fn what_continues_texts_is_refused_by_the_kind_of_model() {
    let server = server();
    let completion = json!({"model": MODEL, "prompt": "up"});
    let cases = [
        ("/v1/chat/completions", chat_body(json!({}))),
        ("/v1/chat/completions/render", chat_body(json!({}))),
        ("/v1/chat/completions/input_tokens", chat_body(json!({}))),
        ("/v1/completions", completion.clone()),
        ("/v1/completions/render", completion.clone()),
        ("/v1/classify", json!({"model": MODEL, "input": "up"})),
        ("/v1/ner", json!({"model": MODEL, "input": "up"})),
        ("/v1/translate", completion),
    ];
    for (path, body) in cases {
        let answer = server.send(json_request(path, &body)).await;
        assert_eq!(answer.error(), (400, "unsupported_model".to_owned()), "{path}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(message, "this model is an encoder: it serves /v1/embeddings, /v1/rerank and /v1/score", "{path}");
    }
    assert_eq!(server.controls.steps(), 0);
}

#[tokio::test]
async fn the_list_of_models_names_its_kind_and_its_tasks() {
    let answer = server().get("/v1/models").await.json();
    let model = &answer["data"][0];
    assert_eq!((&model["kind"], &model["tasks"]), (&json!("encoder"), &json!(["embed", "rerank", "score"])));
    assert_eq!(model["max_model_len"], LONGEST);
}

/// The numbers under this name in a list of objects.
fn numbers(list: &Value, name: &str) -> Vec<f64> {
    list.as_array().unwrap_or_else(|| panic!("{list}")).iter().map(|item| item[name].as_f64().unwrap()).collect()
}

fn near(got: &[f64], want: &[f64]) -> bool {
    got.len() == want.len() && got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6)
}

#[tokio::test]
async fn documents_stand_in_order_of_their_scores() {
    let server = server();
    let documents = json!(["zzz", {"text": "hello"}, "hellp", "zzz"]);
    let ask = async |members: Value| {
        let mut body = json!({"model": MODEL, "query": "hello", "documents": documents});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        server.post("/v1/rerank", body).await.json()
    };
    let all = ask(json!({})).await;
    let order: Vec<_> = all["results"].as_array().unwrap().iter().map(|result| result["index"].clone()).collect();
    assert_eq!(order, [1, 2, 0, 3], "of equal ones the first stands first: {all}");
    let scores = numbers(&all["results"], "relevance_score");
    assert!((scores[0] - 1.0).abs() < 1e-6 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert_eq!(all["usage"]["prompt_tokens"], 5 + 3 + 5 + 5 + 3, "the query is read once");
    assert!(all["id"].as_str().unwrap().starts_with("rerank-") && all["results"][0].get("document").is_none());
    let best = ask(json!({"top_n": 1, "return_documents": true})).await;
    assert_eq!(best["results"].as_array().unwrap().len(), 1);
    assert_eq!(best["results"][0]["document"], json!({"text": "hello"}));
    for path in ["/v2/rerank", "/rerank"] {
        let body = json!({"model": MODEL, "query": "hello", "documents": documents});
        assert_eq!(server.post(path, body).await.json()["results"], all["results"]);
    }
    server.assert_whole().await;
}

#[tokio::test]
async fn pairs_are_one_with_each_or_each_with_its_own() {
    let server = server();
    let ask = async |members: Value| {
        let mut body = json!({"model": MODEL});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        server.post("/v1/score", body).await
    };
    let each = ask(json!({"text_1": "up", "text_2": ["up", "q"]})).await.json();
    assert_eq!((&each["object"], &each["data"][1]["index"]), (&json!("list"), &json!(1)));
    let scores = numbers(&each["data"], "score");
    assert!((scores[0] - 1.0).abs() < 1e-6 && scores[1] < 0.9, "{scores:?}");
    for names in [["queries", "documents"], ["queries", "items"]] {
        let own = ask(json!({names[0]: ["up", "up"], names[1]: ["up", "q"]})).await.json();
        assert_eq!(numbers(&own["data"], "score"), scores);
    }
    let cases = [
        (json!({"text_1": ["a", "b"], "text_2": "a"}), "invalid_value"),
        (json!({"text_1": ["a", "b"], "text_2": ["a", "b", "c"]}), "invalid_value"),
        (json!({"text_1": "a", "documents": "a"}), "invalid_value"),
        (json!({"text_1": "a", "queries": "a", "text_2": "a"}), "invalid_value"),
        (json!({"text_1": "a"}), "missing_required_parameter"),
        (json!({"text_1": "", "text_2": "a"}), "string_below_min_length"),
        (json!({"text_1": "a", "text_2": "x".repeat(41)}), "context_length_exceeded"),
        (json!({"text_1": "a", "text_2": "b", "label_token_ids": [1]}), "unknown_parameter"),
    ];
    for (members, code) in cases {
        assert_eq!(ask(members.clone()).await.error(), (400, code.to_owned()), "{members}");
    }
}

#[tokio::test]
async fn an_encoder_of_pairs_reads_both_texts_together() {
    let server = classifier(1, LabelScores::Any);
    // "h" is 104, which 8 divides: each stands for its place and 1.
    let body = json!({"model": MODEL, "query": "h", "documents": ["x", "hh"], "raw_scores": true});
    let answer = server.post("/v1/rerank", body).await.json();
    assert_eq!(answer["usage"]["prompt_tokens"], 2 + 3);
    let raw = [1.0 + 2.0 + 3.0, 1.0 + 2.0];
    assert_eq!(numbers(&answer["results"], "relevance_score"), raw, "x is 120, which 8 divides too");
    let body = json!({"model": MODEL, "text_1": "h", "text_2": ["hh", "x"]});
    let scores = numbers(&server.post("/v1/score", body).await.json()["data"], "score");
    let sigmoid = |score: f64| 1.0 / (1.0 + (-score).exp());
    assert!(near(&scores, &raw.map(sigmoid)), "{scores:?}");
    let long = json!({"model": MODEL, "text_1": "a".repeat(10), "text_2": "b".repeat(31)});
    assert_eq!(server.post("/v1/score", long.clone()).await.error(), (400, "context_length_exceeded".to_owned()));
    let mut cut = long;
    cut["truncate_prompt_tokens"] = json!(-1);
    assert_eq!(server.post("/v1/score", cut).await.json()["usage"]["prompt_tokens"], LONGEST);
    let vectors = embed(&server, json!("up"), json!({})).await;
    assert_eq!(vectors.error(), (400, "unsupported_model".to_owned()));
}

#[tokio::test]
async fn labels_have_probabilities_in_their_order() {
    let server = classifier(8, LabelScores::One);
    let pair = json!({"text": "ab", "text_pair": "c"});
    let body = json!({"model": MODEL, "input": ["aa", pair], "raw_scores": true});
    let answer = server.post("/v1/classify", body).await.json();
    assert_eq!((&answer["object"], &answer["usage"]["total_tokens"]), (&json!("list"), &json!(5)));
    let wanted = [json!([0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), json!([0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0])];
    for (index, (label, probs)) in ["L1", "L3"].into_iter().zip(wanted).enumerate() {
        let item = json!({"index": index, "label": label, "probs": probs, "num_classes": 8});
        assert_eq!(answer["data"][index], item);
    }
    let body = json!({"model": MODEL, "input": "aa"});
    for path in ["/classify", "/v1/sentiment"] {
        let answer = server.post(path, body.clone()).await.json();
        let probs: Vec<f64> = serde_json::from_value(answer["data"][0]["probs"].clone()).unwrap();
        let sum = 3.0_f64.exp() + 7.0;
        let mut want = [1.0 / sum; 8];
        want[1] = 3.0_f64.exp() / sum;
        assert!(near(&probs, &want), "{probs:?}");
    }
    for path in ["/v1/rerank", "/v1/score"] {
        let body = json!({"model": MODEL, "query": "a", "documents": ["a"]});
        let body = if path == "/v1/score" { json!({"model": MODEL, "text_1": "a", "text_2": "a"}) } else { body };
        assert_eq!(server.post(path, body).await.error(), (400, "unsupported_model".to_owned()), "{path}");
    }
    let decoder = TestServer::start();
    assert_eq!(decoder.post("/v1/classify", body).await.error(), (400, "unsupported_model".to_owned()));
    server.assert_whole().await;
}

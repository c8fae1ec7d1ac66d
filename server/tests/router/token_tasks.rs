//! Names, answers and masked words behind the router: long texts, and what is refused. A token is a byte.

use serde_json::{Value, json};
use server::model_kind::{Mask, ModelKind};

use crate::support::{MODEL, Setup, TestServer, client::Answer, vocabulary::MASK};

/// Tokens of the longest text.
const LONGEST: usize = 12;

async fn ask(server: &TestServer, path: &str, mut body: Value) -> Answer {
    body["model"] = json!(MODEL);
    server.post(path, body).await
}

/// Bytes that are no multiple of 3 are of entities: 1 begins one, 2 goes on.
fn tags() -> ModelKind {
    ModelKind::TokenClassifier(["O", "B-X", "I-X"].map(str::to_owned).to_vec())
}

fn masks() -> ModelKind {
    ModelKind::MaskFiller(Mask { token: MASK, text: "<mask>".to_owned() })
}

fn tagger() -> TestServer {
    TestServer::with(Setup::encoder(tags(), LONGEST))
}

fn reader() -> TestServer {
    TestServer::with(Setup::encoder(ModelKind::SpanReader, LONGEST))
}

fn filler() -> TestServer {
    TestServer::with(Setup::encoder(masks(), LONGEST))
}

#[tokio::test]
async fn names_have_their_places_in_characters() {
    // "d" is 100, "e" 101, "c" 99; the bytes of the emoji are 240, 159, 154 and 160: the last two begin something
    let answer = ask(&tagger(), "/v1/ner", json!({"input": ["cdecde", "\u{1F6A0}de", "ccc"]})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let part = |text: &str, start: usize, end: usize| (json!(text), json!(start), json!(end));
    let parts = |index: usize| -> Vec<_> {
        let entities = answer["data"][index]["entities"].as_array().unwrap();
        entities.iter().map(|entity| (entity["text"].clone(), entity["start"].clone(), entity["end"].clone())).collect()
    };
    assert_eq!(parts(0), [part("de", 1, 3), part("de", 4, 6)]);
    let cabin = part("\u{1F6A0}", 0, 1);
    assert_eq!(parts(1), [cabin.clone(), cabin, part("de", 1, 3)], "bytes of a character stand for the whole of it");
    assert_eq!(parts(2), []);
    assert_eq!(answer["data"][0]["entities"][0]["label"], "X");
    assert!(answer["data"][0]["entities"][0]["score"].as_f64().unwrap() > 0.99);
    assert_eq!((&answer["object"], &answer["usage"]["prompt_tokens"]), (&json!("list"), &json!(6 + 6 + 3)));
    assert!(answer["id"].as_str().unwrap().starts_with("ner-"));
}

#[tokio::test]
async fn a_long_text_is_refused_cut_or_read_in_pieces() {
    let server = tagger();
    let text = "cde".repeat(10);
    let refused = ask(&server, "/v1/ner", json!({"input": text})).await;
    assert_eq!(refused.error(), (400, "context_length_exceeded".to_owned()));
    let forged = ask(&server, "/v1/ner", json!({"input": "</s>"})).await.json();
    assert_eq!(forged["usage"]["prompt_tokens"], 4, "what looks like a control token is text");
    let cut = ask(&server, "/v1/ner", json!({"input": text, "truncate_prompt_tokens": -1})).await.json();
    assert_eq!((cut["data"][0]["entities"].as_array().unwrap().len(), &cut["usage"]["prompt_tokens"]), (4, &json!(12)));
    for stride in [0, 5, 6] {
        let whole = ask(&server, "/v1/ner", json!({"input": text, "stride": stride})).await.json();
        let starts = whole["data"][0]["entities"].as_array().unwrap().iter().map(|entity| entity["start"].clone());
        assert_eq!(
            starts.collect::<Vec<_>>(),
            (0..10).map(|index| json!(3 * index + 1)).collect::<Vec<_>>(),
            "{stride}"
        );
    }
    let refused = ask(&server, "/v1/ner", json!({"input": text, "stride": 7})).await;
    assert_eq!(refused.error(), (400, "invalid_value".to_owned()));
    assert_eq!(refused.json()["error"]["param"], "stride");
    // each of them makes more than a thousand pieces, and a request may have 2,048
    let texts = vec!["c".repeat(7000); 2];
    let refused = ask(&server, "/v1/ner", json!({"input": texts, "stride": 6})).await;
    assert_eq!(refused.error(), (400, "invalid_value".to_owned()));
    assert!(refused.text().contains("makes more than 2048 pieces"), "{}", refused.text());
    server.assert_whole().await;
}

#[tokio::test]
async fn a_question_is_answered_out_of_each_text() {
    let server = reader();
    let body = json!({"question": "c?", "context": ["ab", "cd"], "top_k": 20});
    let answer = ask(&server, "/v1/qa", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!((&answer["data"][1]["index"], &answer["usage"]["prompt_tokens"]), (&json!(1), &json!(8)));
    for item in answer["data"].as_array().unwrap() {
        let answers = item["answers"].as_array().unwrap();
        assert_eq!(answers.len(), 1, "two bytes are one word here: {item}");
        assert!(item["no_answer_score"].as_f64().unwrap() < 1.0 && answers[0]["score"].as_f64().unwrap() > 0.0);
    }
    let long = "x".repeat(30);
    let refused = ask(&server, "/v1/qa", json!({"question": "c?", "context": long})).await;
    assert_eq!(refused.error(), (400, "context_length_exceeded".to_owned()));
    let whole = ask(&server, "/v1/qa", json!({"question": "c?", "context": long, "stride": 2})).await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    let refused = ask(&server, "/v1/qa", json!({"question": long, "context": "x", "stride": 2})).await;
    assert_eq!(refused.error(), (400, "context_length_exceeded".to_owned()));
    let refused = ask(&server, "/v1/qa", json!({"question": "c?", "context": "x", "top_k": 21})).await;
    assert_eq!(refused.error(), (400, "integer_above_max_value".to_owned()));
}

#[tokio::test]
async fn masks_have_candidates_at_their_places() {
    let server = filler();
    let answer = ask(&server, "/v1/fill-mask", json!({"input": ["a 산<mask>b<mask>", "<mask>"], "top_k": 2})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let masks = answer["data"][0]["masks"].as_array().unwrap();
    let told: Vec<_> = masks.iter().map(|mask| (&mask["position"], &mask["candidates"][0]["token"])).collect();
    // a, a space and three bytes stand before the first
    assert_eq!(told, [(&json!(3), &json!(5)), (&json!(10), &json!(7))]);
    assert_eq!(answer["data"][1]["masks"][0]["candidates"].as_array().unwrap().len(), 2);
    let many = vec!["<mask>".repeat(8); 9];
    let refused = ask(&server, "/v1/fill-mask", json!({"input": many})).await;
    assert!(refused.text().contains("has 72 masks in all"), "{}", refused.text());
    for input in ["no mask", &"<mask>".repeat(9)] {
        let refused = ask(&server, "/v1/fill-mask", json!({"input": input})).await;
        assert_eq!(refused.error(), (400, "invalid_value".to_owned()), "{input}");
    }
}

#[tokio::test]
async fn what_another_kind_serves_is_refused_and_listed() {
    let text = json!({"input": "up", "question": "up", "context": "up"});
    let kinds =
        [("/v1/ner", "ner", tags()), ("/v1/qa", "qa", ModelKind::SpanReader), ("/v1/fill-mask", "fill_mask", masks())];
    for (own, task, kind) in kinds {
        let (path, members) = kind.first_request();
        let server = TestServer::with(Setup::encoder(kind, 200));
        let first = ask(&server, path, serde_json::from_str(&format!("{{{members}}}")).unwrap()).await;
        assert_eq!((path, first.status), (own, 200), "{}", first.text());
        let model = server.get("/v1/models").await.json();
        assert_eq!((&model["data"][0]["kind"], &model["data"][0]["tasks"]), (&json!("encoder"), &json!([task])));
        let others = ["/v1/ner", "/v1/qa", "/v1/fill-mask", "/v1/embeddings", "/v1/rerank", "/v1/classify"];
        for path in others.into_iter().filter(|path| *path != own) {
            let members: &[&str] = match path {
                "/v1/qa" => &["question", "context"],
                "/v1/rerank" => &[],
                _ => &["input"],
            };
            let mut body: Value = members.iter().map(|member| (*member, text[*member].clone())).collect();
            if path == "/v1/rerank" {
                body = json!({"query": "up", "documents": ["up"]});
            }
            let refused = ask(&server, path, body).await;
            assert_eq!(refused.error(), (400, "unsupported_model".to_owned()), "{own}, {path}");
        }
    }
}

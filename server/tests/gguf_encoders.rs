//! Encoders from files that llama.cpp's converter wrote: what their tokenizers make of texts is what those of the folders do,
//! which the tokenizers crate reads from `tokenizer.json`, and answers over the whole server are the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fixture_server;

use std::path::{Path, PathBuf};

use axum::Router;
use engine::Checkpoint;
use fixture_server::{fixture, send};
use scheduler::Token;
use serde_json::{Value, json};
use server::flags::Flags;
use server::tokenizer::Tokenizer;

/// Files, and the folders that they were made of.
const FILES: [(&str, &str); 5] = [
    ("modernbert-seqcls", "modernbert-seqcls"),
    ("nomic_bert", "nomic_bert"),
    ("distilbert-seqcls-q8_0", "distilbert-seqcls"),
    ("roberta-q8_0", "roberta"),
    ("xlm_roberta-seqcls", "xlm_roberta-seqcls"),
];

const TEXTS: [&str; 13] = [
    "",
    "The cabins of a gondola lift never stop; passengers step on and off.",
    "  Requests\tjoin and\n\nleave a   batch…  ",
    "naïve CAFÉ, Straße, Ça va?",
    "e\u{301}",
    "ﬁnal Ａ: 北京 and 東京",
    "it's [SEP] one</s>two[CLS] <s> three<pad>",
    "## a ##b ▁c ▁▁ d#",
    "12345 3.14 a_b c-d (e)",
    "🚠 up 🚠🚠 down",
    "\u{0}con\u{7}trol\u{ad} \u{200b}x",
    "unbelievablyLongWordWithoutAnyEndThatNobodyWouldEverWriteDownButThatSomebodyMightSendToUsNonethelessJustBecauseTheyCan",
    "fill [MASK] in",
];

fn file(name: &str) -> PathBuf {
    fixture("gguf_encoders").join(format!("{name}.gguf"))
}

fn tokenizer(model: &Path) -> Tokenizer {
    let checkpoint = Checkpoint::open(model).unwrap();
    Tokenizer::load(&checkpoint.tokenizer().unwrap(), checkpoint.model().vocab_size()).unwrap()
}

#[test]
fn texts_have_the_ids_of_the_folder() {
    for (name, folder) in FILES {
        let (got, want) = (tokenizer(&file(name)), tokenizer(&fixture(folder)));
        assert!(!want.opening().is_empty() && !want.closing().is_empty());
        assert_eq!((got.opening(), got.closing()), (want.opening(), want.closing()), "{name}");
        assert_eq!(got.pair(), want.pair(), "{name}");
        // released vocabularies of ModernBERT compose letters and marks, the fixture's does not
        let composes = name.starts_with("modernbert");
        for text in TEXTS.into_iter().filter(|text| !composes || !text.contains('\u{301}')) {
            for add_special in [false, true] {
                let ids = want.encode(text, add_special).unwrap();
                assert_eq!(got.encode(text, add_special).unwrap(), ids, "{name}: {text:?}");
                assert_eq!(got.decode(&ids, true), want.decode(&ids, true), "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn tokens_are_spelled_as_in_the_folder() {
    for (name, folder) in FILES {
        let (got, want) = (tokenizer(&file(name)), tokenizer(&fixture(folder)));
        assert_eq!(got.vocab_size(), want.vocab_size());
        // sentencepiece's file, which the converter reads, lacks the token of masks
        let last = usize::from(name.starts_with("xlm"));
        let tokens = Token::try_from(want.vocab_size() - last).unwrap();
        for token in 0..tokens {
            assert_eq!(got.token_text(token), want.token_text(token), "{name}: {token}");
            assert_eq!(got.is_special(token), want.is_special(token), "{name}: {token}");
        }
    }
}

fn serve(model: &Path) -> Router {
    let flags = Flags {
        first_model: Some(model.to_str().unwrap().to_owned()),
        served_model_name: vec!["encoder".to_owned()],
        dtype: Some("float32".to_owned()),
        ..Flags::default()
    };
    fixture_server::serve(&flags)
}

async fn numbers(router: &Router, path: &str, body: &Value, pointer: &str) -> Vec<f64> {
    let (status, answer) = send(router, path, body).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_value(answer.pointer(pointer).unwrap().clone()).unwrap()
}

#[tokio::test]
async fn answers_are_those_of_the_folder() {
    let embedded = json!({"model": "encoder", "input": "The cabins never stop."});
    let classified = json!({"model": "encoder", "input": "The cabins never stop."});
    for (name, path, body, pointer) in [
        ("nomic_bert", "/v1/embeddings", embedded, "/data/0/embedding"),
        ("modernbert-seqcls", "/v1/classify", classified, "/data/0/probs"),
    ] {
        let got = numbers(&serve(&file(name)), path, &body, pointer).await;
        let want = numbers(&serve(&fixture(name)), path, &body, pointer).await;
        assert_eq!(got.len(), want.len());
        assert!(got.iter().zip(&want).all(|(got, want)| (got - want).abs() < 1e-5), "{name}: {got:?} is not {want:?}");
    }
}

#[tokio::test]
async fn pairs_are_scored_as_by_the_folder() {
    const NAME: &str = "xlm_roberta-seqcls";
    let body = json!({
        "model": "encoder",
        "query": "what moves",
        "documents": ["A step computes a range of tokens.", "Nobody."],
    });
    let [got, want] = [file(NAME), fixture(NAME)].map(|model| serve(&model));
    let (got, want) = (ranks(&got, &body).await, ranks(&want, &body).await);
    assert_eq!(got.len(), 2);
    for ((got, score), (want, wanted)) in got.into_iter().zip(want) {
        assert!(got == want && (score - wanted).abs() < 1e-5, "{got}: {score} is not {want}: {wanted}");
    }
}

/// Places and scores of the documents, the best first.
async fn ranks(router: &Router, body: &Value) -> Vec<(u64, f64)> {
    let (status, answer) = send(router, "/v1/rerank", body).await;
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().unwrap().iter();
    results.map(|result| (result["index"].as_u64().unwrap(), result["relevance_score"].as_f64().unwrap())).collect()
}

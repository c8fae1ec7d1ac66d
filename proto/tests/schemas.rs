//! What the schemas say and what is read are the same: examples of requests fit, refused ones do not, answers do too.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::PathBuf};

use proto::{
    ChatChunk, ChatRequest, ChatResponse, Classified, ClassifyRequest, CompletionChunk, CompletionRequest,
    CompletionResponse, DetokenizeRequest, EmbedRequest, EmbeddingsRequest, EmbeddingsResponse, ErrorBody,
    FillMaskRequest, Listing, Model, ModelList, ModelRequest, NerRequest, PairScore, Pooled, PoolingRequest,
    PredictRequest, Predictions, QaRequest, RerankAnswer, RerankRequest, RerankResponse, ScoreRequest, Similarities,
    SimilarityRequest, TextAnswers, TextEntities, TextMasks, TokenizeRequest, TokenizeResponse, Usage, Vectors,
};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A schema with all that it refers to, in one document.
fn document<T: ToSchema>() -> Value {
    let mut components = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut components);
    let schemas: Map<String, Value> =
        components.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap())).collect();
    let root = format!("#/components/schemas/{}", T::name());
    json!({"$ref": root, "components": {"schemas": schemas}})
}

/// The same of a listing of results of this type.
fn listing<T: ToSchema>() -> Value {
    let mut document = document::<Listing<T>>();
    let result = serde_json::to_value(T::schema()).unwrap();
    document["components"]["schemas"][T::name().as_ref()] = result;
    document
}

/// Why a value does not fit.
fn misfit(document: &Value, value: &Value) -> Option<String> {
    let validator = jsonschema::draft202012::new(document).unwrap();
    validator.iter_errors(value).next().map(|error| format!("{error} at {}", error.instance_path))
}

/// Objects with members of their own have no others: what an answer carries is documented.
fn closed(mut schema: Value) -> Value {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(members) => {
                members.values_mut().for_each(close);
                if members.get("properties").is_some_and(Value::is_object) {
                    members.entry("additionalProperties").or_insert(Value::Bool(false));
                }
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    schema
}

/// The document of the requests of a kind.
fn request(kind: &str) -> Value {
    match kind {
        "chat" => document::<ChatRequest>(),
        "completion" => document::<CompletionRequest>(),
        "embeddings" => document::<EmbeddingsRequest>(),
        "classify" => document::<ClassifyRequest>(),
        "rerank" => document::<RerankRequest>(),
        "score" => document::<ScoreRequest>(),
        "embed" => document::<EmbedRequest>(),
        "predict" => document::<PredictRequest>(),
        "similarity" => document::<SimilarityRequest>(),
        "ner" => document::<NerRequest>(),
        "qa" => document::<QaRequest>(),
        "fill-mask" => document::<FillMaskRequest>(),
        "pooling" => document::<PoolingRequest>(),
        _ => panic!("{kind} is no kind of request"),
    }
}

#[test]
fn golden_requests_fit() {
    for (name, mut value) in examples("requests") {
        // Read, but served by no model yet.
        value.as_object_mut().unwrap().remove("suffix");
        let kind = name.split('_').next().unwrap();
        assert_eq!(misfit(&request(kind), &value), None, "{name}");
    }
}

#[test]
fn golden_refusals_do_not_fit() {
    for (name, case) in examples("refused") {
        // What is written as a text is no JSON, or has a member twice.
        let Some(body) = case.get("body") else { continue };
        assert!(misfit(&request(case["type"].as_str().unwrap()), body).is_some(), "{name}");
    }
}

#[test]
fn golden_answers_fit() {
    for (name, value) in examples("responses") {
        let schema = match name.as_str() {
            name if name.starts_with("chat_response") => document::<ChatResponse>(),
            name if name.starts_with("chat_chunk") => document::<ChatChunk>(),
            name if name.starts_with("completion_response") => document::<CompletionResponse>(),
            name if name.starts_with("completion_chunk") => document::<CompletionChunk>(),
            name if name.starts_with("embeddings") => document::<EmbeddingsResponse>(),
            name if name.starts_with("classify") => listing::<Classified>(),
            name if name.starts_with("rerank") => document::<RerankResponse>(),
            name if name.starts_with("score") => listing::<PairScore>(),
            name if name.starts_with("ranked_texts") => document::<RerankAnswer>(),
            name if name.starts_with("vectors") => document::<Vectors>(),
            name if name.starts_with("predictions") => document::<Predictions>(),
            name if name.starts_with("similarities") => document::<Similarities>(),
            name if name.starts_with("ner") => listing::<TextEntities>(),
            name if name.starts_with("qa") => listing::<TextAnswers>(),
            name if name.starts_with("fill-mask") => listing::<TextMasks>(),
            name if name.starts_with("pooling") => listing::<Pooled>(),
            name if name.starts_with("model_list") => document::<ModelList>(),
            name if name.starts_with("model") => document::<Model>(),
            name if name.starts_with("error_body") => document::<ErrorBody>(),
            _ => document::<Usage>(),
        };
        assert_eq!(misfit(&closed(schema), &value), None, "{name}");
    }
}

#[test]
fn every_reference_is_defined() {
    let documents = [
        document::<ChatRequest>(),
        document::<CompletionRequest>(),
        document::<EmbeddingsRequest>(),
        document::<EmbeddingsResponse>(),
        document::<ClassifyRequest>(),
        listing::<Classified>(),
        document::<RerankRequest>(),
        document::<RerankAnswer>(),
        document::<ScoreRequest>(),
        listing::<PairScore>(),
        document::<ModelRequest>(),
        document::<ModelList>(),
        document::<EmbedRequest>(),
        document::<PredictRequest>(),
        document::<Predictions>(),
        document::<SimilarityRequest>(),
        document::<PoolingRequest>(),
        document::<NerRequest>(),
        listing::<TextEntities>(),
        document::<QaRequest>(),
        listing::<TextAnswers>(),
        document::<FillMaskRequest>(),
        listing::<TextMasks>(),
        listing::<Pooled>(),
        document::<TokenizeRequest>(),
        document::<DetokenizeRequest>(),
        document::<TokenizeResponse>(),
        document::<ChatResponse>(),
        document::<ChatChunk>(),
    ];
    for document in documents {
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}

/// Names and values of the files in a folder; there are some.
fn examples(folder: &str) -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |file: PathBuf| {
        let value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        (file.file_stem().unwrap().to_str().unwrap().to_owned(), value)
    };
    let examples: Vec<_> = files.map(read).collect();
    assert!(!examples.is_empty());
    examples
}

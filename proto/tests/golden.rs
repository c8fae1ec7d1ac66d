//! The public JSON, example by example: `golden/requests` parse, `golden/responses` come out byte for byte as they
//! went in, `golden/refused` fail with the words given. Paths and codes of errors are tested where bodies are received.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeSet, fmt::Debug, fs, path::PathBuf};

use proto::{
    ChatChunk, ChatRequest, ChatResponse, Classified, ClassifyRequest, CompletionChunk, CompletionRequest,
    CompletionResponse, Content, ContentPart, EmbedRequest, EmbeddingsRequest, EmbeddingsResponse, EncodingFormat,
    ErrorBody, FillMaskRequest, FormatKind, Integer, List, Listing, LogitBias, MediaKind, Model, ModelList, NerRequest,
    PairScore, Pooled, PoolingRequest, PredictRequest, Predictions, Prompt, QaRequest, RankedText, Refused,
    RefusedUnless, RerankRequest, RerankResponse, ResponseFormat, Role, ScoreRequest, Similarities, SimilarityRequest,
    Stop, TextAnswers, TextEntities, TextMasks, TokenId, ToolChoice, Usage, Vectors,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Members whose strings are names of the API, not texts of users.
const NAMES: [&str; 10] = [
    "model",
    "role",
    "type",
    "reasoning_effort",
    "service_tier",
    "verbosity",
    "modalities",
    "task",
    "truncation_direction",
    "aggregation",
];

#[test]
fn requests_parse_and_keep_what_they_say() {
    for (name, text) in examples("requests") {
        if name.starts_with("chat_") {
            check_request::<ChatRequest>(&name, &text);
        } else if name.starts_with("embeddings_") {
            check_request::<EmbeddingsRequest>(&name, &text);
        } else if name.starts_with("classify_") {
            check_request::<ClassifyRequest>(&name, &text);
        } else if name.starts_with("rerank_") {
            check_request::<RerankRequest>(&name, &text);
        } else if name.starts_with("score_") {
            check_request::<ScoreRequest>(&name, &text);
        } else if name.starts_with("embed_") {
            check_request::<EmbedRequest>(&name, &text);
        } else if name.starts_with("predict_") {
            check_request::<PredictRequest>(&name, &text);
        } else if name.starts_with("similarity_") {
            check_request::<SimilarityRequest>(&name, &text);
        } else if name.starts_with("ner_") {
            check_request::<NerRequest>(&name, &text);
        } else if name.starts_with("qa_") {
            check_request::<QaRequest>(&name, &text);
        } else if name.starts_with("fill-mask_") {
            check_request::<FillMaskRequest>(&name, &text);
        } else if name.starts_with("pooling_") {
            check_request::<PoolingRequest>(&name, &text);
        } else {
            check_request::<CompletionRequest>(&name, &text);
        }
    }
}

/// What is written parses to the same request, leaves out only what is never written, and no text is debug-printed.
fn check_request<T: Serialize + DeserializeOwned + Debug + PartialEq>(name: &str, text: &str) {
    let request: T = parse(name, text);
    let written = serde_json::to_value(&request).unwrap();
    let golden: Value = parse(name, text);
    assert_same(name, &golden, &written);

    let shown = format!("{request:?}");
    let mut texts = Vec::new();
    collect_texts(&golden, &mut texts);
    assert!(!name.starts_with("chat_") || !texts.is_empty(), "{name}: no text to look for");
    for text in texts.iter().filter(|text| !text.is_empty()) {
        assert!(!shown.contains(*text), "{name}: {text:?} is debug-printed");
    }
}

/// Members of `written` are those of `golden`, but for null ones and for those that are read and not written.
fn assert_same(path: &str, golden: &Value, written: &Value) {
    const UNWRITTEN: [&str; 2] = ["prompt_cache_options", "annotations"];
    match (golden, written) {
        (Value::Object(golden), Value::Object(written)) => {
            let kept = golden.iter().filter(|(name, value)| !value.is_null() && !UNWRITTEN.contains(&name.as_str()));
            let names: BTreeSet<_> = kept.map(|(name, _)| name).collect();
            assert_eq!(names, written.keys().collect(), "{path}");
            for name in names {
                assert_same(&format!("{path}.{name}"), &golden[name], &written[name]);
            }
        }
        (Value::Array(golden), Value::Array(written)) => {
            assert_eq!(golden.len(), written.len(), "{path}");
            for (index, (golden, written)) in golden.iter().zip(written).enumerate() {
                assert_same(&format!("{path}[{index}]"), golden, written);
            }
        }
        (Value::Number(golden), Value::Number(written)) if golden != written => {
            assert_eq!(golden.as_f64(), written.as_f64(), "{path}");
        }
        _ => assert_eq!(golden, written, "{path}"),
    }
}

fn collect_texts<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| !NAMES.contains(&name.as_str()));
            members.for_each(|(_, value)| collect_texts(value, texts));
        }
        _ => {}
    }
}

#[test]
fn members_of_chat_requests() {
    let request = |name: &str| parse::<ChatRequest>(name, &read(&format!("requests/{name}.json")));

    let simple = request("chat_simple");
    assert_eq!(&*simple.model, "smol");
    assert_eq!(simple.messages.iter().map(|message| message.role).collect::<Vec<_>>(), [Role::System, Role::User]);
    assert_eq!(simple.messages[1].content, Some("How high is the upper station?".into()));

    let Some(Content::Parts(parts)) = &request("chat_parts").messages[0].content else { panic!("no parts") };
    assert_eq!(parts[1], ContentPart::Text { text: "the old cabin, the new cabin 🚡".into() });

    let tools = request("chat_tool_conversation");
    assert_eq!(tools.tool_choice, Some(ToolChoice::Function("lift_status".into())));
    assert_eq!(tools.tools.as_ref().unwrap()[0].function.as_ref().unwrap().strict, Some(true));
    let call = &tools.messages[1].tool_calls.as_ref().unwrap()[0];
    assert_eq!(&*call.function.arguments, r#"{"lift": "cable-car"}"#);
    assert_eq!(tools.messages[1].content, None);
    assert_eq!(tools.messages[2].tool_call_id.as_deref(), Some("call_a81f"));

    let stream = request("chat_stream").output;
    assert_eq!((stream.stream, stream.stream_options.unwrap().include_usage), (Some(true), Some(true)));

    let nothing_said =
        ChatRequest { model: simple.model, messages: List(vec![simple.messages[1].clone()]), ..<_>::default() };
    assert_eq!(request("chat_nulls"), nothing_said);

    let numbers = request("chat_whole_numbers");
    assert_eq!(numbers.stopping.max_tokens, Some(Integer(8)));
    assert_eq!((numbers.output.n, numbers.sampling.seed), (Some(Integer(2)), Some(Integer(-12))));
    assert_eq!(numbers.stopping.stop_token_ids, Some(List(vec![TokenId(2), TokenId(7)])));

    assert_eq!(request("chat_stop_string").stopping.stop, Some(Stop::One("the end.".into())));
    let stops = ["the end.", "Übrigens", "###-"].map(Into::into).to_vec();
    assert_eq!(request("chat_stop_list").stopping.stop, Some(Stop::Many(List(stops))));

    let all = request("chat_all_fields");
    let bias = LogitBias(vec![("50256".to_owned(), -100.0), ("11".to_owned(), 1.5)]);
    assert_eq!(all.sampling.logit_bias, Some(bias));
    assert_eq!(all.sampling.seed, Some(Integer(i64::MIN)));
    assert!(all.prompt_cache_options.is_some());
}

#[test]
fn members_of_completion_requests() {
    let request = |name: &str| parse::<CompletionRequest>(name, &read(&format!("requests/{name}.json")));
    let ids = |ids: &[u32]| ids.iter().copied().map(TokenId).collect::<Vec<_>>();

    assert_eq!(request("completion_string").prompt, Prompt::Text("The cabin left the valley and".into()));
    assert!(matches!(request("completion_strings").prompt, Prompt::Texts(texts) if texts.len() == 3));
    assert_eq!(request("completion_ids").prompt, Prompt::Tokens(ids(&[1, 4093, u32::MAX])));
    let lists = vec![ids(&[1, 4093, 4471]), ids(&[4093])];
    assert_eq!(request("completion_id_lists").prompt, Prompt::TokenLists(lists));
    let echo = request("completion_echo");
    assert_eq!((echo.output.echo, echo.logprobs), (Some(true), Some(Integer(0))));
    assert_eq!(echo.stopping.max_tokens, Some(Integer(0)));
    let all = request("completion_all_fields");
    assert_eq!((all.output.best_of, all.sampling.seed), (Some(Integer(4)), Some(Integer(i64::MAX))));
}

#[test]
fn members_of_embeddings_requests() {
    let request = |name: &str| parse::<EmbeddingsRequest>(name, &read(&format!("requests/{name}.json")));
    let all = request("embeddings_all_fields");
    assert_eq!(all.encoding_format, Some(EncodingFormat::Base64));
    assert_eq!((all.dimensions, all.truncate_prompt_tokens), (Some(Integer(64)), Some(Integer(-1))));
    assert!(matches!(all.input.unwrap().0, Prompt::Texts(texts) if texts.len() == 2));
    let lists = request("embeddings_id_lists").input.unwrap().0;
    assert_eq!(lists, Prompt::TokenLists(vec![vec![TokenId(1), TokenId(4093)], vec![TokenId(7)]]));
    assert_eq!(request("embeddings_chat").messages.unwrap()[0].role, Role::User);
}

#[test]
fn responses_are_written_as_they_are_read() {
    for (name, text) in examples("responses") {
        let check = match name.as_str() {
            name if name.starts_with("chat_response") => check_response::<ChatResponse>,
            name if name.starts_with("chat_chunk") => check_response::<ChatChunk>,
            name if name.starts_with("completion_response") => check_response::<CompletionResponse>,
            name if name.starts_with("completion_chunk") => check_response::<CompletionChunk>,
            name if name.starts_with("model_list") => check_response::<ModelList>,
            name if name.starts_with("model") => check_response::<Model>,
            name if name.starts_with("embeddings") => check_response::<EmbeddingsResponse>,
            name if name.starts_with("classify") => check_response::<Listing<Classified>>,
            name if name.starts_with("rerank") => check_response::<RerankResponse>,
            name if name.starts_with("score") => check_response::<Listing<PairScore>>,
            name if name.starts_with("ranked_texts") => check_response::<Vec<RankedText>>,
            name if name.starts_with("vectors") => check_response::<Vectors>,
            name if name.starts_with("predictions") => check_response::<Predictions>,
            name if name.starts_with("similarities") => check_response::<Similarities>,
            name if name.starts_with("ner") => check_response::<Listing<TextEntities>>,
            name if name.starts_with("qa") => check_response::<Listing<TextAnswers>>,
            name if name.starts_with("fill-mask") => check_response::<Listing<TextMasks>>,
            name if name.starts_with("pooling") => check_response::<Listing<Pooled>>,
            name if name.starts_with("error_body") => check_response::<ErrorBody>,
            _ => check_response::<Usage>,
        };
        check(&name, text.trim_end());
    }
}

fn check_response<T: Serialize + DeserializeOwned + Debug + PartialEq>(name: &str, text: &str) {
    let response: T = parse(name, text);
    let written = serde_json::to_string(&response).unwrap();
    assert_eq!(written, text, "{name}");
    assert_eq!(parse::<T>(name, &written), response, "{name}");
}

#[test]
fn what_is_refused_says_why() {
    for (name, text) in examples("refused") {
        let case: Value = parse(&name, &text);
        let body = case["text"].as_str().map_or_else(|| case["body"].to_string(), str::to_owned);
        let result = match case["type"].as_str() {
            Some("chat") => serde_json::from_str::<ChatRequest>(&body).map(drop),
            Some("embeddings") => serde_json::from_str::<EmbeddingsRequest>(&body).map(drop),
            Some("rerank") => serde_json::from_str::<RerankRequest>(&body).map(drop),
            Some("score") => serde_json::from_str::<ScoreRequest>(&body).map(drop),
            Some("embed") => serde_json::from_str::<EmbedRequest>(&body).map(drop),
            Some("predict") => serde_json::from_str::<PredictRequest>(&body).map(drop),
            Some("similarity") => serde_json::from_str::<SimilarityRequest>(&body).map(drop),
            Some("ner") => serde_json::from_str::<NerRequest>(&body).map(drop),
            Some("qa") => serde_json::from_str::<QaRequest>(&body).map(drop),
            Some("fill-mask") => serde_json::from_str::<FillMaskRequest>(&body).map(drop),
            Some("pooling") => serde_json::from_str::<PoolingRequest>(&body).map(drop),
            Some("completion") => serde_json::from_str::<CompletionRequest>(&body).map(drop),
            other => panic!("{name}: no type {other:?}"),
        };
        let message = result.expect_err(&name).to_string();
        assert!(message.contains(case["error"].as_str().unwrap()), "{name}: {message}");
    }
}

#[test]
fn lists_end_at_their_caps() {
    type Body = fn(Value) -> Value;
    let chat: Body = |messages| json!({"model": "m", "messages": messages});
    let calls: Body = |calls| json!({"model": "m", "messages": [{"role": "assistant", "tool_calls": calls}]});
    let stop: Body = |stop| json!({"model": "m", "messages": [{"role": "user"}], "stop": stop});
    let stop_ids: Body = |ids| json!({"model": "m", "messages": [{"role": "user"}], "stop_token_ids": ids});
    let prompts: Body = |prompts| json!({"model": "m", "prompt": prompts});
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let cases = [
        (chat, json!({"role": "user", "content": "x"}), 4096),
        (calls, call, 128),
        (stop, json!("x"), 16),
        (stop_ids, json!(1), 128),
        (prompts, json!("x"), 128),
        (prompts, json!([1]), 128),
    ];
    for (body, item, cap) in cases {
        let read = |count| {
            let body = body(vec![item.clone(); count].into());
            match body.get("prompt") {
                Some(_) => serde_json::from_value::<CompletionRequest>(body).map(drop),
                None => serde_json::from_value::<ChatRequest>(body).map(drop),
            }
        };
        assert!(read(cap).is_ok(), "{cap} of {item}");
        let message = read(cap + 1).unwrap_err().to_string();
        let expected = format!("invalid length {}, expected at most {cap} items", cap + 1);
        assert!(message.contains(&expected), "{item}: {message}");
    }
}

#[test]
fn every_spelling_of_off_is_read() {
    let formats = [
        (json!({"type": "text"}), FormatKind::Text),
        (json!({"type": "text", "json_schema": null}), FormatKind::Text),
        (json!({"type": "json_object"}), FormatKind::JsonObject),
    ];
    for (text, kind) in formats {
        let format: ResponseFormat = serde_json::from_value(text).unwrap();
        assert_eq!(format, ResponseFormat { kind, json_schema: None });
    }
    let spellings = [
        (json!(null), None),
        (json!(false), Some(Refused::Boolean(false))),
        (json!(true), Some(Refused::Boolean(true))),
        (json!(0), Some(Refused::Number(0.0))),
        (json!(1.0), Some(Refused::Number(1.0))),
        (json!("none"), Some(Refused::None)),
        (json!("auto"), Some(Refused::Auto)),
        (json!([]), Some(Refused::Empty)),
        (json!({}), Some(Refused::Empty)),
    ];
    for (value, expected) in spellings {
        let messages = json!([{"role": "user"}]);
        let body =
            json!({"model": "m", "messages": messages, "audio": value, "watermarking": value, "lora_path": value});
        let request: ChatRequest = serde_json::from_value(body).unwrap();
        assert_eq!([request.audio, request.scheduling.lora_path], [expected; 2], "{value}");
        let is_on = request.sampling.watermarking.is_some_and(RefusedUnless::is_on);
        assert_eq!(is_on, !value.is_null() && value != false, "{value}");
    }
}

#[test]
fn data_of_media_is_not_kept() {
    let members = [
        (json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}), MediaKind::ImageUrl),
        (json!({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}), MediaKind::InputAudio),
        (json!({"type": "file", "file": {"file_id": "file-9"}}), MediaKind::File),
    ];
    for (part, kind) in members {
        assert_eq!(serde_json::from_value::<ContentPart>(part).unwrap(), ContentPart::Media(kind));
    }
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Names and texts of the files in a folder; there are some.
fn examples(folder: &str) -> Vec<(String, String)> {
    let files = fs::read_dir(golden(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(file).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no files in {folder}");
    files
}

fn read(file: &str) -> String {
    fs::read_to_string(golden(file)).unwrap()
}

fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
}

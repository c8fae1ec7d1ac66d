//! Each row on the wire.

use axum::body::to_bytes;
use scheduler::KvPool;

use super::*;

const WAIT: Duration = Duration::from_millis(2500);

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn every_row_has_its_status_class_and_code() {
    let rows = [
        (ApiError::invalid_json("x"), 400, INVALID, "invalid_json", None),
        (ApiError::missing("model"), 400, INVALID, "missing_required_parameter", Some("model")),
        (ApiError::invalid_type("n", "x"), 400, INVALID, "invalid_type", Some("n")),
        (ApiError::invalid_value("n", "x"), 400, INVALID, "invalid_value", Some("n")),
        (ApiError::integer_above("n", 8), 400, INVALID, "integer_above_max_value", Some("n")),
        (ApiError::integer_below("n", 1), 400, INVALID, "integer_below_min_value", Some("n")),
        (ApiError::decimal_above("n", 2.0), 400, INVALID, "decimal_above_max_value", Some("n")),
        (ApiError::decimal_below("n", "at least 0"), 400, INVALID, "decimal_below_min_value", Some("n")),
        (ApiError::string_above("n", 9, 8, "bytes"), 400, INVALID, "string_above_max_length", Some("n")),
        (ApiError::string_below("n"), 400, INVALID, "string_below_min_length", Some("n")),
        (ApiError::array_above("n", 8), 400, INVALID, "array_above_max_length", Some("n")),
        (ApiError::array_below("n"), 400, INVALID, "array_below_min_length", Some("n")),
        (ApiError::unknown_parameter("a.b"), 400, INVALID, "unknown_parameter", Some("a.b")),
        (ApiError::unsupported_parameter("n", ""), 400, INVALID, "unsupported_parameter", Some("n")),
        (ApiError::unsupported_value("n", "x"), 400, INVALID, "unsupported_value", Some("n")),
        (ApiError::template_error("x"), 400, INVALID, "template_error", Some("messages")),
        (ApiError::context_length("prompt", 1, 1, 1), 400, INVALID, "context_length_exceeded", Some("prompt")),
        (ApiError::no_chat_template(), 400, INVALID, "unsupported_model", Some("model")),
        (ApiError::no_room_for_model("x"), 400, INVALID, "insufficient_memory", Some("model")),
        (ApiError::invalid_model("x"), 400, INVALID, "invalid_model", Some("model")),
        (ApiError::invalid_api_key(), 401, INVALID, "invalid_api_key", None),
        (ApiError::permission_denied(), 403, INVALID, "permission_denied", None),
        (ApiError::host_not_allowed(), 403, INVALID, "host_not_allowed", None),
        (ApiError::not_enabled("adapters"), 403, INVALID, "not_enabled", None),
        (ApiError::model_not_found("x"), 404, INVALID, "model_not_found", Some("model")),
        (ApiError::model_not_loaded("x"), 404, INVALID, "model_not_loaded", Some("model")),
        (ApiError::unknown_url(), 404, INVALID, "unknown_url", None),
        (ApiError::method_not_supported("PUT"), 405, INVALID, "method_not_supported", None),
        (ApiError::model_changing(), 409, INVALID, "conflict", None),
        (ApiError::slow_body(), 408, INVALID, "request_timeout", None),
        (ApiError::request_too_large(1), 413, INVALID, "request_too_large", None),
        (ApiError::uri_too_long(1), 414, INVALID, "uri_too_long", None),
        (ApiError::unsupported_media_type("x"), 415, INVALID, "unsupported_media_type", None),
        (ApiError::rate_limit_exceeded(WAIT), 429, LIMITED, "rate_limit_exceeded", None),
        (ApiError::queue_full("x", WAIT), 429, LIMITED, "queue_full", None),
        (ApiError::queue_timeout(WAIT), 429, LIMITED, "queue_timeout", None),
        (ApiError::deadline_unreachable(WAIT), 429, LIMITED, "deadline_unreachable", None),
        (ApiError::headers_too_large("x"), 431, INVALID, "headers_too_large", None),
        (ApiError::internal(), 500, SERVER, "internal_error", None),
        (ApiError::engine(), 500, SERVER, "engine_error", None),
        (ApiError::model_loading(), 503, SERVER, "model_loading", None),
        (ApiError::shutting_down(), 503, SERVER, "shutting_down", None),
        (ApiError::engine_restarting(), 503, SERVER, "engine_restarting", None),
        (ApiError::overloaded("x"), 503, SERVER, "overloaded", None),
        (ApiError::ran_too_long(), 504, SERVER, "request_timeout", None),
    ];
    for (error, status, kind, code, param) in rows {
        assert_eq!((error.status(), error.kind, error.code(), error.param()), (status, kind, code, param));
        let message = error.message().to_owned();
        assert!(!message.ends_with('.') && message.starts_with(|first: char| !first.is_uppercase()), "{message}");
        let response = error.into_response();
        assert_eq!(header(&response, "retry-after").is_some(), status == 429 || status == 503, "{code}");
        assert_eq!(header(&response, "retry-after-ms").is_some(), status == 429 || status == 503, "{code}");
        assert_eq!(header(&response, "x-llm-d-request-dropped-reason").is_some(), status == 429, "{code}");
        assert_eq!(header(&response, "x-should-retry").is_some(), status == 504, "{code}");
        assert_eq!(header(&response, "www-authenticate"), (status == 401).then_some("Bearer"), "{code}");
    }
}

#[tokio::test]
async fn the_body_has_all_four_members() {
    let response = ApiError::invalid_json("the body is empty").into_response();
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    let body = to_bytes(response.into_body(), 1 << 10).await.unwrap();
    let expected = r#"{"error":{"message":"the body is empty","type":"invalid_request_error","param":null,"code":"invalid_json"}}"#;
    assert_eq!(body, expected);
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_in_milliseconds() {
    let told = |wait| {
        let response = ApiError::queue_timeout(wait).into_response();
        (header(&response, "retry-after").unwrap().to_owned(), header(&response, "retry-after-ms").unwrap().to_owned())
    };
    assert_eq!(told(WAIT), ("3".to_owned(), "2500".to_owned()));
    assert_eq!(told(Duration::ZERO), ("1".to_owned(), "1000".to_owned()));
    assert_eq!(told(Duration::from_micros(1_000_001)), ("2".to_owned(), "1001".to_owned()));
    assert_eq!(told(Duration::from_mins(10)), ("60".to_owned(), "60000".to_owned()));
}

#[test]
fn a_rejection_becomes_its_row() {
    let rejected = |reject| ApiError::rejected(&reject, "prompt", WAIT);
    let long = rejected(Reject::TooLong { prompt: 8800, new: 200, limit: 8192 });
    let expected = "this model's maximum context length is 8192 tokens, the request needs 9000 (8800 in the prompt, 200 to generate)";
    assert_eq!((long.message(), long.param()), (expected, Some("prompt")));
    let never = rejected(Reject::NeverFits { pool: KvPool::Windowed, needed: 9, total: 8 });
    assert_eq!((never.code(), never.param()), ("context_length_exceeded", Some("prompt")));
    assert_eq!(never.message(), "the request needs 9 KV blocks of the windowed pool, which has 8");
    assert_eq!(rejected(Reject::Empty).code(), "invalid_value");
    let choices = rejected(Reject::TooManyChoices { choices: 9, limit: 8 });
    assert_eq!((choices.code(), choices.param()), ("integer_above_max_value", Some("n")));
    let full = rejected(Reject::QueueFull { waiting: 256, limit: 256 });
    assert_eq!((full.status(), full.code(), full.param()), (429, "queue_full", None));
    assert_eq!(rejected(Reject::QueueTokensFull { waiting: 9, limit: 8 }).code(), "queue_full");
}

#[test]
fn a_client_reads_little_of_its_own_text() {
    assert_eq!(excerpt("a\n\"b\u{1}"), r#"a\n\"b\u{1}"#);
    assert_eq!(excerpt(&"x".repeat(128)), "x".repeat(128));
    assert_eq!(excerpt(&"x".repeat(129)), format!("{}...", "x".repeat(128)));
    let path = ApiError::unknown_parameter(&"p".repeat(5000));
    assert!(path.message().len() < 200 && path.param().unwrap().len() < 140);
}

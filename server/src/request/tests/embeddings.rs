//! Members of requests for vectors.

use proto::EncodingFormat;

use super::*;

fn try_embeddings(members: Value) -> Result<EmbedRequest, ApiError> {
    embeddings(json::parse(&merged(json!({"model": "m", "input": "x"}), members))?, &rules())
}

fn refused(members: Value) -> (&'static str, String) {
    let shown = members.to_string();
    let error = try_embeddings(members).expect_err(&shown);
    (error.code(), error.param().unwrap_or_default().to_owned())
}

#[test]
fn inputs_of_every_kind() {
    let inputs = |input: Value| try_embeddings(json!({"input": input})).unwrap().inputs;
    assert!(matches!(&inputs(json!("a"))[..], [Prompt::Text(text)] if text == "a"));
    assert!(matches!(&inputs(json!(["a", " "]))[..], [Prompt::Text(_), Prompt::Text(b)] if b == " "));
    assert!(matches!(&inputs(json!([0, 499]))[..], [Prompt::Tokens(ids)] if *ids == [0, 499]));
    assert!(matches!(&inputs(json!([[1], [2, 3]]))[..], [Prompt::Tokens(_), Prompt::Tokens(ids)] if *ids == [2, 3]));
    let chat = json!({"input": null, "messages": [{"role": "user", "content": "x"}]});
    let request = try_embeddings(chat).unwrap();
    let [Prompt::Chat(chat)] = &request.inputs[..] else { panic!("a chat is one input") };
    assert!(!chat.add_generation_prompt && !request.add_special_tokens);
    assert_eq!(request.field, "messages");
}

#[test]
fn inputs_at_their_edges() {
    let wrong = |input: Value| refused(json!({"input": input}));
    assert_eq!(wrong(json!("")), at("string_below_min_length", "input"));
    assert_eq!(wrong(json!(["a", ""])), at("string_below_min_length", "input[1]"));
    assert_eq!(wrong(json!([])), at("array_below_min_length", "input"));
    assert_eq!(wrong(json!([[1], []])), at("array_below_min_length", "input[1]"));
    assert_eq!(try_embeddings(json!({"input": vec!["x"; 100]})).unwrap().inputs.len(), 100);
    assert_eq!(wrong(json!(vec!["x"; 101])), at("array_above_max_length", "input"));
    assert_eq!(wrong(json!(vec!["x"; 2049])), at("array_above_max_length", "input"));
    assert_eq!(wrong(json!([1, 500])), at("integer_above_max_value", "input[1]"));
    assert_eq!(wrong(json!([[1], [2, 500]])), at("integer_above_max_value", "input[1][1]"));
    assert_eq!(wrong(json!([-1])), at("integer_below_min_value", "input[0]"));
    assert_eq!(wrong(json!(["a", 1])), at("invalid_type", "input[1]"));
    assert_eq!(wrong(json!(5)), at("invalid_type", "input"));
    assert_eq!(wrong(json!({"text": "a"})), at("invalid_type", "input"));
    assert!(try_embeddings(json!({"input": ["x", "x".repeat(10_000)]})).is_ok());
    assert_eq!(wrong(json!(["x", "x".repeat(10_001)])), at("context_length_exceeded", "input"));
    assert_eq!(wrong(json!(null)), at("missing_required_parameter", "input"));
    assert_eq!(refused(json!({"messages": [{"role": "user", "content": "x"}]})), at("invalid_value", "messages"));
    assert_eq!(refused(json!({"input": null, "messages": []})), at("array_below_min_length", "messages"));
}

#[test]
fn the_form_of_vectors() {
    let form = |members| try_embeddings(members).unwrap().form;
    let default = VectorForm { dimensions: 64, normalize: true, encoding: EncodingFormat::Float };
    assert_eq!(form(json!({"encoding_format": null, "dimensions": null})), default);
    let other = VectorForm { dimensions: 1, normalize: false, encoding: EncodingFormat::Base64 };
    assert_eq!(form(json!({"encoding_format": "base64", "dimensions": 1, "normalize": false})), other);
    assert_eq!(form(json!({"dimensions": 64.0})).dimensions, 64);
    for (value, code) in [(65, "integer_above_max_value"), (0, "integer_below_min_value")] {
        assert_eq!(refused(json!({"dimensions": value})), at(code, "dimensions"));
    }
    assert_eq!(refused(json!({"dimensions": "64"})), at("invalid_type", "dimensions"));
    assert_eq!(refused(json!({"encoding_format": "int8"})), at("invalid_value", "encoding_format"));
    assert_eq!(refused(json!({"encoding_format": 1})), at("invalid_type", "encoding_format"));
    assert_eq!(refused(json!({"normalize": "yes"})), at("invalid_type", "normalize"));
}

#[test]
fn tokens_order_and_bookkeeping() {
    let plain = try_embeddings(json!({"user": "u"})).unwrap();
    assert_eq!((plain.add_special_tokens, plain.cut, plain.priority, plain.field), (true, None, 0, "input"));
    let cut = |kept: i64| try_embeddings(json!({"truncate_prompt_tokens": kept})).unwrap().cut;
    assert_eq!((cut(-1), cut(7)), (Some(PromptCut::ToFit), Some(PromptCut::To(7))));
    assert_eq!(refused(json!({"truncate_prompt_tokens": 0})), at("invalid_value", "truncate_prompt_tokens"));
    assert_eq!(refused(json!({"truncate_prompt_tokens": -2})), at("integer_below_min_value", "truncate_prompt_tokens"));
    assert!(!try_embeddings(json!({"add_special_tokens": false})).unwrap().add_special_tokens);
    assert_eq!(try_embeddings(json!({"priority": -100})).unwrap().priority, -100);
    assert_eq!(refused(json!({"priority": 101})), at("integer_above_max_value", "priority"));
    assert_eq!(refused(json!({"user": "u".repeat(129)})), at("string_above_max_length", "user"));
}

#[test]
fn which_refusal_wins() {
    assert_eq!(refused(json!({"model": "none", "dimensions": 65})), at("integer_above_max_value", "dimensions"));
    assert_eq!(refused(json!({"model": "none", "input": "x".repeat(10_001)})), at("model_not_found", "model"));
    assert_eq!(refused(json!({"model": null})), at("missing_required_parameter", "model"));
    for name in ["prompt", "inputs", "stream", "n", "cache_salt"] {
        assert_eq!(refused(json!({name: null})), at("unknown_parameter", name));
    }
}

#[test]
fn an_encoder_makes_vectors_and_continues_nothing() {
    let rules = RequestRules { kind: ModelKind::Embedder, ..rules() };
    let bytes = |body: Value| body.to_string().into_bytes();
    let asked = bytes(json!({"model": "m", "input": "x"}));
    assert!(embeddings(json::parse(&asked).unwrap(), &rules).is_ok());
    let ask = |model: &str| {
        let messages = json!([{"role": "user", "content": "x".repeat(10_001)}]);
        let chats = bytes(json!({"model": model, "messages": messages}));
        let texts = bytes(json!({"model": model, "prompt": "x".repeat(10_001)}));
        [chat(json::parse(&chats).unwrap(), &rules), completion(json::parse(&texts).unwrap(), &rules)]
    };
    for refused in ask("m") {
        let error = refused.unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            ("unsupported_model", "this model is an encoder: it serves /v1/embeddings, /v1/rerank and /v1/score")
        );
    }
    for unknown in ask("none") {
        assert_eq!(unknown.unwrap_err().code(), "model_not_found");
    }
}

#[test]
fn a_model_without_vectors_says_why() {
    let rules = RequestRules { vectors: Err("its files ask for mean pooling".to_owned()), ..rules() };
    let ask = |body: Value| embeddings(json::parse(body.to_string().as_bytes()).unwrap(), &rules).unwrap_err();
    let error = ask(json!({"model": "m", "input": "x".repeat(10_001)}));
    assert_eq!((error.status(), error.code(), error.param()), (400, "unsupported_model", Some("model")));
    assert_eq!(error.message(), "its files ask for mean pooling");
    assert_eq!(ask(json!({"model": "none", "input": "x"})).code(), "model_not_found");
}

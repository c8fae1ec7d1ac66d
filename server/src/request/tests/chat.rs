//! Members of chats: messages, lengths, log-probabilities, hints.

use super::*;
use crate::{
    chat_prompt::{ChatMessage, Role},
    reasoning::ThoughtText,
};

fn messages(messages: Value) -> Vec<ChatMessage> {
    let request = try_chat(json!({"messages": messages})).unwrap();
    let [Prompt::Chat(prompt)] = &request.prompts[..] else { panic!("one chat") };
    prompt.messages.clone()
}

fn refused(messages: Value) -> (&'static str, String) {
    chat_error(json!({"messages": messages}))
}

fn call(id: &str, kind: &str) -> Value {
    json!({"id": id, "type": kind, "function": {"name": "f", "arguments": "{}"}})
}

#[test]
fn messages_of_every_role() {
    let read = messages(json!([
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "ann"},
        {"role": "assistant", "content": null, "tool_calls": [call("c1", "function")]},
        {"role": "tool", "content": "5", "tool_call_id": "c1", "name": "f"},
        {"role": "assistant", "content": "ok", "refusal": null, "annotations": [], "audio": null, "function_call": null},
        {"role": "system", "content": ""},
    ]));
    let roles: Vec<Role> = read.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Assistant, Role::System]);
    assert_eq!(read[1].content, "ab");
    assert_eq!(read[1].name.as_deref(), Some("ann"));
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": {}}});
    assert_eq!(read[2].tool_calls, Some(json!([call])));
    assert_eq!(read[3].tool_call_id.as_deref(), Some("c1"));
}

#[test]
fn messages_that_are_refused() {
    assert_eq!(refused(json!([])), at("array_below_min_length", "messages"));
    assert_eq!(refused(json!([{"role": "user"}])), at("missing_required_parameter", "messages[0].content"));
    assert_eq!(refused(json!([{"role": "user", "content": []}])), at("array_below_min_length", "messages[0].content"));
    let bare = json!([{"role": "assistant", "tool_calls": []}]);
    assert_eq!(refused(bare), at("missing_required_parameter", "messages[0].content"));
    let foreign = json!([{"role": "user", "content": "x", "tool_calls": [call("a", "function")]}]);
    assert_eq!(refused(foreign), at("unknown_parameter", "messages[0].tool_calls"));
    let custom = json!([{"role": "assistant", "tool_calls": [call("a", "function"), call("b", "custom")]}]);
    assert_eq!(refused(custom), at("unsupported_value", "messages[0].tool_calls[1].type"));
    let refusal = json!([{"role": "user", "content": [{"type": "refusal", "refusal": "no"}]}]);
    assert_eq!(refused(refusal), at("invalid_value", "messages[0].content[0].type"));
}

#[test]
fn media_is_refused_by_its_type() {
    for kind in ["image_url", "input_audio", "file"] {
        let part = json!({"type": kind, kind: {"url": "data:,x"}});
        let content = json!([{"type": "text", "text": "see"}, part]);
        let error = refused(json!([{"role": "user", "content": content}]));
        assert_eq!(error, at("unsupported_value", "messages[0].content[1].type"));
    }
}

#[test]
fn a_tool_message_answers_a_call() {
    let assistant = json!({"role": "assistant", "tool_calls": [call("a", "function")]});
    let tool = |id: &str| json!({"role": "tool", "content": "5", "tool_call_id": id});
    assert!(try_chat(json!({"messages": [assistant, tool("a"), tool("a")]})).is_ok());
    assert_eq!(refused(json!([assistant, tool("b")])), at("invalid_value", "messages[1].tool_call_id"));
    assert_eq!(refused(json!([tool("a")])), at("invalid_value", "messages[0].tool_call_id"));
    let later = json!([assistant, {"role": "assistant", "content": "x"}, tool("a")]);
    assert_eq!(refused(later), at("invalid_value", "messages[2].tool_call_id"));
    let without = json!([assistant, {"role": "tool", "content": "5"}]);
    assert_eq!(refused(without), at("missing_required_parameter", "messages[1].tool_call_id"));
    let stray = json!([{"role": "user", "content": "x", "tool_call_id": "a"}]);
    assert_eq!(refused(stray), at("unknown_parameter", "messages[0].tool_call_id"));
}

#[test]
fn the_count_and_the_bytes_of_messages() {
    let many = |count| json!({"messages": vec![json!({"role": "user", "content": "x"}); count]});
    assert!(try_chat(many(4096)).is_ok());
    assert_eq!(chat_error(many(4097)), at("array_above_max_length", "messages"));
    let long = |bytes| json!({"messages": [{"role": "user", "content": "x".repeat(bytes)}]});
    assert!(try_chat(long(10_000)).is_ok());
    assert_eq!(chat_error(long(10_001)), at("context_length_exceeded", "messages"));
}

#[test]
fn two_names_of_the_token_limit() {
    let max = |members| try_chat(members).unwrap().max_new;
    assert_eq!(max(json!({})), None);
    assert_eq!(max(json!({"max_tokens": 5})), Some(5));
    assert_eq!(max(json!({"max_completion_tokens": 6})), Some(6));
    assert_eq!(max(json!({"max_tokens": 5, "max_completion_tokens": 5})), Some(5));
    let both = json!({"max_tokens": 5, "max_completion_tokens": 6});
    assert_eq!(chat_error(both), at("invalid_value", "max_tokens"));
    assert_eq!(chat_error(json!({"max_tokens": 0})), at("integer_below_min_value", "max_tokens"));
}

#[test]
fn log_probabilities() {
    let asked = |members| try_chat(members).unwrap().sampling.logprobs;
    assert_eq!(asked(json!({"logprobs": false})), None);
    assert_eq!(asked(json!({"logprobs": true})), Some(0));
    assert_eq!(asked(json!({"logprobs": true, "top_logprobs": 20})), Some(20));
    let above = json!({"logprobs": true, "top_logprobs": 21});
    assert_eq!(chat_error(above), at("integer_above_max_value", "top_logprobs"));
    for members in [json!({"top_logprobs": 0}), json!({"logprobs": false, "top_logprobs": 2})] {
        assert_eq!(chat_error(members), at("invalid_value", "top_logprobs"));
    }
}

#[test]
fn how_the_prompt_ends() {
    let ending = |members| {
        let request = try_chat(members).unwrap();
        let [Prompt::Chat(prompt)] = &request.prompts[..] else { panic!("one chat") };
        (prompt.add_generation_prompt, prompt.continue_final_message)
    };
    assert_eq!(ending(json!({})), (true, false));
    assert_eq!(ending(json!({"add_generation_prompt": false})), (false, false));
    assert_eq!(ending(json!({"continue_final_message": true})), (false, true));
    let both = json!({"continue_final_message": true, "add_generation_prompt": true});
    assert_eq!(chat_error(both), at("invalid_value", "continue_final_message"));
}

#[test]
fn accepted_members() {
    let request = try_chat(json!({
        "user": "u", "safety_identifier": "s", "prompt_cache_key": "k", "prompt_cache_retention": "24h",
        "metadata": {"a": "b"}, "store": false, "service_tier": "auto", "prompt_cache_options": {}, "modalities": ["text"],
        "parallel_tool_calls": true, "tools": [], "tool_choice": "none", "reasoning_effort": "none",
    }));
    assert_eq!(request.unwrap().ignored, Vec::<String>::new());
    let hints = json!({"store": true, "verbosity": "low", "reasoning_effort": "high", "service_tier": "flex"});
    assert_eq!(try_chat(hints).unwrap().ignored, ["store", "verbosity", "service_tier", "reasoning_effort"]);
    assert_eq!(chat_error(json!({"modalities": ["text", "audio"]})), at("unsupported_value", "modalities[1]"));
    assert_eq!(chat_error(json!({"prompt_cache_options": []})), at("invalid_type", "prompt_cache_options"));
    assert_eq!(chat_error(json!({"store": "no"})), at("invalid_type", "store"));
}

#[test]
fn metadata_at_its_edges() {
    let pairs = |count: u32| Value::Object((0..count).map(|key| (key.to_string(), json!("v"))).collect());
    assert!(try_chat(json!({"metadata": pairs(16)})).is_ok());
    assert_eq!(chat_error(json!({"metadata": pairs(17)})), at("string_above_max_length", "metadata"));
    assert!(try_chat(json!({"metadata": {"\u{e4}".repeat(64): "\u{e4}".repeat(512)}})).is_ok());
    assert_eq!(chat_error(json!({"metadata": {"k": "v".repeat(513)}})), at("string_above_max_length", "metadata.k"));
    assert_eq!(chat_error(json!({"metadata": {"k".repeat(65): "v"}})).0, "string_above_max_length");
}

#[test]
fn predictions_are_text() {
    let predicted = |content: Value| json!({"prediction": {"type": "content", "content": content}});
    let text = |content: Value| try_chat(predicted(content)).unwrap().prediction;
    assert_eq!(text(json!("a b")).as_deref(), Some("a b"));
    assert_eq!(text(json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])).as_deref(), Some("ab"));
    let image = json!([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:,"}}]);
    assert_eq!(chat_error(predicted(image)), at("unsupported_value", "prediction.content[1].type"));
    assert_eq!(
        chat_error(json!({"prediction": {"type": "content"}})),
        at("missing_required_parameter", "prediction.content")
    );
    let other = json!({"prediction": {"type": "tokens", "content": "a"}});
    assert_eq!(chat_error(other), at("unsupported_value", "prediction.type"));
    assert_eq!(chat_error(json!({"prediction": "a"})), at("invalid_type", "prediction"));
}

#[test]
fn thoughts() {
    let read = |members| try_chat(members).unwrap().reasoning;
    assert_eq!(read(json!({})), ReasoningRules::default());
    assert_eq!(read(json!({"include_reasoning": false, "separate_reasoning": true})).text, ThoughtText::Dropped);
    assert_eq!(read(json!({"separate_reasoning": false})).text, ThoughtText::InContent);
    assert_eq!(read(json!({"thinking_token_budget": 0})).budget, Some(0));
    let unused = try_chat(json!({"thinking_token_budget": 7, "include_reasoning": false})).unwrap().ignored;
    assert_eq!(unused, ["thinking_token_budget"], "this model does not think");
    assert_eq!(
        chat_error(json!({"thinking_token_budget": -1})),
        at("integer_below_min_value", "thinking_token_budget")
    );
    assert_eq!(chat_error(json!({"include_reasoning": "no"})), at("invalid_type", "include_reasoning"));
}

#[test]
fn members_that_only_chats_refuse() {
    let members = [
        ("audio", json!({})),
        ("functions", json!([])),
        ("function_call", json!("auto")),
        ("web_search_options", json!({})),
        ("moderation", json!({})),
        ("chat_template", json!("{{ x }}")),
        ("echo", json!(true)),
    ];
    for (name, value) in members {
        assert_eq!(chat_error(json!({name: value})), at("unsupported_parameter", name));
        assert!(try_chat(json!({name: null})).is_ok(), "{name}");
    }
    let message = try_chat(json!({"functions": []})).unwrap_err();
    assert_eq!(message.message(), "functions is not supported, use tools");
}

#[test]
fn documents_are_for_templates_that_read_them() {
    let reads = RequestRules { template_variables: ["documents".to_owned()].into(), ..rules() };
    let read = |documents: Value| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "documents": documents});
        chat(json::parse(body.to_string().as_bytes())?, &reads).map(|mut request| match request.prompts.remove(0) {
            Prompt::Chat(prompt) => prompt.documents,
            _ => panic!("a chat has a chat for a prompt"),
        })
    };
    let document = json!([{"title": "a", "text": "b"}]);
    assert_eq!(read(document.clone()).unwrap(), Some(document.clone()));
    assert_eq!(read(json!([])).unwrap(), None);
    assert_eq!(read(json!({})).unwrap_err().code(), "invalid_type");
    assert_eq!(read(json!([{}, "x"])).unwrap_err().param(), Some("documents[1]"));
    assert_eq!(read(json!(vec![json!({}); 2049])).unwrap_err().code(), "array_above_max_length");
    assert_eq!(chat_error(json!({"documents": document})), at("unsupported_parameter", "documents"));
    assert!(try_chat(json!({"documents": []})).is_ok(), "no documents need no template that reads them");
}

#[test]
fn variables_of_the_template_are_scalars() {
    const KWARGS: &str = "chat_template_kwargs";
    let with = |values: Value| json!({KWARGS: values});
    for values in [json!([]), json!("x"), json!(true)] {
        assert_eq!(chat_error(with(values)), at("invalid_type", KWARGS));
    }
    for (name, value, code) in [
        ("messages", json!("x"), "invalid_value"),
        ("tools", json!(null), "invalid_value"),
        ("a", json!([1]), "invalid_type"),
        ("a", json!({}), "invalid_type"),
    ] {
        assert_eq!(chat_error(with(json!({name: value}))), at(code, &format!("{KWARGS}.{name}")));
    }
    let several = |count: usize| Value::Object((0..count).map(|index| (format!("a{index}"), json!(index))).collect());
    assert!(try_chat(with(several(32))).is_ok());
    assert_eq!(chat_error(with(several(33))), at("invalid_value", KWARGS));
    let read = try_chat(with(json!({"enable_thinking": false, "other": 1, "odd name": "x"}))).unwrap();
    assert_eq!(read.ignored, ["chat_template_kwargs.other", KWARGS]);
    let [Prompt::Chat(prompt)] = read.prompts.as_slice() else { panic!("a chat") };
    assert_eq!(prompt.template_arguments["enable_thinking"], json!(false));
    assert_eq!(chat_error(with(json!({"a": "x".repeat(10_000)}))), at("context_length_exceeded", "messages"));
}

//! Members of completions: prompts, lengths, log-probabilities.

use super::*;

fn prompts(prompt: Value) -> Vec<Prompt> {
    try_completion(json!({"prompt": prompt})).unwrap().prompts
}

#[test]
fn prompts_of_every_kind() {
    assert!(matches!(&prompts(json!(""))[..], [Prompt::Text(text)] if text.is_empty()));
    assert!(matches!(&prompts(json!(["a", "b"]))[..], [Prompt::Text(a), Prompt::Text(b)] if a == "a" && b == "b"));
    assert!(matches!(&prompts(json!([0, 499]))[..], [Prompt::Tokens(ids)] if *ids == [0, 499]));
    assert!(matches!(&prompts(json!([[1], [2, 3]]))[..], [Prompt::Tokens(_), Prompt::Tokens(ids)] if *ids == [2, 3]));
}

#[test]
fn prompts_at_their_edges() {
    assert_eq!(prompts(json!(vec!["x"; 128])).len(), 128);
    assert_eq!(completion_error(json!({"prompt": vec!["x"; 129]})), at("array_above_max_length", "prompt"));
    assert_eq!(completion_error(json!({"prompt": [1, 500]})), at("integer_above_max_value", "prompt[1]"));
    assert_eq!(completion_error(json!({"prompt": [[1], [2, 500]]})), at("integer_above_max_value", "prompt[1][1]"));
    assert!(try_completion(json!({"prompt": "x".repeat(10_000)})).is_ok());
    assert_eq!(completion_error(json!({"prompt": "x".repeat(10_001)})), at("context_length_exceeded", "prompt"));
    assert_eq!(completion_error(json!({"prompt": null})), at("missing_required_parameter", "prompt"));
}

#[test]
fn tokens_to_generate() {
    let max = |members| try_completion(members).unwrap().max_new;
    assert_eq!(max(json!({})), Some(16));
    assert_eq!(max(json!({"max_tokens": 0})), Some(0));
    assert_eq!(completion_error(json!({"max_tokens": -1})), at("integer_below_min_value", "max_tokens"));
    let chat_name = json!({"max_completion_tokens": 5});
    assert_eq!(completion_error(chat_name), at("unknown_parameter", "max_completion_tokens"));
}

#[test]
fn echo_and_log_probabilities() {
    assert_eq!(try_completion(json!({"logprobs": 20})).unwrap().sampling.logprobs, Some(20));
    assert_eq!(completion_error(json!({"logprobs": 21})), at("integer_above_max_value", "logprobs"));
    assert_eq!(completion_error(json!({"logprobs": true})), at("invalid_type", "logprobs"));
    assert!(try_completion(json!({"echo": true})).unwrap().echo);
    let scored = |members| try_completion(members).unwrap().sampling.prompt_logprobs;
    assert_eq!(scored(json!({"echo": true, "logprobs": 3})), Some(3));
    assert_eq!(scored(json!({"echo": true, "logprobs": 3, "prompt_logprobs": 1})), Some(3), "both are reported");
    assert_eq!(scored(json!({"echo": true, "logprobs": 0, "prompt_logprobs": 5})), Some(5));
    assert_eq!((scored(json!({"echo": true})), scored(json!({"logprobs": 3}))), (None, None));
}

#[test]
fn what_completions_refuse() {
    assert_eq!(completion_error(json!({"suffix": ""})), at("unsupported_parameter", "suffix"));
    assert_eq!(completion_error(json!({"prompt_embeds": "x"})), at("unsupported_parameter", "prompt_embeds"));
    for name in ["messages", "tools", "metadata", "top_logprobs", "chat_template", "documents"] {
        assert_eq!(completion_error(json!({name: null})), at("unknown_parameter", name));
    }
}

#[test]
fn special_tokens_are_added_unless_refused() {
    assert!(try_completion(json!({})).unwrap().add_special_tokens);
    assert!(!try_completion(json!({"add_special_tokens": false})).unwrap().add_special_tokens);
    assert!(!try_chat(json!({})).unwrap().add_special_tokens);
    assert!(!try_chat(json!({"skip_special_tokens": false})).unwrap().skip_special_tokens);
}

//! `POST /v1/completions`: the members of its own.

use proto::{CompletionRequest, Prompt as WirePrompt, Text, TokenId};

use super::{
    GenerateRequest, Prompt, RequestRules,
    range::size,
    refuse,
    shared::{OwnParts, SharedFields},
};
use crate::error::ApiError;

/// Tokens to generate where the request does not say.
const DEFAULT_MAX_NEW: usize = 16;

/// Reads a request to continue prompts.
pub fn completion(request: CompletionRequest, rules: &RequestRules) -> Result<GenerateRequest, ApiError> {
    refuse::completion(&request)?;
    if request.suffix.is_some() {
        return Err(ApiError::unsupported_parameter("suffix", " by this model"));
    }
    let logprobs = request.logprobs.map(size);
    let max_new = request.stopping.max_tokens.map_or(DEFAULT_MAX_NEW, size);
    let own = OwnParts { model: request.model.0, max_new: Some(max_new), logprobs, add_special_tokens: true };
    let model = own.model.clone();
    let prompt = request.prompt;
    let prompts = || {
        let prompts = prompts(prompt, "prompt", rules)?;
        rules.check_generator(&model)?;
        for prompt in &prompts {
            if let Prompt::Text(text) = prompt {
                rules.check_prompt_bytes("prompt", text.len())?;
            }
        }
        Ok(prompts)
    };
    let shared = SharedFields {
        sampling: request.sampling,
        stopping: request.stopping,
        output: request.output,
        format: request.response_format,
        scheduling: request.scheduling,
        calls: None,
    };
    shared.request(own, rules, prompts)
}

/// The prompts of the member called `name`.
pub(super) fn prompts(prompt: WirePrompt, name: &str, rules: &RequestRules) -> Result<Vec<Prompt>, ApiError> {
    let text = |text: Text| Prompt::Text(text.into_string());
    match prompt {
        WirePrompt::Text(one) => Ok(vec![text(one)]),
        WirePrompt::Texts(texts) => Ok(texts.into_iter().map(text).collect()),
        WirePrompt::Tokens(ids) => Ok(vec![tokens(&ids, name, rules)?]),
        WirePrompt::TokenLists(lists) => {
            let lists = lists.iter().enumerate();
            lists.map(|(index, ids)| tokens(ids, &format!("{name}[{index}]"), rules)).collect()
        }
    }
}

fn tokens(ids: &[TokenId], path: &str, rules: &RequestRules) -> Result<Prompt, ApiError> {
    rules.check_tokens(path, ids).map(Prompt::Tokens)
}

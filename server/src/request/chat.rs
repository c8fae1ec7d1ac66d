//! `POST /v1/chat/completions`: the members of its own.

use proto::{ChatRequest, Integer};

use super::{
    GenerateRequest, Prompt, RequestRules, accepted, messages,
    range::count,
    refuse,
    shared::{OwnParts, SharedFields},
    tools::{ToolFields, ToolUse},
};
use crate::{chat_prompt::ChatPrompt, error::ApiError};

/// Most alternatives reported for a token.
const MAX_TOP_LOGPROBS: usize = 20;

/// Reads a request for the next turn of a chat.
pub fn chat(request: ChatRequest, rules: &RequestRules) -> Result<GenerateRequest, ApiError> {
    refuse::chat(&request)?;
    if request.output.echo == Some(true) {
        return Err(ApiError::unsupported_parameter("echo", " in a chat"));
    }
    let ignored = accepted::ignored(&request)?;
    let (add_generation_prompt, continue_final_message) = ending(&request)?;
    let own = OwnParts {
        max_new: max_new(&request)?,
        logprobs: logprobs(&request)?,
        add_special_tokens: false,
        model: request.model,
    };
    let (messages, bytes) = messages::read(request.messages.0)?;
    let fields =
        ToolFields { tools: request.tools, choice: request.tool_choice, parallel: request.parallel_tool_calls };
    let ToolUse { declared, calls } = fields.read(rules.calls)?;
    let bytes = bytes + declared.as_ref().map_or(0, |tools| tools.to_string().len());
    let model = own.model.clone();
    let prompts = || {
        rules.check_model(&model)?;
        rules.check_prompt_bytes("messages", bytes)?;
        let tools = declared;
        let prompt =
            ChatPrompt { messages, add_generation_prompt, continue_final_message, tools, ..ChatPrompt::default() };
        Ok(vec![Prompt::Chat(prompt)])
    };
    let shared = SharedFields {
        sampling: request.sampling,
        stopping: request.stopping,
        output: request.output,
        format: request.response_format,
        scheduling: request.scheduling,
        calls,
    };
    Ok(GenerateRequest { ignored, ..shared.request(own, rules, prompts)? })
}

/// Whether the prompt ends with the opening of a turn, and whether it leaves the last message open.
fn ending(request: &ChatRequest) -> Result<(bool, bool), ApiError> {
    let continues = request.continue_final_message.unwrap_or(false);
    if continues && request.add_generation_prompt == Some(true) {
        return Err(ApiError::invalid_value("continue_final_message", "contradicts add_generation_prompt"));
    }
    Ok((request.add_generation_prompt.unwrap_or(!continues), continues))
}

/// Two names of one number.
fn max_new(request: &ChatRequest) -> Result<Option<usize>, ApiError> {
    let read = |name, value: Option<Integer>| value.map(|value| count(name, value, 1, u32::MAX as usize)).transpose();
    let newer = read("max_completion_tokens", request.max_completion_tokens)?;
    let older = read("max_tokens", request.stopping.max_tokens)?;
    match (newer, older) {
        (Some(newer), Some(older)) if newer != older => {
            Err(ApiError::invalid_value("max_tokens", format_args!("is {older}, max_completion_tokens is {newer}")))
        }
        (newer, older) => Ok(newer.or(older)),
    }
}

fn logprobs(request: &ChatRequest) -> Result<Option<usize>, ApiError> {
    let top = request.top_logprobs.map(|value| count("top_logprobs", value, 0, MAX_TOP_LOGPROBS)).transpose()?;
    match (request.logprobs.unwrap_or(false), top) {
        (true, top) => Ok(Some(top.unwrap_or(0))),
        (false, None) => Ok(None),
        (false, Some(_)) => Err(ApiError::invalid_value("top_logprobs", "needs logprobs to be true")),
    }
}

//! `POST /v1/chat/completions`: the members of its own.

use proto::{AnyJson, ChatRequest, Integer, Messages, ReasoningEffort};
use serde_json::Value;

use super::{
    GenerateRequest, Prompt, RequestRules, accepted, beams, documents, messages, prediction,
    range::size,
    reasoning, refuse,
    shared::{OwnParts, SharedFields},
    template_arguments,
    tools::{ToolFields, ToolUse},
};
use crate::{chat_prompt::ChatPrompt, error::ApiError};

/// Reads a request for the next turn of a chat.
pub fn chat(mut request: ChatRequest, rules: &RequestRules) -> Result<GenerateRequest, ApiError> {
    refuse::chat(&request)?;
    if request.output.echo == Some(true) {
        return Err(ApiError::unsupported_parameter("echo", " in a chat"));
    }
    if request.output.best_of > request.output.n.or(Some(Integer(1))) && !beams::is_wanted(&request.sampling) {
        return Err(ApiError::unsupported_parameter("best_of", " above n in a chat"));
    }
    let mut ignored = accepted::ignored(&request)?;
    let (reasoning, unused) = reasoning::read(&request, rules);
    ignored.extend(unused.map(str::to_owned));
    let prediction = prediction::read(request.prediction.take(), rules)?;
    let own = OwnParts {
        max_new: max_new(&request)?,
        logprobs: logprobs(&request)?,
        add_special_tokens: false,
        model: request.model.0,
    };
    let fields =
        ToolFields { tools: request.tools, choice: request.tool_choice, parallel: request.parallel_tool_calls };
    let ToolUse { declared, calls } = fields.read(rules.calls)?;
    let turns = Turns {
        messages: request.messages,
        tools: declared,
        add_generation_prompt: request.add_generation_prompt,
        continue_final_message: request.continue_final_message,
        documents: request.documents,
        effort: request.reasoning_effort,
        arguments: request.chat_template_kwargs,
    };
    let Conversation { prompt, bytes, ignored: unread } = turns.read(rules)?;
    ignored.extend(unread);
    let model = own.model.clone();
    let prompts = || {
        rules.check_generator(&model)?;
        rules.check_prompt_bytes("messages", bytes)?;
        Ok(vec![Prompt::Chat(Box::new(prompt))])
    };
    let shared = SharedFields {
        sampling: request.sampling,
        stopping: request.stopping,
        output: request.output,
        format: request.response_format,
        scheduling: request.scheduling,
        calls,
    };
    let request = GenerateRequest { prediction, reasoning, ignored, ..shared.request(own, rules, prompts)? };
    beams::check_unpredicted(&request)?;
    Ok(request)
}

/// A conversation as it came.
pub(super) struct Turns {
    pub(super) messages: Messages,
    /// As templates take them.
    pub(super) tools: Option<Value>,
    pub(super) add_generation_prompt: Option<bool>,
    pub(super) continue_final_message: Option<bool>,
    pub(super) documents: Option<AnyJson>,
    pub(super) effort: Option<ReasoningEffort>,
    pub(super) arguments: Option<AnyJson>,
}

/// A conversation as templates take it.
pub(super) struct Conversation {
    pub(super) prompt: ChatPrompt,
    /// Its size.
    pub(super) bytes: usize,
    /// Members without effect.
    pub(super) ignored: Vec<String>,
}

impl Turns {
    /// Reads and measures it.
    pub(super) fn read(mut self, rules: &RequestRules) -> Result<Conversation, ApiError> {
        let documents = documents::read(self.documents.take(), rules)?;
        let (add_generation_prompt, continue_final_message) = self.ending()?;
        let (messages, bytes) = messages::read(self.messages.0)?;
        let arguments = template_arguments::read(self.arguments, self.effort, rules)?;
        let structures = self.tools.iter().chain(&documents);
        let bytes = bytes + arguments.bytes + structures.map(|value| value.to_string().len()).sum::<usize>();
        let prompt = ChatPrompt {
            messages,
            add_generation_prompt,
            continue_final_message,
            tools: self.tools,
            documents,
            template_arguments: arguments.values,
        };
        Ok(Conversation { prompt, bytes, ignored: arguments.ignored })
    }

    /// Whether the prompt ends with the opening of a turn, and whether it leaves the last message open.
    fn ending(&self) -> Result<(bool, bool), ApiError> {
        let continues = self.continue_final_message.unwrap_or(false);
        if continues && self.add_generation_prompt == Some(true) {
            return Err(ApiError::invalid_value("continue_final_message", "contradicts add_generation_prompt"));
        }
        Ok((self.add_generation_prompt.unwrap_or(!continues), continues))
    }
}

/// Two names of one number.
fn max_new(request: &ChatRequest) -> Result<Option<usize>, ApiError> {
    let older = request.stopping.max_tokens.map(size);
    if older == Some(0) {
        return Err(ApiError::integer_below("max_tokens", 1));
    }
    match (request.max_completion_tokens.map(size), older) {
        (Some(newer), Some(older)) if newer != older => {
            Err(ApiError::invalid_value("max_tokens", format_args!("is {older}, max_completion_tokens is {newer}")))
        }
        (newer, older) => Ok(newer.or(older)),
    }
}

fn logprobs(request: &ChatRequest) -> Result<Option<usize>, ApiError> {
    match (request.logprobs.unwrap_or(false), request.top_logprobs.map(size)) {
        (true, top) => Ok(Some(top.unwrap_or(0))),
        (false, None) => Ok(None),
        (false, Some(_)) => Err(ApiError::invalid_value("top_logprobs", "needs logprobs to be true")),
    }
}

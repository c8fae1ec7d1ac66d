//! Members that are known and not served: they pass only with the value that means "off".

use proto::{
    ChatRequest, CompletionRequest, EmbedRequest, Off, OutputFields, RefusedUnless, SamplingFields, SchedulingFields,
    SimilarityParameters, StoppingFields, TokenizeRequest,
};

use crate::error::ApiError;

/// A member's name, and whether it asks for what is not served. An absent one never does.
type Member = (&'static str, bool);

fn refuse(members: impl IntoIterator<Item = Member>) -> Result<(), ApiError> {
    match members.into_iter().find(|(_, is_on)| *is_on) {
        Some((name, _)) => Err(ApiError::unsupported_parameter(name, instead(name))),
        None => Ok(()),
    }
}

fn is_on<W: Off>(member: Option<RefusedUnless<W>>) -> bool {
    member.is_some_and(RefusedUnless::is_on)
}

/// What to do instead.
fn instead(name: &str) -> &'static str {
    match name {
        "functions" | "function_call" => ", use tools",
        "ebnf" | "grammar" | "json_schema" => ", use structured_outputs",
        "content" | "inputs" => ", use prompt",
        "add_special" => ", use add_special_tokens",
        "with_pieces" => ", use return_token_strs",
        "lora_path" => ", adapters are chosen by model",
        "prompt_name" | "parameters.prompt_name" => ", put the prompt before the text",
        _ => "",
    }
}

pub(super) fn sampling(fields: &SamplingFields) -> Result<(), ApiError> {
    refuse([
        ("watermarking", is_on(fields.watermarking)),
        ("repetition_detection", fields.repetition_detection.is_some()),
    ])
}

pub(super) fn stopping(fields: &StoppingFields) -> Result<(), ApiError> {
    refuse([("stop_regex", fields.stop_regex.is_some())])
}

pub(super) fn output(fields: &OutputFields) -> Result<(), ApiError> {
    refuse([
        ("return_token_offsets", is_on(fields.return_token_offsets)),
        ("ebnf", fields.ebnf.is_some()),
        ("grammar", fields.grammar.is_some()),
        ("json_schema", fields.json_schema.is_some()),
    ])
}

pub(super) fn scheduling(fields: &SchedulingFields) -> Result<(), ApiError> {
    refuse([("lora_path", fields.lora_path.is_some())])
}

pub(super) fn chat(request: &ChatRequest) -> Result<(), ApiError> {
    refuse([
        ("audio", request.audio.is_some()),
        ("functions", request.functions.is_some()),
        ("function_call", is_on(request.function_call)),
        ("web_search_options", request.web_search_options.is_some()),
        ("moderation", request.moderation.is_some()),
        ("chat_template", request.chat_template.is_some()),
    ])
}

pub(super) fn completion(request: &CompletionRequest) -> Result<(), ApiError> {
    refuse([("prompt_embeds", request.prompt_embeds.is_some())])
}

pub(super) fn embed(request: &EmbedRequest) -> Result<(), ApiError> {
    refuse([("prompt_name", request.prompt_name.is_some())])
}

pub(super) fn similarity(parameters: &SimilarityParameters) -> Result<(), ApiError> {
    refuse([("parameters.prompt_name", parameters.prompt_name.is_some())])
}

pub(super) fn tokenize(request: &TokenizeRequest) -> Result<(), ApiError> {
    refuse([
        ("content", request.content.is_some()),
        ("inputs", request.inputs.is_some()),
        ("add_special", request.add_special.is_some()),
        ("with_pieces", request.with_pieces.is_some()),
    ])
}

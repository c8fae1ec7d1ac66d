//! Members that are known and not served: they pass only with the value that means "off".

use proto::{
    ChatRequest, CompletionRequest, OutputFields, Refused, SamplingFields, SchedulingFields, StoppingFields,
    TokenizeRequest,
};

use crate::error::ApiError;

/// The values that pass. An absent member always does.
enum Off {
    /// None.
    Never,
    /// This boolean.
    Boolean(bool),
    /// This number.
    Number(f64),
    /// The word `none`.
    None,
}

impl Off {
    fn is(&self, value: Refused) -> bool {
        match (self, value) {
            (Self::Boolean(off), Refused::Boolean(value)) => *off == value,
            (Self::Number(off), Refused::Number(value)) => *off == value,
            (Self::None, Refused::None) => true,
            _ => false,
        }
    }
}

type Member = (&'static str, Option<Refused>, Off);

fn refuse(members: impl IntoIterator<Item = Member>) -> Result<(), ApiError> {
    for (name, value, off) in members {
        if value.is_some_and(|value| !off.is(value)) {
            return Err(ApiError::unsupported_parameter(name, instead(name)));
        }
    }
    Ok(())
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
        _ => "",
    }
}

pub(super) fn sampling(fields: &SamplingFields) -> Result<(), ApiError> {
    refuse([
        ("use_beam_search", fields.use_beam_search, Off::Boolean(false)),
        ("length_penalty", fields.length_penalty, Off::Number(1.0)),
        ("early_stopping", fields.early_stopping, Off::Boolean(false)),
        ("watermarking", fields.watermarking, Off::Boolean(false)),
        ("repetition_detection", fields.repetition_detection, Off::Never),
    ])
}

pub(super) fn stopping(fields: &StoppingFields) -> Result<(), ApiError> {
    refuse([("stop_regex", fields.stop_regex, Off::Never)])
}

pub(super) fn output(fields: &OutputFields) -> Result<(), ApiError> {
    refuse([
        ("return_token_offsets", fields.return_token_offsets, Off::Boolean(false)),
        ("ebnf", fields.ebnf, Off::Never),
        ("grammar", fields.grammar, Off::Never),
        ("json_schema", fields.json_schema, Off::Never),
    ])
}

pub(super) fn scheduling(fields: &SchedulingFields) -> Result<(), ApiError> {
    refuse([("lora_path", fields.lora_path, Off::Never)])
}

pub(super) fn chat(request: &ChatRequest) -> Result<(), ApiError> {
    refuse([
        ("audio", request.audio, Off::Never),
        ("functions", request.functions, Off::Never),
        ("function_call", request.function_call, Off::None),
        ("web_search_options", request.web_search_options, Off::Never),
        ("moderation", request.moderation, Off::Never),
        ("include_reasoning", request.include_reasoning, Off::Boolean(true)),
        ("separate_reasoning", request.separate_reasoning, Off::Boolean(true)),
        ("thinking_token_budget", request.thinking_token_budget, Off::Never),
        ("chat_template", request.chat_template, Off::Never),
    ])
}

pub(super) fn completion(request: &CompletionRequest) -> Result<(), ApiError> {
    refuse([("prompt_embeds", request.prompt_embeds, Off::Never)])
}

pub(super) fn tokenize(request: &TokenizeRequest) -> Result<(), ApiError> {
    refuse([
        ("content", request.content, Off::Never),
        ("inputs", request.inputs, Off::Never),
        ("add_special", request.add_special, Off::Never),
        ("with_pieces", request.with_pieces, Off::Never),
    ])
}

//! `POST /v1/embeddings`: what is to become vectors, and how they are written.

use proto::{EmbeddingInput, EmbeddingsRequest, EncodingFormat, Integer, Messages, Prompt as WirePrompt};

use super::{
    Prompt, PromptCut, RequestRules, VectorRules,
    chat::Turns,
    completion::prompts,
    range::count,
    shared::{priority, prompt_cut},
};
use crate::error::ApiError;

/// A request for vectors.
#[derive(Clone, Debug)]
pub struct EmbedRequest {
    /// The name asked for.
    pub model: String,
    /// At least one; none is an empty text.
    pub inputs: Vec<Prompt>,
    /// The member that they came from.
    pub field: &'static str,
    /// Begin and end tokens are put around them.
    pub add_special_tokens: bool,
    /// What is kept of an input, if not all of it.
    pub cut: Option<PromptCut>,
    /// Lower runs earlier.
    pub priority: i32,
    /// What becomes of the vectors.
    pub form: VectorForm,
}

/// What becomes of a vector before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorForm {
    /// Numbers that are kept, the first.
    pub dimensions: usize,
    /// What is kept has unit length.
    pub normalize: bool,
    /// How it is written.
    pub encoding: EncodingFormat,
}

/// Reads a request for vectors.
pub fn embeddings(request: EmbeddingsRequest, rules: &RequestRules) -> Result<EmbedRequest, ApiError> {
    embeddings_of(request, &rules.vectors, rules)
}

/// The same for a model that makes such numbers of a text, or does not, which is the error.
pub(super) fn embeddings_of(
    request: EmbeddingsRequest,
    vectors: &Result<VectorRules, String>,
    rules: &RequestRules,
) -> Result<EmbedRequest, ApiError> {
    let priority = priority(request.priority);
    let cut = request.truncate_prompt_tokens.map(prompt_cut).transpose()?;
    let dimensions = dimensions(request.dimensions, vectors.as_ref().ok())?;
    let Source { inputs, field, bytes } = match (request.input, request.messages) {
        (Some(input), None) => of_input(input, INPUT, rules)?,
        (None, Some(messages)) => of_chat(messages, rules)?,
        (None, None) => return Err(ApiError::missing("input")),
        (Some(_), Some(_)) => return Err(ApiError::invalid_value("messages", "contradicts input")),
    };
    rules.check_model(&request.model)?;
    let vectors = vectors.as_ref().map_err(|why| ApiError::unsupported_model(why))?;
    rules.check_prompt_bytes(field, bytes)?;
    Ok(EmbedRequest {
        model: request.model.0,
        add_special_tokens: request.add_special_tokens.unwrap_or(field == INPUT),
        inputs,
        field,
        cut,
        priority,
        form: VectorForm {
            dimensions: dimensions.unwrap_or(vectors.dimensions),
            normalize: request.normalize.unwrap_or(vectors.normalize),
            encoding: request.encoding_format.unwrap_or_default(),
        },
    })
}

const INPUT: &str = "input";

/// How many numbers of a vector are asked for, if that is said; the model makes no more.
pub(super) fn dimensions<const MIN: i64, const MAX: i64>(
    value: Option<Integer<MIN, MAX>>,
    vectors: Option<&VectorRules>,
) -> Result<Option<usize>, ApiError> {
    let longest = vectors.map_or(usize::MAX, |vectors| vectors.dimensions);
    value.map(|value| count("dimensions", value, 1, longest)).transpose()
}

/// What is to become vectors.
pub(super) struct Source {
    pub(super) inputs: Vec<Prompt>,
    pub(super) field: &'static str,
    /// Of the longest text.
    pub(super) bytes: usize,
}

/// The texts of a member.
pub(super) fn of_input(
    EmbeddingInput(input): EmbeddingInput,
    field: &'static str,
    rules: &RequestRules,
) -> Result<Source, ApiError> {
    let is_list = !matches!(input, WirePrompt::Text(_));
    let inputs = prompts(input, field, rules)?;
    if inputs.len() > rules.max_inputs {
        return Err(ApiError::array_above(field, rules.max_inputs));
    }
    let bytes = |input: &Prompt| if let Prompt::Text(text) = input { text.len() } else { 1 };
    if let Some(index) = inputs.iter().position(|input| bytes(input) == 0) {
        return Err(ApiError::string_below(&if is_list { format!("{field}[{index}]") } else { field.to_owned() }));
    }
    let longest = inputs.iter().map(bytes).max().unwrap_or_default();
    Ok(Source { inputs, field, bytes: longest })
}

/// The conversation as it is: no turn is opened behind it.
fn of_chat(messages: Messages, rules: &RequestRules) -> Result<Source, ApiError> {
    let turns = Turns {
        messages,
        tools: None,
        add_generation_prompt: Some(false),
        continue_final_message: None,
        documents: None,
        arguments: None,
        effort: None,
    };
    let chat = turns.read(rules)?;
    Ok(Source { inputs: vec![Prompt::Chat(Box::new(chat.prompt))], field: "messages", bytes: chat.bytes })
}

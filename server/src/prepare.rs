//! From a body to tokens: parse, validate, render, tokenise, all in one job on the text pool; then the grammar, on its own.
//!
//! Each step costs more than the one before, and one that refuses has done none of the later ones.

use std::sync::Arc;

use scheduler::Token;

use crate::{
    body::WholeBody,
    error::ApiError,
    grammar::CompiledGrammar,
    request::{GenerateRequest, Prompt, RequestRules},
    served_model::ServedModel,
    text_pool::{PoolError, TextPool},
    tokenizer::TokenizerError,
    tools::written,
};

/// Turns a body into a request.
pub type Parse = fn(&[u8], &RequestRules) -> Result<GenerateRequest, ApiError>;

/// A request whose prompts are tokens.
#[derive(Debug)]
pub struct Prepared {
    /// The request; its prompts are moved out.
    pub request: GenerateRequest,
    /// Where the prompts stand in the request.
    pub field: &'static str,
    /// One for each prompt.
    pub prompts: Vec<PreparedPrompt>,
    /// What the answers are bound to.
    pub grammar: Option<Arc<CompiledGrammar>>,
}

/// One prompt.
#[derive(Debug)]
pub struct PreparedPrompt {
    /// At least one token.
    pub tokens: Vec<Token>,
    /// Whether the answer goes on in the middle of its text, so that a first space is kept.
    pub continues: bool,
    /// Its text, if it is to be echoed.
    pub echo: Option<String>,
}

/// Prepares a body on the pool.
pub async fn prepare(
    pool: &TextPool,
    model: &Arc<ServedModel>,
    body: WholeBody,
    parse: Parse,
) -> Result<Prepared, ApiError> {
    let model = Arc::clone(model);
    let bytes = body.len();
    let grammars = model.grammars.clone();
    let job = move || parse(&body, &model.rules).and_then(|request| tokenize(&model, request));
    let mut prepared = pool.run(bytes, job).await.map_err(without_result)??;
    if let Some(form) = &prepared.request.grammar {
        prepared.grammar = Some(grammars.compile(form).await?);
    }
    Ok(prepared)
}

fn tokenize(model: &ServedModel, mut request: GenerateRequest) -> Result<Prepared, ApiError> {
    let prompts = std::mem::take(&mut request.prompts);
    let field = prompts.first().map_or("prompt", Prompt::field);
    let prompts =
        prompts.into_iter().map(|prompt| tokenize_prompt(model, &request, prompt)).collect::<Result<_, _>>()?;
    Ok(Prepared { request, field, prompts, grammar: None })
}

fn tokenize_prompt(model: &ServedModel, request: &GenerateRequest, prompt: Prompt) -> Result<PreparedPrompt, ApiError> {
    let field = prompt.field();
    let continues = match &prompt {
        Prompt::Chat(chat) => chat.continue_final_message,
        Prompt::Text(_) | Prompt::Tokens(_) => true,
    };
    let (tokens, text) = match prompt {
        Prompt::Chat(chat) => {
            let template = model.template.as_ref().ok_or_else(ApiError::no_chat_template)?;
            let calls = request.calls().unwrap_or(model.rules.calls);
            let pieces = written::render(template, &chat, calls, model.rules.max_prompt_bytes);
            let pieces = pieces.map_err(ApiError::template_error)?;
            (model.tokenizer.encode_pieces(&pieces).map_err(|error| not_tokenised(field, &error))?, None)
        }
        Prompt::Text(text) => (tokenize_text(model, request, &text)?, Some(text)),
        Prompt::Tokens(tokens) => {
            let text = request.echo.then(|| model.tokenizer.decode(&tokens, request.skip_special_tokens));
            (tokens, text)
        }
    };
    let new = request.max_new.unwrap_or(1);
    if tokens.len().saturating_add(new) > model.limits.max_model_len {
        return Err(ApiError::context_length(field, tokens.len(), new, model.limits.max_model_len));
    }
    Ok(PreparedPrompt { tokens, continues, echo: text.filter(|_| request.echo) })
}

/// An empty text starts from the model's begin token.
fn tokenize_text(model: &ServedModel, request: &GenerateRequest, text: &str) -> Result<Vec<Token>, ApiError> {
    let tokens = model.tokenizer.encode(text, request.add_special_tokens);
    let mut tokens = tokens.map_err(|error| not_tokenised("prompt", &error))?;
    if tokens.is_empty() {
        tokens.extend(model.bos_id);
    }
    if tokens.is_empty() {
        return Err(ApiError::invalid_value("prompt", "the prompt is empty and the model has no begin token"));
    }
    Ok(tokens)
}

fn without_result(error: PoolError) -> ApiError {
    match error {
        PoolError::Full => ApiError::overloaded("too many prompts wait to be tokenised"),
        PoolError::Panicked => ApiError::internal(),
    }
}

fn not_tokenised(field: &str, error: &TokenizerError) -> ApiError {
    match *error {
        TokenizerError::TooManyBytes { bytes, limit } => ApiError::prompt_bytes(field, bytes, limit),
        TokenizerError::LongWord { bytes, limit } => ApiError::string_above(field, bytes, limit, "bytes in one word"),
        TokenizerError::Failed => ApiError::invalid_value(field, "cannot be tokenised"),
        TokenizerError::Invalid(_) | TokenizerError::Unsupported(_) => ApiError::internal(),
    }
}

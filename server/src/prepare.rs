//! From a body to tokens: parse, validate, render, tokenise, all in one job on the text pool; then the grammar, on its own.
//!
//! Each step costs more than the one before, and one that refuses has done none of the later ones.

use std::sync::Arc;

use scheduler::Token;

use crate::{
    body::WholeBody,
    chat_prompt::ChatPrompt,
    echo::Echo,
    error::ApiError,
    grammar::{CompiledGrammar, GrammarSpec},
    reasoning::{ReasoningFormat, Thinking},
    request::{GenerateRequest, Prompt, RequestRules},
    served_model::ServedModel,
    text_pool::{PoolError, TextPool},
    text_stream::TextRules,
    tokenizer::{Piece, TokenizerError},
    tools::{CallFormat, written},
};

/// Most log-probabilities of prompts that one answer may hold.
const MAX_PROMPT_LOGPROBS: usize = 1 << 18;

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
    /// What the answers may be.
    pub prediction: Arc<[Token]>,
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
    /// How the answer may begin with a thought, if it may.
    pub thinking: Option<Thinking>,
    /// What is sent back of it before each answer.
    pub echo: Option<Arc<Echo>>,
}

impl Prepared {
    /// What the text of the answers to one of its prompts is measured by.
    pub(crate) fn text_rules(&self, prompt: &PreparedPrompt) -> TextRules {
        let request = &self.request;
        TextRules {
            stop: request.stop.clone(),
            skip_special: request.skip_special_tokens,
            min_tokens: request.sampling.min_new,
            calls: request.calls(),
            thinking: prompt.thinking,
            thought: request.reasoning.text,
        }
    }
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

/// The prompts of a request as tokens, with room behind them for what is to be generated.
pub fn tokenize(model: &ServedModel, mut request: GenerateRequest) -> Result<Prepared, ApiError> {
    let prompts = std::mem::take(&mut request.prompts);
    let field = prompts.first().map_or("prompt", Prompt::field);
    let prompts: Vec<_> =
        prompts.into_iter().map(|prompt| tokenize_prompt(model, &request, prompt)).collect::<Result<_, _>>()?;
    check_scores(&request, &prompts)?;
    request.sampling.bad_words = bad_words(model, &request.bad_words)?;
    let prediction = prediction(model, &request)?;
    Ok(Prepared { request, field, prompts, prediction, grammar: None })
}

/// What the answers may be, as far as an answer can go: each step looks it through.
fn prediction(model: &ServedModel, request: &GenerateRequest) -> Result<Arc<[Token]>, ApiError> {
    let Some(text) = &request.prediction else { return Ok(Arc::default()) };
    let tokens = model.tokenizer.encode(text, false);
    let mut tokens = tokens.map_err(|error| not_tokenised("prediction.content", &error))?;
    tokens.truncate(model.limits.max_model_len);
    Ok(tokens.into())
}

fn tokenize_prompt(model: &ServedModel, request: &GenerateRequest, prompt: Prompt) -> Result<PreparedPrompt, ApiError> {
    let field = prompt.field();
    let in_thought = request.reasoning.format.is_some_and(|format| leaves_thought_open(&prompt, format));
    let (continues, text) = match &prompt {
        Prompt::Chat(chat) => (chat.continue_final_message, None),
        Prompt::Text(text) => (true, request.echo.then(|| text.clone())),
        Prompt::Tokens(_) => (true, None),
    };
    let mut tokens = encode(model, prompt, model.calls_of(request), request.add_special_tokens)?;
    if tokens.is_empty() {
        return Err(ApiError::invalid_value(field, "the prompt is empty and the model has no begin token"));
    }
    let (new, all) = (request.max_new.unwrap_or(1), tokens.len());
    if let Some(cut) = request.cut {
        cut.apply(&mut tokens, model.limits.max_model_len.saturating_sub(new));
    }
    if tokens.len().saturating_add(new) > model.limits.max_model_len {
        return Err(ApiError::context_length(field, tokens.len(), new, model.limits.max_model_len));
    }
    let decoded = || model.tokenizer.decode(&tokens, request.skip_special_tokens);
    let text = request.echo.then(|| text.filter(|_| tokens.len() == all).unwrap_or_else(decoded));
    let echo = text.map(|text| match request.logprobs {
        Some(_) => Echo::with_places(&model.tokenizer, text, &tokens),
        None => Echo::of_text(text),
    });
    let thinking = thinking(model, request, &tokens, in_thought);
    Ok(PreparedPrompt { tokens, continues, thinking, echo: echo.map(Arc::new) })
}

/// Whether a prompt ends with a message that is to be continued in the middle of a thought.
fn leaves_thought_open(prompt: &Prompt, format: &ReasoningFormat) -> bool {
    let Prompt::Chat(chat) = prompt else { return false };
    chat.continue_final_message && chat.messages.last().is_some_and(|last| format.is_open_in(&last.content))
}

/// How the answer to these tokens may begin with a thought.
fn thinking(model: &ServedModel, request: &GenerateRequest, prompt: &[Token], in_thought: bool) -> Option<Thinking> {
    let format = request.reasoning.format?;
    // A marker takes one token for each byte at most, and little white space comes behind it.
    let tail = &prompt[prompt.len().saturating_sub(2 * format.open.len())..];
    let begun = in_thought || format.is_begun_by(&model.tokenizer.decode(tail, false));
    // A form that binds the answer's first token leaves room for a whole marker, not for the beginning of one.
    let binds_first = request.grammar.as_ref().is_some_and(GrammarSpec::binds_first);
    (begun || !binds_first || model.grammars.opens_thoughts()).then_some(Thinking { format, begun })
}

/// Whether an answer can hold the log-probabilities of all its prompts' tokens.
fn check_scores(request: &GenerateRequest, prompts: &[PreparedPrompt]) -> Result<(), ApiError> {
    let Some(top) = request.sampling.prompt_logprobs else { return Ok(()) };
    let tokens: usize = prompts.iter().map(|prompt| prompt.tokens.len()).sum();
    let each = request.returned * (1 + top + request.sampling.logprob_ids.len());
    if tokens.saturating_mul(each) > MAX_PROMPT_LOGPROBS {
        let field = if request.prompt_logprobs.is_some() { "prompt_logprobs" } else { "logprobs" };
        let says = format_args!(
            "asks for {each} log-probabilities of each of {tokens} prompt tokens, limit {MAX_PROMPT_LOGPROBS} in all"
        );
        return Err(ApiError::invalid_value(field, says));
    }
    Ok(())
}

/// The sequences of tokens that spell the words, each as it stands alone and after a space.
fn bad_words(model: &ServedModel, words: &[String]) -> Result<Vec<Vec<Token>>, ApiError> {
    let mut sequences: Vec<Vec<Token>> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        for spelling in spellings(word) {
            let tokens = model.tokenizer.encode(&spelling, false);
            let tokens = tokens.map_err(|error| not_tokenised(&format!("bad_words[{index}]"), &error))?;
            if !tokens.is_empty() && !sequences.iter().any(|other| tokens.ends_with(other)) {
                sequences.push(tokens);
            }
        }
    }
    Ok(sequences)
}

/// Without a space before it, and with one; spaces alone stand for themselves.
fn spellings(word: &str) -> Vec<String> {
    match word.trim_start_matches(' ') {
        "" => vec![word.to_owned()],
        bare => vec![bare.to_owned(), format!(" {bare}")],
    }
}

/// The tokens of a prompt, however many. An empty text starts from the model's begin token, if it has one.
pub fn encode(
    model: &ServedModel,
    prompt: Prompt,
    calls: &CallFormat,
    add_special_tokens: bool,
) -> Result<Vec<Token>, ApiError> {
    let field = prompt.field();
    encode_at(model, field, prompt, (calls, add_special_tokens))
}

/// The same for a prompt that stands in the member `field`.
pub(crate) fn encode_at(
    model: &ServedModel,
    field: &str,
    prompt: Prompt,
    (calls, add_special_tokens): (&CallFormat, bool),
) -> Result<Vec<Token>, ApiError> {
    let tokens = match prompt {
        Prompt::Chat(chat) => model.tokenizer.encode_pieces(&render(model, &chat, calls)?, add_special_tokens),
        Prompt::Text(text) => model.tokenizer.encode(&text, add_special_tokens),
        Prompt::Tokens(tokens) => return Ok(tokens),
    };
    let mut tokens = tokens.map_err(|error| not_tokenised(field, &error))?;
    if tokens.is_empty() {
        tokens.extend(model.bos_id);
    }
    Ok(tokens)
}

/// A conversation as the model's template writes it.
pub fn render(model: &ServedModel, chat: &ChatPrompt, calls: &CallFormat) -> Result<Vec<Piece>, ApiError> {
    let template = model.template.as_ref().ok_or_else(ApiError::no_chat_template)?;
    written::render(template, chat, calls, model.rules.max_prompt_bytes).map_err(ApiError::template_error)
}

/// Why the text pool gave no result.
pub fn without_result(error: PoolError) -> ApiError {
    match error {
        PoolError::Full => ApiError::overloaded("too many prompts wait to be tokenised"),
        PoolError::Panicked => ApiError::internal(),
    }
}

/// Why a text of the member `field` has no tokens.
pub(crate) fn not_tokenised(field: &str, error: &TokenizerError) -> ApiError {
    match *error {
        TokenizerError::TooManyBytes { bytes, limit } => ApiError::prompt_bytes(field, bytes, limit),
        TokenizerError::LongWord { bytes, limit } => ApiError::string_above(field, bytes, limit, "bytes in one word"),
        TokenizerError::Failed => ApiError::invalid_value(field, "cannot be tokenised"),
        TokenizerError::Invalid(_) | TokenizerError::Unsupported(_) => ApiError::internal(),
    }
}

//! A conversation to a prompt, by the model's own template.
//!
//! The template is a stranger's program: its size, steps, depth, output and time are bounded. Invariant: what
//! comes back says of every byte whether the template or a message wrote it, and what is not certain counts as
//! a message's. A template is never guessed and never comes from a request.

mod capped_output;
mod date;
mod environment;
mod guard;
mod json_filter;
mod marks;
mod variables;

use std::{collections::HashSet, time::Instant};

use minijinja::{Environment, ErrorKind, context};

use self::{
    capped_output::CappedOutput,
    environment::Raised,
    marks::Marks,
    variables::{Variables, message_texts, unmarked_texts},
};
use crate::{
    chat_prompt::ChatPrompt,
    tokenizer::{Piece, SpecialTexts},
};

pub(crate) use self::json_filter::one_line;

/// The longest template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 256 * 1024;

const FUEL: u64 = 50_000;
const FUEL_PER_MESSAGE: u64 = 5_000;
const MAX_DEPTH: usize = 100;
const OUTPUT_PER_PROMPT_BYTE: usize = 4;
const NAME: &str = "chat_template";

/// Why there is no prompt. Holds no text of a message but what the template itself put into an exception.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template is no template.
    #[error("chat template: {0}")]
    Invalid(String),
    /// The template refuses the conversation, in its own words.
    #[error("{0}")]
    Raised(String),
    /// The template takes too many steps or too long.
    #[error("the chat template takes too many steps")]
    TooManySteps,
    /// The prompt it writes is too long.
    #[error("the chat template writes more than {limit} bytes")]
    TooLong {
        /// The most it may write.
        limit: usize,
    },
    /// The template fails on this conversation.
    #[error("the chat template fails: {0}")]
    Failed(String),
    /// The message that is to be continued cannot be found at the end of the prompt.
    #[error("the final message is not part of the prompt and cannot be continued")]
    NoFinalMessage,
}

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    special: SpecialTexts,
    variables: HashSet<String>,
}

impl ChatTemplate {
    /// Compiles a template for a model with these special tokens.
    pub fn new(template: &str, special: &SpecialTexts) -> Result<Self, TemplateError> {
        if template.len() > MAX_TEMPLATE_BYTES {
            let reason = format!("has {} bytes, limit {MAX_TEMPLATE_BYTES}", template.len());
            return Err(TemplateError::Invalid(reason));
        }
        let mut environment = environment::new(MAX_DEPTH);
        environment
            .add_template_owned(NAME, template.to_owned())
            .map_err(|error| TemplateError::Invalid(error.to_string()))?;
        let compiled = environment.get_template(NAME).expect("it was added just now");
        let variables = compiled.undeclared_variables(false);
        Ok(Self { environment, source: template.to_owned(), special: special.clone(), variables })
    }

    /// Whether it writes the tools of a request itself.
    pub fn knows_tools(&self) -> bool {
        self.variables.contains("tools")
    }

    /// Whether it writes tools as a member of the system's turn.
    pub fn takes_tools_in_system(&self) -> bool {
        self.source.contains("message['tools']")
    }

    /// Names that it reads and does not set itself.
    pub fn variables(&self) -> &HashSet<String> {
        &self.variables
    }

    /// The template as it came.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Renders a conversation; the prompt may be four times `prompt_bytes_limit` and the template's own length.
    ///
    /// Calls of earlier turns come with their arguments as objects, and as JSON texts to a template that fails on those.
    pub fn render(&self, prompt: &ChatPrompt, prompt_bytes_limit: usize) -> Result<Vec<Piece>, TemplateError> {
        match self.render_once(prompt, prompt_bytes_limit) {
            Err(TemplateError::Failed(_)) if prompt.has_calls() => {
                self.render_once(&prompt.with_arguments_as_text(), prompt_bytes_limit)
            }
            rendered => rendered,
        }
    }

    fn render_once(&self, prompt: &ChatPrompt, prompt_bytes_limit: usize) -> Result<Vec<Piece>, TemplateError> {
        let texts = message_texts(prompt);
        let limit = prompt_bytes_limit.saturating_mul(OUTPUT_PER_PROMPT_BYTE).saturating_add(self.source.len());
        let plain = self.run(prompt, None, limit)?;
        let marked = Marks::unused_in(texts.iter().copied().chain([self.source.as_str()]))
            .and_then(|marks| self.run_marked(prompt, marks, limit + texts.len() * marks.len()))
            .filter(|pieces| pieces.iter().map(Piece::text).collect::<String>() == plain);
        let pieces = match marked {
            Some(pieces) => guard::guard(pieces, &self.special.control, &unmarked_texts(prompt)),
            None => guard::guard(vec![Piece::Scaffold(plain)], &self.special.control, &texts),
        };
        if prompt.continue_final_message { cut_after_final_message(pieces, prompt) } else { Ok(pieces) }
    }

    /// The prompt in pieces, if the marks came through whole.
    fn run_marked(&self, prompt: &ChatPrompt, marks: Marks, limit: usize) -> Option<Vec<Piece>> {
        marks.pieces(&self.run(prompt, Some(marks), limit).ok()?)
    }

    fn run(&self, prompt: &ChatPrompt, marks: Option<Marks>, limit: usize) -> Result<String, TemplateError> {
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(FUEL + FUEL_PER_MESSAGE * steps_of(prompt)));
        let template = environment.get_template(NAME).expect("the template was added when it was compiled");
        let Variables { messages, tools, documents, arguments } = Variables::new(prompt, marks);
        let variables = context! {
            messages,
            tools,
            documents,
            add_generation_prompt => prompt.add_generation_prompt,
            bos_token => self.special.bos,
            eos_token => self.special.eos,
            ..arguments
        };
        let mut output = CappedOutput::new(limit, Instant::now());
        match template.render_captured_to(variables, &mut output) {
            Ok(_) => Ok(output.into_text()),
            Err(error) => Err(refusal(&error, limit)),
        }
    }
}

/// Messages, tools and documents all take steps.
fn steps_of(prompt: &ChatPrompt) -> u64 {
    let lists = prompt.tools.iter().chain(&prompt.documents);
    (prompt.messages.len() + lists.filter_map(|list| list.as_array()).map(Vec::len).sum::<usize>()) as u64
}

/// Says what went wrong without the values that were at hand.
fn refusal(error: &minijinja::Error, limit: usize) -> TemplateError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(next) = cause {
        if let Some(Raised(text)) = next.downcast_ref() {
            return TemplateError::Raised(text.clone());
        }
        match next.downcast_ref().map(minijinja::Error::kind) {
            Some(ErrorKind::OutOfFuel) => return TemplateError::TooManySteps,
            Some(ErrorKind::WriteFailure) => return TemplateError::TooLong { limit },
            _ => cause = next.source(),
        }
    }
    let line = error.line().unwrap_or_default();
    TemplateError::Failed(format!("{} in line {line}", error.kind()))
}

/// Leaves the last message open: all that the template wrote behind it goes.
fn cut_after_final_message(pieces: Vec<Piece>, prompt: &ChatPrompt) -> Result<Vec<Piece>, TemplateError> {
    let last = prompt.messages.last().map_or("", |message| message.content.trim());
    let joined: String = pieces.iter().map(Piece::text).collect();
    let start = joined.rfind(last).filter(|_| !last.is_empty()).ok_or(TemplateError::NoFinalMessage)?;
    let mut left = start + last.len();
    let mut kept = Vec::new();
    for piece in pieces {
        let take = left.min(piece.text().len());
        left -= take;
        if take > 0 {
            kept.push(match piece {
                Piece::Scaffold(text) => Piece::Scaffold(text[..take].to_owned()),
                Piece::Content(text) => Piece::Content(text[..take].to_owned()),
            });
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests;

//! An answer's text, cut into content and calls.
//!
//! Invariant: the deltas do not depend on how the text is cut into pieces but for where they are cut themselves. What
//! follows the opening words is kept to the format by the grammar; a text that breaks off gives the calls so far.

use super::{AnswerCalls, CallFormat, arguments::ArgumentReader, trigger::Trigger};

/// What is new about the calls of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallDelta {
    /// A call of this function begins.
    Begin(String),
    /// More of the arguments of the call that began last, as JSON.
    Arguments(String),
}

/// Content, then calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Text of the answer.
    pub content: String,
    /// What follows it.
    pub calls: Vec<CallDelta>,
}

/// The reading, as far as it has come.
#[derive(Debug)]
pub struct CallReader {
    format: &'static CallFormat,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Content, with bytes that may become the opening words held back.
    Content { trigger: Trigger, held: String },
    /// Words of the format before a name: those left.
    BeforeName(String),
    /// A name, as far as it came.
    Name(String),
    /// Words of the format before the arguments: those left.
    BeforeArguments(&'static str),
    /// Arguments.
    Arguments(ArgumentReader),
    /// Behind arguments: what came since.
    AfterArguments(String),
}

impl CallReader {
    /// Reads an answer that begins with content.
    pub fn new(calls: &AnswerCalls) -> Self {
        let trigger = Trigger::of_calls(calls);
        Self { format: calls.format, stage: Stage::Content { trigger, held: String::new() } }
    }

    /// Whether a call has begun or is about to.
    pub fn is_calling(&self) -> bool {
        !matches!(self.stage, Stage::Content { .. })
    }

    /// Adds text and gives what is settled.
    pub fn push(&mut self, text: &str) -> Read {
        let mut read = Read::default();
        for character in text.chars() {
            self.step(character, &mut read);
        }
        self.settle(&mut read);
        read
    }

    /// Ends the answer: gives the content that was held back.
    pub fn finish(&mut self) -> String {
        match &mut self.stage {
            Stage::Content { held, .. } => std::mem::take(held),
            _ => String::new(),
        }
    }

    fn step(&mut self, character: char, read: &mut Read) {
        let format = self.format;
        match &mut self.stage {
            Stage::Content { trigger, held } => {
                held.push(character);
                // The opening words end with a whole character.
                if character.encode_utf8(&mut [0; 4]).bytes().fold(false, |_, byte| trigger.step(byte)) {
                    let words = held.split_off(held.len() - trigger.held());
                    read.content += held;
                    self.stage = Stage::before_name(format);
                    words[format.open.len()..].chars().for_each(|character| self.step(character, read));
                }
            }
            Stage::BeforeName(left) => {
                left.remove(0);
                if left.is_empty() {
                    self.stage = Stage::Name(String::new());
                }
            }
            Stage::Name(name) if character == format.name_end() => {
                read.calls.push(CallDelta::Begin(std::mem::take(name)));
                self.stage = Stage::BeforeArguments(format.before_arguments);
                self.step(character, read);
            }
            Stage::Name(name) => name.push(character),
            Stage::BeforeArguments("") => {
                self.stage = Stage::Arguments(ArgumentReader::new(format.notation));
                self.step(character, read);
            }
            Stage::BeforeArguments(left) => {
                *left = left.strip_prefix(character).unwrap_or_default();
            }
            Stage::Arguments(arguments) => {
                let mut json = String::new();
                let ends = arguments.push(character, &mut json);
                add_arguments(&mut read.calls, json);
                if ends {
                    self.stage = Stage::AfterArguments(String::new());
                }
            }
            Stage::AfterArguments(came) => {
                came.push(character);
                let rest = came.strip_prefix(format.after_arguments).and_then(|rest| rest.strip_prefix(format.between));
                if rest == Some(format.before_name) {
                    self.stage = Stage::Name(String::new());
                }
            }
        }
    }

    /// Content that cannot become the opening words any more.
    fn settle(&mut self, read: &mut Read) {
        if let Stage::Content { trigger, held } = &mut self.stage {
            let rest = held.split_off(held.len() - trigger.held());
            read.content += &std::mem::replace(held, rest);
        }
    }
}

impl Stage {
    fn before_name(format: &CallFormat) -> Self {
        let words = format.lead.to_owned() + format.before_name;
        if words.is_empty() { Self::Name(String::new()) } else { Self::BeforeName(words) }
    }
}

fn add_arguments(calls: &mut Vec<CallDelta>, json: String) {
    match calls.last_mut() {
        Some(CallDelta::Arguments(text)) => text.push_str(&json),
        _ if json.is_empty() => {}
        _ => calls.push(CallDelta::Arguments(json)),
    }
}

#[cfg(test)]
mod tests;

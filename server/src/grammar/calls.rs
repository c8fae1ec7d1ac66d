//! Answers that call tools: a grammar over the format that the model writes calls in.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use super::{
    arguments,
    spec::{Form, any_object, one_of, with_whitespace},
};
use crate::{
    tokenizer::TextPart,
    tools::{AnswerCalls, CallFormat, Notation, format::Opening},
};

/// The tools that an answer may call, and what else it may be.
#[derive(Clone, Debug, PartialEq)]
pub struct CallsForm {
    /// How the model writes calls.
    pub format: &'static CallFormat,
    /// At least one.
    pub tools: Vec<Callable>,
    /// Whether one answer may hold several calls.
    pub several: bool,
    /// What an answer without calls is.
    pub otherwise: Otherwise,
}

/// A function and what its arguments may be.
#[derive(Clone, PartialEq)]
pub struct Callable {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// A prepared schema of an object.
    pub arguments: Value,
}

/// What an answer without calls is.
#[derive(Clone, Debug, PartialEq)]
pub enum Otherwise {
    /// There is none: the answer begins with a call.
    Call,
    /// Free text, which may end with calls.
    Text,
    /// Text of this form.
    Form(Box<Form>),
}

impl CallsForm {
    /// The calls that the answer may hold.
    pub(super) fn answer_calls(&self) -> AnswerCalls {
        AnswerCalls { format: self.format, names: self.tools.iter().map(|tool| tool.name.clone()).collect() }
    }

    /// The grammar in the notation of Lark. Where calls may follow free text it begins behind the opening words. `cut`
    /// tells special tokens from text.
    pub(super) fn lark(&self, cut: impl Fn(&'static str) -> Vec<TextPart<'static>>) -> String {
        let format = self.format;
        let words = |text| literal(cut(text));
        let open = words(format.open);
        let mut rules = match &self.otherwise {
            Otherwise::Text if format.opening == Opening::InText => "start: calls\n".to_owned(),
            Otherwise::Call | Otherwise::Text => format!("start: {open} calls\n"),
            Otherwise::Form(form) => format!("start: {open} calls | answer\nanswer: {}\n", answer(form)),
        };
        let more = if self.several { format!("({} call)*", words(format.between)) } else { String::new() };
        let names: Vec<String> = (0..self.tools.len()).map(|index| format!("tool_{index}")).collect();
        let _ = writeln!(rules, "calls: {} call {more} {}", words(format.lead), words(format.close));
        let before = words(format.before_name);
        let _ = writeln!(rules, "call: {before} ({}) {}", names.join(" | "), words(format.after_arguments));
        for (name, tool) in names.iter().zip(&self.tools) {
            let (called, before) = (json!(tool.name), words(format.before_arguments));
            let _ = writeln!(rules, "{name}: {called} {before} {name}_arguments");
            let _ = match format.notation {
                Notation::Json => {
                    writeln!(rules, "{name}_arguments: %json {}", with_whitespace(tool.arguments.clone()))
                }
                notation => rules.write_str(&arguments::rules(notation, name, &tool.arguments, &cut)),
            };
        }
        rules
    }
}

impl fmt::Debug for Callable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Callable")
    }
}

/// Words of a format, special tokens by their ids.
pub(super) fn literal(parts: Vec<TextPart<'_>>) -> String {
    let part = |part| match part {
        TextPart::Text(text) => json!(text).to_string(),
        TextPart::Special(token) => format!("<[{token}]>"),
    };
    parts.into_iter().map(part).collect::<Vec<_>>().join(" ")
}

fn answer(form: &Form) -> String {
    match form {
        Form::Schema(schema) => format!("%json {}", with_whitespace(schema.clone())),
        Form::Choice(texts) => one_of(texts),
        _ => format!("%json {}", with_whitespace(any_object())),
    }
}

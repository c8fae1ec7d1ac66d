//! What a request asks its answer to look like.

use std::fmt;

use llguidance::api::TopLevelGrammar;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    calls::{CallsForm, Otherwise},
    schema,
};
use crate::{
    error::ApiError,
    tokenizer::{TextPart, Tokenizer},
    tools::AnswerCalls,
};

/// Longest regular expression.
const MAX_REGEX_BYTES: usize = 4 << 10;

/// Longest grammar, and all choices together.
const MAX_GRAMMAR_BYTES: usize = 64 << 10;

/// White space between the tokens of a JSON text: a space, or a line's end and the next line's indentation.
const WHITESPACE: &str = r" |\n[ \t]{0,24}";

/// What may follow a backslash in a JSON text.
const ESCAPES: &str = "\"\\bfnrt";

/// A form, within its bounds, and where the request names it.
#[derive(Clone)]
pub struct GrammarSpec {
    form: Form,
    field: String,
}

/// What the whole answer is.
#[derive(Clone, PartialEq)]
pub enum Form {
    /// One JSON object.
    JsonObject,
    /// JSON under a schema.
    Schema(Value),
    /// A match of a regular expression.
    Regex(String),
    /// One of these texts.
    Choice(Vec<String>),
    /// A sentence of a grammar in the notation of Lark.
    Lark(String),
    /// Calls of tools, or something else; its schemas are prepared.
    Calls(CallsForm),
}

impl GrammarSpec {
    /// Checks the form's size, and which keywords a schema has; `field` is its path in the request.
    pub fn new(form: Form, field: &str) -> Result<Self, ApiError> {
        match &form {
            Form::Regex(regex) => check_bytes(regex, MAX_REGEX_BYTES, field)?,
            Form::Lark(grammar) => check_bytes(grammar, MAX_GRAMMAR_BYTES, field)?,
            Form::Choice(texts) => check_choices(texts, field)?,
            Form::JsonObject | Form::Schema(_) | Form::Calls(_) => {}
        }
        let form = match form {
            Form::Schema(schema) => Form::Schema(schema::prepare(schema, field)?),
            form => form,
        };
        Ok(Self { form, field: field.to_owned() })
    }

    /// The form itself.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// Where the request names it.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Equal for equal forms only.
    pub(super) fn key(&self) -> [u8; 32] {
        let (tag, text) = match &self.form {
            Form::JsonObject => (0, String::new()),
            Form::Schema(schema) => (1, schema.to_string()),
            Form::Regex(regex) => (2, regex.clone()),
            Form::Choice(texts) => (3, json!(texts).to_string()),
            Form::Lark(grammar) => (4, grammar.clone()),
            Form::Calls(calls) => {
                // What may stand before a grammar is compiled with it.
                let tag = if self.binds_first() { 5 } else { 6 };
                (tag, format!("{}\n{}", calls.format.name, calls.lark(|text| vec![TextPart::Text(text)])))
            }
        };
        Sha256::new_with_prefix([tag]).chain_update(text).finalize().into()
    }

    /// The calls that a free text may end with.
    pub(super) fn free_until(&self) -> Option<AnswerCalls> {
        self.calls().filter(|_| !self.binds_first())
    }

    /// Whether the answer is bound from its first token on.
    pub fn binds_first(&self) -> bool {
        !matches!(&self.form, Form::Calls(calls) if calls.otherwise == Otherwise::Text)
    }

    /// The calls that the answer may hold.
    pub fn calls(&self) -> Option<AnswerCalls> {
        match &self.form {
            Form::Calls(calls) => Some(calls.answer_calls()),
            _ => None,
        }
    }

    /// The form in the words of the library, over the tokens of this model.
    pub(super) fn grammar(&self, tokenizer: &Tokenizer) -> TopLevelGrammar {
        match &self.form {
            Form::JsonObject => TopLevelGrammar::from_json_schema(with_whitespace(any_object())),
            Form::Schema(schema) => TopLevelGrammar::from_json_schema(with_whitespace(schema.clone())),
            Form::Regex(regex) => TopLevelGrammar::from_regex(regex),
            Form::Choice(texts) => TopLevelGrammar::from_lark(format!("start: {}", one_of(texts))),
            Form::Lark(grammar) => TopLevelGrammar::from_lark(grammar.clone()),
            Form::Calls(calls) => TopLevelGrammar::from_lark(calls.lark(|text| tokenizer.parts(text))),
        }
    }
}

impl fmt::Debug for GrammarSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "GrammarSpec({:?} of {})", self.form, self.field)
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::JsonObject => "JsonObject",
            Self::Schema(_) => "Schema",
            Self::Regex(_) => "Regex",
            Self::Choice(_) => "Choice",
            Self::Lark(_) => "Lark",
            Self::Calls(_) => "Calls",
        })
    }
}

fn check_bytes(text: &str, most: usize, field: &str) -> Result<(), ApiError> {
    if text.len() > most {
        return Err(ApiError::invalid_schema(field, format_args!("has more than {most} bytes")));
    }
    Ok(())
}

fn check_choices(texts: &[String], field: &str) -> Result<(), ApiError> {
    if texts.is_empty() {
        return Err(ApiError::array_below(field));
    }
    if let Some(index) = texts.iter().position(String::is_empty) {
        return Err(ApiError::string_below(&format!("{field}[{index}]")));
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    if bytes > MAX_GRAMMAR_BYTES {
        return Err(ApiError::string_above(field, bytes, MAX_GRAMMAR_BYTES, "bytes"));
    }
    Ok(())
}

/// The schema of any JSON object.
pub(super) fn any_object() -> Value {
    json!({"type": "object"})
}

/// The body of a rule whose alternatives are the texts; a string in Lark is written as in JSON.
pub(super) fn one_of(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| json!(text).to_string()).collect();
    quoted.join(" | ")
}

/// The schema with the library's own options: the white space of its texts, and no escapes by number. With those, a
/// listed name could be written in a second way and pass for another.
pub(super) fn with_whitespace(schema: Value) -> Value {
    let mut object = match schema {
        Value::Object(object) => object,
        other => Map::from_iter([("allOf".to_owned(), json!([other]))]),
    };
    object.insert("x-guidance".to_owned(), json!({"whitespace_pattern": WHITESPACE, "json_allowed_escapes": ESCAPES}));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_forms_apart() {
        let forms = [
            Form::JsonObject,
            Form::Schema(json!({"type": "object"})),
            Form::Schema(json!({"type": "array"})),
            Form::Regex("a".to_owned()),
            Form::Lark("a".to_owned()),
            Form::Choice(vec!["a".to_owned(), "b".to_owned()]),
            Form::Choice(vec!["ab".to_owned()]),
        ];
        let keys: Vec<_> = forms.into_iter().map(|form| GrammarSpec::new(form, "x").unwrap().key()).collect();
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
    }

    #[test]
    fn sizes_are_bounded() {
        let long = "a".repeat(MAX_REGEX_BYTES + 1);
        let code = |form| GrammarSpec::new(form, "x").unwrap_err().code();
        assert_eq!(code(Form::Regex(long.clone())), "invalid_schema");
        assert_eq!(code(Form::Lark(long.repeat(17))), "invalid_schema");
        assert_eq!(code(Form::Choice(vec![])), "array_below_min_length");
        assert_eq!(code(Form::Choice(vec!["a".to_owned(), String::new()])), "string_below_min_length");
    }
}

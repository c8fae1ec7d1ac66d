//! What the answer carries and how it is sent: members that chat and completions share.

use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use crate::{
    AnyJson, Choices, False, Integer, List, Refused, RefusedUnless, StreamOptions, StructuredOutputs, Text, TokenId,
    schema, strict_object::strict_object, structured,
};

strict_object! {
    /// Members for the form of the answer.
    pub struct OutputFields {
        optional {
            /// Choices.
            n: Integer<1>,
            /// Sequences to generate and choose from.
            best_of: Integer<1>,
            /// Send the answer as it grows.
            stream: bool,
            /// How to stream.
            stream_options: StreamOptions,
            /// Tokens for each chunk.
            stream_interval: Integer<1, 64>,
            /// The prompt's text precedes the answer.
            echo: bool,
            /// Leave special tokens out of the text.
            skip_special_tokens: bool,
            /// Spaces between special tokens.
            spaces_between_special_tokens: bool,
            /// Report token ids.
            return_token_ids: bool,
            /// Tokens in log-probabilities are written as ids.
            return_tokens_as_token_ids: bool,
            /// Also report the log-probabilities of these tokens.
            logprob_token_ids: List<TokenId, 128, 1>,
            /// Report how likely each token of the prompt was, and so many alternatives.
            prompt_logprobs: Integer<0, 20>,
            /// The answer's form.
            structured_outputs: StructuredOutputs,
            /// The answer's form: a JSON Schema, or its text.
            guided_json: AnyJson,
            /// The answer's form: a regular expression.
            guided_regex: Text,
            /// The answer's form: one of these.
            guided_choice: Choices,
            /// The answer's form: a grammar.
            guided_grammar: Text,
            /// The answer's form: a regular expression.
            regex: Text,
        }
        received {
            /// Where tokens lie in the text.
            return_token_offsets: RefusedUnless<False>,
            /// The answer's form.
            ebnf: Refused,
            /// The answer's form.
            grammar: Refused,
            /// The answer's form.
            json_schema: Refused,
        }
    }
}

/// What the members take less of than their types.
pub(crate) fn narrow(request: &mut Object) {
    let forms = [
        ("guided_json", structured::schema_or_text()),
        ("guided_regex", structured::regex()),
        ("regex", structured::regex()),
        ("guided_grammar", structured::grammar()),
    ];
    for (name, form) in forms {
        schema::set(request, name, schema::nullable(form));
    }
    only(request, "spaces_between_special_tokens", true);
}

/// One value of a boolean is all that is served.
pub(crate) fn only(request: &mut Object, name: &str, value: bool) {
    let only = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Boolean, Type::Null]));
    schema::set(request, name, only.enum_values(Some([Value::Bool(value), Value::Null])));
}

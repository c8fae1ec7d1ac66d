//! What the answer carries and how it is sent: members that chat and completions share.

use crate::{
    AnyJson, Integer, List, MAX_STRUCTURED_CHOICES, Refused, StreamOptions, StructuredOutputs, Text, TokenId,
    strict_object::strict_object,
};

strict_object! {
    /// Members for the form of the answer.
    pub struct OutputFields {
        optional {
            /// Choices.
            n: Integer,
            /// Sequences to generate and choose from.
            best_of: Integer,
            /// Send the answer as it grows.
            stream: bool,
            /// How to stream.
            stream_options: StreamOptions,
            /// Tokens for each chunk.
            stream_interval: Integer,
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
            logprob_token_ids: List<TokenId, 128>,
            /// Report how likely each token of the prompt was, and so many alternatives.
            prompt_logprobs: Integer,
            /// The answer's form.
            structured_outputs: StructuredOutputs,
            /// The answer's form: a JSON Schema, or its text.
            guided_json: AnyJson,
            /// The answer's form: a regular expression.
            guided_regex: Text,
            /// The answer's form: one of these.
            guided_choice: List<Text, MAX_STRUCTURED_CHOICES>,
            /// The answer's form: a grammar.
            guided_grammar: Text,
            /// The answer's form: a regular expression.
            regex: Text,
        }
        received {
            /// Where tokens lie in the text.
            return_token_offsets: Refused,
            /// The answer's form.
            ebnf: Refused,
            /// The answer's form.
            grammar: Refused,
            /// The answer's form.
            json_schema: Refused,
        }
    }
}

//! What the answer carries and how it is sent: members that chat and completions share.

use crate::{Integer, Refused, StreamOptions, strict_object::strict_object};

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
        }
        received {
            /// Tokens in log-probabilities are written as ids.
            return_tokens_as_token_ids: Refused,
            /// Where tokens lie in the text.
            return_token_offsets: Refused,
            /// Log-probabilities of the prompt.
            prompt_logprobs: Refused,
            /// Also report these tokens.
            logprob_token_ids: Refused,
            /// The answer's form.
            structured_outputs: Refused,
            /// The answer's form.
            guided_json: Refused,
            /// The answer's form.
            guided_regex: Refused,
            /// The answer's form.
            guided_choice: Refused,
            /// The answer's form.
            guided_grammar: Refused,
            /// The answer's form.
            regex: Refused,
            /// The answer's form.
            ebnf: Refused,
            /// The answer's form.
            grammar: Refused,
            /// The answer's form.
            json_schema: Refused,
        }
    }
}

//! Texts to tokens and back: `/tokenize`, `/detokenize`, and requests as they would run.

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, OneOf},
};

use crate::{
    AnyJson, Integer, List, LogitBias, Messages, ModelName, Refused, Text, TokenId, Tools, sampling::MAX_ALLOWED,
    schema, strict_object::strict_object, template,
};

strict_object! {
    /// A request for the tokens of a text or a chat, one of the two.
    pub struct TokenizeRequest {
        required {
            /// Name of the model.
            model: ModelName,
        }
        optional {
            /// A text.
            prompt: Text,
            /// A chat.
            messages: Messages,
            /// Begin and end tokens around it.
            add_special_tokens: bool,
            /// Report the text of each token too.
            return_token_strs: bool,
            /// Of a chat: open the assistant's turn.
            add_generation_prompt: bool,
            /// Of a chat: the last message is a prefix to continue.
            continue_final_message: bool,
            /// Of a chat: functions the model may call.
            tools: Tools,
            /// Of a chat: documents for the template.
            documents: AnyJson,
            /// Of a chat: variables for the template.
            chat_template_kwargs: AnyJson,
        }
        received {
            /// The text, in another server's name.
            content: Refused,
            /// The text, in other servers' name.
            inputs: Refused,
            /// Begin and end tokens, in another server's name.
            add_special: Refused,
            /// Texts of tokens, in another server's name.
            with_pieces: Refused,
        }
        forms { of_text_or_chat }
    }
}

/// Members of chats go with one.
fn of_text_or_chat(request: &Object) -> OneOf {
    const CHAT: [&str; 5] =
        ["add_generation_prompt", "continue_final_message", "tools", "documents", "chat_template_kwargs"];
    let mut request = request.clone();
    template::narrow(&mut request);
    let text = schema::form(&request, &["prompt"], &[&CHAT[..], &["messages"]].concat());
    let chat = schema::form(&request, &["messages"], &["prompt"]);
    schema::forms_of(&request, [text, chat])
}

/// The tokens that a generation would start from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenizeResponse {
    /// How many.
    pub count: usize,
    /// Most tokens of prompt and answer together.
    pub max_model_len: usize,
    /// Their ids.
    pub tokens: Vec<u32>,
    /// Their texts, if they were asked for.
    pub token_strs: Option<Vec<Text>>,
}

strict_object! {
    /// A request for the text of tokens.
    pub struct DetokenizeRequest {
        required {
            /// Name of the model.
            model: ModelName,
            /// Their ids.
            tokens: List<TokenId, MAX_ALLOWED>,
        }
    }
}

/// The text of tokens, or a chat as its template writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromptText {
    /// The text.
    pub prompt: Text,
}

/// The size of a chat's prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InputTokens {
    /// How many tokens.
    pub input_tokens: usize,
}

/// A request as it would run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RenderedRequest {
    /// The id that its answer could have.
    pub request_id: String,
    /// The prompt.
    pub token_ids: Vec<u32>,
    /// Images and sounds: none.
    pub features: Option<()>,
    /// How it would be drawn.
    pub sampling_params: RenderedSampling,
}

/// A request's settings with all defaults filled in, in vLLM's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RenderedSampling {
    /// Choices.
    pub n: usize,
    /// 0 is greedy.
    pub temperature: f32,
    /// Nucleus.
    pub top_p: f32,
    /// Keep the k likeliest; 0 is off.
    pub top_k: usize,
    /// Drop tokens below this share of the likeliest.
    pub min_p: f32,
    /// Locally typical sampling; 1 keeps all.
    pub typical_p: f32,
    /// Over prompt and generated tokens.
    pub repetition_penalty: f32,
    /// Over generated tokens, by count.
    pub frequency_penalty: f32,
    /// Over generated tokens, once.
    pub presence_penalty: f32,
    /// Added to logits.
    pub logit_bias: Option<LogitBias>,
    /// No sequence of so many tokens comes twice; 0 is off.
    pub no_repeat_ngram_size: usize,
    /// Sequences of tokens that are never generated.
    pub bad_words_token_ids: Vec<Vec<u32>>,
    /// Nothing else is generated.
    pub allowed_token_ids: Option<Vec<u32>>,
    /// As the client gave it.
    pub seed: Option<Integer>,
    /// Texts that end an answer.
    pub stop: Vec<Text>,
    /// Tokens that end an answer.
    pub stop_token_ids: Vec<u32>,
    /// Whether the matched text stays.
    pub include_stop_str_in_output: bool,
    /// The model's end token does not end.
    pub ignore_eos: bool,
    /// Tokens to generate at most.
    pub max_tokens: usize,
    /// No end before so many tokens.
    pub min_tokens: usize,
    /// Log-probabilities reported, with so many alternatives.
    pub logprobs: Option<usize>,
    /// Tokens reported with the likeliest.
    pub logprob_token_ids: Vec<u32>,
    /// Log-probabilities of the prompt reported, with so many alternatives.
    pub prompt_logprobs: Option<usize>,
    /// Special tokens are left out of the text.
    pub skip_special_tokens: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_written_as_documented() {
        let answer = TokenizeResponse { count: 1, max_model_len: 8, tokens: vec![5], token_strs: None };
        let text = r#"{"count":1,"max_model_len":8,"tokens":[5],"token_strs":null}"#;
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        assert_eq!(serde_json::from_str::<TokenizeResponse>(text).unwrap(), answer);
    }

    #[test]
    fn requests_are_strict() {
        let parse = |text| serde_json::from_str::<TokenizeRequest>(text).map_err(|error| error.to_string());
        let request = parse(r#"{"model":"m","prompt":"a","add_special_tokens":false}"#).unwrap();
        assert_eq!((request.prompt, request.add_special_tokens), (Some("a".into()), Some(false)));
        assert!(parse(r#"{"model":"m","text":"a"}"#).unwrap_err().starts_with("unknown field `text`"));
        assert!(parse(r#"{"prompt":"a"}"#).unwrap_err().starts_with("missing field `model`"));
    }
}

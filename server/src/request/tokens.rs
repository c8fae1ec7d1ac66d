//! `POST /tokenize` and `POST /detokenize`: what is to be turned into what.

use proto::{DetokenizeRequest, TokenizeRequest};
use scheduler::Token;

use super::{Prompt, RequestRules, chat::Turns, refuse, tools::ToolFields};
use crate::error::ApiError;

/// A prompt whose tokens are asked for.
#[derive(Debug)]
pub struct TokensWanted {
    /// A text or a chat.
    pub prompt: Prompt,
    /// Begin and end tokens are put around it.
    pub add_special_tokens: bool,
    /// The text of each token is reported too.
    pub texts: bool,
    /// Members without effect.
    pub ignored: Vec<String>,
}

/// Reads a request for tokens.
pub fn tokenize(request: TokenizeRequest, rules: &RequestRules) -> Result<TokensWanted, ApiError> {
    refuse::tokenize(&request)?;
    check_chat_members(&request)?;
    let (special, texts) = (request.add_special_tokens, request.return_token_strs.unwrap_or(false));
    let mut ignored = Vec::new();
    let (prompt, special_by_default) = match (request.prompt, request.messages) {
        (Some(text), None) => {
            rules.check_model(&request.model)?;
            rules.check_prompt_bytes("prompt", text.len())?;
            (Prompt::Text(text.into_string()), true)
        }
        (None, Some(messages)) => {
            let tools = ToolFields { tools: request.tools, choice: None, parallel: None };
            let turns = Turns {
                messages,
                tools: tools.read(rules.calls)?.declared,
                add_generation_prompt: request.add_generation_prompt,
                continue_final_message: request.continue_final_message,
                documents: request.documents,
                effort: None,
                arguments: request.chat_template_kwargs,
            };
            let chat = turns.read(rules)?;
            rules.check_model(&request.model)?;
            rules.check_prompt_bytes("messages", chat.bytes)?;
            ignored = chat.ignored;
            (Prompt::Chat(Box::new(chat.prompt)), false)
        }
        (None, None) => return Err(ApiError::missing("prompt")),
        (Some(_), Some(_)) => return Err(ApiError::invalid_value("messages", "contradicts prompt")),
    };
    Ok(TokensWanted { prompt, add_special_tokens: special.unwrap_or(special_by_default), texts, ignored })
}

/// Members of chats need one.
fn check_chat_members(request: &TokenizeRequest) -> Result<(), ApiError> {
    let members = [
        ("add_generation_prompt", request.add_generation_prompt.is_some()),
        ("continue_final_message", request.continue_final_message.is_some()),
        ("tools", request.tools.is_some()),
        ("documents", request.documents.is_some()),
        ("chat_template_kwargs", request.chat_template_kwargs.is_some()),
    ];
    match members.into_iter().find(|(_, is_present)| *is_present && request.messages.is_none()) {
        Some((name, _)) => Err(ApiError::invalid_value(name, "needs messages")),
        None => Ok(()),
    }
}

/// Reads a request for the text of tokens.
pub fn detokenize(request: &DetokenizeRequest, rules: &RequestRules) -> Result<Vec<Token>, ApiError> {
    let tokens = rules.check_tokens("tokens", &request.tokens)?;
    rules.check_model(&request.model)?;
    Ok(tokens)
}

//! A text that came whole or in parts.

use proto::{Content, ContentPart, MediaKind};

use crate::error::ApiError;

/// Puts a text together. `path` is where it stands; parts of refusals are for what an assistant said.
pub(super) fn text(content: Content, path: &str, of_assistant: bool) -> Result<String, ApiError> {
    let parts = match content {
        Content::Text(text) => return Ok(text.into_string()),
        Content::Parts(parts) if parts.is_empty() => return Err(ApiError::array_below(path)),
        Content::Parts(parts) => parts,
    };
    let mut whole = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        let kind_path = || format!("{path}[{index}].type");
        match part {
            ContentPart::Text { text } => whole.push_str(&text),
            ContentPart::Refusal { refusal } if of_assistant => whole.push_str(&refusal),
            ContentPart::Refusal { .. } => {
                return Err(ApiError::invalid_value(&kind_path(), "is for messages of the assistant"));
            }
            ContentPart::Media(kind) => {
                let says = format_args!("{} is not supported by this model", media(kind)).to_string();
                return Err(ApiError::unsupported_value(&kind_path(), says));
            }
        }
    }
    Ok(whole)
}

fn media(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::ImageUrl => "image_url",
        MediaKind::InputAudio => "input_audio",
        MediaKind::File => "file",
    }
}

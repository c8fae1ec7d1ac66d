//! One event of a streamed answer, chat or completion, from any OpenAI-compatible server.
//!
//! Reads what is measured and ignores the rest, so that other servers can be measured alike.

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

/// What one event says.
#[derive(Debug, PartialEq)]
pub enum StreamEvent {
    /// Text, a finish reason, usage, or several of them.
    Chunk(Chunk),
    /// `[DONE]`.
    Done,
}

/// The measured members of one chunk, all choices joined.
#[derive(Debug, Default, PartialEq)]
pub struct Chunk {
    /// The text that came.
    pub text: String,
    /// The last finish reason in the chunk.
    pub finish: Option<String>,
    /// The token counts, usually in the last chunk only.
    pub usage: Option<Usage>,
}

/// Token counts as the server reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    #[serde(default)]
    pub prompt_tokens: usize,
    /// Tokens of the answer.
    #[serde(default)]
    pub completion_tokens: usize,
    /// How many of the prompt's tokens came from a cache.
    #[serde(default)]
    pub prompt_tokens_details: Option<PromptDetails>,
}

/// Details of the prompt's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct PromptDetails {
    /// Tokens whose keys and values were not computed again.
    #[serde(default)]
    pub cached_tokens: Option<usize>,
}

impl StreamEvent {
    /// Reads the data of one event.
    pub fn parse(data: &[u8]) -> Result<Self, Failure> {
        if data.trim_ascii() == b"[DONE]" {
            return Ok(Self::Done);
        }
        let wire: WireChunk = serde_json::from_slice(data).map_err(|_| Failure::NotAChunk)?;
        if let Some(error) = wire.error {
            return Err(Failure::InStream(error_code(&error)));
        }
        let mut chunk = Chunk { usage: wire.usage, ..Chunk::default() };
        for choice in wire.choices.unwrap_or_default() {
            chunk.add(choice);
        }
        Ok(Self::Chunk(chunk))
    }
}

impl Chunk {
    fn add(&mut self, choice: WireChoice) {
        let delta = choice.delta.unwrap_or_default();
        let parts = [delta.reasoning_content, delta.reasoning, delta.content, choice.text];
        self.text.extend(parts.into_iter().flatten());
        self.finish = choice.finish_reason.or(self.finish.take());
    }
}

/// The code of an error object, which other servers write as a number.
pub fn error_code(error: &Value) -> Option<String> {
    match &error["code"] {
        Value::String(code) => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

#[derive(Deserialize)]
struct WireChunk {
    choices: Option<Vec<WireChoice>>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct WireChoice {
    delta: Option<WireDelta>,
    text: Option<String>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct WireDelta {
    content: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(json: &str) -> Chunk {
        match StreamEvent::parse(json.as_bytes()).unwrap() {
            StreamEvent::Chunk(chunk) => chunk,
            StreamEvent::Done => panic!("done"),
        }
    }

    #[test]
    fn reads_chat_and_completion_chunks() {
        let chat = r#"{"id":"x","choices":[{"index":0,"delta":{"content":"Up"},"finish_reason":null}],"usage":null}"#;
        assert_eq!(chunk(chat).text, "Up");
        let completion = r#"{"choices":[{"text":"","finish_reason":"length","stop_reason":null}]}"#;
        assert_eq!(chunk(completion).finish.as_deref(), Some("length"));
        assert_eq!(chunk(r#"{"choices":[{"delta":{}}]}"#), Chunk::default());
    }

    #[test]
    fn reads_usage_with_cached_tokens() {
        let json = r#"{"choices":[],"usage":{"prompt_tokens":21,"completion_tokens":5,"total_tokens":26,"prompt_tokens_details":{"cached_tokens":16}}}"#;
        let usage = chunk(json).usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (21, 5));
        assert_eq!(usage.prompt_tokens_details.unwrap().cached_tokens, Some(16));
    }

    #[test]
    fn tells_the_end_an_error_and_nonsense_apart() {
        assert_eq!(StreamEvent::parse(b" [DONE] "), Ok(StreamEvent::Done));
        let error = br#"{"error":{"message":"m","code":"engine_error"}}"#;
        assert_eq!(StreamEvent::parse(error), Err(Failure::InStream(Some("engine_error".into()))));
        assert_eq!(StreamEvent::parse(b"{\"choices\":[{"), Err(Failure::NotAChunk));
    }
}

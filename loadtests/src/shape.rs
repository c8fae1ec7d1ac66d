//! What the requests of a load look like.

use std::fmt;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{endpoint::Endpoint, length::Lengths};

/// What requests look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// The route.
    pub endpoint: Endpoint,
    /// Words in a prompt or a text, about as many tokens.
    pub input: Lengths,
    /// Tokens to generate.
    pub output: Lengths,
    /// Texts that one request has read, where none is continued.
    pub texts: usize,
    /// How many first words all prompts share.
    pub shared_prefix: usize,
    /// Sampling temperature; 0 is greedy.
    pub temperature: f64,
    /// Generate exactly the tokens asked for, whatever the model's end token says.
    pub ignore_eos: bool,
    /// Which share of the requests is left in the middle of its stream, 0 to 1.
    pub leave_share: f64,
    /// The form that answers are bound to, as the request's member of this name: a schema, a regex, a grammar.
    pub structured_outputs: Option<Value>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::Completions,
            input: Lengths::exactly(128),
            output: Lengths::exactly(64),
            texts: 1,
            shared_prefix: 0,
            temperature: 0.0,
            ignore_eos: true,
            leave_share: 0.0,
            structured_outputs: None,
        }
    }
}

impl Shape {
    /// The same with so many words fewer, for a server that adds so many tokens to every prompt; what it adds stands
    /// before the words, so that the shared beginning keeps its length too.
    #[must_use]
    pub fn less_words(self, extra: usize) -> Self {
        let shared_prefix = self.shared_prefix.saturating_sub(extra);
        Self { input: self.input.less(extra), shared_prefix, ..self }
    }

    /// Refuses what no request can be.
    pub fn validate(&self) -> Result<()> {
        let (share, temperature) = (self.leave_share, self.temperature);
        ensure!((0.0..=1.0).contains(&share), "request.leave_share is {share}, not between 0 and 1");
        ensure!(temperature.is_finite() && temperature >= 0.0, "request.temperature is {temperature}");
        ensure!(self.texts > 0, "request.texts is 0");
        if self.endpoint.generates() {
            ensure!(self.texts == 1, "request.texts is {}, but each request continues one text", self.texts);
        } else {
            let streams = share > 0.0 || self.structured_outputs.is_some();
            ensure!(!streams, "request.leave_share and request.structured_outputs are for texts that are generated");
        }
        Ok(())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, output, texts, .. } = self;
        match texts {
            _ if self.endpoint.generates() => write!(f, "{input} words in, {output} tokens out"),
            1 => write!(f, "a text of {input} words"),
            _ => write!(f, "{texts} texts of {input} words"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_streams_and_what_is_read_do_not_mix() {
        let of_texts = Shape { endpoint: Endpoint::Embeddings, texts: 8, ..Shape::default() };
        assert!(Shape::default().validate().is_ok() && of_texts.validate().is_ok());
        for bad in [
            Shape { texts: 2, ..Shape::default() },
            Shape { texts: 0, ..of_texts.clone() },
            Shape { leave_share: 0.5, ..of_texts.clone() },
            Shape { structured_outputs: Some(json!({"regex": "a"})), ..of_texts },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }
}

//! The text of one answer while it is being made: detokenizer, then call reader, then stop matcher.
//!
//! Invariant: every delta is whole characters, and no text is shown that a stop string will take back. Stop strings
//! end content; calls are not looked into.

use std::sync::Arc;

use scheduler::Token;

pub use crate::stop_matcher::StopRules;
use crate::{
    detokenizer::Detokenizer,
    shown_tokens::ShownTokens,
    stop_matcher::StopMatcher,
    tokenizer::Tokenizer,
    tools::{CallDelta, CallFormat, CallReader, reader::Read},
};

/// How an answer's text is made.
#[derive(Debug, Clone, Default)]
pub struct TextRules {
    /// What ends it.
    pub stop: StopRules,
    /// Whether special tokens are left out.
    pub skip_special: bool,
    /// Before so many tokens nothing ends it.
    pub min_tokens: usize,
    /// How calls in it are written, if it may hold any.
    pub calls: Option<&'static CallFormat>,
}

/// What a token adds to an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TextDelta {
    /// Text that may be shown now.
    pub text: String,
    /// What follows it.
    pub calls: Vec<CallDelta>,
    /// The stop string that ended the text; nothing comes after it.
    pub stopped: Option<String>,
}

/// The text of one answer.
#[derive(Debug)]
pub struct TextStream {
    detokenizer: Detokenizer,
    calls: Option<CallReader>,
    stop: StopMatcher,
    /// Tokens to come before stop strings are looked for.
    unwatched: usize,
}

impl TextStream {
    /// Begins an answer.
    pub fn new(tokenizer: Arc<Tokenizer>, rules: TextRules) -> Self {
        let shown = ShownTokens::new(tokenizer, rules.skip_special, rules.calls);
        Self::with(Detokenizer::new(shown), rules)
    }

    /// Begins an answer that goes on in the middle of a text: its first space is kept.
    pub fn continuing(tokenizer: Arc<Tokenizer>, rules: TextRules) -> Self {
        let shown = ShownTokens::new(tokenizer, rules.skip_special, rules.calls);
        Self::with(Detokenizer::continuing(shown), rules)
    }

    fn with(detokenizer: Detokenizer, rules: TextRules) -> Self {
        let stop = StopMatcher::new(rules.stop);
        Self { detokenizer, calls: rules.calls.map(CallReader::new), stop, unwatched: rules.min_tokens }
    }

    /// Adds a token and gives what is settled now.
    pub fn push(&mut self, token: Token) -> TextDelta {
        let text = self.detokenizer.push(token);
        let Read { content, calls } = self.read(text);
        if self.unwatched > 0 {
            self.unwatched -= 1;
            return TextDelta { text: content, calls, stopped: None };
        }
        let mut delta = self.stop.push(&content);
        if self.calls.as_ref().is_some_and(CallReader::is_calling) && delta.stopped.is_none() {
            delta.text += &self.stop.finish();
        }
        TextDelta { text: delta.text, calls, stopped: delta.stopped }
    }

    /// Ends the answer: gives what was held back.
    pub fn finish(&mut self) -> TextDelta {
        let last = self.detokenizer.finish();
        let Read { mut content, calls } = self.read(last);
        content += &self.calls.as_mut().map(CallReader::finish).unwrap_or_default();
        let text = self.stop.push(&content).text + &self.stop.finish();
        TextDelta { text, calls, stopped: None }
    }

    fn read(&mut self, text: String) -> Read {
        match &mut self.calls {
            Some(reader) => reader.push(&text),
            None => Read { content: text, calls: Vec::new() },
        }
    }
}

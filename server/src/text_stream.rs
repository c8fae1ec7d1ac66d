//! The text of one answer while it is being made: detokenizer, then thought reader, then call reader, then stop matcher.
//!
//! Invariant: every delta is whole characters, and no text is shown that a stop string will take back. Stop strings
//! end content; thoughts and calls are not looked into.

use std::sync::Arc;

use scheduler::Token;

pub use crate::stop_matcher::StopRules;
use crate::{
    detokenizer::Detokenizer,
    reasoning::{Thinking, ThoughtReader, ThoughtText, reader::ThoughtDelta},
    shown_tokens::ShownTokens,
    stop_matcher::StopMatcher,
    tokenizer::Tokenizer,
    tools::{AnswerCalls, CallDelta, CallReader, reader::Read},
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
    /// The calls that it may hold.
    pub calls: Option<AnswerCalls>,
    /// How it may begin with a thought, if it may.
    pub thinking: Option<Thinking>,
    /// What becomes of that.
    pub thought: ThoughtText,
}

impl TextRules {
    /// The tokens that the text shows.
    pub fn shown(&self, tokenizer: Arc<Tokenizer>) -> ShownTokens {
        let calls = self.calls.iter().flat_map(|calls| calls.format.words());
        let markers = self.thinking.into_iter().flat_map(|thinking| thinking.format.markers());
        ShownTokens::new(tokenizer, self.skip_special, calls.chain(markers))
    }
}

/// What a token adds to an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TextDelta {
    /// More of the thought, which is told apart from the text and comes before it.
    pub thought: String,
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
    thought: Option<ThoughtReader>,
    /// Whether the thought is part of the text.
    shows_thought: bool,
    calls: Option<CallReader>,
    stop: StopMatcher,
    /// Tokens to come before stop strings are looked for.
    unwatched: usize,
}

impl TextStream {
    /// Begins an answer.
    pub fn new(tokenizer: Arc<Tokenizer>, rules: TextRules) -> Self {
        Self::with(Detokenizer::new(rules.shown(tokenizer)), rules)
    }

    /// Begins an answer that goes on in the middle of a text: its first space is kept.
    pub fn continuing(tokenizer: Arc<Tokenizer>, rules: TextRules) -> Self {
        Self::with(Detokenizer::continuing(rules.shown(tokenizer)), rules)
    }

    fn with(detokenizer: Detokenizer, rules: TextRules) -> Self {
        Self {
            detokenizer,
            thought: rules.thinking.map(|thinking| ThoughtReader::new(thinking, rules.thought)),
            shows_thought: rules.thought == ThoughtText::InContent,
            calls: rules.calls.as_ref().map(CallReader::new),
            stop: StopMatcher::new(rules.stop),
            unwatched: rules.min_tokens,
        }
    }

    /// Whether the last token belongs to the thought; false while it is open whether there is one.
    pub fn is_thinking(&self) -> bool {
        self.thought.as_ref().is_some_and(ThoughtReader::is_thinking)
    }

    /// Adds a token and gives what is settled now.
    pub fn push(&mut self, token: Token) -> TextDelta {
        let text = self.detokenizer.push(token);
        let ThoughtDelta { thought, answer } = match &mut self.thought {
            Some(reader) => reader.push(&text),
            None => ThoughtDelta { answer: text, ..ThoughtDelta::default() },
        };
        let Read { content, calls } = self.read(answer);
        if self.unwatched > 0 {
            self.unwatched -= 1;
            return self.told(thought, TextDelta { text: content, calls, ..TextDelta::default() });
        }
        let mut delta = self.stop.push(&content);
        if self.calls.as_ref().is_some_and(CallReader::is_calling) && delta.stopped.is_none() {
            delta.text += &self.stop.finish();
        }
        self.told(thought, TextDelta { text: delta.text, calls, stopped: delta.stopped, ..TextDelta::default() })
    }

    /// Ends the answer: gives what was held back.
    pub fn finish(&mut self) -> TextDelta {
        let mut last = ThoughtDelta { answer: self.detokenizer.finish(), ..ThoughtDelta::default() };
        if let Some(reader) = &mut self.thought {
            last = reader.push(&last.answer);
            let rest = reader.finish();
            last.thought += &rest.thought;
            last.answer += &rest.answer;
        }
        let Read { mut content, calls } = self.read(last.answer);
        content += &self.calls.as_mut().map(CallReader::finish).unwrap_or_default();
        let text = self.stop.push(&content).text + &self.stop.finish();
        self.told(last.thought, TextDelta { text, calls, ..TextDelta::default() })
    }

    fn read(&mut self, text: String) -> Read {
        match &mut self.calls {
            Some(reader) => reader.push(&text),
            None => Read { content: text, calls: Vec::new() },
        }
    }

    /// Puts the thought where it is told.
    fn told(&self, thought: String, delta: TextDelta) -> TextDelta {
        if self.shows_thought {
            TextDelta { text: thought + &delta.text, ..delta }
        } else {
            TextDelta { thought, ..delta }
        }
    }
}

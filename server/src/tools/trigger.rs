//! Words that end a free text, watched for: those that open calls, or close a thought.
//!
//! The reader watches an answer's text and the grammar watches its tokens: both by this, so that they agree on where
//! the calls begin.

use std::{ops::Range, sync::Arc};

use super::{AnswerCalls, format::Opening};
use crate::substring::Substring;

/// The search for the words.
#[derive(Clone, Debug)]
pub(crate) enum Trigger {
    /// They may come anywhere.
    Anywhere(Substring),
    /// They come at the beginning or not at all.
    Beginning(Beginning),
}

/// Some words, none of which begins another, at the beginning of a text.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    /// In order.
    words: Arc<[String]>,
    /// Those that begin with the text so far.
    left: Range<usize>,
    /// Bytes of the text while any does.
    seen: usize,
}

impl Trigger {
    /// A text that calls may follow.
    pub(crate) fn of_calls(calls: &AnswerCalls) -> Self {
        match calls.format.opening {
            Opening::InText => Self::anywhere(calls.format.open),
            Opening::AtStart => Self::beginning([calls.format.open.to_owned()]),
            Opening::AtStartWithName => Self::beginning(calls.names.iter().map(|name| calls.format.open_with(name))),
        }
    }

    /// A text that ends with these words, wherever they come.
    pub(crate) fn anywhere(words: &str) -> Self {
        Self::Anywhere(Substring::new(words))
    }

    fn beginning(words: impl IntoIterator<Item = String>) -> Self {
        let mut words: Vec<String> = words.into_iter().collect();
        words.sort_unstable();
        let left = 0..words.len();
        Self::Beginning(Beginning { words: words.into(), left, seen: 0 })
    }

    /// Whether words are complete with this byte.
    pub(crate) fn step(&mut self, byte: u8) -> bool {
        match self {
            Self::Anywhere(search) => search.step(byte),
            Self::Beginning(beginning) => beginning.step(byte),
        }
    }

    /// Bytes at the end of the text that may become words, or are some.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Anywhere(search) => search.matched(),
            Self::Beginning(beginning) => {
                if beginning.left.is_empty() {
                    0
                } else {
                    beginning.seen
                }
            }
        }
    }

    /// Whether no words can come any more.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Beginning(beginning) if beginning.left.is_empty())
    }

    /// Whether words can come only at the beginning.
    pub(crate) fn is_at_beginning(&self) -> bool {
        matches!(self, Self::Beginning(_))
    }

    /// Begins anew.
    pub(crate) fn restart(&mut self) {
        match self {
            Self::Anywhere(search) => search.restart(),
            Self::Beginning(Beginning { words, left, seen }) => (*left, *seen) = (0..words.len(), 0),
        }
    }

    /// The last byte of all words.
    pub(crate) fn last_byte(&self) -> Option<u8> {
        match self {
            Self::Anywhere(search) => search.text().bytes().last(),
            Self::Beginning(beginning) => beginning.words.first()?.bytes().last(),
        }
    }

    /// Which of `states` this is.
    pub(crate) fn state(&self) -> usize {
        match self {
            Self::Anywhere(search) => search.matched(),
            Self::Beginning(Beginning { words, left, seen }) => {
                if left.is_empty() {
                    0
                } else {
                    words[..left.start].iter().map(String::len).sum::<usize>() + seen + 1
                }
            }
        }
    }

    /// All states before words are complete. Beginnings that words share are states of the first of them.
    pub(crate) fn states(&self) -> Vec<Self> {
        let mut fresh = self.clone();
        fresh.restart();
        let mut states = Vec::new();
        let words: Vec<String> = match &fresh {
            Self::Anywhere(search) => vec![search.text().to_owned()],
            Self::Beginning(beginning) => {
                states.push(Self::Beginning(Beginning { left: 0..0, ..beginning.clone() }));
                beginning.words.to_vec()
            }
        };
        for word in &words {
            let mut state = fresh.clone();
            for byte in word.bytes() {
                states.push(state.clone());
                state.step(byte);
            }
        }
        states
    }
}

impl Beginning {
    fn step(&mut self, byte: u8) -> bool {
        let at = self.seen;
        let goes_on = |index: &usize| self.words[*index].as_bytes().get(at) == Some(&byte);
        let Some(start) = self.left.clone().find(goes_on) else {
            self.left = 0..0;
            return false;
        };
        let count = (start..self.left.end).take_while(goes_on).count();
        self.left = start..start + count;
        self.seen += 1;
        self.words[start].len() == self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::{super::CallFormat, *};

    fn trigger(format: &str) -> Trigger {
        let names = ["get", "get_two", "a"].map(str::to_owned);
        Trigger::of_calls(&AnswerCalls { format: CallFormat::named(format).unwrap(), names: names.into() })
    }

    fn found_at(format: &str, text: &str) -> Option<usize> {
        let mut trigger = trigger(format);
        text.bytes().position(|byte| trigger.step(byte)).map(|index| index + 1)
    }

    #[test]
    fn calls_may_follow_text_where_the_format_lets_them() {
        assert_eq!(found_at("hermes", "so <tool<tool_call>x"), Some(19));
        assert_eq!(found_at("llama3_json", "{\"name\": \"x"), Some(10));
        assert_eq!(found_at("llama3_json", " {\"name\": \"x"), None);
        assert_eq!(found_at("llama3_json", "{{\"name\": \"x"), None);
    }

    #[test]
    fn a_name_may_be_part_of_what_opens_calls() {
        assert_eq!(found_at("pythonic", "[get_two(x"), Some(9));
        assert_eq!(found_at("pythonic", "[get(x"), Some(5));
        assert_eq!(found_at("pythonic", "[get_three(x"), None);
        assert_eq!(found_at("pythonic", "[1, 2] [get("), None);
    }

    #[test]
    fn every_state_is_found_by_its_number() {
        for format in ["hermes", "llama3_json", "pythonic"] {
            let states = trigger(format).states();
            for state in &states {
                assert_eq!(states[state.state()].held(), state.held(), "{format}");
            }
        }
    }
}

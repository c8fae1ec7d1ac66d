//! Words that end a free text, watched for: those that open calls, or close a thought.
//!
//! The reader watches an answer's text and the grammar watches its tokens: both by this, so that they agree on where
//! the calls begin.

use super::CallFormat;
use crate::substring::Substring;

/// The search for the words.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    search: Substring,
    /// Bytes of the text so far.
    seen: usize,
    after_text: bool,
}

impl Trigger {
    /// A text that has not begun.
    pub(crate) fn new(format: &CallFormat) -> Self {
        Self { search: Substring::new(format.open), seen: 0, after_text: format.after_text }
    }

    /// A text that ends with these words, wherever they come.
    pub(crate) fn anywhere(words: &str) -> Self {
        Self { search: Substring::new(words), seen: 0, after_text: true }
    }

    /// What is looked for.
    pub(crate) fn words(&self) -> &str {
        self.search.text()
    }

    /// Begins anew.
    pub(crate) fn restart(&mut self) {
        self.search.restart();
        self.seen = 0;
    }

    /// Whether the words are complete with this byte.
    pub(crate) fn step(&mut self, byte: u8) -> bool {
        if self.is_over() {
            return false;
        }
        self.seen = self.seen.saturating_add(1);
        self.search.step(byte)
    }

    /// Bytes at the end of the text that may become the words.
    pub(crate) fn held(&self) -> usize {
        if self.is_over() { 0 } else { self.search.matched() }
    }

    /// Whether no words can open calls any more.
    pub(crate) fn is_over(&self) -> bool {
        !self.after_text && self.search.matched() < self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_at(format: &str, text: &str) -> Option<usize> {
        let mut trigger = Trigger::new(CallFormat::named(format).unwrap());
        text.bytes().position(|byte| trigger.step(byte)).map(|index| index + 1)
    }

    #[test]
    fn calls_may_follow_text_where_the_format_lets_them() {
        assert_eq!(found_at("hermes", "so <tool<tool_call>x"), Some(19));
        assert_eq!(found_at("llama3_json", "{\"name\": \"x"), Some(10));
        assert_eq!(found_at("llama3_json", " {\"name\": \"x"), None);
        assert_eq!(found_at("llama3_json", "{{\"name\": \"x"), None);
    }
}

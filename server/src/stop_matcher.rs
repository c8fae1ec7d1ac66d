//! Finds stop strings in a text that comes in pieces.
//!
//! The match that ends first wins; of those that end together, the longest. The result does not depend on how
//! the text is cut. Text that may still become a stop string is held back, and nothing else. Cost: linear in
//! the text for each stop string.

use crate::substring::Substring;

/// What ends an answer's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopRules {
    /// The stop strings; empty ones never match.
    pub strings: Vec<String>,
    /// Whether the matched string stays in the text.
    pub include: bool,
}

/// Text that is settled, and the stop string if one was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// What may be shown now.
    pub text: String,
    /// The stop string that ended the text; nothing comes after it.
    pub stopped: Option<String>,
}

/// The search, as far as it has come.
#[derive(Debug)]
pub struct StopMatcher {
    patterns: Vec<Substring>,
    include: bool,
    held: String,
    stopped: bool,
}

impl StopMatcher {
    /// Begins a search.
    pub fn new(rules: StopRules) -> Self {
        let strings = rules.strings.into_iter().filter(|text| !text.is_empty());
        Self {
            patterns: strings.map(Substring::new).collect(),
            include: rules.include,
            held: String::new(),
            stopped: false,
        }
    }

    /// Adds text and gives what is settled; after a match there is nothing more.
    pub fn push(&mut self, text: &str) -> Delta {
        if self.stopped {
            return Delta::default();
        }
        let before = self.held.len();
        self.held.push_str(text);
        for end in before + 1..=self.held.len() {
            let byte = self.held.as_bytes()[end - 1];
            if let Some(stop) = self.step(byte) {
                return self.stop(end, stop);
            }
        }
        let open = self.patterns.iter().map(Substring::matched).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - open);
        Delta { text: std::mem::replace(&mut self.held, rest), stopped: None }
    }

    /// Ends the search: gives what was held back.
    pub fn finish(&mut self) -> String {
        self.stopped = true;
        std::mem::take(&mut self.held)
    }

    /// Moves every pattern by one byte; the longest one that is complete now.
    fn step(&mut self, byte: u8) -> Option<String> {
        let mut complete: Option<&Substring> = None;
        for pattern in &mut self.patterns {
            if pattern.step(byte) && complete.is_none_or(|longest| longest.text().len() < pattern.text().len()) {
                complete = Some(pattern);
            }
        }
        complete.map(|pattern| pattern.text().to_owned())
    }

    fn stop(&mut self, end: usize, stop: String) -> Delta {
        let mut text = self.finish();
        text.truncate(if self.include { end } else { end - stop.len() });
        Delta { text, stopped: Some(stop) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(strings: &[&str], include: bool) -> StopRules {
        StopRules { strings: strings.iter().map(ToString::to_string).collect(), include }
    }

    /// The first end of any stop string; of those the longest.
    fn naive(text: &str, rules: &StopRules) -> (String, Option<String>) {
        let ends = |stop: &String| text.find(stop.as_str()).map(|start| (start + stop.len(), start, stop.clone()));
        let found = rules.strings.iter().filter(|stop| !stop.is_empty()).filter_map(ends).min();
        match found {
            Some((end, start, stop)) => (text[..if rules.include { end } else { start }].to_owned(), Some(stop)),
            None => (text.to_owned(), None),
        }
    }

    fn streamed(pieces: &[String], rules: &StopRules) -> (String, Option<String>) {
        let mut matcher = StopMatcher::new(rules.clone());
        let mut text = String::new();
        let mut stopped = None;
        for piece in pieces {
            let delta = matcher.push(piece);
            assert!(stopped.is_none() || delta == Delta::default(), "nothing comes after a stop");
            text.push_str(&delta.text);
            stopped = stopped.or(delta.stopped);
        }
        text.push_str(&matcher.finish());
        (text, stopped)
    }

    #[test]
    fn a_stop_string_across_pieces_is_found() {
        let mut matcher = StopMatcher::new(rules(&["END"], false));
        assert_eq!(matcher.push("the E"), Delta { text: "the ".to_owned(), stopped: None });
        assert_eq!(matcher.push("N"), Delta::default());
        assert_eq!(matcher.push("D more"), Delta { text: String::new(), stopped: Some("END".to_owned()) });
        assert_eq!(matcher.finish(), "");
    }

    #[test]
    fn what_was_held_back_in_vain_comes_out() {
        let mut matcher = StopMatcher::new(rules(&["END"], false));
        assert_eq!(matcher.push("EN").text, "");
        assert_eq!(matcher.push("EM").text, "ENEM");
        assert_eq!(matcher.push("E").text, "");
        assert_eq!(matcher.finish(), "E");
    }

    #[test]
    fn the_matched_text_stays_if_asked_for() {
        let mut matcher = StopMatcher::new(rules(&["b", "ab"], true));
        assert_eq!(matcher.push("xxaby"), Delta { text: "xxab".to_owned(), stopped: Some("ab".to_owned()) });
    }

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(
            pieces in prop::collection::vec("[ab한🙂]{0,4}", 0..12),
            strings in prop::collection::vec("[ab한🙂]{0,5}", 0..4),
            include: bool,
        ) {
            let rules = StopRules { strings, include };
            prop_assert_eq!(streamed(&pieces, &rules), naive(&pieces.concat(), &rules));
        }
    }
}

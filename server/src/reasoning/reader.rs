//! An answer's text, cut into the thought it begins with and the rest.
//!
//! Invariant: the deltas, joined, do not depend on how the text is cut into pieces. The thought comes without its markers
//! and the white space at its ends, unless it stays in the content.

use super::{
    Thinking,
    watch::{Stage, ThoughtWatch},
};

/// What becomes of a thought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThoughtText {
    /// It is told beside the content.
    #[default]
    Separate,
    /// It stays where it is, in its markers.
    InContent,
    /// It is not told.
    Dropped,
}

/// What is new about an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ThoughtDelta {
    /// More of the thought.
    pub thought: String,
    /// More of what follows it.
    pub answer: String,
}

/// The reading, as far as it has come.
#[derive(Debug)]
pub struct ThoughtReader {
    watch: ThoughtWatch,
    text: ThoughtText,
    /// What may be a marker, or white space at the end of the thought.
    held: String,
    /// Whether some of the thought was given.
    has_text: bool,
}

impl ThoughtReader {
    /// Reads an answer from its beginning.
    pub fn new(thinking: Thinking, text: ThoughtText) -> Self {
        Self { watch: ThoughtWatch::new(thinking), text, held: String::new(), has_text: false }
    }

    /// Whether what came last belongs to the thought; false while that is open.
    pub fn is_thinking(&self) -> bool {
        self.watch.is_thinking()
    }

    /// Adds text and gives what is settled.
    pub fn push(&mut self, text: &str) -> ThoughtDelta {
        let mut delta = ThoughtDelta::default();
        for (index, character) in text.char_indices() {
            if self.watch.stage() == Stage::Over {
                delta.answer += &text[index..];
                break;
            }
            self.step(character, &mut delta);
        }
        self.settle(&mut delta);
        self.told(delta)
    }

    /// Ends the answer: gives what was held back.
    pub fn finish(&mut self) -> ThoughtDelta {
        let mut delta = ThoughtDelta::default();
        let held = std::mem::take(&mut self.held);
        if !self.is_thinking() {
            delta.answer = held;
        } else if self.text == ThoughtText::InContent {
            delta.thought = held;
        } else {
            delta.thought += self.trimmed(held.trim_end());
        }
        self.told(delta)
    }

    fn step(&mut self, character: char, delta: &mut ThoughtDelta) {
        let before = self.watch.stage();
        self.held.push(character);
        character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| self.watch.step(byte));
        match (before, self.watch.stage()) {
            (_, Stage::Before) => {}
            (_, Stage::Over) => delta.answer += &std::mem::take(&mut self.held),
            _ if self.text == ThoughtText::InContent => delta.thought += &std::mem::take(&mut self.held),
            (Stage::Before, Stage::Inside) if self.watch.has_opened() => self.held.clear(),
            (Stage::Inside, Stage::Gap) => {
                let held = std::mem::take(&mut self.held);
                delta.thought += self.trimmed(held[..held.len() - self.watch.closed()].trim_end());
            }
            (Stage::Gap, Stage::Gap) => self.held.clear(),
            _ => {}
        }
    }

    /// Gives the part of the thought that is neither white space at its end nor in its closing marker.
    fn settle(&mut self, delta: &mut ThoughtDelta) {
        if self.watch.stage() == Stage::Inside && self.text != ThoughtText::InContent {
            let settled = self.held[..self.held.len() - self.watch.closed()].trim_end().len();
            let rest = self.held.split_off(settled);
            let text = std::mem::replace(&mut self.held, rest);
            delta.thought += self.trimmed(&text);
        }
    }

    /// The next part of the thought, without the white space that it begins with.
    fn trimmed<'a>(&mut self, text: &'a str) -> &'a str {
        let text = if self.has_text { text } else { text.trim_start() };
        self.has_text |= !text.is_empty();
        text
    }

    fn told(&self, delta: ThoughtDelta) -> ThoughtDelta {
        match self.text {
            ThoughtText::Dropped => ThoughtDelta { thought: String::new(), ..delta },
            ThoughtText::Separate | ThoughtText::InContent => delta,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};

    use super::{super::format::FORMATS, *};

    /// The thought and the answer of a whole text.
    fn naive(text: &str, Thinking { format, begun }: Thinking) -> (String, String) {
        let opened = text.trim_ascii_start().strip_prefix(format.open);
        let Some(inside) = opened.or(begun.then_some(text)) else { return (String::new(), text.to_owned()) };
        let (thought, answer) = inside.split_once(format.close).unwrap_or((inside, ""));
        (thought.trim().to_owned(), answer.trim_ascii_start().to_owned())
    }

    fn read(pieces: &[&str], thinking: Thinking, text: ThoughtText) -> (String, String) {
        let mut reader = ThoughtReader::new(thinking, text);
        let mut read = (String::new(), String::new());
        let mut add = |delta: ThoughtDelta| {
            assert!(read.1.is_empty() || delta.thought.is_empty(), "the thought comes first");
            read.0 += &delta.thought;
            read.1 += &delta.answer;
        };
        for piece in pieces {
            add(reader.push(piece));
        }
        add(reader.finish());
        read
    }

    fn pieces<'a>(text: &'a str, cuts: &[Index]) -> Vec<&'a str> {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
        ends.sort_unstable();
        let starts = std::iter::once(0).chain(ends.iter().copied()).collect::<Vec<_>>();
        starts.into_iter().zip(ends.into_iter().chain([text.len()])).map(|(start, end)| &text[start..end]).collect()
    }

    /// Text with whole and broken markers, white space and letters of several bytes.
    fn text() -> impl Strategy<Value = Vec<usize>> {
        proptest::collection::vec(0..10_usize, 0..10)
    }

    fn spell(words: &[usize], thinking: Thinking) -> String {
        let (open, close) = (thinking.format.open, thinking.format.close);
        let broken = &close[..close.len() - 1];
        let spellings = [open, close, &open[..3], broken, " ", "\n", "\u{a0}", "산", "a", "<"];
        words.iter().map(|word| spellings[*word]).collect()
    }

    #[test]
    fn what_is_settled_leaves_at_once() {
        let mut reader = ThoughtReader::new(Thinking { format: &FORMATS[0], begun: true }, ThoughtText::Separate);
        assert_eq!(reader.push("\nso").thought, "so");
        assert_eq!(reader.push(" it </th").thought, " it");
        assert_eq!(reader.push("e").thought, " </the");
        assert_eq!(reader.push("</think>\n\n"), ThoughtDelta::default());
        assert!(reader.is_thinking());
        assert_eq!(reader.push("Yes.").answer, "Yes.");
        assert!(!reader.is_thinking());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn any_cut_of_an_answer_reads_the_same(
            format in 0..FORMATS.len(),
            begun: bool,
            words in text(),
            cuts in proptest::collection::vec(any::<Index>(), 0..8),
        ) {
            let thinking = Thinking { format: &FORMATS[format], begun };
            let text = spell(&words, thinking);
            let (thought, answer) = naive(&text, thinking);
            let pieces = pieces(&text, &cuts);
            prop_assert_eq!(read(&pieces, thinking, ThoughtText::Dropped), (String::new(), answer.clone()));
            prop_assert_eq!(read(&pieces, thinking, ThoughtText::Separate), (thought, answer.clone()));
            let (before, after) = read(&pieces, thinking, ThoughtText::InContent);
            prop_assert_eq!(before + &after, text);
            prop_assert_eq!(after, answer);
        }
    }
}

//! Marks around the texts of messages, so that they can be told from the template's own.
//!
//! Two private-use characters that occur nowhere else. White space at the ends of a text stays outside, since
//! many templates trim it; a text that is cut comes back with a mark missing, and that is seen.

use std::{collections::BTreeSet, ops::RangeInclusive};

use crate::tokenizer::Piece;

const PRIVATE_USE: RangeInclusive<char> = '\u{100000}'..='\u{10FFFD}';

#[derive(Clone, Copy)]
pub(super) struct Marks {
    open: char,
    close: char,
}

impl Marks {
    /// Two characters that none of the texts contains; none if there are no two.
    pub(super) fn unused_in<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let used: BTreeSet<char> =
            texts.flat_map(str::chars).filter(|character| PRIVATE_USE.contains(character)).collect();
        let mut unused = PRIVATE_USE.filter(|character| !used.contains(character));
        Some(Self { open: unused.next()?, close: unused.next()? })
    }

    /// Bytes that the marks add to a text.
    pub(super) fn len(self) -> usize {
        self.open.len_utf8() + self.close.len_utf8()
    }

    pub(super) fn mark(self, text: &str) -> String {
        let core = text.trim();
        if core.is_empty() {
            return text.to_owned();
        }
        let before = &text[..text.len() - text.trim_start().len()];
        let after = &text[text.trim_end().len()..];
        let Self { open, close } = self;
        format!("{before}{open}{core}{close}{after}")
    }

    /// The pieces of a marked text; none if the marks do not come in pairs.
    pub(super) fn pieces(self, marked: &str) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut rest = marked;
        while let Some((before, after)) = rest.split_once(self.open) {
            let (content, behind) = after.split_once(self.close)?;
            if before.contains(self.close) || content.contains(self.open) {
                return None;
            }
            pieces.push(Piece::Scaffold(before.to_owned()));
            pieces.push(Piece::Content(content.to_owned()));
            rest = behind;
        }
        if rest.contains(self.close) {
            return None;
        }
        pieces.push(Piece::Scaffold(rest.to_owned()));
        pieces.retain(|piece| !piece.text().is_empty());
        Some(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_avoid_what_is_in_use() {
        let marks = Marks::unused_in(["a\u{100000}", "\u{100002}"].into_iter()).unwrap();
        assert_eq!((marks.open, marks.close), ('\u{100001}', '\u{100003}'));
        let all: String = PRIVATE_USE.skip(1).collect();
        assert!(Marks::unused_in([all.as_str()].into_iter()).is_none());
    }

    #[test]
    fn white_space_stays_outside() {
        let marks = Marks { open: '(', close: ')' };
        assert_eq!(marks.mark(" a b \n"), " (a b) \n");
        assert_eq!(marks.mark("  "), "  ");
    }

    #[test]
    fn unpaired_marks_are_seen() {
        let marks = Marks { open: '(', close: ')' };
        let scaffold = |text: &str| Piece::Scaffold(text.to_owned());
        assert_eq!(marks.pieces("a(b)c"), Some(vec![scaffold("a"), Piece::Content("b".to_owned()), scaffold("c")]));
        for broken in ["a(b", "ab)", "(a(b)", "(a))", ")(", "a)(b)"] {
            assert_eq!(marks.pieces(broken), None, "{broken}");
        }
    }
}

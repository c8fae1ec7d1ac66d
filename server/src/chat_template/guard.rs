//! Takes from the scaffold what a message may have put there.
//!
//! Texts that could not be marked may stand anywhere in the scaffold. A control token whose text one of them
//! contains is then nobody's for certain, so it counts as content wherever it stands: plain text, no token.

use std::cmp::Reverse;

use crate::tokenizer::Piece;

pub(super) fn guard(pieces: Vec<Piece>, control: &[String], texts: &[&str]) -> Vec<Piece> {
    let forgeable = |token: &&String| texts.iter().any(|text| text.contains(token.as_str()));
    let doubtful: Vec<&str> = control.iter().filter(forgeable).map(String::as_str).collect();
    if doubtful.is_empty() {
        return pieces;
    }
    let split = |piece| match piece {
        Piece::Scaffold(text) => split(&text, &doubtful),
        Piece::Content(_) => vec![piece],
    };
    pieces.into_iter().flat_map(split).collect()
}

fn split(scaffold: &str, doubtful: &[&str]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = scaffold;
    let next = |rest: &str| {
        let found = doubtful.iter().filter_map(|token| rest.find(token).map(|start| (start, token.len())));
        found.min_by_key(|&(start, length)| (start, Reverse(length)))
    };
    while let Some((start, length)) = next(rest) {
        pieces.push(Piece::Scaffold(rest[..start].to_owned()));
        pieces.push(Piece::Content(rest[start..start + length].to_owned()));
        rest = &rest[start + length..];
    }
    pieces.push(Piece::Scaffold(rest.to_owned()));
    pieces.retain(|piece| !piece.text().is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubtful_tokens_become_content() {
        let control = ["<a>".to_owned(), "<b>".to_owned()];
        let scaffold = |text: &str| Piece::Scaffold(text.to_owned());
        let pieces = guard(vec![scaffold("<b>x<a><b>")], &control, &["say <a>"]);
        assert_eq!(pieces, [scaffold("<b>x"), Piece::Content("<a>".to_owned()), scaffold("<b>")]);
        let pieces = guard(vec![scaffold("<b>x<a><b>")], &control, &["say a"]);
        assert_eq!(pieces, [scaffold("<b>x<a><b>")]);
    }
}

//! Texts that are longer than the model reads, in pieces that overlap.

use std::ops::Range;

/// A piece of a list of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What is read.
    pub tokens: Range<usize>,
    /// What counts of it: a token of two pieces counts where it stands farther from the cut.
    pub counts: Range<usize>,
}

/// Pieces of at most `most` tokens, each beginning with the last `overlap` ones of the piece before it; `overlap` is less than
/// `most`. One piece at least; what counts of all is each token once.
pub fn windows(tokens: usize, most: usize, overlap: usize) -> Vec<Window> {
    let mut windows = Vec::new();
    let (mut start, mut counted) = (0, 0);
    loop {
        let end = tokens.min(start + most);
        let is_last = end == tokens;
        let counts = counted..if is_last { end } else { end - overlap / 2 };
        counted = counts.end;
        windows.push(Window { tokens: start..end, counts });
        if is_last {
            return windows;
        }
        start = end - overlap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_counts_once_in_a_piece_that_holds_it() {
        for tokens in 0..40 {
            for most in 1..12 {
                for overlap in 0..most {
                    let windows = windows(tokens, most, overlap);
                    let mut counted = 0;
                    for (index, Window { tokens: read, counts }) in windows.iter().enumerate() {
                        assert!(read.len() <= most && read.start <= counts.start && counts.end <= read.end);
                        assert_eq!(counts.start, counted);
                        counted = counts.end;
                        let before = index.checked_sub(1).map(|before| windows[before].tokens.end - read.start);
                        assert_eq!(before.unwrap_or(overlap), overlap);
                    }
                    assert_eq!(counted, tokens);
                }
            }
        }
    }

    #[test]
    fn a_token_counts_where_more_is_seen_around_it() {
        let pieces = windows(10, 6, 4);
        let ranges: Vec<_> = pieces.into_iter().map(|piece| (piece.tokens, piece.counts)).collect();
        assert_eq!(ranges, [(0..6, 0..4), (2..8, 4..6), (4..10, 6..10)]);
    }
}

//! The merges that a sentencepiece vocabulary implies.
//!
//! The file has scores and no merges: each split of a piece into two pieces is a merge, and pieces with a
//! higher score merge first (the way transformers' sentencepiece converter orders them).

use std::{cmp::Reverse, collections::HashMap};

use engine::GgufVocabulary;
use scheduler::Token;

const CONTROL_UNKNOWN_AND_BYTE: [u32; 3] = [2, 3, 6];

struct Merge<'a> {
    score: f32,
    left: &'a str,
    right: &'a str,
}

/// All merges, best first.
pub(super) fn merges_by_score(vocabulary: &GgufVocabulary) -> Vec<(String, String)> {
    let pieces: HashMap<&str, Token> = vocabulary.tokens.iter().map(String::as_str).zip(0..).collect();
    let mut merges: Vec<Merge<'_>> = Vec::new();
    for (index, piece) in vocabulary.tokens.iter().enumerate() {
        let kind = vocabulary.token_types.get(index);
        if !kind.is_some_and(|kind| CONTROL_UNKNOWN_AND_BYTE.contains(kind)) {
            merges.extend(splits(piece, vocabulary.scores[index], &pieces));
        }
    }
    merges.sort_by(|one, other| {
        let lengths = |merge: &Merge<'_>| Reverse((merge.left.chars().count(), merge.right.chars().count()));
        other.score.total_cmp(&one.score).then_with(|| lengths(one).cmp(&lengths(other)))
    });
    merges.into_iter().map(|merge| (merge.left.to_owned(), merge.right.to_owned())).collect()
}

/// The ways to make one piece of two others, in the order of their ids.
fn splits<'a>(piece: &'a str, score: f32, pieces: &HashMap<&str, Token>) -> Vec<Merge<'a>> {
    let mut splits: Vec<_> = piece
        .char_indices()
        .skip(1)
        .filter_map(|(border, _)| {
            let (left, right) = piece.split_at(border);
            Some((pieces.get(left)?, pieces.get(right)?, left, right))
        })
        .collect();
    splits.sort_unstable();
    splits.into_iter().map(|(_, _, left, right)| Merge { score, left, right }).collect()
}

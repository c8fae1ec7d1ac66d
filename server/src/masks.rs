//! Candidates for masks in texts out of scores of the whole vocabulary.

use proto::{FilledMask, MaskCandidate, TextMasks};
use scheduler::Token;

use crate::{
    placed_text::PlacedText,
    tokenizer::{CharCount, Tokenizer},
};

/// A text, and which of its tokens are masks; at least one.
#[derive(Debug)]
pub struct MaskedText {
    /// As it is read.
    pub text: PlacedText,
    /// Ascending.
    pub masks: Vec<usize>,
}

/// The masks of the text number `index`, out of the scores `[masks, vocabulary]` of its tokens.
pub fn filled(
    tokenizer: &Tokenizer,
    (index, masked): (usize, &MaskedText),
    scores: &[f32],
    candidates: usize,
) -> TextMasks {
    let MaskedText { text, masks } = masked;
    let vocabulary = scores.len() / masks.len();
    let mut count = CharCount::of(&text.text);
    let filled = |(mask, row): (&usize, &[f32])| FilledMask {
        position: count.place(text.tokens[*mask].place).start,
        candidates: best(row, candidates)
            .into_iter()
            .map(|(token, score)| candidate(tokenizer, token, score))
            .collect(),
    };
    TextMasks { index, masks: masks.iter().zip(scores.chunks_exact(vocabulary)).map(filled).collect() }
}

/// Its text stands alone: the space before a word is none of it.
fn candidate(tokenizer: &Tokenizer, token: Token, score: f32) -> MaskCandidate {
    let text = tokenizer.token_text(token);
    let trimmed = text.trim();
    MaskCandidate { token, token_str: if trimmed.is_empty() { text } else { trimmed.to_owned() }.into(), score }
}

/// The likeliest tokens with their probabilities, of equal ones the first.
fn best(scores: &[f32], count: usize) -> Vec<(Token, f32)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let likelier = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    let count = count.min(order.len());
    if count < order.len() {
        order.select_nth_unstable_by(count, likelier);
        order.truncate(count);
    }
    order.sort_unstable_by(likelier);
    let greatest = order.first().map_or(0.0, |token| scores[*token]);
    let weight = |score: f32| f64::from(score - greatest).exp();
    let sum: f64 = scores.iter().map(|score| weight(*score)).sum();
    order.into_iter().map(|token| (token as Token, (weight(scores[token]) / sum) as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_are_told_in_order_with_shares_of_the_whole() {
        let scores = [0.0, 2.0, 1.0, 2.0];
        let sum: f32 = scores.iter().map(|score: &f32| score.exp()).sum();
        let told = best(&scores, 3);
        assert_eq!(told.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 3, 2]);
        assert!((told[0].1 - 2.0_f32.exp() / sum).abs() < 1e-6 && (told[2].1 - 1.0_f32.exp() / sum).abs() < 1e-6);
        assert_eq!(best(&scores, 9).len(), 4);
    }
}

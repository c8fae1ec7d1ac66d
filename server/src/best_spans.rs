//! Answers out of scores of where they begin and end.
//!
//! Of each piece of a text: p(begins at i) * p(ends at j), i not behind j, the probabilities being over the tokens of the piece
//! and the place that stands for "no answer". An answer is of whole words, unless these have more tokens than it may; of one
//! that several pieces hold, the surest counts.

use proto::{SpanAnswer, TextAnswers};

use crate::{
    placed_text::PlacedText,
    tokenizer::{CharCount, PlacedToken},
    windows::Window,
};

/// Which answers are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanRules {
    /// So many, the best; at least one.
    pub most: usize,
    /// Tokens of an answer, at least one.
    pub max_tokens: usize,
}

/// What the engine gave for a piece of a text.
#[derive(Clone, Copy, Debug)]
pub struct PieceScores<'a> {
    /// `[tokens, 2]`
    pub scores: &'a [f32],
    /// Where the text begins.
    pub begins: usize,
    /// The place that stands for "no answer".
    pub nowhere: usize,
}

/// A part of the text's tokens, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    first: usize,
    last: usize,
    score: f32,
}

/// The answers of the text number `index`, whose pieces have these scores.
pub fn answers<'a>(
    (index, text): (usize, &PlacedText),
    pieces: impl IntoIterator<Item = PieceScores<'a>>,
    rules: SpanRules,
) -> TextAnswers {
    let words = words(&text.tokens);
    let (mut spans, mut no_answer_score) = (Vec::new(), 1.0_f32);
    for (window, piece) in text.windows.iter().zip(pieces) {
        let [begin, end] = [0, 1].map(|which| probabilities(piece, window, which));
        no_answer_score = no_answer_score.min(begin.nowhere * end.nowhere);
        for (first, begins) in begin.tokens.iter().enumerate() {
            for (last, ends) in end.tokens.iter().enumerate().skip(first).take(rules.max_tokens) {
                let (score, start) = (begins * ends, window.tokens.start);
                if is_kept(&spans, score, rules.most) {
                    let (first, last) = whole_words(&words, (start + first, start + last), rules.max_tokens);
                    keep(&mut spans, Span { first, last, score }, rules.most);
                }
            }
        }
    }
    let answers = spans.into_iter().map(|span| answer(text, span)).collect();
    TextAnswers { index, answers, no_answer_score }
}

fn answer(text: &PlacedText, span: Span) -> SpanAnswer {
    let place = text.tokens[span.first].place.to(text.tokens[span.last].place);
    let chars = CharCount::of(&text.text).place(place);
    SpanAnswer { text: text.text[place.bytes()].into(), score: span.score, start: chars.start, end: chars.end }
}

/// Of one end of an answer.
struct Probabilities {
    tokens: Vec<f32>,
    nowhere: f32,
}

fn probabilities(piece: PieceScores<'_>, window: &Window, which: usize) -> Probabilities {
    let score = |row: usize| f64::from(piece.scores[2 * row + which]);
    let rows = piece.begins..piece.begins + window.tokens.len();
    let greatest = rows.clone().map(score).fold(score(piece.nowhere), f64::max);
    let weight = |row: usize| (score(row) - greatest).exp();
    let sum = weight(piece.nowhere) + rows.clone().map(weight).sum::<f64>();
    let probability = |row: usize| (weight(row) / sum) as f32;
    Probabilities { tokens: rows.map(probability).collect(), nowhere: probability(piece.nowhere) }
}

/// Of each token the first and the last token of its word.
fn words(tokens: &[PlacedToken]) -> Vec<(usize, usize)> {
    let mut words = Vec::with_capacity(tokens.len());
    for word in tokens.chunk_by(|token, next| token.word == next.word) {
        let first = words.len();
        words.resize(first + word.len(), (first, first + word.len() - 1));
    }
    words
}

/// The words of a span, if they are no more tokens than an answer may have.
fn whole_words(words: &[(usize, usize)], (first, last): (usize, usize), most: usize) -> (usize, usize) {
    let (begins, ends) = (words[first].0, words[last].1);
    if ends - begins < most { (begins, ends) } else { (first, last) }
}

/// Whether a span of this score would be one of the best so far.
fn is_kept(spans: &[Span], score: f32, most: usize) -> bool {
    spans.len() < most || spans[most - 1].score < score
}

/// Keeps the best, each once, in order; of equal ones the first stands first.
fn keep(spans: &mut Vec<Span>, span: Span, most: usize) {
    if let Some(same) = spans.iter().position(|other| (other.first, other.last) == (span.first, span.last)) {
        if spans[same].score >= span.score {
            return;
        }
        spans.remove(same);
    }
    let place = spans.partition_point(|other| other.score >= span.score);
    spans.insert(place, span);
    spans.truncate(most);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{tokenizer::Place, windows::windows};

    /// Each token is a letter; those of equal numbers are a word. Pieces of so many tokens, with two in common.
    fn text(words: &[usize], most: usize) -> PlacedText {
        let token =
            |(at, word): (usize, &usize)| PlacedToken { token: 0, place: Place::new(at..at + 1), word: *word as u32 };
        let tokens: Vec<_> = words.iter().enumerate().map(token).collect();
        let text = ('a'..='z').take(words.len()).collect();
        PlacedText { text, windows: windows(tokens.len(), most, 2), tokens }
    }

    fn texts(answers: &TextAnswers) -> Vec<&str> {
        answers.answers.iter().map(|answer| &*answer.text).collect()
    }

    /// Scores of a place for "no answer" and these tokens.
    fn scores(rows: &[(f32, f32)]) -> Vec<f32> {
        rows.iter().flat_map(|(begin, end)| [*begin, *end]).collect()
    }

    #[test]
    fn the_best_stand_first_and_ends_are_not_before_beginnings() {
        let scores = scores(&[(1.0, 1.0), (0.0, 9.0), (3.0, 0.0), (0.0, 2.0)]);
        let piece = PieceScores { scores: &scores, begins: 1, nowhere: 0 };
        let rules = SpanRules { most: 2, max_tokens: 9 };
        let answers = answers((4, &text(&[0, 1, 2], 9)), [piece], rules);
        assert_eq!((answers.index, texts(&answers)), (4, vec!["a", "bc"]));
        let softmax =
            |scores: [f32; 4], of: usize| scores[of].exp() / scores.iter().map(|score| score.exp()).sum::<f32>();
        let (begin, end) = ([1.0, 0.0, 3.0, 0.0], [1.0, 9.0, 0.0, 2.0]);
        assert!((answers.answers[1].score - softmax(begin, 2) * softmax(end, 3)).abs() < 1e-7);
        assert!((answers.no_answer_score - softmax(begin, 0) * softmax(end, 0)).abs() < 1e-7);
        assert_eq!((answers.answers[1].start, answers.answers[1].end), (1, 3));
    }

    #[test]
    fn an_answer_is_of_whole_words_and_of_so_many_tokens() {
        let scores = scores(&[(0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (5.0, 0.0), (0.0, 5.0), (0.0, 0.0)]);
        let piece = PieceScores { scores: &scores, begins: 1, nowhere: 0 };
        let of_words = text(&[0, 1, 1, 2, 2], 9);
        let best = |max_tokens| texts(&answers((0, &of_words), [piece], SpanRules { most: 1, max_tokens })).concat();
        assert_eq!(best(4), "bcde");
        assert_eq!(best(2), "cd", "the words have more tokens than an answer may");
        let all = answers((0, &of_words), [piece], SpanRules { most: 20, max_tokens: 9 });
        assert_eq!(all.answers.len(), 6, "each is told once: {all:?}");
        assert!(all.answers.is_sorted_by(|a, b| a.score >= b.score));
    }

    #[test]
    fn what_two_pieces_hold_is_told_once_by_the_surer_one() {
        let text = text(&[0, 1, 2, 3], 3);
        assert_eq!(text.windows.len(), 2);
        let unsure = scores(&[(0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]);
        let sure = scores(&[(0.0, 0.0), (9.0, 0.0), (0.0, 9.0), (0.0, 0.0)]);
        let pieces = [&unsure, &sure].map(|scores| PieceScores { scores, begins: 1, nowhere: 0 });
        let answers = answers((0, &text), pieces, SpanRules { most: 3, max_tokens: 3 });
        assert_eq!(answers.answers.iter().filter(|answer| &*answer.text == "bc").count(), 1);
        assert!(&*answers.answers[0].text == "bc" && answers.answers[0].score > 0.9, "{answers:?}");
        assert!(answers.no_answer_score < 0.001, "a piece that answers is enough");
    }
}

//! Texts whose tokens keep their places, and the pieces of them that the model reads.

use engine::config::LabelScores;
use scheduler::Token;

use crate::{
    error::ApiError,
    labels,
    prepare::not_tokenised,
    request::{PieceRules, PromptCut},
    served_model::ServedModel,
    tokenizer::PlacedToken,
    windows::{Window, windows},
};

/// A text as it is read.
#[derive(Debug)]
pub struct PlacedText {
    /// As it came.
    pub text: String,
    /// What is kept of it.
    pub tokens: Vec<PlacedToken>,
    /// Pieces of the tokens, at least one.
    pub windows: Vec<Window>,
}

impl PlacedText {
    /// Reads a text of the member `field`; each of its pieces has `around` more tokens.
    pub fn read(
        model: &ServedModel,
        (field, text): (&str, String),
        around: usize,
        rules: PieceRules,
    ) -> Result<Self, ApiError> {
        let limit = model.limits.max_model_len;
        let mut tokens = model.tokenizer.encode_placed(&text).map_err(|error| not_tokenised(field, &error))?;
        let kept = match rules.cut {
            Some(PromptCut::To(kept)) => kept,
            Some(PromptCut::ToFit | PromptCut::FirstToFit) => limit,
            None => usize::MAX,
        };
        tokens.truncate(kept.saturating_sub(around));
        let too_long = || ApiError::context_length(field, tokens.len() + around, 0, limit);
        let room = limit.checked_sub(around).filter(|room| *room > 0).ok_or_else(too_long)?;
        let overlap = match rules.stride {
            _ if tokens.len() <= room => 0,
            None => return Err(too_long()),
            Some(stride) if stride >= room => {
                return Err(ApiError::invalid_value(
                    "stride",
                    format_args!("leaves nothing of a piece, which has {room} tokens"),
                ));
            }
            Some(stride) => stride,
        };
        let windows = windows(tokens.len(), room, overlap);
        let most = model.rules.max_inputs;
        if windows.len() > most {
            let says = format_args!("makes {} pieces, of which {most} are read at most", windows.len());
            return Err(ApiError::invalid_value(field, says));
        }
        Ok(Self { text, tokens, windows })
    }

    /// The tokens of a piece.
    pub fn piece(&self, window: &Window) -> Vec<Token> {
        self.tokens[window.tokens.clone()].iter().map(|placed| placed.token).collect()
    }

    /// The probabilities of labels, `[tokens][labels]`, out of the scores `[tokens, labels]` of each piece, in which so many
    /// tokens stand before the text.
    pub fn probabilities<'a>(
        &self,
        pieces: impl IntoIterator<Item = &'a [f32]>,
        (before, labels): (usize, usize),
    ) -> Vec<Vec<f32>> {
        let of_piece = |(window, scores): (&Window, &'a [f32])| {
            let first = before + window.counts.start - window.tokens.start;
            let rows = &scores[first * labels..(first + window.counts.len()) * labels];
            rows.chunks_exact(labels).map(|row| labels::probabilities(row, LabelScores::One)).collect::<Vec<_>>()
        };
        self.windows.iter().zip(pieces).flat_map(of_piece).collect()
    }
}

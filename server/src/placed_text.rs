//! Texts whose tokens keep their places, and the pieces of them that the model reads.

use std::ops::Range;

use engine::config::LabelScores;
use scheduler::Token;

use crate::{
    error::ApiError,
    labels,
    prepare::not_tokenised,
    request::PromptCut,
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

/// Reads the texts of one request.
#[derive(Debug)]
pub struct PieceReader<'a> {
    model: &'a ServedModel,
    field: &'a str,
    around: usize,
    cut: Option<PromptCut>,
    stride: Option<usize>,
    /// Pieces that the request may still have.
    left: usize,
}

impl<'a> PieceReader<'a> {
    /// For texts of the member `field`, each piece of which has `around` more tokens. Long texts are cut, or read in pieces
    /// that have `stride` tokens in common, or refused.
    pub fn new(
        model: &'a ServedModel,
        (field, around): (&'a str, usize),
        cut: Option<PromptCut>,
        stride: Option<usize>,
    ) -> Self {
        Self { model, field, around, cut, stride, left: model.rules.max_inputs }
    }

    /// Reads a text; control tokens are recognised in `scaffold` alone.
    pub fn read(&mut self, text: String, scaffold: &[Range<usize>]) -> Result<PlacedText, ApiError> {
        let placed = self.model.tokenizer.encode_placed(&text, scaffold);
        let mut tokens = placed.map_err(|error| not_tokenised(self.field, &error))?;
        let limit = self.model.limits.max_model_len;
        let kept = self.cut.map_or(usize::MAX, |cut| cut.kept(limit.max(self.around + 1)));
        let kept = kept.checked_sub(self.around).filter(|kept| *kept > 0).ok_or_else(|| {
            let says = format_args!("leaves nothing of a text, around which {} tokens stand", self.around);
            ApiError::invalid_value("truncate_prompt_tokens", says)
        });
        tokens.truncate(kept?);
        if tokens.is_empty() && self.around == 0 {
            return Err(ApiError::invalid_value(self.field, "has an input without a token"));
        }
        let windows = self.windows(tokens.len(), limit)?;
        let most = self.model.rules.max_inputs;
        self.left = self.left.checked_sub(windows.len()).ok_or_else(|| {
            ApiError::invalid_value(self.field, format_args!("makes more than {most} pieces, the most of a request"))
        })?;
        Ok(PlacedText { text, tokens, windows })
    }

    fn windows(&self, tokens: usize, limit: usize) -> Result<Vec<Window>, ApiError> {
        let too_long = || ApiError::context_length(self.field, tokens + self.around, 0, limit);
        let room = limit.checked_sub(self.around).filter(|room| *room > 0).ok_or_else(too_long)?;
        match self.stride {
            _ if tokens <= room => Ok(windows(tokens, room, 0)),
            None => Err(too_long()),
            Some(stride) if stride <= room / 2 => Ok(windows(tokens, room, stride)),
            Some(_) => {
                let says = format_args!("must be at most {}, half of a piece", room / 2);
                Err(ApiError::invalid_value("stride", says))
            }
        }
    }
}

impl PlacedText {
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

//! `POST /v1/score`: which pairs of texts are scored, and how.

use engine::config::LabelScores;
use proto::{InputText, ScoreRequest, Texts};

use super::{
    RequestRules,
    reading::{ReadingRules, check_texts, reading},
};
use crate::error::ApiError;

/// How a model scores a pair of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairScorer {
    /// It reads both together, and has one label.
    Together(LabelScores),
    /// By the angle between their vectors.
    Cosine,
}

/// A request to score pairs.
#[derive(Clone, Debug)]
pub struct PairsRequest {
    /// How texts are read.
    pub reading: ReadingRules,
    /// How pairs are scored.
    pub scorer: PairScorer,
    /// The first texts: one, or one for each of the second.
    pub firsts: Vec<String>,
    /// The second texts, at least one.
    pub seconds: Vec<String>,
    /// The member that the first texts came from.
    pub first_field: &'static str,
    /// The member that the second texts came from.
    pub field: &'static str,
    /// Scores as the model gives them.
    pub raw: bool,
}

impl RequestRules {
    /// How the model scores pairs; the error says what it does in place of that.
    pub(crate) fn pair_scorer(&self) -> Result<PairScorer, ApiError> {
        match (self.kind.labels(), &self.vectors) {
            (Some(labels), _) if labels.names.len() == 1 => Ok(PairScorer::Together(labels.scores)),
            (Some(_), _) => Err(self.kind.refusal()),
            (None, Ok(_)) => Ok(PairScorer::Cosine),
            (None, Err(why)) => Err(ApiError::unsupported_model(why)),
        }
    }
}

/// Reads a request to score pairs.
pub fn score(request: ScoreRequest, rules: &RequestRules) -> Result<PairsRequest, ApiError> {
    let raw = request.raw_scores.unwrap_or(false);
    let firsts = one_of([("text_1", request.text_1), ("queries", request.queries)])?;
    let seconds = one_of([("text_2", request.text_2), ("documents", request.documents), ("items", request.items)])?;
    let ((first_field, firsts), (field, seconds)) = (firsts, seconds);
    if (first_field == "text_1") != (field == "text_2") {
        return Err(ApiError::invalid_value(field, format_args!("does not go with {first_field}")));
    }
    let reading = reading(request.model, &request.reading, rules)?;
    let scorer = rules.pair_scorer()?;
    check_texts(first_field, &firsts, rules)?;
    check_texts(field, &seconds, rules)?;
    if firsts.len() != 1 && firsts.len() != seconds.len() {
        let says =
            format_args!("has {} texts, {first_field} has {}: neither 1 nor as many", seconds.len(), firsts.len());
        return Err(ApiError::invalid_value(field, says));
    }
    Ok(PairsRequest { reading, scorer, firsts, seconds, first_field, field, raw })
}

/// The one member that is there, and its texts.
fn one_of<const N: usize>(
    members: [(&'static str, Option<Texts>); N],
) -> Result<(&'static str, Vec<String>), ApiError> {
    let first = members[0].0;
    let mut there = members.into_iter().filter_map(|(name, texts)| Some((name, texts?)));
    let (name, texts) = there.next().ok_or_else(|| ApiError::missing(first))?;
    if let Some((other, _)) = there.next() {
        return Err(ApiError::invalid_value(other, format_args!("contradicts {name}")));
    }
    Ok((name, texts.into_vec().into_iter().map(InputText::into_string).collect()))
}

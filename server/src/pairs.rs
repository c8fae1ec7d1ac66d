//! Texts that are read together, or compared: their tokens, and the scores that come of what the engine gives.

use scheduler::Token;

use crate::{
    embed::{Input, plain_tokens, text_tokens},
    error::ApiError,
    labels::probabilities,
    request::{PairScorer, PairsRequest, Prompt, ReadingRules},
    served_model::ServedModel,
};

/// The pairs of a request, or each of their texts, as tokens.
pub fn tokenize(model: &ServedModel, request: &PairsRequest) -> Result<Vec<Input>, ApiError> {
    let PairsRequest { reading, scorer, firsts, seconds, first_field, field, .. } = request;
    if *scorer == PairScorer::Cosine {
        let firsts = firsts.iter().map(|text| (first_field, text));
        let texts = firsts.chain(seconds.iter().map(|text| (field, text)));
        return texts.map(|(field, text)| one(model, field, text, reading)).collect();
    }
    let firsts = firsts.iter().map(|text| encode(model, first_field, text)).collect::<Result<Vec<_>, _>>()?;
    let pairs = firsts.iter().cycle().zip(seconds);
    let joined = |(first, second): (&Vec<Token>, &String)| {
        join(model, field, (first.as_slice(), &encode(model, field, second)?), reading)
    };
    pairs.map(joined).collect()
}

/// The tokens of a text alone.
pub fn one(model: &ServedModel, field: &str, text: &str, reading: &ReadingRules) -> Result<Input, ApiError> {
    let tokens = text_tokens(model, field, Prompt::Text(text.to_owned()), (true, reading.cut))?;
    Ok(Input::of(tokens))
}

/// The tokens of two texts that are read together.
pub fn both(
    model: &ServedModel,
    field: &str,
    (first, second): (&str, &str),
    reading: &ReadingRules,
) -> Result<Input, ApiError> {
    join(model, field, (&encode(model, field, first)?, &encode(model, field, second)?), reading)
}

fn encode(model: &ServedModel, field: &str, text: &str) -> Result<Vec<Token>, ApiError> {
    plain_tokens(model, field, text.to_owned(), false)
}

fn join(
    model: &ServedModel,
    field: &str,
    (first, second): (&[Token], &[Token]),
    reading: &ReadingRules,
) -> Result<Input, ApiError> {
    let (frame, limit) = (model.tokenizer.pair(), model.limits.max_model_len);
    let most = reading.cut.map_or(usize::MAX, |cut| cut.kept(limit));
    let (kept_first, kept_second) = frame.fit((first.len(), second.len()), most).unwrap_or_default();
    let (tokens, begins) = frame.join(&first[..kept_first], &second[..kept_second]);
    if tokens.is_empty() {
        return Err(ApiError::invalid_value(field, "has an input without a token"));
    }
    if tokens.len() > limit {
        return Err(ApiError::context_length(field, tokens.len(), 0, limit));
    }
    Ok(Input { second: Some(begins), ..Input::of(tokens) })
}

/// The scores of the pairs, out of what the engine gave for [`tokenize`]'s inputs.
pub fn scores(request: &PairsRequest, vectors: &[Vec<f32>]) -> Vec<f32> {
    match request.scorer {
        PairScorer::Together(_) if request.raw => vectors.iter().map(|scores| scores[0]).collect(),
        PairScorer::Together(how) => vectors.iter().map(|scores| probabilities(scores, how)[0]).collect(),
        PairScorer::Cosine => {
            let (firsts, seconds) = vectors.split_at(request.firsts.len());
            firsts.iter().cycle().zip(seconds).map(|(first, second)| cosine(first, second)).collect()
        }
    }
}

/// Of vectors of zeros 0.
fn cosine(first: &[f32], second: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(first, first) * dot(second, second)).sqrt();
    if lengths > 0.0 { (dot(first, second) / lengths) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_angle_has_no_length() {
        assert!((cosine(&[3.0, 4.0], &[6.0, 8.0]) - 1.0).abs() < 1e-7);
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 5.0]), 0.0);
        assert_eq!(cosine(&[0.0, 0.0], &[0.0, 5.0]), 0.0);
    }
}

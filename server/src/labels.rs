//! Labels of texts and of pairs of texts: their tokens, and what scores mean.

use engine::config::LabelScores;

use crate::{embed::Input, error::ApiError, pairs, request::ClassifyRequest, served_model::ServedModel};

/// The texts and pairs of a request as tokens.
pub fn tokenize(model: &ServedModel, request: &ClassifyRequest) -> Result<Vec<Input>, ApiError> {
    let ClassifyRequest { reading, field, texts, .. } = request;
    let input = |(first, second): &(String, Option<String>)| match second {
        None => pairs::one(model, field, first, reading),
        Some(second) => pairs::both(model, field, (first.as_str(), second.as_str()), reading),
    };
    texts.iter().map(input).collect()
}

/// What the scores of labels mean.
pub fn probabilities(scores: &[f32], how: LabelScores) -> Vec<f32> {
    match how {
        LabelScores::Raw => scores.to_vec(),
        LabelScores::Any => scores.iter().map(|score| (1.0 / (1.0 + (-f64::from(*score)).exp())) as f32).collect(),
        LabelScores::One => {
            let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weight = |score: &f32| f64::from(score - greatest).exp();
            let sum: f64 = scores.iter().map(weight).sum();
            scores.iter().map(|score| (weight(score) / sum) as f32).collect()
        }
    }
}

/// The greatest of numbers and its place; of equal ones the first.
pub fn likeliest(numbers: &[f32]) -> (usize, f32) {
    let greater = |best: (usize, f32), other: (usize, f32)| if other.1 > best.1 { other } else { best };
    numbers.iter().copied().enumerate().reduce(greater).expect("there is a label")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_ones_the_first_is_the_likeliest() {
        assert_eq!(likeliest(&[0.5, 2.0, 2.0, 1.0]), (1, 2.0));
        assert_eq!(likeliest(&[-1.0]), (0, -1.0));
    }

    #[test]
    fn scores_become_what_their_kind_says() {
        assert_eq!(probabilities(&[0.0, 2.0], LabelScores::Raw), [0.0, 2.0]);
        let any = probabilities(&[0.0, 2.0], LabelScores::Any);
        assert!((any[0] - 0.5).abs() < 1e-7 && (any[1] - 0.880_797).abs() < 1e-6, "{any:?}");
        let one = probabilities(&[1000.0, 1000.0, 999.0], LabelScores::One);
        assert!((one.iter().sum::<f32>() - 1.0).abs() < 1e-6 && (one[0] / one[2] - 1.0_f32.exp()).abs() < 1e-5);
    }
}

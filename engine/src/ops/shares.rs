//! Which experts a token takes, and how much of each.

use std::cmp::Ordering;

/// Turns a token's scores of all experts into shares: a softmax over the `per_token` greatest, of equal ones the first; zero
/// for the others.
pub fn shares(scores: &mut [f32], per_token: usize) {
    for index in 0..scores.len() {
        let own = scores[index];
        let precedes = |&(other, score): &(usize, &f32)| match score.total_cmp(&own) {
            Ordering::Greater => true,
            Ordering::Equal => other < index,
            Ordering::Less => false,
        };
        if scores.iter().enumerate().filter(precedes).count() >= per_token {
            scores[index] = f32::NEG_INFINITY;
        }
    }
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - greatest).exp();
        sum += *score;
    }
    for share in scores {
        *share /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scores: &[f32], per_token: usize) -> Vec<f32> {
        let mut scores = scores.to_vec();
        shares(&mut scores, per_token);
        scores
    }

    #[test]
    fn the_greatest_share_what_there_is() {
        let got = of(&[0.5, -1.0, 2.0, 1.5], 2);
        let first = 1.0 / (1.0 + (-0.5_f64).exp());
        for (share, expected) in [(got[2], first), (got[3], 1.0 - first)] {
            assert!((f64::from(share) - expected).abs() < 1e-7);
        }
        assert_eq!([got[0], got[1]], [0.0; 2]);
        assert_eq!(of(&[3.0, 80.0, -90.0], 1), [0.0, 1.0, 0.0]);
        assert!((of(&[1.0, 2.0, 3.0], 3).iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn of_equal_ones_the_first_are_taken() {
        assert_eq!(of(&[1.0, 7.0, 7.0, 7.0], 2), [0.0, 0.5, 0.5, 0.0]);
        assert_eq!(of(&[f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY], 2), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_is_no_number_is_not_lost() {
        assert!(of(&[f32::NAN; 4], 2).iter().any(|share| share.is_nan()));
    }
}

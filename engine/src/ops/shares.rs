//! Which experts a token takes, and how much of each.

use std::cmp::Ordering;

/// Turns a token's scores of all experts into shares: a softmax over the `per_token` greatest, of equal ones the first, or
/// what one over all gives these if they are not `normed`; zero for the others.
pub fn shares(scores: &mut [f32], per_token: usize, normed: bool) {
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let of_all: f32 = scores.iter().map(|score| (score - greatest).exp()).sum();
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
    let mut of_taken = 0.0;
    for score in &mut *scores {
        *score = (*score - greatest).exp();
        of_taken += *score;
    }
    let whole = if normed { of_taken } else { of_all };
    for share in scores {
        *share /= whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scores: &[f32], per_token: usize) -> Vec<f32> {
        let mut scores = scores.to_vec();
        shares(&mut scores, per_token, true);
        scores
    }

    #[test]
    fn shares_of_all_leave_out_what_is_not_taken() {
        let mut scores = [0.5, -1.0, 2.0, 1.5];
        let whole: f64 = scores.iter().map(|score| f64::from(*score).exp()).sum();
        shares(&mut scores, 2, false);
        for (share, score) in [(scores[2], 2.0_f64), (scores[3], 1.5)] {
            assert!((f64::from(share) - score.exp() / whole).abs() < 1e-7);
        }
        assert_eq!([scores[0], scores[1]], [0.0; 2]);
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

//! Which experts each token takes, how much of each, and which tokens that makes for each expert.
//!
//! A token's experts follow from its own scores. Tokens are then sorted by expert by counting: nothing is looked at once
//! for each expert and token.

use super::WORTH_SHARING;
use crate::cpu::Cpu;

/// How many experts a token takes of how many.
#[derive(Clone, Copy, Debug)]
pub struct Routing {
    /// Experts that there are.
    pub experts: usize,
    /// Experts that each token takes, at least one.
    pub per_token: usize,
    /// Shares are a softmax over the experts taken; if not, what one over all gives these.
    pub normed: bool,
}

/// The tokens of each expert. Its memory is kept from one batch to the next.
#[derive(Debug, Default)]
pub struct Routes {
    /// Of each token its experts, ascending, `[tokens, per_token]`.
    taken: Vec<Taken>,
    /// Where the tokens of each expert end.
    ends: Vec<usize>,
    /// Expert by expert.
    tokens: Vec<RoutedToken>,
}

/// A token that takes an expert.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RoutedToken {
    /// Its row in the batch.
    pub token: usize,
    /// Of the expert's result in the token's.
    pub share: f32,
}

/// An expert that a token takes.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    expert: usize,
    /// Its score, until all are chosen.
    share: f32,
}

impl Routes {
    /// Routes tokens by their scores of all experts, `[tokens, experts]`: each takes those of the greatest, of equal ones the
    /// first.
    pub fn fill(&mut self, cpu: &Cpu, scores: &[f32], routing: Routing) {
        let Routing { experts, per_token, normed } = routing;
        assert!(scores.len().is_multiple_of(experts), "whole rows of {experts}, not {} scores", scores.len());
        assert!((1..=experts).contains(&per_token), "{per_token} of {experts} experts");
        self.taken.resize(scores.len() / experts * per_token, Taken::default());
        let rows = scores.chunks_exact(experts).zip(self.taken.chunks_exact_mut(per_token));
        let route = |(scores, taken): (&[f32], &mut [Taken])| choose(scores, taken, normed);
        if scores.len() >= WORTH_SHARING {
            cpu.pool().for_each(rows, route);
        } else {
            rows.for_each(route);
        }
        self.sort(routing);
    }

    /// The tokens that take an expert, ascending.
    pub fn of(&self, expert: usize) -> &[RoutedToken] {
        let begin = expert.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.tokens[begin..self.ends[expert]]
    }

    fn sort(&mut self, Routing { experts, per_token, .. }: Routing) {
        self.ends.clear();
        self.ends.resize(experts, 0);
        for taken in &self.taken {
            self.ends[taken.expert] += 1;
        }
        let mut begin = 0;
        for end in &mut self.ends {
            begin += std::mem::replace(end, begin);
        }
        // Each stands where its expert's tokens begin, and comes to where they end.
        self.tokens.resize(self.taken.len(), RoutedToken::default());
        for (token, taken) in self.taken.chunks_exact(per_token).enumerate() {
            for &Taken { expert, share } in taken {
                let place = &mut self.ends[expert];
                self.tokens[*place] = RoutedToken { token, share };
                *place += 1;
            }
        }
    }
}

/// Chooses as many experts as there is room for.
fn choose(scores: &[f32], taken: &mut [Taken], normed: bool) {
    take_greatest(scores, taken);
    taken.sort_unstable_by_key(|taken| taken.expert);
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let power = |score: f32| (score - greatest).exp();
    for taken in &mut *taken {
        taken.share = power(taken.share);
    }
    let whole: f32 = if normed {
        taken.iter().map(|taken| taken.share).sum()
    } else {
        scores.iter().map(|score| power(*score)).sum()
    };
    for taken in taken {
        taken.share /= whole;
    }
}

/// The greatest scores, best first: each is compared with those taken so far.
fn take_greatest(scores: &[f32], taken: &mut [Taken]) {
    let mut count = 0;
    for (expert, &share) in scores.iter().enumerate() {
        let place = taken[..count].partition_point(|better| better.share.total_cmp(&share).is_ge());
        if place < taken.len() {
            count = taken.len().min(count + 1);
            taken[place..count].rotate_right(1);
            taken[place] = Taken { expert, share };
        }
    }
}

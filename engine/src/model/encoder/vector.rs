//! The states of a sequence as one vector.
//!
//! Sums run over the tokens in order, so that a vector follows from its own sequence alone.

/// Which states make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooled {
    First,
    Last,
    Mean,
    Max,
}

impl Pooled {
    /// The vector of states `[tokens, hidden]`, of at least one token.
    pub(super) fn of(self, states: &[f32], hidden: usize) -> Vec<f32> {
        let mut vector = states[..hidden].to_vec();
        let others = states[hidden..].chunks_exact(hidden);
        match self {
            Self::First => {}
            Self::Last => vector.copy_from_slice(&states[states.len() - hidden..]),
            Self::Mean => {
                let tokens = (states.len() / hidden) as f32;
                others.for_each(|state| merge(&mut vector, state, |sum, value| sum + value));
                for value in &mut vector {
                    *value /= tokens;
                }
            }
            Self::Max => others.for_each(|state| {
                // what is not a number stays one, so that it is noticed
                merge(
                    &mut vector,
                    state,
                    |greatest, value| {
                        if greatest.is_nan() || value < greatest { greatest } else { value }
                    },
                );
            }),
        }
        vector
    }
}

fn merge(vector: &mut [f32], state: &[f32], of: impl Fn(f32, f32) -> f32) {
    for (value, other) in vector.iter_mut().zip(state) {
        *value = of(*value, *other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_what_it_says() {
        let states = [1.0, -2.0, 3.0, 0.0, 2.0, -7.0];
        assert_eq!(Pooled::First.of(&states, 2), [1.0, -2.0]);
        assert_eq!(Pooled::Last.of(&states, 2), [2.0, -7.0]);
        assert_eq!(Pooled::Mean.of(&states, 2), [2.0, -3.0]);
        assert_eq!(Pooled::Max.of(&states, 2), [3.0, 0.0]);
        assert_eq!(Pooled::Max.of(&states[..2], 2), [1.0, -2.0]);
        for states in [[f32::NAN, 1.0, 2.0], [1.0, f32::NAN, 2.0], [1.0, 2.0, f32::NAN]] {
            assert!(Pooled::Max.of(&states, 1)[0].is_nan());
        }
    }
}

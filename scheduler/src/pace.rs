//! How many prompt tokens a step may compute, given who waits for the step to end.
//!
//! Every stream waits for the whole step, and a prompt token costs two thirds of a stream's own: filling the budget
//! makes one step ten times as long as its neighbours. So while streams run, prompts are spread over steps. Three
//! numbers decide, and the largest wins:
//!
//! - [`PER_STREAM`] for each stream. A load in balance asks for as many prompt tokens beside each stream as its prompts
//!   are longer than its answers, mostly 1 to 3. With 3, most steps of such a load carry a chunk of the same size, so
//!   that gaps between tokens are even and a prompt hardly waits; with 2, the line of prompts grows until it moves on
//!   its length alone. A step with a chunk takes at most 2.7 times as long as one without, by the costs that
//!   `tests/pacing.rs` measures with.
//! - All waiting prompt tokens in [`SPREAD_STEPS`] steps. The longer the line, the faster it moves: prompts never
//!   starve, and a burst is computed at nearly the whole budget while few streams pay for it.
//! - [`MIN_CHUNK`], below which a chunk no longer fills the kernels' tiles.
//!
//! With no stream running nobody waits, and the whole budget goes to prompts.

/// Steps over which the waiting prompt tokens are spread.
pub(crate) const SPREAD_STEPS: usize = 16;

/// Prompt tokens beside each running stream.
pub(crate) const PER_STREAM: usize = 3;

/// Prompt tokens that a step with streams may always compute.
pub(crate) const MIN_CHUNK: usize = 16;

/// Prompt tokens of a step beside `streams` that decode, while `waiting` prompt tokens are not computed yet.
pub(crate) fn prompt_tokens(streams: usize, waiting: usize, budget: usize) -> usize {
    if streams == 0 {
        return budget;
    }
    let share = (PER_STREAM * streams).max(MIN_CHUNK);
    waiting.div_ceil(SPREAD_STEPS).max(share).min(budget)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_step_stays_within_its_bounds(streams in 0..300usize, waiting in 0..1_000_000usize, budget in 1..9000usize) {
            let tokens = prompt_tokens(streams, waiting, budget);
            prop_assert!((1..=budget).contains(&tokens), "something moves, and the budget is kept");
            prop_assert!(streams > 0 || tokens == budget, "with nobody running the prompt gets it all");
            let few = waiting <= SPREAD_STEPS * PER_STREAM * streams;
            prop_assert!(streams == 0 || !few || tokens <= (PER_STREAM * streams).max(MIN_CHUNK), "a short line is paced");
        }

        #[test]
        fn more_who_wait_never_get_less(streams in 1..300usize, waiting in 0..100_000usize, more in 0..100_000usize) {
            prop_assert!(prompt_tokens(streams, waiting + more, 512) >= prompt_tokens(streams, waiting, 512));
        }

        /// However long, a prompt beside one endless stream is computed in a number of steps that grows slowly.
        #[test]
        fn a_prompt_is_done_in_time(prompt in 1..200_000usize) {
            let (mut left, mut steps) = (prompt, 0);
            while left > 0 {
                left -= prompt_tokens(1, left, usize::MAX).min(left);
                steps += 1;
            }
            let folds = (prompt as f64 / (SPREAD_STEPS * MIN_CHUNK) as f64).max(1.0).ln();
            prop_assert!(f64::from(steps) <= SPREAD_STEPS as f64 * (1.0 + folds) + 2.0, "{prompt} tokens took {steps} steps");
        }
    }
}

//! How many tokens a server adds to a prompt's words: a begin token, a chat template.
//!
//! Prompts are made so much shorter that all servers compute the same number of tokens.

use anyhow::{Context, Result};

use crate::{
    client::Client,
    exchange::exchange,
    length::Lengths,
    scenario::Scenario,
    workload::{WARMUP, Workload},
};

/// Probes are requests that no load sends.
const PROBES: u64 = 3 * WARMUP;
const WORDS: [usize; 2] = [32, 64];
const ANSWER: usize = 4;

/// Tokens added to every prompt, by the server's own count; none where it does not count, or where words are not one
/// token each. An error if it does not answer.
pub async fn extra_tokens(client: &Client, scenario: &Scenario, model: &str) -> Result<Option<usize>> {
    let workload = Workload::new(scenario.request.clone(), model.to_owned(), scenario.seed);
    let limit = std::time::Duration::from_secs_f64(scenario.limits.request);
    let mut extras = Vec::new();
    for (number, words) in (PROBES..).zip(WORDS) {
        let call = workload.greedy(number, Lengths::exactly(words), Lengths::exactly(ANSWER));
        let sample = exchange(client, &call, limit).await.context("a first request failed")?;
        extras.push(sample.usage.and_then(|usage| usage.prompt_tokens.checked_sub(words)));
    }
    Ok(agreed(&extras))
}

fn agreed(extras: &[Option<usize>]) -> Option<usize> {
    let first = *extras.first()?;
    first.filter(|_| extras.iter().all(|extra| *extra == first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_addition_to_every_prompt_counts() {
        assert_eq!(agreed(&[Some(9), Some(9)]), Some(9));
        assert_eq!(agreed(&[Some(9), Some(12)]), None);
        assert_eq!(agreed(&[None, None]), None);
    }
}

//! The same greedy request many times at once: every text must equal the one computed alone.

use futures_util::future::join_all;

use crate::{
    bench::{Bench, Ran},
    figures::Outcome,
    verdict::Verdict,
};

/// Sends request 0 alone, then `requests` copies at once; the figures are those of the copies.
pub async fn run(bench: &Bench, requests: usize) -> Ran {
    let call = &bench.workload.call(0);
    let alone = bench.measure(&bench.client, call).await;
    bench.progress.reset();
    let copies = (0..requests).map(|_| bench.measure(&bench.client, call));
    let outcomes = join_all(copies).await;
    let verdicts = vec![verdict(&alone, &outcomes)];
    Ran {
        outcomes,
        verdicts,
        ..Ran::default()
    }
}

fn verdict(alone: &Outcome, outcomes: &[Outcome]) -> Verdict {
    let name = "equal texts, equal to the one computed alone";
    let alone = match alone {
        Ok(sample) => &sample.text,
        Err(failure) => return Verdict::new(name, false, format!("alone: {failure}")),
    };
    let equal = outcomes
        .iter()
        .flatten()
        .filter(|sample| sample.text == *alone)
        .count();
    Verdict::new(
        name,
        equal == outcomes.len(),
        format!("{equal} of {}", outcomes.len()),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{exchange::Sample, failure::Failure};

    fn said(text: &str) -> Outcome {
        let now = Instant::now();
        Ok(Sample {
            sent: now,
            stamps: vec![now],
            end: now,
            text: text.to_owned(),
            usage: None,
            finish: None,
            asked: 1,
            left: false,
        })
    }

    #[test]
    fn one_other_text_or_one_failure_is_seen() {
        assert!(verdict(&said("a"), &[said("a"), said("a")]).passed);
        assert!(!verdict(&said("a"), &[said("a"), said("b")]).passed);
        assert!(!verdict(&said("a"), &[said("a"), Err(Failure::Broken)]).passed);
        assert!(!verdict(&said("b"), &[said("a"), said("a")]).passed);
        assert!(!verdict(&Err(Failure::Broken), &[said("a")]).passed);
    }
}

//! The same greedy request many times at once: every text must equal the one computed alone.

use futures_util::future::join_all;

use crate::{
    bench::{Bench, Ran},
    figures::Outcome,
    verdict::Verdict,
};

/// Sends request 0 alone, then `requests` copies at once; the figures are those of the copies.
pub(super) async fn run(bench: &Bench, requests: usize) -> Ran {
    let call = &bench.workload.call(0);
    let alone = bench.measure(&bench.client, call).await;
    bench.progress.reset();
    let copies = (0..requests).map(|_| bench.measure(&bench.client, call));
    let outcomes = join_all(copies).await;
    let verdicts = vec![verdict(&alone, &outcomes)];
    Ran { outcomes, verdicts, ..Ran::default() }
}

fn verdict(alone: &Outcome, outcomes: &[Outcome]) -> Verdict {
    let name = "equal texts, equal to the one computed alone";
    let alone = match alone {
        Ok(sample) => &sample.text,
        Err(failure) => return Verdict::new(name, false, format!("alone: {failure}")),
    };
    let equal = outcomes.iter().flatten().filter(|sample| sample.text == *alone).count();
    Verdict::new(name, equal == outcomes.len(), format!("{equal} of {}", outcomes.len()))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{exchange::Sample, failure::Failure};

    fn sample(text: &str) -> Sample {
        let now = Instant::now();
        Sample {
            sent: now,
            stamps: vec![now],
            end: now,
            text: text.to_owned(),
            usage: None,
            finish: None,
            asked: 1,
            texts: 0,
            left: false,
        }
    }

    fn verdict_on(alone: &str, texts: &[&str]) -> Verdict {
        let outcomes: Vec<Outcome> = texts.iter().map(|text| Ok(sample(text))).collect();
        verdict(&Ok(sample(alone)), &outcomes)
    }

    #[test]
    fn one_other_text_or_one_failure_is_seen() {
        assert!(verdict_on("a", &["a", "a"]).passed);
        assert!(!verdict_on("a", &["a", "b"]).passed);
        assert!(!verdict_on("b", &["a", "a"]).passed);
        let broken = || Err(Failure::Broken);
        assert!(!verdict(&Ok(sample("a")), &[Ok(sample("a")), broken()]).passed);
        assert!(!verdict(&broken(), &[Ok(sample("a"))]).passed);
    }
}

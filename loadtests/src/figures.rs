//! The figures of a run, from what was seen of each request.
//!
//! Counted as usual: output tokens are the server's own count of requests that succeeded, texts those of requests that
//! have texts read; TTFT is send to first text; ITL is every gap between pieces of text, pooled;
//! TPOT is per request, (last - first text) / (tokens - 1); the wall runs from the first send to
//! the last end.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{exchange::Sample, failure::Failure, histogram::Histogram, percentile::Latency, stall::Stall};

/// What a request came to.
pub type Outcome = Result<Sample, Failure>;

/// All figures of one run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Requests that ended well.
    pub ok: usize,
    /// Requests whose client left, as asked.
    pub left: usize,
    /// Requests that failed otherwise than by a refusal.
    pub errors: usize,
    /// Requests the server refused for want of room (429, or 503 `overloaded`).
    pub refused: usize,
    /// How long refusals took.
    pub refusal_ms: Option<Latency>,
    /// How long the probes and the scrape took while the load ran, where they were watched.
    pub probe_ms: Option<Latency>,
    /// Failures and refusals by kind.
    pub error_kinds: BTreeMap<String, usize>,
    /// First send to last end, in seconds.
    pub wall_s: f64,
    /// Tokens of all good answers.
    pub output_tokens: usize,
    /// Output tokens in a second.
    pub output_tok_per_s: Option<f64>,
    /// Prompt tokens in a second.
    pub prompt_tok_per_s: Option<f64>,
    /// Good answers in a second.
    pub requests_per_s: Option<f64>,
    /// Texts that were read in a second, where texts are read.
    pub texts_per_s: Option<f64>,
    /// Prompt tokens that came from a cache.
    pub cached_tokens: usize,
    /// Send to first text.
    pub ttft_ms: Option<Latency>,
    /// Gaps between pieces of text.
    pub itl_ms: Option<Latency>,
    /// Time for each token after the first.
    pub tpot_ms: Option<Latency>,
    /// Send to end.
    pub e2e_ms: Option<Latency>,
    /// How many answers' tokens were counted by the server (`usage`) and by pieces of text (`chunks`).
    pub token_source: BTreeMap<&'static str, usize>,
    /// Mean tokens of a prompt, as the server counts.
    pub prompt_tokens_mean: Option<f64>,
    /// Output tokens for each piece of text.
    pub tokens_per_chunk: Option<f64>,
    /// Good answers with fewer tokens than asked for.
    pub shorter_than_asked: usize,
    /// Good answers by finish reason.
    pub finish_reasons: BTreeMap<String, usize>,
    /// How the gaps are spread.
    pub itl_histogram: Histogram,
    /// A long prompt's effect on running streams, where the load has one.
    pub stall: Option<Stall>,
    /// The server's memory, where its process id is known.
    pub memory: Option<MemoryFigures>,
}

/// The server's resident memory over a run, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MemoryFigures {
    /// After the load, once the server is idle.
    pub resident_mib: f64,
    /// The highest since the process began.
    pub peak_mib: f64,
    /// After the load less before it.
    pub growth_mib: f64,
}

impl Figures {
    /// Of these outcomes.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let seen: Vec<&Sample> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        let good: Vec<&Sample> = seen.iter().copied().filter(|sample| !sample.left).collect();
        let refusals: Vec<Duration> = outcomes.iter().filter_map(refusal).collect();
        let mut figures = Self {
            ok: good.len(),
            left: seen.len() - good.len(),
            errors: outcomes.len() - seen.len() - refusals.len(),
            refused: refusals.len(),
            refusal_ms: Latency::of(refusals),
            error_kinds: counted(outcomes.iter().filter_map(|o| o.as_ref().err()).map(ToString::to_string)),
            wall_s: wall_s(&seen),
            ..Self::default()
        };
        figures.count_tokens(&good);
        figures.measure_times(&good);
        figures
    }

    fn count_tokens(&mut self, good: &[&Sample]) {
        let chunks: usize = good.iter().map(|sample| sample.stamps.len()).sum();
        let usages: Vec<_> = good.iter().filter_map(|sample| sample.usage).collect();
        let prompt_tokens: usize = usages.iter().map(|usage| usage.prompt_tokens).sum();
        let rate = |count: usize| (self.wall_s > 0.0).then(|| count as f64 / self.wall_s);
        let ratio = |count: usize, of: usize| (of > 0).then(|| count as f64 / of as f64);

        let output_tokens = good.iter().map(|sample| sample.tokens()).sum();
        self.output_tok_per_s = rate(output_tokens);
        self.prompt_tok_per_s = rate(prompt_tokens);
        self.requests_per_s = rate(good.len());
        let texts = good.iter().map(|sample| sample.texts).sum();
        self.texts_per_s = rate(texts).filter(|_| texts > 0);
        self.output_tokens = output_tokens;
        let cached = |usage: &crate::chunk::Usage| usage.prompt_tokens_details?.cached_tokens;
        self.cached_tokens = usages.iter().filter_map(cached).sum();
        self.token_source = counted(good.iter().map(|sample| if sample.usage.is_some() { "usage" } else { "chunks" }));
        self.prompt_tokens_mean = ratio(prompt_tokens, usages.len());
        self.tokens_per_chunk = ratio(output_tokens, chunks);
        self.shorter_than_asked = good.iter().filter(|sample| sample.tokens() < sample.asked).count();
        self.finish_reasons = counted(good.iter().map(|s| s.finish.clone().unwrap_or_else(|| "none".into())));
    }

    fn measure_times(&mut self, good: &[&Sample]) {
        self.ttft_ms = Latency::of(good.iter().filter_map(|sample| sample.first_text()));
        self.itl_ms = Latency::of(good.iter().flat_map(|sample| sample.gaps()));
        self.tpot_ms = Latency::of(good.iter().filter_map(|sample| sample.time_per_token()));
        self.e2e_ms = Latency::of(good.iter().map(|sample| sample.end - sample.sent));
        self.itl_histogram = Histogram::of(good.iter().flat_map(|sample| sample.gaps()));
    }
}

fn refusal(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Err(Failure::Refused { after, .. }) => Some(*after),
        _ => None,
    }
}

fn wall_s(samples: &[&Sample]) -> f64 {
    let first: Option<Instant> = samples.iter().map(|sample| sample.sent).min();
    let last = samples.iter().map(|sample| sample.end).max();
    first.zip(last).map_or(0.0, |(first, last)| (last - first).as_secs_f64())
}

fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Usage;

    fn sample(start: Instant, sent_ms: u64, stamps_ms: &[u64], left: bool) -> Sample {
        let at = |ms: u64| start + Duration::from_millis(ms);
        Sample {
            sent: at(sent_ms),
            stamps: stamps_ms.iter().map(|&ms| at(ms)).collect(),
            end: at(*stamps_ms.last().unwrap()),
            text: String::new(),
            usage: Some(Usage { prompt_tokens: 10, completion_tokens: 4, ..Usage::default() }),
            finish: Some("length".into()),
            asked: 4,
            texts: 0,
            left,
        }
    }

    #[test]
    fn texts_that_are_read_have_a_rate() {
        let start = Instant::now();
        let of_texts = |sent_ms, end_ms, texts| {
            let usage = Some(Usage { prompt_tokens: 40, ..Usage::default() });
            let streamed = sample(start, sent_ms, &[end_ms], false);
            Ok(Sample { stamps: Vec::new(), texts, usage, finish: None, asked: 0, ..streamed })
        };
        let figures = Figures::of(&[of_texts(0, 400, 3), of_texts(100, 500, 1)]);
        assert_eq!((figures.ok, figures.texts_per_s, figures.requests_per_s), (2, Some(8.0), Some(4.0)));
        assert_eq!((figures.prompt_tok_per_s, figures.ttft_ms), (Some(160.0), None));
        assert_eq!(figures.e2e_ms.map(|latency| latency.max), Some(400.0));
        assert_eq!((figures.shorter_than_asked, figures.output_tokens), (0, 0));
    }

    #[test]
    fn counts_good_answers_only_and_the_whole_wall() {
        let start = Instant::now();
        let outcomes = [
            Ok(sample(start, 0, &[100, 200, 300], false)),
            Ok(sample(start, 50, &[150, 160, 1000], false)),
            Ok(sample(start, 60, &[90], true)),
            Err(Failure::NoText),
            Err(Failure::NoText),
            Err(Failure::Refused { status: 429, code: Some("queue_full".into()), after: Duration::from_millis(3) }),
        ];
        let figures = Figures::of(&outcomes);
        assert_eq!((figures.ok, figures.left, figures.errors), (2, 1, 2));
        assert_eq!(figures.error_kinds["no text in stream"], 2);
        assert_eq!((figures.refused, figures.error_kinds["http 429 queue_full"]), (1, 1));
        assert_eq!(figures.refusal_ms.map(|latency| latency.max), Some(3.0));
        assert_eq!(figures.output_tokens, 8);
        assert_eq!(figures.output_tok_per_s, Some(8.0));
        assert_eq!(figures.texts_per_s, None);
        assert_eq!(figures.ttft_ms.map(|latency| latency.max), Some(100.0));
        assert_eq!(figures.itl_ms.map(|latency| latency.max), Some(840.0));
        assert_eq!(figures.e2e_ms.map(|latency| latency.p50), Some(300.0));
        assert_eq!(figures.shorter_than_asked, 0);
    }

    #[test]
    fn a_run_without_answers_has_no_rates() {
        let figures = Figures::of(&[Err(Failure::TimedOut)]);
        assert_eq!((figures.output_tok_per_s, figures.itl_ms), (None, None));
        assert_eq!(figures.errors, 1);
    }
}

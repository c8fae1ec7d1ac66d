//! Histograms of one model: where the time of sequences went, how large requests and steps are.

use std::time::Duration;

use prometheus::Histogram;
use scheduler::SequenceStats;

use super::{buckets, family::Maker};

/// Where a sequence's time went.
pub(super) struct Times {
    first_token: Histogram,
    pub(super) token_gap: Histogram,
    per_output_token: Histogram,
    end_to_end: Histogram,
    queue: Histogram,
    inference: Histogram,
    prefill: Histogram,
    decode: Histogram,
    pub(super) step: Histogram,
}

/// How large requests and steps are.
pub(super) struct Sizes {
    pub(super) prompt: Histogram,
    pub(super) generation: Histogram,
    pub(super) longest_generation: Histogram,
    pub(super) choices: Histogram,
    pub(super) max_tokens: Histogram,
    pub(super) prefill_computed: Histogram,
    pub(super) preemptions: Histogram,
    pub(super) step_tokens: Histogram,
}

impl Times {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        let request = |name, help| make.histogram(name, help, buckets::REQUEST);
        Self {
            first_token: make.histogram(
                "vllm:time_to_first_token_seconds",
                "Arrival to first token",
                buckets::FIRST_TOKEN,
            ),
            token_gap: make.histogram("vllm:inter_token_latency_seconds", "Between tokens", buckets::TOKEN_GAP),
            per_output_token: make.histogram(
                "vllm:request_time_per_output_token_seconds",
                "Decode time for each token after the first",
                buckets::TOKEN_GAP,
            ),
            end_to_end: request("vllm:e2e_request_latency_seconds", "Arrival to end"),
            queue: request("vllm:request_queue_time_seconds", "Arrival to first step"),
            inference: request("vllm:request_inference_time_seconds", "First step to end"),
            prefill: request("vllm:request_prefill_time_seconds", "First step to first token"),
            decode: request("vllm:request_decode_time_seconds", "First to last token"),
            step: make.histogram(
                "gondola:step_seconds",
                "One step, scheduling included, other models' turns not",
                buckets::TOKEN_GAP,
            ),
        }
    }

    pub(super) fn observe(&self, stats: &SequenceStats) {
        let seconds = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64();
        self.end_to_end.observe(seconds(stats.submitted, stats.finished));
        let Some(scheduled) = stats.scheduled else { return };
        self.queue.observe(seconds(stats.submitted, scheduled));
        self.inference.observe(seconds(scheduled, stats.finished));
        let Some(first_token) = stats.first_token else { return };
        self.first_token.observe(seconds(stats.submitted, first_token));
        self.prefill.observe(seconds(scheduled, first_token));
        let decode = seconds(first_token, stats.finished);
        self.decode.observe(decode);
        if stats.generated_tokens > 1 {
            self.per_output_token.observe(decode / (stats.generated_tokens - 1) as f64);
        }
    }
}

impl Sizes {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        let tokens = |name, help| make.histogram(name, help, buckets::TOKENS);
        Self {
            prompt: tokens("vllm:request_prompt_tokens", "Tokens of a prompt"),
            generation: tokens("vllm:request_generation_tokens", "Tokens generated for a choice"),
            longest_generation: tokens("vllm:request_max_num_generation_tokens", "Tokens of the longest choice"),
            choices: make.histogram("vllm:request_params_n", "Choices of a request", buckets::CHOICES),
            max_tokens: tokens("vllm:request_params_max_tokens", "Tokens a request may generate"),
            prefill_computed: tokens("vllm:request_prefill_kv_computed_tokens", "Prompt tokens that were computed"),
            preemptions: make.histogram("vllm:request_num_preemptions", "Preemptions", buckets::PREEMPTIONS),
            step_tokens: make.histogram("vllm:iteration_tokens_total", "Tokens of a step", buckets::STEP_TOKENS),
        }
    }
}

//! What is counted of one model: vLLM's names and our own, each series with the model's name.

use std::{fmt, sync::Arc, time::Duration};

use engine::ExpertLoad;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec};
use scheduler::{FinishReason, Limits, SchedulerStats, SequenceStats};

use super::{
    blocks::BlockGauges,
    closed,
    distributions::{Sizes, Times},
    experts::ExpertCounters,
    family::Maker,
    speculation::SpeculationCounters,
};

const ENDINGS: [&str; 5] = ["stop", "length", "abort", "error", "repetition"];
const REJECTIONS: [&str; 11] = [
    "queue_full",
    "queue_timeout",
    "context_length_exceeded",
    "integer_above_max_value",
    "invalid_value",
    "model_loading",
    "model_not_loaded",
    "shutting_down",
    "overloaded",
    "engine_error",
    "other",
];
const FAILURES: [&str; 7] = ["step", "logits", "grammar", "nothing_left", "queue_timeout", "timeout", "engine"];

/// All metrics of one model, whichever engines serve it one after the other.
pub struct ModelMetrics {
    running: Gauge,
    waiting: Gauge,
    waiting_by_reason: GaugeVec,
    cache_config: GaugeVec,
    blocks: BlockGauges,
    step_age: Gauge,
    retry_after: Gauge,
    prompt_tokens: IntCounter,
    prompt_tokens_by_source: IntCounterVec,
    prompt_tokens_cached: IntCounter,
    prompt_tokens_recomputed: IntCounter,
    prefix_queries: IntCounter,
    prefix_hits: IntCounter,
    preemptions: IntCounter,
    steps: IntCounter,
    speculation: SpeculationCounters,
    experts: ExpertCounters,
    generation_tokens: IntCounter,
    endings: IntCounterVec,
    rejections: IntCounterVec,
    failures: IntCounterVec,
    cancelled: IntCounterVec,
    step_failures: IntCounterVec,
    times: Times,
    sizes: Sizes,
}

/// What a scrape reads of a model, beside what was counted where it happened.
#[derive(Debug)]
pub struct Reading {
    /// Whose it is.
    pub metrics: Arc<ModelMetrics>,
    /// One snapshot of its engine, so that its block gauges add up; none where it is not served.
    pub snapshot: Option<SchedulerStats>,
    /// How long its engine has not stepped.
    pub step_age: Duration,
    /// What a refused client would be told.
    pub retry_after: Duration,
}

impl ModelMetrics {
    /// All series of a model.
    pub(super) fn new(make: &Maker<'_>) -> Self {
        make.counter("gondola:engine_restarts_total", "Restarts of the engine");
        let adapters = ["max_lora", "running_lora_adapters", "waiting_lora_adapters"];
        let lora = make.gauges("vllm:lora_requests_info", "Adapters at work", &adapters);
        lora.with_label_values(&["0", "", ""]).set(0.0);
        Self {
            running: make.gauge("vllm:num_requests_running", "Sequences in the running batch"),
            waiting: make.gauge("vllm:num_requests_waiting", "Sequences waiting to run"),
            waiting_by_reason: make.gauges("vllm:num_requests_waiting_by_reason", "Waiting, by reason", &["reason"]),
            cache_config: make.gauges(
                "vllm:cache_config_info",
                "Shape of the KV cache, always 1",
                &["block_size", "num_gpu_blocks", "cache_dtype"],
            ),
            blocks: BlockGauges::new(make),
            step_age: make.gauge(
                "gondola:last_step_age_seconds",
                "Since the last step, or since its turn began; 0 when idle or waiting for a turn",
            ),
            retry_after: make.gauge("gondola:retry_after_seconds", "What a refused client would be told now"),
            prompt_tokens: make.counter("vllm:prompt_tokens_total", "Prompt tokens, computed or cached"),
            prompt_tokens_by_source: make.counters(
                "vllm:prompt_tokens_by_source_total",
                "Prompt tokens, by where their KV came from",
                ("source", &["local_compute", "local_cache_hit", "external_kv_transfer"]),
            ),
            prompt_tokens_cached: make.counter("vllm:prompt_tokens_cached_total", "Prompt tokens found in the cache"),
            prompt_tokens_recomputed: make.counter("vllm:prompt_tokens_recomputed_total", "Tokens computed again"),
            prefix_queries: make.counter("vllm:prefix_cache_queries_total", "Tokens looked up, once at admission"),
            prefix_hits: make.counter("vllm:prefix_cache_hits_total", "Tokens found"),
            preemptions: make.counter("vllm:num_preemptions_total", "Sequences that lost their blocks"),
            steps: make.counter("gondola:steps_total", "Steps of the engine"),
            speculation: SpeculationCounters::new(make),
            experts: ExpertCounters::new(make),
            generation_tokens: make.counter("vllm:generation_tokens_total", "Tokens generated"),
            endings: make.counters(
                "vllm:request_success_total",
                "Choices that ended, by reason",
                ("finished_reason", &ENDINGS),
            ),
            rejections: make.counters(
                "vllm:admission_rejections_total",
                "Requests refused at admission, by code",
                ("reason", &REJECTIONS),
            ),
            failures: make.counters("gondola:failed_requests_total", "Requests that failed", ("reason", &FAILURES)),
            cancelled: make.counters(
                "gondola:cancelled_requests_total",
                "Requests that were given up",
                ("reason", &["client_left", "slow_reader", "shutdown"]),
            ),
            step_failures: make.counters("gondola:step_failures_total", "Failed steps", ("kind", &["error", "panic"])),
            times: Times::new(make),
            sizes: Sizes::new(make),
        }
    }

    /// States what is known once the model is loaded: the shape of the KV cache, the places of proposals.
    pub fn loaded(&self, limits: &Limits, cache_dtype: &str) {
        self.cache_config.reset();
        let labels = [&limits.block_size.to_string(), &limits.num_blocks.to_string(), cache_dtype];
        self.cache_config.with_label_values(&labels).set(1.0);
        self.speculation.begin(limits.speculation.num_speculative_tokens);
    }

    /// Counts the load of an engine's experts from now on, as long as somebody else holds it.
    pub fn count_experts(&self, load: Arc<ExpertLoad>) {
        self.experts.begin(load);
    }

    /// The model is unloaded: its KV cache has no shape any more.
    pub fn unloaded(&self) {
        self.cache_config.reset();
    }

    /// One token of a sequence whose last one came at `last`.
    pub fn token(&self, last: Option<Duration>, now: Duration) {
        self.generation_tokens.inc();
        if let Some(last) = last {
            self.times.token_gap.observe(now.saturating_sub(last).as_secs_f64());
        }
    }

    /// A sequence ended: its account goes into the histograms.
    pub fn sequence_ended(&self, reason: FinishReason, stats: &SequenceStats) {
        if matches!(reason, FinishReason::Stop(_)) {
            self.generation_tokens.inc();
        }
        self.times.observe(stats);
        self.sizes.prompt.observe(stats.prompt_tokens as f64);
        self.sizes.generation.observe(stats.generated_tokens as f64);
        self.sizes.prefill_computed.observe(stats.prompt_tokens.saturating_sub(stats.cached_tokens) as f64);
        self.sizes.preemptions.observe(stats.preemptions as f64);
    }

    /// A step of so many tokens took so long.
    pub fn step(&self, tokens: usize, elapsed: Duration) {
        self.sizes.step_tokens.observe(tokens as f64);
        self.times.step.observe(elapsed.as_secs_f64());
    }

    /// A step failed, by an error or by a panic.
    pub fn step_failed(&self, by_panic: bool) {
        self.step_failures.with_label_values(&[if by_panic { "panic" } else { "error" }]).inc();
    }

    /// A request was accepted.
    pub fn accepted(&self, choices: usize, max_new: usize) {
        self.sizes.choices.observe(choices as f64);
        self.sizes.max_tokens.observe(max_new as f64);
    }

    /// A request ended; `longest` are the most tokens of its choices.
    pub fn request_ended(&self, longest: usize) {
        self.sizes.longest_generation.observe(longest as f64);
    }

    /// A choice ended: `stop`, `length`, `abort` or `error`.
    pub fn choice_ended(&self, reason: &'static str) {
        self.endings.with_label_values(&[closed(reason, &ENDINGS, "error")]).inc();
    }

    /// A request was refused with this code.
    pub fn rejected(&self, code: &str) {
        self.rejections.with_label_values(&[closed(code, &REJECTIONS, "other")]).inc();
    }

    /// A request failed after it was accepted.
    pub fn failed(&self, reason: &'static str) {
        self.failures.with_label_values(&[closed(reason, &FAILURES, "engine")]).inc();
    }

    /// A request was given up because its client left.
    pub fn client_left(&self) {
        self.cancelled.with_label_values(&["client_left"]).inc();
    }

    /// A request was given up because its reader was too far behind.
    pub fn reader_cut(&self) {
        self.cancelled.with_label_values(&["slow_reader"]).inc();
    }

    /// A request was given up because the grace ended.
    pub fn cut_at_shutdown(&self) {
        self.cancelled.with_label_values(&["shutdown"]).inc();
    }

    /// Counts what came between two snapshots of one engine.
    pub fn count(&self, before: &SchedulerStats, now: &SchedulerStats) {
        let since = |of: fn(&SchedulerStats) -> u64| of(now).saturating_sub(of(before));
        let (prompt, hits) = (since(|stats| stats.prompt_tokens), since(|stats| stats.prefix_hit_tokens));
        self.prompt_tokens.inc_by(prompt);
        if prompt > 0 || hits > 0 {
            let computed = prompt.saturating_sub(hits);
            self.prompt_tokens_by_source.with_label_values(&["local_compute"]).inc_by(computed);
            self.prompt_tokens_by_source.with_label_values(&["local_cache_hit"]).inc_by(hits);
        }
        self.prompt_tokens_cached.inc_by(hits);
        self.prompt_tokens_recomputed.inc_by(since(|stats| stats.recomputed_tokens));
        self.prefix_queries.inc_by(since(|stats| stats.prefix_query_tokens));
        self.prefix_hits.inc_by(hits);
        self.preemptions.inc_by(since(|stats| stats.preemptions));
        self.steps.inc_by(since(|stats| stats.steps));
        self.speculation.count(&before.speculation, &now.speculation);
    }

    /// Shows how things stand; a model that is not served has nothing of anything.
    pub(super) fn show(&self, reading: &Reading) {
        self.experts.count();
        self.step_age.set(reading.step_age.as_secs_f64());
        self.retry_after.set(reading.retry_after.as_secs_f64());
        let stats = reading.snapshot.unwrap_or_default();
        self.blocks.show(&stats);
        self.running.set(stats.running as f64);
        self.waiting.set(stats.waiting as f64);
        self.waiting_by_reason.with_label_values(&["capacity"]).set(stats.waiting as f64);
        self.waiting_by_reason.with_label_values(&["deferred"]).set(0.0);
    }
}

impl fmt::Debug for ModelMetrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ModelMetrics").finish_non_exhaustive()
    }
}

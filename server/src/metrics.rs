//! Every metric name, once. Label values come from closed sets: no client can add a series.
//!
//! Totals and gauges of the scheduler are copied from one snapshot at each scrape, so the four block gauges always
//! add up; the rest is counted where it happens.

mod buckets;
mod family;
mod speculation;

use std::{collections::HashMap, fmt, sync::Mutex, time::Duration};

use prometheus::{Encoder, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, Registry, TextEncoder};
use scheduler::{FinishReason, Limits, SchedulerStats, SequenceStats};

use self::{
    family::{Maker, http_counter, http_histogram},
    speculation::SpeculationCounters,
};

const ENDINGS: [&str; 5] = ["stop", "length", "abort", "error", "repetition"];
const REJECTIONS: [&str; 10] = [
    "queue_full",
    "queue_timeout",
    "context_length_exceeded",
    "integer_above_max_value",
    "invalid_value",
    "model_loading",
    "shutting_down",
    "overloaded",
    "engine_error",
    "other",
];
const FAILURES: [&str; 7] = ["step", "logits", "grammar", "nothing_left", "queue_timeout", "timeout", "engine"];
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    scrape: Mutex<()>,
    running: Gauge,
    waiting: Gauge,
    waiting_by_reason: GaugeVec,
    kv_usage: Gauge,
    cache_config: GaugeVec,
    blocks: [Gauge; 4],
    ledger_error: Gauge,
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
    generation_tokens: IntCounter,
    endings: IntCounterVec,
    rejections: IntCounterVec,
    failures: IntCounterVec,
    cancelled: IntCounterVec,
    step_failures: IntCounterVec,
    auth_failures: IntCounter,
    times: Times,
    sizes: Sizes,
    http_requests: IntCounterVec,
    http_seconds: HistogramVec,
}

/// Where a sequence's time went.
struct Times {
    first_token: Histogram,
    token_gap: Histogram,
    per_output_token: Histogram,
    end_to_end: Histogram,
    queue: Histogram,
    inference: Histogram,
    prefill: Histogram,
    decode: Histogram,
    step: Histogram,
}

/// How large requests and steps are.
struct Sizes {
    prompt: Histogram,
    generation: Histogram,
    longest_generation: Histogram,
    choices: Histogram,
    max_tokens: Histogram,
    prefill_computed: Histogram,
    preemptions: Histogram,
    step_tokens: Histogram,
}

/// What of one answer is counted.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The route's template, or `unknown`.
    pub handler: &'a str,
    /// The method as sent.
    pub method: &'a str,
    /// The status code.
    pub status: u16,
    /// Time to the head of the answer.
    pub elapsed: Duration,
}

impl Metrics {
    /// All series of the model that clients call `model_name`.
    pub fn new(model_name: &str) -> Self {
        let registry = Registry::new();
        let labels = [("model_name", model_name), ("engine", "0")];
        let labels: HashMap<_, _> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let make = Maker { registry: &registry, labels };
        let blocks = ["total", "used", "cached", "free"]
            .map(|kind| make.gauge(&format!("gondola:kv_blocks_{kind}"), "KV blocks; used + cached + free = total"));
        make.counter("gondola:engine_restarts_total", "Restarts of the engine");
        let adapters = ["max_lora", "running_lora_adapters", "waiting_lora_adapters"];
        let lora = make.gauges("vllm:lora_requests_info", "Adapters at work", &adapters);
        lora.with_label_values(&["0", "", ""]).set(0.0);
        Self {
            scrape: Mutex::new(()),
            running: make.gauge("vllm:num_requests_running", "Sequences in the running batch"),
            waiting: make.gauge("vllm:num_requests_waiting", "Sequences waiting to run"),
            waiting_by_reason: make.gauges("vllm:num_requests_waiting_by_reason", "Waiting, by reason", &["reason"]),
            kv_usage: make.gauge("vllm:kv_cache_usage_perc", "Used share of the KV blocks, 0 to 1"),
            cache_config: make.gauges(
                "vllm:cache_config_info",
                "Shape of the KV cache, always 1",
                &["block_size", "num_gpu_blocks", "cache_dtype"],
            ),
            blocks,
            ledger_error: make.gauge("gondola:kv_ledger_error", "Blocks that do not add up; 0 or a bug"),
            step_age: make.gauge("gondola:last_step_age_seconds", "Since the last step while work waits; 0 when idle"),
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
            speculation: SpeculationCounters::new(&make),
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
            auth_failures: make.counter("gondola:auth_failures_total", "Requests without a known key"),
            times: Times::new(&make),
            sizes: Sizes::new(&make),
            http_requests: http_counter(&registry, "http_requests_total", "Answers, by route, method and status class"),
            http_seconds: http_histogram(
                &registry,
                "http_request_duration_seconds",
                "Time to the head of an answer",
                buckets::HTTP,
            ),
            registry,
        }
    }

    /// States what is known once the model is loaded: the shape of the KV cache, the places of proposals.
    pub fn loaded(&self, limits: &Limits, cache_dtype: &str) {
        let labels = [&limits.block_size.to_string(), &limits.num_blocks.to_string(), cache_dtype];
        self.cache_config.with_label_values(&labels).set(1.0);
        self.speculation.begin(limits.speculation.num_speculative_tokens);
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

    /// A request came without a known key.
    pub fn auth_failed(&self) {
        self.auth_failures.inc();
    }

    /// An answer went out.
    pub fn answered(&self, answer: Answered<'_>) {
        let method = closed(answer.method, &METHODS, "other");
        let status = ["1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(answer.status / 100).clamp(1, 5) - 1];
        self.http_requests.with_label_values(&[answer.handler, method, status]).inc();
        self.http_seconds.with_label_values(&[answer.handler, method]).observe(answer.elapsed.as_secs_f64());
    }

    /// The exposition, after copying what the snapshot says. `step_age` and `retry_after` are of now.
    pub fn render(&self, snapshot: Option<&SchedulerStats>, step_age: Duration, retry_after: Duration) -> Vec<u8> {
        let _one_scrape_at_a_time = self.scrape.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.step_age.set(step_age.as_secs_f64());
        self.retry_after.set(retry_after.as_secs_f64());
        if let Some(stats) = snapshot {
            self.copy(stats);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("a vector takes all bytes");
        text
    }

    fn copy(&self, stats: &SchedulerStats) {
        let counts = &stats.blocks;
        for (gauge, count) in self.blocks.iter().zip([counts.total, counts.used, counts.cached, counts.free]) {
            gauge.set(count as f64);
        }
        self.ledger_error.set(stats.ledger_error as f64);
        self.kv_usage.set(counts.used as f64 / counts.total.max(1) as f64);
        self.running.set(stats.running as f64);
        self.waiting.set(stats.waiting as f64);
        self.waiting_by_reason.with_label_values(&["capacity"]).set(stats.waiting as f64);
        self.waiting_by_reason.with_label_values(&["deferred"]).set(0.0);
        let computed = stats.prompt_tokens.saturating_sub(stats.prefix_hit_tokens);
        catch_up(&self.prompt_tokens, stats.prompt_tokens);
        catch_up(&self.prompt_tokens_by_source.with_label_values(&["local_compute"]), computed);
        catch_up(&self.prompt_tokens_by_source.with_label_values(&["local_cache_hit"]), stats.prefix_hit_tokens);
        catch_up(&self.prompt_tokens_cached, stats.prefix_hit_tokens);
        catch_up(&self.prompt_tokens_recomputed, stats.recomputed_tokens);
        catch_up(&self.prefix_queries, stats.prefix_query_tokens);
        catch_up(&self.prefix_hits, stats.prefix_hit_tokens);
        catch_up(&self.preemptions, stats.preemptions);
        catch_up(&self.steps, stats.steps);
        self.speculation.copy(&stats.speculation);
    }
}

impl Times {
    fn new(make: &Maker<'_>) -> Self {
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
            step: make.histogram("gondola:step_seconds", "One step, scheduling included", buckets::TOKEN_GAP),
        }
    }

    fn observe(&self, stats: &SequenceStats) {
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
    fn new(make: &Maker<'_>) -> Self {
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

impl fmt::Debug for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Raises a counter to a total that is counted elsewhere.
fn catch_up(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// The value if it is in the set, else the set's catch-all.
fn closed<'a>(value: &str, set: &[&'a str], other: &'a str) -> &'a str {
    set.iter().find(|known| **known == value).copied().unwrap_or(other)
}

//! Every metric name, once. Label values come from closed sets: no client can add a series.
//!
//! Gauges of a scheduler are copied from one snapshot at each scrape, so the four block gauges of a pool always add up; the rest is
//! counted where it happens.

mod blocks;
mod buckets;
mod distributions;
mod experts;
mod family;
mod model_metrics;
mod speculation;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus::{Encoder, HistogramVec, IntCounter, IntCounterVec, Registry, TextEncoder};

use self::family::{Maker, http_counter, http_histogram};
pub use self::model_metrics::{ModelMetrics, Reading};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    scrape: Mutex<()>,
    auth_failures: IntCounter,
    http_requests: IntCounterVec,
    http_seconds: HistogramVec,
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
    /// Series of no model. Those that dashboards look for beside a model's carry the name of the first, `model_name`.
    pub fn new(model_name: &str) -> Self {
        let registry = Registry::new();
        let make = Maker { registry: &registry, labels: labels(model_name) };
        Self {
            scrape: Mutex::new(()),
            auth_failures: make.counter("gondola:auth_failures_total", "Requests without a known key"),
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

    /// All series of the model that clients call `model_name`; each model has its own.
    pub fn of_model(&self, model_name: &str) -> Arc<ModelMetrics> {
        Arc::new(ModelMetrics::new(&Maker { registry: &self.registry, labels: labels(model_name) }))
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

    /// The exposition, after showing what was read of each model.
    pub fn render(&self, readings: &[Reading]) -> Vec<u8> {
        let _one_scrape_at_a_time = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        for reading in readings {
            reading.metrics.show(reading);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("a vector takes all bytes");
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// vLLM's two labels.
fn labels(model_name: &str) -> HashMap<String, String> {
    let labels = [("model_name", model_name), ("engine", "0")];
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The value if it is in the set, else the set's catch-all.
fn closed<'a>(value: &str, set: &[&'a str], other: &'a str) -> &'a str {
    set.iter().find(|known| **known == value).copied().unwrap_or(other)
}

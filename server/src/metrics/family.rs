//! How a metric is made: registered once, with vLLM's two labels on every series.

use std::collections::HashMap;

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, core::Collector,
};

/// Makes metrics that carry `model_name` and `engine`, and registers them.
pub(super) struct Maker<'a> {
    pub(super) registry: &'a Registry,
    pub(super) labels: HashMap<String, String>,
}

impl Maker<'_> {
    pub(super) fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.register(Gauge::with_opts(self.options(name, help)))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(self.options(name, help), labels))
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(self.options(name, help)))
    }

    /// A counter whose label has these values and no others: each series exists from the start.
    pub(super) fn counters(&self, name: &str, help: &str, (label, values): (&str, &[&str])) -> IntCounterVec {
        let counters = self.register(IntCounterVec::new(self.options(name, help), &[label]));
        for value in values {
            counters.with_label_values(&[value]);
        }
        counters
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts { common_opts: self.options(name, help), buckets: buckets.to_vec() };
        self.register(Histogram::with_opts(options))
    }

    fn options(&self, name: &str, help: &str) -> Opts {
        Opts::new(name, help).const_labels(self.labels.clone())
    }

    fn register<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        register(self.registry, made)
    }
}

/// The HTTP counters, which carry no model.
pub(super) fn http_counter(registry: &Registry, name: &str, help: &str) -> IntCounterVec {
    register(registry, IntCounterVec::new(Opts::new(name, help), &["handler", "method", "status"]))
}

/// The HTTP times, which carry no model.
pub(super) fn http_histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    register(registry, HistogramVec::new(options, &["handler", "method"]))
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let metric = made.expect("names and labels of metrics are valid");
    registry.register(Box::new(metric.clone())).expect("every name is registered once");
    metric
}

//! One reading of `/metrics` in Prometheus's text format, as sums by metric name.
//!
//! Labels are added up: a load test asks for whole counts, never for one series.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::client::Client;

/// The values of one scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrape {
    values: BTreeMap<String, f64>,
}

impl Scrape {
    /// Scrapes the server now.
    pub async fn take(client: &Client) -> Result<Self> {
        Self::parse(&client.text("/metrics").await?)
    }

    /// Reads the text format; samples of one name add up.
    pub fn parse(text: &str) -> Result<Self> {
        let mut values = BTreeMap::new();
        let samples = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in samples {
            let (name, value) = sample(line).with_context(|| format!("not a metric sample: {line}"))?;
            *values.entry(name.to_owned()).or_insert(0.0) += value;
        }
        Ok(Self { values })
    }

    /// The sum of a metric's series; an error if there is none.
    pub fn value(&self, name: &str) -> Result<f64> {
        self.values.get(name).copied().with_context(|| format!("/metrics has no {name}"))
    }
}

/// Name and value of `name{label="x"} 1 [timestamp]`; label values may hold spaces and braces.
fn sample(line: &str) -> Option<(&str, f64)> {
    let name_end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(name_end);
    let rest = if rest.starts_with('{') { &rest[labels_end(rest)?..] } else { rest };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name, value))
}

/// The byte after the closing brace of a label list.
fn labels_end(labels: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (index, byte) in labels.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(index + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_values_and_sums_labels() {
        let text = "# HELP a x\n# TYPE a gauge\na 3\nb{x=\"1\"} 2.5\nb{x=\"} \\\" 9\"} 0.5 1700000000\n\nc +Inf\n";
        let scrape = Scrape::parse(text).unwrap();
        assert_eq!(scrape.value("a").ok(), Some(3.0));
        assert_eq!(scrape.value("b").ok(), Some(3.0));
        assert_eq!(scrape.value("c").ok(), Some(f64::INFINITY));
        assert!(scrape.value("d").unwrap_err().to_string().contains("no d"));
    }

    #[test]
    fn refuses_what_is_no_sample() {
        for text in ["a", "a{x=\"1\" 2", "a b", "<html>"] {
            assert!(Scrape::parse(text).is_err(), "{text}");
        }
    }
}

//! How gaps between tokens are spread, as bars of text, so that stalls can be seen.
//!
//! Buckets grow by about half each; every bucket that holds anything shows at least one mark.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::percentile::milliseconds;

/// Upper edges in milliseconds; what is longer goes into one last bucket.
const EDGES: [f64; 24] = [
    1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0, 200.0, 300.0, 500.0, 700.0, 1000.0,
    1500.0, 2000.0, 3000.0, 5000.0, 10000.0,
];
/// Marks in the longest bar.
const WIDTH: usize = 50;

/// Counts of durations by length.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histogram {
    buckets: Vec<Bucket>,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Bucket {
    over_ms: f64,
    up_to_ms: Option<f64>,
    count: usize,
}

impl Histogram {
    /// Of these durations, from the first bucket in use to the last.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut counts = [0; EDGES.len() + 1];
        for duration in durations {
            let ms = milliseconds(duration);
            counts[EDGES.partition_point(|&edge| edge < ms)] += 1;
        }
        let used = |&index: &usize| counts[index] > 0;
        let first = (0..counts.len()).find(used);
        let last = (0..counts.len()).rfind(used);
        let range = first.zip(last).map_or(0..0, |(first, last)| first..last + 1);
        let buckets = range.map(|index| Bucket {
            over_ms: index.checked_sub(1).map_or(0.0, |before| EDGES[before]),
            up_to_ms: EDGES.get(index).copied(),
            count: counts[index],
        });
        Self { buckets: buckets.collect() }
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.buckets.iter().map(|bucket| bucket.count).max().unwrap_or(1);
        for bucket in &self.buckets {
            let edge = match bucket.up_to_ms {
                Some(edge) => format!("<= {edge}"),
                None => format!("> {}", bucket.over_ms),
            };
            let bar = "#".repeat((bucket.count * WIDTH).div_ceil(most));
            writeln!(f, "{:>10} ms {:>8}  {}", edge, bucket.count, bar)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_one_bucket_at_its_edge() {
        let histogram = Histogram::of([10, 10, 11, 20_000].map(Duration::from_millis));
        let counted: usize = histogram.buckets.iter().map(|bucket| bucket.count).sum();
        assert_eq!(counted, 4);
        assert_eq!(histogram.buckets[0].up_to_ms, Some(10.0));
        assert_eq!((histogram.buckets[0].count, histogram.buckets[1].count), (2, 1));
        assert_eq!(histogram.buckets.last().unwrap().up_to_ms, None);
    }

    #[test]
    fn one_stall_among_many_gaps_is_seen() {
        let gaps = (0..10_000).map(|_| 9).chain([3_400]).map(Duration::from_millis);
        let text = Histogram::of(gaps).to_string();
        assert!(text.lines().last().unwrap().ends_with("1  #"), "{text}");
        assert!(text.contains(&"#".repeat(WIDTH)));
    }

    #[test]
    fn nothing_measured_prints_nothing() {
        assert_eq!(Histogram::of([]).to_string(), "");
    }
}

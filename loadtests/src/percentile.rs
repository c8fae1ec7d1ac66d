//! Nearest-rank percentiles: a value that was really measured, never an interpolation.

use std::time::Duration;

use serde::Serialize;

/// How long something took over all requests, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Half were at most this.
    pub p50: f64,
    /// Nine in ten were at most this.
    pub p90: f64,
    /// 99 in a hundred were at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// Of these durations; none if there are none.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<Duration> = durations.into_iter().collect();
        sorted.sort_unstable();
        let rank = |percent| percentile(&sorted, percent).map(milliseconds);
        Some(Self { p50: rank(50)?, p90: rank(90)?, p99: rank(99)?, max: rank(100)? })
    }
}

/// The smallest value that at least `percent` in a hundred of the sorted values do not exceed.
pub fn percentile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// A duration in milliseconds, to the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        let values: Vec<usize> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), Some(100));
        assert_eq!(percentile(&values, 99), Some(198));
        assert_eq!(percentile(&values, 100), Some(200));
        assert_eq!(percentile(&[7, 9], 50), Some(7));
        assert_eq!(percentile(&[7, 9], 51), Some(9));
        assert_eq!(percentile(&[7], 1), Some(7));
        assert_eq!(percentile::<usize>(&[], 50), None);
    }

    #[test]
    fn a_percentile_equals_its_definition() {
        for len in 1..40usize {
            let sorted: Vec<usize> = (0..len).map(|i| i * i).collect();
            for percent in 1..=100 {
                let covers = |v: usize| sorted.iter().filter(|&&x| x <= v).count() * 100 >= percent * len;
                let smallest = sorted.iter().copied().find(|&v| covers(v));
                assert_eq!(percentile(&sorted, percent), smallest, "{len} {percent}");
            }
        }
    }

    #[test]
    fn latency_is_in_milliseconds_whatever_the_order() {
        let latency = Latency::of([30, 10, 20].map(Duration::from_millis)).unwrap();
        assert_eq!((latency.p50, latency.p99, latency.max), (20.0, 30.0, 30.0));
        assert_eq!(Latency::of([]), None);
    }
}

//! The figures that servers are compared by.

use std::fmt;

use serde::Serialize;

use super::run::Run;
use crate::percentile::percentile;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Output tokens in a second.
    OutputTokPerS,
    /// Send to first text, the median request.
    TtftP50Ms,
    /// The same, one request in a hundred waits longer.
    TtftP99Ms,
    /// From one piece of text to the next, the median gap.
    ItlP50Ms,
    /// The same, one gap in a hundred is longer.
    ItlP99Ms,
    /// The most memory that the server's processes held together.
    PeakRssMib,
}

/// A metric over several runs: values that were really measured, never an interpolation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Half the runs gave at most this.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

impl Metric {
    /// All, in the order of tables.
    pub const ALL: [Self; 6] =
        [Self::OutputTokPerS, Self::TtftP50Ms, Self::TtftP99Ms, Self::ItlP50Ms, Self::ItlP99Ms, Self::PeakRssMib];

    /// Its value in one run.
    pub fn of(self, run: &Run) -> Option<f64> {
        let figures = &run.figures;
        match self {
            Self::OutputTokPerS => figures.output_tok_per_s.filter(|_| figures.ok > 0),
            Self::TtftP50Ms => figures.ttft_ms.map(|latency| latency.p50),
            Self::TtftP99Ms => figures.ttft_ms.map(|latency| latency.p99),
            Self::ItlP50Ms => figures.itl_ms.map(|latency| latency.p50),
            Self::ItlP99Ms => figures.itl_ms.map(|latency| latency.p99),
            Self::PeakRssMib => Some(run.peak_rss_mib),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutputTokPerS => "output tok/s",
            Self::TtftP50Ms => "TTFT p50 ms",
            Self::TtftP99Ms => "TTFT p99 ms",
            Self::ItlP50Ms => "ITL p50 ms",
            Self::ItlP99Ms => "ITL p99 ms",
            Self::PeakRssMib => "peak RSS MiB",
        })
    }
}

impl Spread {
    /// Of these values; none if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Self { median: percentile(&sorted, 50)?, low: *sorted.first()?, high: *sorted.last()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_measured_values_only() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, low: 1.0, high: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]).unwrap().median, 1.0);
        assert_eq!(Spread::of([]), None);
    }
}

//! How fast the queue empties, and from that when a refused client should come back.
//!
//! The rate is measured over the requests that left the engine most recently, the time since the last one included,
//! so it falls while the engine is slow. An idle engine forgets it.

use std::{collections::VecDeque, time::Duration};

const WINDOW: usize = 64;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
/// Share of the time that is added at random, so that refused clients do not come back together.
const JITTER: f64 = 0.2;

/// Departures of the present busy period.
#[derive(Debug, Default)]
pub struct DrainRate {
    busy_since: Option<Duration>,
    departures: VecDeque<Duration>,
}

impl DrainRate {
    /// There is work; the first call after an idle time starts the measurement.
    pub fn working(&mut self, now: Duration) {
        self.busy_since.get_or_insert(now);
    }

    /// There is no work: the rate of the past says nothing about the next load.
    pub fn idle(&mut self) {
        *self = Self::default();
    }

    /// A request ended.
    pub fn departed(&mut self, now: Duration) {
        if self.departures.len() == WINDOW {
            self.busy_since = self.departures.pop_front();
        }
        self.departures.push_back(now);
    }

    /// When a client with `ahead` requests before it should come back; `chance` in 0..1 spreads the answers.
    pub fn retry_after(&self, ahead: usize, now: Duration, chance: f64) -> Duration {
        let elapsed = now.saturating_sub(self.busy_since.unwrap_or(now)).as_secs_f64();
        let departures = self.departures.len().max(1) as f64;
        let drain = ahead as f64 * elapsed / departures;
        let bounded = drain.clamp(SHORTEST.as_secs_f64(), LONGEST.as_secs_f64());
        let spread = bounded * (1.0 + JITTER * chance.clamp(0.0, 1.0));
        Duration::from_secs_f64(spread.min(LONGEST.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rate measured over `count` departures, one each `every` ms.
    fn measured(count: u64, every: u64) -> (DrainRate, Duration) {
        let mut rate = DrainRate::default();
        rate.working(Duration::ZERO);
        for index in 1..=count {
            rate.departed(Duration::from_millis(index * every));
        }
        (rate, Duration::from_millis(count * every))
    }

    #[test]
    fn is_the_time_to_drain_what_is_ahead() {
        for (count, every, ahead, truth) in [(10, 500, 20, 10.0), (200, 100, 256, 25.6), (64, 250, 100, 25.0)] {
            let (rate, now) = measured(count, every);
            let seconds = rate.retry_after(ahead, now, 0.0).as_secs_f64();
            assert!((seconds - truth).abs() < 0.05 * truth, "{seconds} for {truth}");
        }
    }

    #[test]
    fn jitter_adds_a_fifth_at_most_and_the_bounds_hold() {
        let (rate, now) = measured(100, 100);
        let least = rate.retry_after(100, now, 0.0).as_secs_f64();
        assert!((rate.retry_after(100, now, 1.0).as_secs_f64() - 1.2 * least).abs() < 1e-6);
        assert_eq!(rate.retry_after(100_000, now, 1.0), LONGEST);
        assert_eq!(rate.retry_after(0, now, 0.0), SHORTEST);
    }

    #[test]
    fn follows_an_engine_that_becomes_slow_and_forgets_when_idle() {
        let (mut rate, now) = measured(100, 10);
        assert_eq!(rate.retry_after(50, now, 0.0), SHORTEST);
        assert!(rate.retry_after(50, now + Duration::from_secs(20), 0.0) > Duration::from_secs(10));
        rate.idle();
        assert_eq!(rate.retry_after(50, now + Duration::from_secs(20), 0.0), SHORTEST);
    }
}

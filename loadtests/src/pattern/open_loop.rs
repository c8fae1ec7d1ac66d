//! Open loop: independent arrivals at a mean rate, whether or not the server keeps up.
//!
//! The gaps between arrivals are exponential and follow from the seed, so a run can be repeated.

use std::time::Duration;

use futures_util::future::join_all;
use rand::Rng;
use tokio::time::{Instant, sleep_until};

use crate::{bench::Bench, figures::Outcome, prompt::generator};

/// The generator of arrival times has a number no request has.
const ARRIVALS: u64 = u64::MAX;

/// Sends `requests` requests at `rate` arrivals in a second.
pub(super) async fn arrivals(bench: &Bench, rate: f64, requests: usize) -> Vec<Outcome> {
    let start = Instant::now();
    let times = arrival_times(bench.workload.seed(), rate, requests);
    let sent = times.into_iter().zip(0..).map(|(at, number)| async move {
        sleep_until(start + at).await;
        bench.measure(&bench.client, &bench.workload.call(number)).await
    });
    join_all(sent).await
}

/// When each request arrives, from the start.
fn arrival_times(seed: u64, rate: f64, requests: usize) -> Vec<Duration> {
    let mut rng = generator(seed, ARRIVALS);
    let mut seconds = 0.0;
    let gaps = (0..requests).map(|_| -(1.0 - rng.random::<f64>()).ln() / rate);
    gaps.map(|gap| {
        seconds += gap;
        Duration::from_secs_f64(seconds)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_arrivals() {
        assert_eq!(arrival_times(3, 4.0, 50), arrival_times(3, 4.0, 50));
        assert_ne!(arrival_times(3, 4.0, 50), arrival_times(4, 4.0, 50));
    }

    #[test]
    fn gaps_have_the_mean_and_the_spread_of_a_poisson_process() {
        let times = arrival_times(1, 5.0, 20_000);
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1].as_secs_f64() - pair[0].as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 0.2).abs() < 0.01, "{mean}");
        assert!((variance.sqrt() - 0.2).abs() < 0.01, "{}", variance.sqrt());
    }
}

//! The blocks of a model's KV cache: all of them together, and those of each pool.

use prometheus::{Gauge, GaugeVec};
use scheduler::{BlockCounts, KvPool, SchedulerStats};

use super::family::Maker;

/// Those of the pool, and the three that add up to it.
const STATES: [&str; 4] = ["total", "used", "cached", "free"];

/// How many blocks are in which state.
pub(super) struct BlockGauges {
    all: [Gauge; 4],
    /// A series for each pool that there is.
    by_pool: [GaugeVec; 4],
    usage: Gauge,
    ledger_error: Gauge,
}

impl BlockGauges {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        let all = STATES.map(|state| {
            make.gauge(&format!("gondola:kv_blocks_{state}"), "KV blocks of all pools; used + cached + free = total")
        });
        let by_pool = STATES.map(|state| {
            let help = "KV blocks by pool; layers that see a window only have their own beside others that see all";
            make.gauges(&format!("gondola:kv_pool_blocks_{state}"), help, &["pool"])
        });
        Self {
            all,
            by_pool,
            usage: make.gauge("vllm:kv_cache_usage_perc", "Used share of the KV blocks, 0 to 1, in the fuller pool"),
            ledger_error: make.gauge("gondola:kv_ledger_error", "Blocks that do not add up; 0 or a bug"),
        }
    }

    /// Shows one snapshot.
    pub(super) fn show(&self, stats: &SchedulerStats) {
        for (gauge, count) in self.all.iter().zip(by_state(stats.all_blocks())) {
            gauge.set(count as f64);
        }
        let pools = [(KvPool::Main, stats.blocks), (KvPool::Windowed, stats.windowed_blocks)];
        for (state, gauges) in self.by_pool.iter().enumerate() {
            // Another model may have come under this name, with other pools.
            gauges.reset();
            for (pool, counts) in pools.iter().filter(|(pool, counts)| *pool == KvPool::Main || counts.total > 0) {
                gauges.with_label_values(&[pool.name()]).set(by_state(*counts)[state] as f64);
            }
        }
        let used = |pool: BlockCounts| pool.used as f64 / pool.total.max(1) as f64;
        self.usage.set(used(stats.blocks).max(used(stats.windowed_blocks)));
        self.ledger_error.set(stats.ledger_error as f64);
    }
}

/// As [`STATES`] names them.
fn by_state(counts: BlockCounts) -> [usize; 4] {
    [counts.total, counts.used, counts.cached, counts.free]
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::metrics::{Metrics, Reading};

    #[test]
    fn each_pool_that_there_is_shows_its_own_blocks() {
        let metrics = Metrics::new("m");
        let model = metrics.of_model("m");
        let show = |windowed_blocks| {
            let blocks = BlockCounts { total: 10, used: 2, cached: 3, free: 5 };
            let snapshot = Some(SchedulerStats { blocks, windowed_blocks, ..SchedulerStats::default() });
            let (step_age, retry_after) = (Duration::ZERO, Duration::ZERO);
            let reading = Reading { metrics: Arc::clone(&model), snapshot, step_age, retry_after };
            String::from_utf8(metrics.render(&[reading])).unwrap()
        };
        let value = |text: &str, name: &str, pool: &str| -> Option<f64> {
            let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")) && line.contains(pool))?;
            line.rsplit(' ').next()?.parse().ok()
        };
        let two = show(BlockCounts { total: 4, used: 3, cached: 0, free: 1 });
        for (state, main, windowed) in
            [("total", 10.0, 4.0), ("used", 2.0, 3.0), ("cached", 3.0, 0.0), ("free", 5.0, 1.0)]
        {
            let name = format!("gondola:kv_pool_blocks_{state}");
            assert_eq!(value(&two, &name, "pool=\"main\""), Some(main), "{state}");
            assert_eq!(value(&two, &name, "pool=\"windowed\""), Some(windowed), "{state}");
            let sum = value(&two, &format!("gondola:kv_blocks_{state}"), "");
            assert_eq!(sum, Some(main + windowed), "{state}");
        }
        assert_eq!(value(&two, "vllm:kv_cache_usage_perc", ""), Some(0.75), "of the fuller pool");
        let one = show(BlockCounts::default());
        assert_eq!(value(&one, "gondola:kv_pool_blocks_total", "pool=\"main\""), Some(10.0));
        assert_eq!(value(&one, "gondola:kv_pool_blocks_total", "pool=\"windowed\""), None, "there is none");
        assert_eq!(value(&one, "vllm:kv_cache_usage_perc", ""), Some(0.2));
    }
}

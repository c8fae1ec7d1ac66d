//! What each expert of a model has to do, counted from what its engines tell.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::ExpertLoad;
use prometheus::{IntCounter, IntCounterVec};

use super::family::Maker;

/// One counter for each expert: as many as the model's files hold.
pub(super) struct ExpertCounters {
    tokens: IntCounterVec,
    /// Those that may still count.
    engines: Mutex<Vec<Counted>>,
}

/// An engine and how far it is counted.
struct Counted {
    load: Arc<ExpertLoad>,
    /// Of each expert, and what of it is counted.
    tokens: Vec<(IntCounter, u64)>,
}

impl ExpertCounters {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        let help = "Tokens that took an expert, all layers together";
        Self { tokens: make.counters("gondola:expert_tokens_total", help, ("expert", &[])), engines: Mutex::default() }
    }

    /// Makes the series of a loaded model's experts.
    pub(super) fn begin(&self, load: Arc<ExpertLoad>) {
        self.count();
        let series = |expert: usize| (self.tokens.with_label_values(&[&expert.to_string()]), 0);
        let tokens = (0..load.tokens().len()).map(series).collect();
        self.engines().push(Counted { load, tokens });
    }

    /// Counts what came since the last time. An engine that nobody else holds any more is counted for the last time.
    pub(super) fn count(&self) {
        self.engines().retain_mut(|engine| {
            let may_go_on = Arc::strong_count(&engine.load) > 1;
            engine.count();
            may_go_on
        });
    }

    fn engines(&self) -> MutexGuard<'_, Vec<Counted>> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn count(&mut self) {
        for ((counter, counted), now) in self.tokens.iter_mut().zip(self.load.tokens()) {
            counter.inc_by(now - std::mem::replace(counted, now));
        }
    }
}

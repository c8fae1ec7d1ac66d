//! One run of a scenario: warm up, put the load on and those beside it, look at what is left behind, judge.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::{join, join_all};
use indicatif::ProgressBar;

use crate::{
    client::Client,
    exchange::{Sample, exchange},
    failure::Failure,
    figures::{Figures, MemoryFigures, Outcome},
    ledger::{Watch, settle},
    length::Lengths,
    memory::Memory,
    pattern,
    percentile::Latency,
    report::{Part, Report},
    scenario::Scenario,
    verdict::Verdict,
    workload::{Call, WARMUP, Workload},
};

/// The completion that must be the same before and after a load.
const REFERENCE_NUMBER: u64 = 2 * WARMUP;

/// Everything one run needs.
#[derive(Debug)]
pub struct Bench {
    /// What to run.
    pub scenario: Scenario,
    /// How to reach the server.
    pub client: Client,
    /// The requests.
    pub workload: Workload,
    /// Where progress is shown.
    pub progress: ProgressBar,
    /// The runs of the loads beside it.
    beside: Vec<Bench>,
    deadline: Instant,
    pid: Option<u32>,
}

/// What a load pattern gives back.
#[derive(Debug, Default)]
pub struct Ran {
    /// What each request came to.
    pub outcomes: Vec<Outcome>,
    /// What the pattern itself checked.
    pub verdicts: Vec<Verdict>,
    /// The effect of a long prompt, where the pattern has one.
    pub stall: Option<crate::stall::Stall>,
}

impl Bench {
    /// A run of the scenario; the run's time limit begins now.
    pub fn new(scenario: Scenario, client: Client, model: String, pid: Option<u32>) -> Self {
        let workload = Workload::new(scenario.request.clone(), model, scenario.seed);
        let deadline = Instant::now() + Duration::from_secs_f64(scenario.limits.run);
        let progress = crate::progress::bar(&scenario);
        let beside = scenario.beside.iter().map(|beside| {
            let run = Self::new(beside.scenario(&scenario), client.another(), beside.model.clone(), None);
            Self { progress: ProgressBar::hidden(), deadline, ..run }
        });
        let beside = beside.collect();
        Self { scenario, client, workload, progress, beside, deadline, pid }
    }

    /// Runs it and reports.
    pub async fn run(&self) -> Result<Report> {
        let mut verdicts = Vec::new();
        self.warm_up().await;
        let reference = self.reference().await;
        let memory_before = self.memory().await?;

        let ((ran, beside), watch) = self.watched_load().await;
        self.progress.finish_and_clear();

        if self.scenario.checks.ledger {
            verdicts.extend(self.ledger_verdicts(&watch).await);
        }
        if let Some(before) = reference {
            verdicts.push(same_completion(before, self.reference().await));
        }
        let mut figures = Figures::of(&ran.outcomes);
        figures.stall = ran.stall;
        figures.probe_ms = Latency::of(watch.times);
        figures.memory = self.memory_figures(memory_before).await?;
        verdicts.extend(ran.verdicts);
        verdicts.extend(self.scenario.marks.judge(&figures));
        let beside = self.beside.iter().zip(beside).map(|(bench, ran)| bench.part(ran)).collect();
        Ok(Report { scenario: self.scenario.clone(), figures, beside, verdicts })
    }

    /// What a load beside another came to.
    fn part(&self, ran: Ran) -> Part {
        let figures = Figures { stall: ran.stall, ..Figures::of(&ran.outcomes) };
        let verdicts = [ran.verdicts, self.scenario.marks.judge(&figures)].concat();
        Part { name: self.scenario.name.clone(), figures, verdicts }
    }

    /// Sends one request within the limits of the run and counts it as done.
    pub async fn measure(&self, client: &Client, call: &Call) -> Outcome {
        let outcome = match self.limit() {
            Some(limit) => exchange(client, call, limit).await,
            None => Err(Failure::RunEnded),
        };
        self.progress.inc(1);
        outcome
    }

    /// How long a request that starts now may take; none once the run is over.
    pub fn limit(&self) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let request = Duration::from_secs_f64(self.scenario.limits.request);
        (!left.is_zero()).then(|| left.min(request))
    }

    async fn warm_up(&self) {
        let numbers = WARMUP..WARMUP + self.scenario.warmup as u64;
        // Whether warm-up requests succeed is not measured: a server that cannot answer fails later.
        let beside = self.beside.iter().map(|bench| pattern::closed_loop::clients(bench, numbers.clone()));
        drop(join(pattern::closed_loop::clients(self, numbers.clone()), join_all(beside)).await);
        self.progress.reset();
    }

    /// Puts its load on the server, and those beside it at the same time.
    async fn load(&self) -> (Ran, Vec<Ran>) {
        join(pattern::run(self), join_all(self.beside.iter().map(pattern::run))).await
    }

    async fn watched_load(&self) -> ((Ran, Vec<Ran>), Watch) {
        let mut watch = Watch::default();
        let load = self.load();
        if !self.scenario.checks.ledger {
            return (load.await, watch);
        }
        let ran = tokio::select! {
            ran = load => ran,
            never = watch.forever(&self.client) => match never {},
        };
        (ran, watch)
    }

    /// The completion to compare, if the scenario asks for that.
    async fn reference(&self) -> Option<Outcome> {
        if !self.scenario.checks.same_completion {
            return None;
        }
        let call = self.workload.greedy(REFERENCE_NUMBER, Lengths::exactly(64), Lengths::exactly(32));
        let limit = Duration::from_secs_f64(self.scenario.limits.request);
        Some(exchange(&self.client, &call, limit).await)
    }

    async fn ledger_verdicts(&self, watch: &Watch) -> [Verdict; 2] {
        let settled = settle(&self.client, Duration::from_secs_f64(self.scenario.limits.settle)).await;
        let after = settled.map(|(ledger, took)| format!("idle after {} ms: {ledger}", took.as_millis()));
        [
            Verdict::from_result("ledger whole and probes green during the load", watch.verdict()),
            Verdict::from_result("ledger whole and nothing used after it", after),
        ]
    }

    /// The server's memory once it is idle, if its process id is known.
    async fn memory(&self) -> Result<Option<Memory>> {
        let Some(pid) = self.pid else { return Ok(None) };
        if self.scenario.checks.ledger {
            settle(&self.client, Duration::from_secs_f64(self.scenario.limits.settle)).await?;
        }
        Memory::of(pid).map(Some)
    }

    async fn memory_figures(&self, before: Option<Memory>) -> Result<Option<MemoryFigures>> {
        let Some((before, after)) = before.zip(self.memory().await?) else {
            return Ok(None);
        };
        let growth_mib = after.resident_mib - before.resident_mib;
        Ok(Some(MemoryFigures { resident_mib: after.resident_mib, peak_mib: after.peak_mib, growth_mib }))
    }
}

fn same_completion(before: Outcome, after: Option<Outcome>) -> Verdict {
    let name = "same greedy completion before and after";
    let text = |outcome: Option<Outcome>| -> Result<String, String> {
        let sample: Sample = outcome.ok_or("not asked for")?.map_err(|failure| failure.to_string())?;
        Ok(sample.text)
    };
    match (text(Some(before)), text(after)) {
        (Ok(before), Ok(after)) => {
            Verdict::new(name, before == after, format!("{} and {} characters", before.len(), after.len()))
        }
        (Err(failure), _) => Verdict::new(name, false, format!("before: {failure}")),
        (_, Err(failure)) => Verdict::new(name, false, format!("after: {failure}")),
    }
}

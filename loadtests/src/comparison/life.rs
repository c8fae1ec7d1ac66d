//! One life of one server: start, first requests, every load once, stop.

use std::{fs, path::PathBuf, time::Duration, time::Instant};

use anyhow::{Context, Result};

use super::{
    calibration::extra_tokens,
    config::Config,
    cpu_time::CpuTime,
    model_file::Model,
    run::Run,
    server::{Place, Server},
    server_process::{ServerProcess, free_port},
    work::{Point, Work},
};
use crate::{bench::Bench, client::Client, memory::TreePeak, scenario::Scenario, target::Target};

/// The longest kernel line that a report quotes.
const KERNEL_LINE: usize = 400;

/// Who lives.
#[derive(Clone, Debug)]
pub struct Life<'a> {
    /// The comparison it takes part in.
    pub config: &'a Config,
    /// The server.
    pub server: &'a Server,
    /// The model it serves.
    pub model: &'a Model,
    /// Which round, from 0.
    pub round: usize,
    /// Where its output goes.
    pub log: PathBuf,
}

/// What a life gave.
#[derive(Clone, Debug)]
pub struct Lived {
    /// Every load's run.
    pub runs: Vec<Run>,
    /// From its start to its first 200.
    pub start: Duration,
    /// What it says of its kernels.
    pub kernel: Option<String>,
}

/// A server that answers.
struct Alive {
    id: u32,
    target: Target,
    model_id: String,
    extra_tokens: usize,
}

impl Life<'_> {
    /// Lives it; `on_run` hears of every run. An error if the server does not start or not answer.
    pub async fn run(&self, on_run: impl Fn(&Run)) -> Result<Lived> {
        let config = self.config;
        let place = Place { model: self.model, folder: &config.folder, port: free_port()?, threads: config.threads };
        let launch = self.server.launch(place)?;
        let target: Target = format!("http://127.0.0.1:{}", place.port).parse().map_err(anyhow::Error::msg)?;
        let client = Client::new(target.clone(), false);

        let mut process = ServerProcess::start(&launch, place.port, &self.log)?;
        let limit = Duration::from_secs_f64(self.server.start_timeout);
        let start = process.ready(&client, &self.server.ready, limit).await?;
        let model_id = match self.server.model_id(place)? {
            Some(id) => id,
            None => client.first_model().await?,
        };
        let mut alive = Alive { id: process.id(), target, model_id, extra_tokens: 0 };
        alive.extra_tokens = self.extra_tokens(&client, &alive.model_id).await?;

        let mut runs = Vec::new();
        let points = self.config.works.iter().flat_map(|work| work.points.iter().map(move |&point| (work, point)));
        for (number, (work, point)) in points.enumerate() {
            let seed = self.config.seed(self.round, number);
            let run = self.measure(&alive, work, point, seed).await?;
            on_run(&run);
            runs.push(run);
        }
        process.stop().await?;
        Ok(Lived { runs, start, kernel: self.kernel() })
    }

    async fn extra_tokens(&self, client: &Client, model_id: &str) -> Result<usize> {
        let work = self.config.works.first().context("there are no works")?;
        let scenario = self.adapted(work.scenario.clone());
        Ok(extra_tokens(client, &scenario, model_id).await?.unwrap_or_default())
    }

    async fn measure(&self, alive: &Alive, work: &Work, point: Point, seed: u64) -> Result<Run> {
        let not_quiet = self.config.quiet.before_run().await;
        let mut scenario = self.adapted(work.scenario(point, seed));
        scenario.request = scenario.request.less_words(alive.extra_tokens);
        let bench = Bench::new(scenario, Client::new(alive.target.clone(), false), alive.model_id.clone(), None);
        let words = bench.workload.mean_words(point.requests);

        let mut peak = TreePeak::default();
        let (start, before) = (Instant::now(), CpuTime::now());
        let report = tokio::select! {
            report = bench.run() => report?,
            never = peak.watch(alive.id) => match never {},
        };
        let others_cpus = CpuTime::now().others_since(before) / start.elapsed().as_secs_f64();
        Ok(Run {
            work: work.name().to_owned(),
            clients: point.clients,
            model: self.model.name.clone(),
            server: self.server.name.clone(),
            round: self.round,
            seed,
            prompt_tokens_wanted: words + alive.extra_tokens as f64,
            peak_rss_mib: peak.mib,
            others_cpus,
            not_quiet,
            figures: report.figures,
        })
    }

    /// The scenario as this server's API permits it.
    fn adapted(&self, mut scenario: Scenario) -> Scenario {
        scenario.request.endpoint = self.server.endpoint;
        scenario.request.ignore_eos &= self.server.ignore_eos;
        scenario
    }

    fn kernel(&self) -> Option<String> {
        let text = self.server.kernel_line.as_deref()?;
        let log = String::from_utf8_lossy(&fs::read(&self.log).ok()?).into_owned();
        let line = log.lines().find(|line| line.contains(text))?;
        Some(line.trim().chars().take(KERNEL_LINE).collect())
    }
}

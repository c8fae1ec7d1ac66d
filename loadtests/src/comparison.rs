//! `loadtests compare`: the same models and the same loads on several servers in turn, and one report.
//!
//! Every server runs once before any runs again, so that a machine that drifts drifts for all. One server at a time,
//! each with its own port and process group; nothing of it is left when its turn, or this program, ends.

pub mod calibration;
pub mod config;
pub mod cpu_time;
pub mod life;
pub mod machine;
pub mod markdown;
pub mod metric;
pub mod model_file;
pub mod options;
pub mod plot;
pub mod program;
pub mod quiet;
pub mod repeat;
pub mod report;
pub mod row;
pub mod run;
pub mod server;
pub mod server_process;
pub mod template;
pub mod version;
pub mod work;

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    config::Config,
    life::{Life, Lived},
    metric::Metric,
    model_file::Model,
    options::Options,
    report::Report,
    run::Run,
    server::Server,
};

/// Runs a whole comparison and writes its files; `repeat` is the command that asked for it. Gives the report and its
/// page. A signal to end ends the server that runs as well.
pub async fn run(options: &Options, repeat: String) -> Result<(Report, String)> {
    let config = options.config()?;
    let folder = options.folder(&config);
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::select! {
        report = compare(&config, &folder, repeat) => report,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; {} has what was measured so far", folder.display()),
        _ = terminate.recv() => bail!("terminated; {} has what was measured so far", folder.display()),
    }
}

async fn compare(config: &Config, folder: &Path, repeat: String) -> Result<(Report, String)> {
    let (models, missing) = located(config)?;
    for server in config.servers.iter().filter(|server| !server.optional) {
        ensure!(server.installed().is_some(), "{} is not installed: {}", server.name, server.written());
    }
    let logs = folder.join("logs");
    fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;

    let mut report = Report::begun(config, &models, repeat);
    report.notes.extend(missing);
    report.notes.extend(config.quiet.before_start().await);
    let mut page = report.write(folder)?;
    for round in 0..config.rounds {
        for (model, server) in models.iter().flat_map(|model| config.servers.iter().map(move |server| (model, server)))
        {
            if !can_serve(server, model) || has_failed(&mut report, server, model) {
                continue;
            }
            let log = logs.join(format!("{}-{}-{}.log", server.name, model.name, round + 1));
            let life = Life { config, server, model, round, log };
            note(&mut report, &life, life.run(tell).await);
            page = report.write(folder)?;
        }
    }
    Ok((report, page))
}

/// The models that are there, and why others are not; an error if none is.
fn located(config: &Config) -> Result<(Vec<Model>, Vec<String>)> {
    let (mut models, mut missing) = (Vec::new(), Vec::new());
    for file in &config.models {
        match file.located() {
            Ok(model) => models.push(model),
            Err(error) => missing.push(format!("model {} is left out: {error:#}", file.name)),
        }
    }
    ensure!(!models.is_empty(), "there is no model to serve; give one by --model NAME=FILE. {}", missing.join("; "));
    Ok((models, missing))
}

fn can_serve(server: &Server, model: &Model) -> bool {
    server.reads.contains(&model.format) && server.installed().is_some()
}

/// A server that could not serve a model once is not waited for again.
fn has_failed(report: &mut Report, server: &Server, model: &Model) -> bool {
    let failures = report.participant(&server.name).map(|participant| &participant.failures);
    failures.is_some_and(|failures| failures.iter().any(|failure| failure.starts_with(&on(model))))
}

fn note(report: &mut Report, life: &Life, lived: Result<Lived>) {
    let participant = report.participant(&life.server.name).expect("every server is in the report");
    match lived {
        Ok(lived) => {
            participant.start_s.push(lived.start.as_secs_f64());
            participant.kernel = lived.kernel.or(participant.kernel.take());
            report.runs.extend(lived.runs);
        }
        Err(error) => {
            let log = life.log.file_name().unwrap_or_default().to_string_lossy();
            participant.failures.push(format!("{} {error:#}; see logs/{log}", on(life.model)));
        }
    }
}

fn on(model: &Model) -> String {
    format!("on {}:", model.name)
}

/// A comparison takes hours: say where it is.
#[expect(clippy::print_stderr, reason = "progress is told beside the report")]
fn tell(run: &Run) {
    let Run { work, clients, model, server, round, .. } = run;
    let rate = Metric::OutputTokPerS.of(run).unwrap_or_default();
    let failed = run.failed();
    eprintln!("round {}: {model} {server} {work}, {clients} clients: {rate:.1} tok/s, {failed} failed", round + 1);
}

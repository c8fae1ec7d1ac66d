//! The program `loadtests`: read the command line, run one scenario or one comparison, print its report; or print requests.
//!
//! One thread: beside a server on two cores the client must cost little.

use std::{env, io, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use loadtests::{
    arguments::{Arguments, Format, Job, Options},
    bench::Bench,
    client::Client,
    comparison, output,
    report::Report,
    scenario::Scenario,
    workload::Workload,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let passed = match Arguments::parse().command.resolve()? {
        Job::Load(scenario, options) => {
            let format = options.format;
            let report = run(*scenario, options).await?;
            print_report(&report, format)?;
            report.passed()
        }
        Job::Print(scenario, model) => {
            print_requests(&scenario, model)?;
            true
        }
        Job::Compare(options) => {
            let repeat = comparison::repeat::line(env::args().skip(1));
            let (report, page) = comparison::run(&options, repeat).await?;
            print([page])?;
            report.passed()
        }
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(scenario: Scenario, options: Options) -> Result<Report> {
    let client = Client::new(options.base_url.with_key(options.api_key), options.reuse);
    let model = match options.model.or_else(|| scenario.model.clone()) {
        Some(model) => model,
        None => client.first_model().await?,
    };
    Bench::new(scenario, client, model, options.pid).run().await
}

fn print_requests(scenario: &Scenario, model: String) -> Result<()> {
    let requests = scenario.load.requests().context("the scenario's load ends by time, not by a number of requests")?;
    let workload = Workload::new(scenario.request.clone(), model, scenario.seed);
    print((0..requests as u64).map(|number| String::from_utf8_lossy(&workload.call(number).body).into_owned()))
}

fn print_report(report: &Report, format: Format) -> Result<()> {
    if format != Format::Json {
        print([report.to_string()])?;
    }
    if format != Format::Table {
        print([serde_json::to_string(report)?])?;
    }
    Ok(())
}

fn print(lines: impl IntoIterator<Item = String>) -> Result<()> {
    output::print(&mut io::stdout().lock(), lines).context("cannot print")
}

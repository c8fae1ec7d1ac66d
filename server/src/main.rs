//! `gondola`: reads the command line and ends with 0 (done), 1 (failed, one line on stderr) or 2 (usage).

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server::{
    commands::{
        bench::{self, BenchError},
        health,
        plan::{self, PlanError},
        pull, serve,
    },
    config::{Config, ConfigError},
    flags::Flags,
};

/// An OpenAI-compatible inference server with continuous batching.
#[derive(Parser)]
#[command(name = "gondola", version, about, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a model over HTTP
    Serve(Box<Flags>),
    /// Download a model into the cache and print its path
    Pull(pull::PullFlags),
    /// Say what a model takes in memory and what of it fits into this machine, from its configuration alone
    Plan(plan::PlanFlags),
    /// Measure prefill and decode of a model beside what the machine can do, in the manner of llama-bench
    Bench(bench::BenchFlags),
    /// Ask a running server whether it can serve (for container health checks)
    Health(health::HealthFlags),
}

const EXAMPLES: &str = "\
Examples:
  gondola pull smollm2-135m-instruct
  gondola serve
  gondola serve model.gguf --port 8001
  gondola plan path/to/folder --memory 16GiB
  gondola bench model.gguf -p 512 -n 128 -t 2
  gondola health --url http://127.0.0.1:8001/health

`gondola serve --help` lists all settings with their defaults.";

/// What `clap` ends with too.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            if error.is::<ConfigError>() { USAGE.into() } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(flags) => serve::run(Config::resolve(&flags)?)?,
        Command::Pull(flags) => pull::run(&flags)?,
        // a wrong flag is a usage error, whichever command has it
        Command::Plan(flags) => match plan::run(&flags) {
            Err(PlanError::Config(error)) => return Err(error.into()),
            other => other?,
        },
        Command::Bench(flags) => match bench::run(&flags) {
            Err(BenchError::Config(error)) => return Err(error.into()),
            other => other?,
        },
        Command::Health(flags) => health::run(&flags)?,
    }
    Ok(())
}

#[allow(clippy::print_stderr, reason = "the one line that tells why it ended")]
fn report(error: &anyhow::Error) {
    let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("error: {line}");
}

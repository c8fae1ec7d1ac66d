//! The command line. A scenario, shipped or from a file, is the start; flags are laid over it.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    comparison::options::Options as CompareOptions, overrides::Overrides, scenario::Scenario, shipped, target::Target,
};

/// Puts a load on an OpenAI-compatible server, measures it and checks what is left behind.
///
/// Exits with 1 when a pass mark or a check fails.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// What to run.
    #[command(subcommand)]
    pub command: Command,
}

/// What to run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A scenario file, or a load described by flags alone
    Run {
        /// A TOML file as in loadtests/scenarios
        #[arg(long)]
        scenario: Option<PathBuf>,
        /// The server and what to change
        #[command(flatten)]
        options: Options,
    },
    /// 32 clients, some leaving mid-stream; then the ledger is whole and one more answer is right
    Smoke {
        /// The server and what to change
        #[command(flatten)]
        options: Options,
    },
    /// Equal greedy requests at once give equal texts, equal to the one computed alone
    Equal {
        /// Copies at once
        #[arg(long = "n", default_value_t = 64)]
        copies: usize,
        /// The server and what to change
        #[command(flatten)]
        options: Options,
    },
    /// A long prompt arrives while streams run: how long are they held up?
    Stall {
        /// The server and what to change
        #[command(flatten)]
        options: Options,
    },
    /// Clients that vanish mid-stream with a reset; then the ledger is whole and memory flat
    Disconnect {
        /// How many clients vanish
        #[arg(long, default_value_t = 200)]
        times: usize,
        /// The server and what to change
        #[command(flatten)]
        options: Options,
    },
    /// Print the bodies of a scenario's requests, one on a line, for programs that are not asked over HTTP
    Requests {
        /// A TOML file as in loadtests/scenarios
        #[arg(long)]
        scenario: PathBuf,
        /// The model's id in them
        #[arg(long, default_value = "model")]
        model: String,
        /// What to change
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Start several servers in turn on the same models and loads, and write one report
    Compare {
        /// What to compare
        #[command(flatten)]
        options: CompareOptions,
    },
}

/// What a command line comes to.
#[derive(Debug)]
pub enum Job {
    /// One scenario against a server that runs.
    Load(Box<Scenario>, Options),
    /// The requests of a scenario to the model of this id, which are not sent.
    Print(Box<Scenario>, String),
    /// A comparison of servers that it starts.
    Compare(CompareOptions),
}

/// The server and what to change about the scenario.
#[derive(Debug, Args)]
pub struct Options {
    /// The server, with or without /v1
    #[arg(long, value_name = "URL")]
    pub base_url: Target,
    /// The server's key
    #[arg(long, env = "GONDOLA_API_KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// The model's id [default: the scenario's, or the first the server lists]
    #[arg(long)]
    pub model: Option<String>,
    /// The server's process id, to measure its memory
    #[arg(long)]
    pub pid: Option<u32>,
    /// Reuse connections instead of opening one for each request
    #[arg(long)]
    pub reuse: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Both)]
    pub format: Format,
    #[command(flatten)]
    overrides: Overrides,
}

/// What is printed on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table, then one line of JSON
    Both,
    /// One line of JSON
    Json,
    /// A table
    Table,
}

impl Command {
    /// What to do, with the flags laid over the scenario.
    pub fn resolve(self) -> Result<Job> {
        let (scenario, options) = match self {
            Self::Run { scenario: Some(path), options } => (Scenario::read(&path)?, options),
            Self::Run { scenario: None, options } => (shipped::plain(), options),
            Self::Smoke { options } => (shipped::smoke(), options),
            Self::Stall { options } => (shipped::stall(), options),
            Self::Equal { copies, mut options } => {
                options.overrides.requests = Some(copies);
                (shipped::equal(), options)
            }
            Self::Disconnect { times, mut options } => {
                options.overrides.requests = Some(times);
                let mut scenario = shipped::disconnect();
                scenario.marks.left = Some(times as f64);
                (scenario, options)
            }
            Self::Requests { scenario, model, overrides } => {
                return Ok(Job::Print(Box::new(changed(Scenario::read(&scenario)?, &overrides)?), model));
            }
            Self::Compare { options } => return Ok(Job::Compare(options)),
        };
        let scenario = changed(scenario, &options.overrides)?;
        Ok(Job::Load(Box::new(scenario), options))
    }
}

/// The scenario with flags laid over it, if it can be run.
fn changed(mut scenario: Scenario, overrides: &Overrides) -> Result<Scenario> {
    overrides.lay_over(&mut scenario)?;
    scenario.validate()?;
    Ok(scenario)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;
    use clap::CommandFactory;

    use super::*;
    use crate::{endpoint::Endpoint, scenario::Load};

    fn resolve(line: &str) -> Result<Scenario> {
        let words = line.split_whitespace().chain(["--base-url", "http://127.0.0.1:1"]);
        match Arguments::try_parse_from(words)?.command.resolve()? {
            Job::Load(scenario, _) => Ok(*scenario),
            Job::Print(..) | Job::Compare(_) => bail!("not one scenario"),
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_are_laid_over_the_scenario() {
        let scenario = resolve("loadtests run --clients 4 --requests 9 --input 5-7 --seed 3").unwrap();
        assert_eq!(scenario.load, Load::Closed { clients: 4, requests: 9, reset: false });
        assert_eq!((scenario.request.input.to_string().as_str(), scenario.seed), ("5-7", 3));
        let open = resolve("loadtests run --rate 2.5 --requests 9").unwrap();
        assert_eq!(open.load, Load::Open { rate: 2.5, requests: 9 });
        let texts = resolve("loadtests run --endpoint embeddings --texts 8 --mark texts_per_s=90").unwrap();
        assert_eq!((texts.request.endpoint, texts.request.texts), (Endpoint::Embeddings, 8));
        assert_eq!((texts.marks.texts_per_s, texts.marks.errors), (Some(90.0), Some(0.0)));
    }

    #[test]
    fn loads_that_end_by_time_are_shortened_together_and_left_out_together() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/models.toml");
        let scenario = resolve(&format!("loadtests run --scenario {file} --seconds 5")).unwrap();
        let loads: Vec<Load> = scenario.beside.iter().map(|beside| beside.load).chain([scenario.load]).collect();
        assert!(loads.len() > 1 && loads.iter().all(|load| matches!(load, Load::Timed { seconds: 5.0, .. })));
        let alone = resolve(&format!("loadtests run --scenario {file} --alone")).unwrap();
        assert_eq!((alone.beside, alone.load.requests()), (Vec::new(), None));
    }

    #[test]
    fn subcommands_set_their_own_number() {
        assert_eq!(resolve("loadtests equal --n 7").unwrap().load, Load::Equal { requests: 7 });
        assert_eq!(resolve("loadtests disconnect --times 9").unwrap().load.requests(), Some(9));
        assert_eq!(resolve("loadtests disconnect").unwrap().load.requests(), Some(200));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "loadtests run --rate 1 --clients 2",
            "loadtests stall --requests 3",
            "loadtests stall --seconds 3",
            "loadtests run --texts 2",
            "loadtests run --mark gaps=3",
            "loadtests equal --clients 3",
            "loadtests run --leave-share 2",
            "loadtests run --input 9-1",
        ] {
            assert!(resolve(line).is_err(), "{line}");
        }
    }
}

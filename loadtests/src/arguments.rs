//! The command line. A scenario, shipped or from a file, is the start; flags are laid over it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    comparison::options::Options as CompareOptions,
    length::Lengths,
    scenario::{Load, Scenario},
    shipped,
    target::Target,
    workload::Endpoint,
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
    /// The model's id [default: the first the server lists]
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

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Laid over the scenario")]
struct Overrides {
    /// Where all randomness comes from
    #[arg(long)]
    seed: Option<u64>,
    /// Closed loop: clients at once
    #[arg(long, conflicts_with = "rate")]
    clients: Option<usize>,
    /// Open loop: mean arrivals in a second
    #[arg(long)]
    rate: Option<f64>,
    /// Requests in all
    #[arg(long)]
    requests: Option<usize>,
    /// Requests sent first and not measured
    #[arg(long)]
    warmup: Option<usize>,
    /// The route
    #[arg(long, value_enum)]
    endpoint: Option<Endpoint>,
    /// Words in a prompt: N or LOW-HIGH
    #[arg(long)]
    input: Option<Lengths>,
    /// Tokens to generate: N or LOW-HIGH
    #[arg(long)]
    output: Option<Lengths>,
    /// How many first words all prompts share
    #[arg(long)]
    shared_prefix: Option<usize>,
    /// Sampling temperature; 0 is greedy
    #[arg(long)]
    temperature: Option<f64>,
    /// Send `ignore_eos` and `min_tokens`: generate exactly what is asked for
    #[arg(long)]
    ignore_eos: Option<bool>,
    /// Share of requests left mid-stream, 0 to 1
    #[arg(long)]
    leave_share: Option<f64>,
}

impl Command {
    /// What to do, with the flags laid over the scenario.
    pub fn resolve(self) -> Result<Job> {
        let (mut scenario, options) = match self {
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
            Self::Compare { options } => return Ok(Job::Compare(options)),
        };
        options.overrides.lay_over(&mut scenario)?;
        scenario.validate()?;
        Ok(Job::Load(Box::new(scenario), options))
    }
}

impl Overrides {
    fn lay_over(&self, scenario: &mut Scenario) -> Result<()> {
        self.lay_over_load(&mut scenario.load)?;
        let request = &mut scenario.request;
        set(&mut scenario.seed, self.seed);
        set(&mut scenario.warmup, self.warmup);
        set(&mut request.endpoint, self.endpoint);
        set(&mut request.input, self.input);
        set(&mut request.output, self.output);
        set(&mut request.shared_prefix, self.shared_prefix);
        set(&mut request.temperature, self.temperature);
        set(&mut request.ignore_eos, self.ignore_eos);
        set(&mut request.leave_share, self.leave_share);
        Ok(())
    }

    fn lay_over_load(&self, load: &mut Load) -> Result<()> {
        if let Some(rate) = self.rate {
            *load = Load::Open { rate, requests: load.requests() };
        }
        match (self.clients, &mut *load) {
            (None, _) => {}
            (Some(count), Load::Closed { clients, .. }) => *clients = count,
            (Some(_), _) => bail!("--clients needs a closed loop"),
        }
        match (self.requests, load) {
            (None, _) => {}
            (Some(count), Load::Closed { requests, .. } | Load::Open { requests, .. } | Load::Equal { requests }) => {
                *requests = count;
            }
            (Some(_), Load::Stall { .. }) => {
                bail!("--requests has no meaning for a stall scenario")
            }
        }
        Ok(())
    }
}

fn set<T: Copy>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn resolve(line: &str) -> Result<Scenario> {
        let words = line.split_whitespace().chain(["--base-url", "http://127.0.0.1:1"]);
        match Arguments::try_parse_from(words)?.command.resolve()? {
            Job::Load(scenario, _) => Ok(*scenario),
            Job::Compare(_) => bail!("not one scenario"),
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
    }

    #[test]
    fn subcommands_set_their_own_number() {
        assert_eq!(resolve("loadtests equal --n 7").unwrap().load, Load::Equal { requests: 7 });
        assert_eq!(resolve("loadtests disconnect --times 9").unwrap().load.requests(), 9);
        assert_eq!(resolve("loadtests disconnect").unwrap().load.requests(), 200);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "loadtests run --rate 1 --clients 2",
            "loadtests stall --requests 3",
            "loadtests equal --clients 3",
            "loadtests run --leave-share 2",
            "loadtests run --input 9-1",
        ] {
            assert!(resolve(line).is_err(), "{line}");
        }
    }
}

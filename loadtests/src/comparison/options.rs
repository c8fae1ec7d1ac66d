//! What `loadtests compare` is asked for on its command line, laid over the comparison's file.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use super::{config::Config, model_file::ModelFile};

/// Options of `loadtests compare`.
#[derive(Debug, Args)]
pub struct Options {
    /// A TOML file as in loadtests/comparisons
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Where report, plots and logs are written [default: target/comparisons/NAME]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// A model to serve instead of those of the file; can be repeated
    #[arg(long = "model", value_name = "NAME=FILE")]
    models: Vec<ModelFile>,
    /// Only this server; can be repeated
    #[arg(long = "server", value_name = "NAME")]
    servers: Vec<String>,
    /// Only this work; can be repeated
    #[arg(long = "work", value_name = "NAME")]
    works: Vec<String>,
    /// How often every server is started on every model
    #[arg(long)]
    rounds: Option<usize>,
    /// The first of the seeds
    #[arg(long)]
    seed: Option<u64>,
    /// Threads each server computes with
    #[arg(long)]
    threads: Option<usize>,
}

impl Options {
    /// The comparison to run.
    pub fn config(&self) -> Result<Config> {
        let mut config = Config::read(&self.config)?;
        if !self.models.is_empty() {
            config.models.clone_from(&self.models);
        }
        keep("server", &mut config.servers, &self.servers, |server| &server.name)?;
        keep("work", &mut config.works, &self.works, |work| work.name())?;
        config.rounds = self.rounds.unwrap_or(config.rounds);
        config.seed = self.seed.unwrap_or(config.seed);
        config.threads = self.threads.unwrap_or(config.threads);
        config.validate()?;
        Ok(config)
    }

    /// Where everything is written.
    pub fn folder(&self, config: &Config) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from("target/comparisons").join(&config.name))
    }
}

/// Keeps what is named; all where nothing is.
fn keep<T>(what: &str, all: &mut Vec<T>, names: &[String], name_of: impl Fn(&T) -> &str) -> Result<()> {
    for name in names {
        ensure!(all.iter().any(|one| name_of(one) == name), "there is no {what} named '{name}'");
    }
    if !names.is_empty() {
        all.retain(|one| names.iter().any(|name| name_of(one) == name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn config(line: &str) -> Result<Config> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/comparisons/cpu.toml");
        Line::try_parse_from(["compare", "--config", file].into_iter().chain(line.split_whitespace()))?.options.config()
    }

    #[test]
    fn flags_are_laid_over_the_file() {
        let config = config("--model a=x --model b=y --work mixed --rounds 5 --threads 3 --seed 9").unwrap();
        assert_eq!((config.rounds, config.threads, config.seed), (5, 3, 9));
        assert_eq!((config.models.len(), config.works.len(), config.works[0].name()), (2, 1, "mixed"));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for line in ["--server nobody", "--work nothing", "--model x", "--rounds 0", "--model a=x --model a=y"] {
            assert!(config(line).is_err(), "{line}");
        }
    }
}

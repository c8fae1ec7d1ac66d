//! A comparison as TOML: which servers, which models, which loads, and against whom ratios are taken.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{
    model_file::ModelFile,
    quiet::Quiet,
    server::Server,
    work::{Work, WrittenWork},
};

/// A whole comparison.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its short name.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// Where its file is.
    pub folder: PathBuf,
    /// The group of servers that ratios are taken against.
    pub baseline: String,
    /// How often every server is started on every model, each time with other seeds.
    pub rounds: usize,
    /// The first of the seeds.
    pub seed: u64,
    /// Threads each server computes with.
    pub threads: usize,
    /// When the machine is quiet enough.
    pub quiet: Quiet,
    /// What is served.
    pub models: Vec<ModelFile>,
    /// What is measured.
    pub works: Vec<Work>,
    /// Who is measured, in the order of tables.
    pub servers: Vec<Server>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    about: String,
    baseline: String,
    #[serde(default = "three")]
    rounds: usize,
    #[serde(default = "one")]
    seed: u64,
    threads: Option<usize>,
    #[serde(default)]
    quiet: Quiet,
    #[serde(default)]
    models: Vec<ModelFile>,
    works: Vec<WrittenWork>,
    servers: Vec<Server>,
}

fn three() -> usize {
    3
}

fn one() -> u64 {
    1
}

impl Config {
    /// Reads a comparison and the scenarios it names.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Self::parse(&text, &folder).with_context(|| format!("comparison {}", path.display()))
    }

    /// Reads a comparison's text; its scenarios' paths begin in `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let written: Written = toml::from_str(text)?;
        let works = written.works.into_iter().map(|work| work.read(folder)).collect::<Result<_>>()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let config = Self {
            name: written.name,
            about: written.about,
            folder: folder.to_path_buf(),
            baseline: written.baseline,
            rounds: written.rounds,
            seed: written.seed,
            threads: written.threads.unwrap_or(cores),
            quiet: written.quiet,
            models: written.models,
            works,
            servers: written.servers,
        };
        config.validate()?;
        let groups: BTreeSet<&str> = config.servers.iter().map(Server::group).collect();
        let known = groups.iter().copied().collect::<Vec<_>>().join(", ");
        ensure!(groups.contains(config.baseline.as_str()), "baseline '{}' is none of {known}", config.baseline);
        Ok(config)
    }

    /// Refuses what cannot be run.
    pub fn validate(&self) -> Result<()> {
        usable("comparison", [self.name.as_str()].into_iter())?;
        ensure!(self.rounds > 0, "rounds is 0");
        ensure!(self.threads > 0, "threads is 0");
        ensure!(!self.works.is_empty(), "there are no works");
        ensure!(!self.servers.is_empty(), "there are no servers");
        self.quiet.validate()?;
        self.servers.iter().try_for_each(Server::validate)?;
        usable("server", self.servers.iter().map(|server| server.name.as_str()))?;
        usable("work", self.works.iter().map(Work::name))?;
        usable("model", self.models.iter().map(|model| model.name.as_str()))
    }

    /// The seed of a run: no two runs on one server share one, so that no prompt is met twice.
    pub fn seed(&self, round: usize, run: usize) -> u64 {
        let runs: usize = self.works.iter().map(|work| work.points.len()).sum();
        self.seed + (round * runs + run) as u64
    }
}

/// Names become parts of file names, and each stands for one thing.
fn usable<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let mut seen = BTreeSet::new();
    for name in names {
        let is_plain = name.bytes().all(plain) && name.bytes().any(|byte| byte.is_ascii_alphanumeric());
        ensure!(is_plain, "{what} '{name}': a name is letters, digits, - _ .");
        ensure!(seen.insert(name), "two {what}s are named '{name}'");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = 'x'\nbaseline = 'a'\nthreads = 2\n\
        [[works]]\nscenario = '../scenarios/single.toml'\n\
        [[works]]\nscenario = '../scenarios/sixteen.toml'\nclients = [1, 4]\n\
        [[servers]]\nname = 'a'\ncommand = ['a']\n\
        [[servers]]\nname = 'b'\ncommand = ['b']\ngroup = 'c'\n";

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, &Path::new(env!("CARGO_MANIFEST_DIR")).join("comparisons"))
    }

    #[test]
    fn a_short_comparison_takes_the_defaults() {
        let config = parse(GOOD).unwrap();
        assert_eq!((config.rounds, config.seed, config.threads), (3, 1, 2));
        assert_eq!((config.works[1].name(), config.works[1].points.len()), ("sixteen", 2));
        assert_eq!(config.servers[1].group(), "c");
    }

    #[test]
    fn every_run_on_a_server_has_its_own_seed() {
        let config = parse(GOOD).unwrap();
        let seeds: BTreeSet<u64> =
            (0..3).flat_map(|round| (0..3).map(move |run| (round, run))).map(|(r, n)| config.seed(r, n)).collect();
        assert_eq!(seeds.into_iter().collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    }

    #[test]
    fn a_bad_comparison_is_refused_with_its_reason() {
        for (from, to, reason) in [
            ("threads = 2", "thread = 2", "unknown field `thread`"),
            ("threads = 2", "threads = 0", "threads is 0"),
            ("threads = 2", "rounds = 0", "rounds is 0"),
            ("baseline = 'a'", "baseline = 'z'", "baseline 'z' is none of a, c"),
            ("name = 'b'", "name = 'a'", "two servers are named 'a'"),
            ("sixteen.toml", "single.toml", "two works are named 'single'"),
            ("sixteen.toml", "none.toml", "cannot read"),
            ("sixteen.toml", "open.toml", "not a closed loop"),
            ("['b']", "['b', '{prot}']", "{prot} stands for nothing"),
            ("threads = 2", "quiet = { timeout = -1.0 }", "quiet.timeout is -1"),
            ("name = 'x'", "name = '../x'", "comparison '../x'"),
        ] {
            let error = format!("{:#}", parse(&GOOD.replace(from, to)).unwrap_err());
            assert!(error.contains(reason), "{to}: {error}");
        }
    }
}

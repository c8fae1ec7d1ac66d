//! What a comparison gave, as it grows, and its files: `report.md`, `report.json` and plots.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    config::Config, machine::Machine, markdown, model_file::Model, plot, quiet::Quiet, row::Row, run::Run,
    server::Server, version, work::Work,
};

/// Everything a reader needs, and every run behind it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The comparison's name.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// The command that repeats it.
    pub repeat: String,
    /// Where it ran.
    pub machine: Machine,
    /// Threads each server computed with.
    pub threads: usize,
    /// How often every server was started on every model.
    pub rounds: usize,
    /// How quiet the machine was to be.
    pub quiet: Quiet,
    /// The group that ratios are taken against.
    pub baseline: String,
    /// Who took part, and who did not.
    pub servers: Vec<Participant>,
    /// What was served.
    pub models: Vec<Served>,
    /// What was measured.
    pub works: Vec<Work>,
    /// All runs, in the order they ran.
    pub runs: Vec<Run>,
    /// What else a reader must know.
    pub notes: Vec<String>,
}

/// A server of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Participant {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// The group its settings belong to.
    pub group: String,
    /// Its command as the comparison writes it.
    pub command: String,
    /// Whether the comparison needs it.
    pub optional: bool,
    /// Whether it is installed.
    pub installed: bool,
    /// What it says of its version.
    pub version: Option<String>,
    /// What it says of its kernels.
    pub kernel: Option<String>,
    /// Seconds from start to ready, of each start.
    pub start_s: Vec<f64>,
    /// Why it gave no figures, by model.
    pub failures: Vec<String>,
}

/// A model of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Served {
    /// Its name.
    pub name: String,
    /// Its file or folder, without where that is.
    pub file: String,
    /// The file's size; a folder has none.
    pub bytes: Option<u64>,
}

/// The JSON file: the rows of the table, then everything else.
#[derive(Serialize)]
struct Whole<'a> {
    rows: Vec<Row>,
    #[serde(flatten)]
    report: &'a Report,
}

impl Report {
    /// Before the first run.
    pub fn begun(config: &Config, models: &[Model], repeat: String) -> Self {
        Self {
            name: config.name.clone(),
            about: config.about.clone(),
            repeat,
            machine: Machine::here(),
            threads: config.threads,
            rounds: config.rounds,
            quiet: config.quiet,
            baseline: config.baseline.clone(),
            servers: config.servers.iter().map(Participant::of).collect(),
            models: models.iter().map(Served::of).collect(),
            works: config.works.clone(),
            runs: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether every server that the comparison needs ran without a failure.
    pub fn passed(&self) -> bool {
        let needed = |name: &str| self.servers.iter().any(|server| server.name == name && !server.optional);
        let started = self.servers.iter().all(|server| server.optional || server.failures.is_empty());
        started && self.runs.iter().all(|run| run.failed() == 0 || !needed(&run.server))
    }

    /// Whether this server is one of the baseline's settings.
    pub fn is_baseline(&self, server: &str) -> bool {
        self.servers.iter().any(|one| one.name == server && one.group == self.baseline)
    }

    /// The server of this name.
    pub fn participant(&mut self, name: &str) -> Option<&mut Participant> {
        self.servers.iter_mut().find(|server| server.name == name)
    }

    /// Writes all files and gives the page; called after every server, so that an interrupted comparison leaves what
    /// it has.
    pub fn write(&self, folder: &Path) -> Result<String> {
        let rows = Row::all(self);
        let plots = plot::all(self, &rows);
        for plot in &plots {
            write(&folder.join(&plot.file), &plot.svg()?)?;
        }
        let page = markdown::page(self, &rows, &plots);
        write(&folder.join("report.md"), &page)?;
        write(&folder.join("report.json"), &serde_json::to_string_pretty(&Whole { rows, report: self })?)?;
        Ok(page)
    }
}

impl Participant {
    fn of(server: &Server) -> Self {
        let program = server.installed();
        Self {
            name: server.name.clone(),
            about: server.about.clone(),
            group: server.group().to_owned(),
            command: server.written(),
            optional: server.optional,
            installed: program.is_some(),
            version: program.and_then(|program| version::of(&program, &server.version)),
            kernel: None,
            start_s: Vec::new(),
            failures: Vec::new(),
        }
    }
}

impl Served {
    fn of(model: &Model) -> Self {
        let bytes = fs::metadata(&model.path).ok().filter(fs::Metadata::is_file).map(|file| file.len());
        Self { name: model.name.clone(), file: model.file_name(), bytes }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

//! A server that takes part: how it is started and what is known about its API.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    model_file::{Format, Model},
    program,
    template::{environment, filled},
};
use crate::endpoint::Endpoint;

/// The words a server's texts may have in braces.
const WORDS: [&str; 7] = ["model", "model_folder", "model_file", "comparison_folder", "port", "threads", "last_thread"];

/// One entry of the table of servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name in tables and file names.
    pub name: String,
    /// What it is, in a few words.
    #[serde(default)]
    pub about: String,
    /// Entries of one group are one server in several settings [default: its name].
    #[serde(default)]
    pub group: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Arguments that make the program print its version.
    #[serde(default)]
    pub version: Vec<String>,
    /// Variables set for it; one that comes out empty is not set.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Without it the comparison goes on.
    #[serde(default)]
    pub optional: bool,
    /// What it can load.
    #[serde(default = "gguf")]
    pub reads: Vec<Format>,
    /// Answers 200 once it can serve.
    #[serde(default = "health")]
    pub ready: String,
    /// Seconds from its start to that.
    #[serde(default = "five_minutes")]
    pub start_timeout: f64,
    /// The model's id in requests [default: the first it lists].
    #[serde(default)]
    pub model: Option<String>,
    /// The route requests go to.
    #[serde(default)]
    pub endpoint: Endpoint,
    /// Whether it knows `ignore_eos` and `min_tokens`; without them its answers may end early.
    #[serde(default = "yes")]
    pub ignore_eos: bool,
    /// The first line of its log with this text tells which kernels it uses.
    #[serde(default)]
    pub kernel_line: Option<String>,
}

fn gguf() -> Vec<Format> {
    vec![Format::Gguf]
}

fn health() -> String {
    "/health".to_owned()
}

fn five_minutes() -> f64 {
    300.0
}

fn yes() -> bool {
    true
}

/// What the texts of a server are filled with for one start.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The model to serve.
    pub model: &'a Model,
    /// Where the comparison's file is.
    pub folder: &'a Path,
    /// The port to listen on.
    pub port: u16,
    /// Threads to compute with.
    pub threads: usize,
}

/// A command, ready to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables set beside those of this process.
    pub environment: Vec<(String, String)>,
}

impl Server {
    /// The group its settings belong to.
    pub fn group(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.name)
    }

    /// The command as it is written, variables first; it names no path of this machine.
    pub fn written(&self) -> String {
        let variables = self.environment.iter().map(|(name, value)| format!("{name}={value}"));
        variables.chain(self.command.iter().cloned()).collect::<Vec<_>>().join(" ")
    }

    /// Where its program is, if it is installed.
    pub fn installed(&self) -> Option<PathBuf> {
        let name = filled(self.command.first()?, &|_| None, &environment).ok()?;
        program::find(&name)
    }

    /// The command for one start.
    pub fn launch(&self, place: Place) -> Result<Launch> {
        let program = self.installed().with_context(|| format!("{} is not installed", self.name))?;
        let arguments = self.command[1..].iter().map(|text| place.fill(text)).collect::<Result<_>>()?;
        let variables = self.environment.iter().map(|(name, value)| Ok((name.clone(), place.fill(value)?)));
        let mut environment = variables.collect::<Result<Vec<_>>>()?;
        environment.retain(|(_, value)| !value.is_empty());
        Ok(Launch { program, arguments, environment })
    }

    /// The model's id in requests, where the server does not list it.
    pub fn model_id(&self, place: Place) -> Result<Option<String>> {
        self.model.as_ref().map(|text| place.fill(text)).transpose()
    }

    /// Refuses what can never be started.
    pub fn validate(&self) -> Result<()> {
        let name = &self.name;
        ensure!(!self.command.is_empty(), "server {name}: its command is empty");
        ensure!(self.endpoint.generates(), "server {name}: its endpoint does not generate texts");
        ensure!(self.ready.starts_with('/'), "server {name}: ready is '{}', not a path", self.ready);
        let timeout = self.start_timeout;
        ensure!(timeout.is_finite() && timeout > 0.0, "server {name}: start_timeout is {timeout}, not above 0");
        let known = |word: &str| WORDS.contains(&word).then(String::new);
        let mut texts = self.command.iter().chain(self.environment.values()).chain(&self.model);
        texts.try_for_each(|text| {
            let checked = filled(text, &known, &|_| Some(String::new()));
            checked.map(drop).with_context(|| format!("server {name}"))
        })
    }
}

impl Place<'_> {
    fn fill(&self, text: &str) -> Result<String> {
        filled(text, &|word| self.word(word), &environment)
    }

    fn word(&self, word: &str) -> Option<String> {
        match word {
            "model" => Some(self.model.path.display().to_string()),
            "model_folder" => Some(self.model.folder().display().to_string()),
            "model_file" => Some(self.model.file_name()),
            "comparison_folder" => Some(self.folder.display().to_string()),
            "port" => Some(self.port.to_string()),
            "threads" => Some(self.threads.to_string()),
            "last_thread" => Some((self.threads - 1).to_string()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(more: &str) -> Server {
        toml::from_str(&format!("name = 'x'\n{more}")).unwrap()
    }

    fn model() -> Model {
        Model { name: "m".into(), path: "/models/m.gguf".into(), format: Format::Gguf }
    }

    #[test]
    fn a_command_is_filled_for_its_start() {
        let server = server(
            "command = ['${LOADTESTS_UNSET:-sh}', '{comparison_folder}/x', '{model}', '-d', '{model_folder}', \
             '{model_file}', '-p{port}']\n\
             model = '{model}'\nenvironment = { CPUS = '0-{last_thread}', NOTHING = '${LOADTESTS_UNSET:-}' }\n",
        );
        server.validate().unwrap();
        let model = model();
        let place = Place { model: &model, folder: Path::new("/c"), port: 81, threads: 2 };
        let launch = server.launch(place).unwrap();
        assert_eq!(launch.program, program::find("sh").unwrap());
        assert_eq!(launch.arguments, ["/c/x", "/models/m.gguf", "-d", "/models", "m.gguf", "-p81"]);
        assert_eq!(launch.environment, [("CPUS".to_owned(), "0-1".to_owned())]);
        assert_eq!(server.model_id(place).unwrap().as_deref(), Some("/models/m.gguf"));
    }

    #[test]
    fn a_server_that_is_not_installed_is_known_before_it_is_started() {
        assert_eq!(server("command = ['no-such-server']").installed(), None);
        assert_eq!(server("command = ['${LOADTESTS_UNSET}']").installed(), None);
        assert!(server("command = ['sh']").installed().is_some());
    }

    #[test]
    fn what_can_never_be_started_is_refused() {
        for bad in [
            "command = []",
            "command = ['sh', '{modle}']",
            "command = ['sh']\nready = 'health'",
            "command = ['sh']\nstart_timeout = 0.0",
            "command = ['sh']\nenvironment = { A = '{b}' }",
            "command = ['sh']\nmodel = '{port'",
        ] {
            assert!(server(bad).validate().is_err(), "{bad}");
        }
    }
}

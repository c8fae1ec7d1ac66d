//! A scenario: what load to put on a server and what it must show, as TOML.
//!
//! Unknown keys are refused, so that a misspelt mark is not a mark that always passes.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{beside::Beside, marks::Marks, shape::Shape};

/// One scenario file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its short name.
    pub name: String,
    /// What it shows, in a sentence.
    #[serde(default)]
    pub about: String,
    /// The model's id [default: the first that the server lists].
    #[serde(default)]
    pub model: Option<String>,
    /// Where all randomness comes from.
    #[serde(default)]
    pub seed: u64,
    /// Requests sent first and not measured.
    #[serde(default)]
    pub warmup: usize,
    /// How requests arrive.
    pub load: Load,
    /// What they look like.
    #[serde(default)]
    pub request: Shape,
    /// What is checked beside the figures.
    #[serde(default)]
    pub checks: Checks,
    /// Which figures the run must reach.
    #[serde(default)]
    pub marks: Marks,
    /// Limits on time.
    #[serde(default)]
    pub limits: TimeLimits,
    /// Loads that run at the same time.
    #[serde(default)]
    pub beside: Vec<Beside>,
}

/// How requests arrive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Load {
    /// So many clients, each with one request at a time.
    Closed {
        /// Clients at once.
        clients: usize,
        /// Requests in all.
        requests: usize,
        /// Clients that leave do so with a reset, as a killed one.
        #[serde(default)]
        reset: bool,
    },
    /// So many clients, each with one request at a time, for so long.
    Timed {
        /// Clients at once.
        clients: usize,
        /// For how many seconds they begin requests.
        seconds: f64,
    },
    /// Independent arrivals (Poisson), whether or not the server keeps up.
    Open {
        /// Mean arrivals in a second.
        rate: f64,
        /// Requests in all.
        requests: usize,
    },
    /// The same request many times at once, and once alone before.
    Equal {
        /// Copies at once.
        requests: usize,
    },
    /// A long prompt that arrives while streams run.
    Stall {
        /// Streams that run.
        streams: usize,
        /// Words in the long prompt.
        prompt: usize,
    },
}

/// What is checked beside the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// The block ledger is whole at every scrape and the server idle soon after the load.
    pub ledger: bool,
    /// A greedy completion gives the same text before and after the load.
    pub same_completion: bool,
}

/// Limits on time, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeLimits {
    /// For one request.
    pub request: f64,
    /// For the whole run; what is not finished then has failed.
    pub run: f64,
    /// From the end of the load to an idle server.
    pub settle: f64,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { request: 300.0, run: 600.0, settle: 10.0 }
    }
}

impl Scenario {
    /// Reads a scenario file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("scenario {}", path.display()))
    }

    /// Reads a scenario's text.
    pub fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        scenario.validate()?;
        Ok(scenario)
    }

    /// Refuses what cannot be run.
    pub fn validate(&self) -> Result<()> {
        let generates = self.request.endpoint.generates();
        ensure!(generates || !self.checks.same_completion, "checks.same_completion is for texts that are generated");
        for (name, seconds) in self.limits.named() {
            ensure!(seconds.is_finite() && seconds > 0.0, "limits.{name} is {seconds}, not above 0");
        }
        self.load.validate(&self.request)?;
        for beside in &self.beside {
            beside.load.validate(&beside.request).with_context(|| format!("beside {}", beside.name))?;
        }
        Ok(())
    }
}

impl TimeLimits {
    fn named(&self) -> [(&'static str, f64); 3] {
        [("request", self.request), ("run", self.run), ("settle", self.settle)]
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { clients, requests, .. } => write!(f, "{clients} clients, {requests} requests"),
            Self::Timed { clients, seconds } => write!(f, "{clients} clients for {seconds} s"),
            Self::Open { rate, requests } => {
                write!(f, "{rate} arrivals a second, {requests} requests")
            }
            Self::Equal { requests } => write!(f, "{requests} equal requests at once"),
            Self::Stall { streams, prompt } => write!(f, "{streams} streams, then {prompt} words"),
        }
    }
}

impl Load {
    /// Requests that are measured, where time does not tell how many.
    pub fn requests(&self) -> Option<usize> {
        match *self {
            Self::Closed { requests, .. } | Self::Open { requests, .. } | Self::Equal { requests } => Some(requests),
            Self::Stall { streams, .. } => Some(streams + 1),
            Self::Timed { .. } => None,
        }
    }

    /// Refuses what cannot be run with such requests.
    fn validate(&self, request: &Shape) -> Result<()> {
        request.validate()?;
        let watches_streams = matches!(self, Self::Equal { .. } | Self::Stall { .. });
        ensure!(request.endpoint.generates() || !watches_streams, "load.kind is one for texts that are generated");
        ensure!(self.requests() != Some(0), "load: no requests");
        match *self {
            Self::Closed { clients, .. } => ensure!(clients > 0, "load.clients is 0"),
            Self::Timed { clients, seconds } => {
                ensure!(clients > 0, "load.clients is 0");
                ensure!(seconds.is_finite() && seconds > 0.0, "load.seconds is {seconds}, not above 0");
            }
            Self::Open { rate, .. } => ensure!(rate.is_finite() && rate > 0.0, "load.rate is {rate}, not above 0"),
            Self::Stall { streams, prompt } => {
                ensure!(streams > 0 && prompt > 0, "load.streams is {streams}, load.prompt is {prompt}");
            }
            Self::Equal { .. } => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_scenario_takes_the_defaults() {
        let scenario = Scenario::parse("name = 'x'\n[load]\nkind = 'open'\nrate = 2.5\nrequests = 9\n").unwrap();
        assert_eq!(scenario.load, Load::Open { rate: 2.5, requests: 9 });
        assert_eq!((scenario.request, scenario.limits), (Shape::default(), TimeLimits::default()));
    }

    #[test]
    fn loads_run_beside_with_models_and_marks_of_their_own() {
        let text = "name = 'x'\nmodel = 'chat'\n[load]\nkind = 'timed'\nclients = 2\nseconds = 1.5\n[checks]\nledger = true\n\
                    [[beside]]\nname = 'y'\nmodel = 'vectors'\nload = { kind = 'closed', clients = 1, requests = 3 }\n\
                    request = { endpoint = 'embeddings', texts = 2 }\nmarks = { errors = 0 }\n";
        let scenario = Scenario::parse(text).unwrap();
        assert_eq!(scenario.load, Load::Timed { clients: 2, seconds: 1.5 });
        let beside = scenario.beside[0].scenario(&scenario);
        assert_eq!((beside.name.as_str(), beside.model.as_deref()), ("y", Some("vectors")));
        assert_eq!((beside.request.texts, beside.marks.errors, beside.checks), (2, Some(0.0), Checks::default()));
        assert!(beside.beside.is_empty());
        assert!(Scenario::parse(&text.replace("texts = 2", "texts = 0")).is_err());
        assert!(Scenario::parse(&text.replace("model = 'vectors'\n", "")).is_err());
    }

    #[test]
    fn misspelt_and_impossible_scenarios_are_refused() {
        let load = "[load]\nkind = 'closed'\nclients = 2\nrequests = 4\n";
        assert!(Scenario::parse(&format!("name = 'x'\n{load}")).is_ok());
        for bad in [
            format!("name = 'x'\n{load}client = 3\n"),
            format!("name = 'x'\n{load}[marks]\nerror = 0\n"),
            format!("name = 'x'\n{load}[request]\nleave_share = 1.5\n"),
            format!("name = 'x'\n{load}[request]\ninput = '9-3'\n"),
            format!("name = 'x'\n{load}[limits]\nrun = 0\n"),
            "name = 'x'\n[load]\nkind = 'closed'\nclients = 0\nrequests = 4\n".to_owned(),
            "name = 'x'\n[load]\nkind = 'open'\nrate = 0.0\nrequests = 4\n".to_owned(),
            "name = 'x'\n[load]\nkind = 'burst'\n".to_owned(),
            "name = 'x'\n[load]\nkind = 'timed'\nclients = 1\nseconds = 0\n".to_owned(),
            "name = 'x'\n[load]\nkind = 'equal'\nrequests = 4\n[request]\nendpoint = 'ner'\n".to_owned(),
            format!("name = 'x'\n{load}[request]\nendpoint = 'ner'\n[checks]\nsame_completion = true\n"),
            load.to_owned(),
        ] {
            assert!(Scenario::parse(&bad).is_err(), "{bad}");
        }
    }
}

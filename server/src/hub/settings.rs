//! Where the hub is and what we may ask of it: the one place that reads the HF_ variables.

use std::{env, fmt, path::PathBuf};

use hf_hub::Cache;

use super::HubError;

/// Settings of the hub.
#[derive(Clone)]
pub struct HubSettings {
    /// `http(s)://host`, without a slash at its end.
    pub endpoint: String,
    /// Folder of the cache: `HF_HOME/hub`.
    pub cache: PathBuf,
    /// Sent as a bearer token, to the endpoint alone.
    pub token: Option<String>,
    /// Nothing but the cache is used.
    pub offline: bool,
}

impl HubSettings {
    /// From `HF_ENDPOINT`, `HF_HUB_CACHE` or `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE`.
    pub fn from_environment() -> Result<Self, HubError> {
        let home = match variable("HF_HOME") {
            Some(home) => PathBuf::from(home),
            None => env::home_dir().ok_or(HubError::NoFolder)?.join(".cache/huggingface"),
        };
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let hub = home.join("hub");
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: variable("HF_TOKEN").or_else(|| Cache::new(hub.clone()).token()),
            cache: variable("HF_HUB_CACHE").map_or(hub, PathBuf::from),
            offline: variable("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value)),
        })
    }
}

/// Leaves the token out.
impl fmt::Debug for HubSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("HubSettings");
        fields.field("endpoint", &self.endpoint).field("cache", &self.cache).field("offline", &self.offline);
        fields.finish_non_exhaustive()
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn is_true(value: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

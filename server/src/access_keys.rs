//! The keys of a configuration: from flags, a file and variables. Nothing else keeps them as text.

use std::{env, fs, path::Path};

use crate::{auth::Secret, config::ConfigError, flags::Flags};

/// The variable that holds keys, separated by commas.
pub(crate) const KEY_VARIABLE: &str = "GONDOLA_API_KEY";
const ADMIN_KEY_VARIABLE: &str = "GONDOLA_ADMIN_API_KEY";

/// What callers must know.
#[derive(Clone, Debug, Default)]
pub struct AccessKeys {
    /// Keys of clients; none means open to local ones.
    pub api: Vec<Secret>,
    /// Keys of those who may change the server too; with none nobody may.
    pub admin: Vec<Secret>,
}

impl AccessKeys {
    /// Reads all of them. The file may be named elsewhere than by a flag, keys themselves may not.
    pub(crate) fn read(flags: &Flags, file: Option<&Path>) -> Result<Self, ConfigError> {
        let variable = |name| env::var(name).ok();
        Ok(Self {
            api: of_clients(flags, file, variable(KEY_VARIABLE).as_deref())?,
            admin: of_admins(flags, variable(ADMIN_KEY_VARIABLE).as_deref())?,
        })
    }

    /// Keys that a client may send, if one is asked for: who may change the server may use it too.
    pub(crate) fn accepted(&self) -> Vec<Secret> {
        if self.api.is_empty() { Vec::new() } else { [self.api.as_slice(), &self.admin].concat() }
    }

    /// How many could be guessed.
    pub(crate) fn short(&self) -> usize {
        self.api.iter().chain(&self.admin).filter(|key| key.is_short()).count()
    }
}

fn of_clients(flags: &Flags, file: Option<&Path>, variable: Option<&str>) -> Result<Vec<Secret>, ConfigError> {
    let mut keys = flags.api_key.clone();
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|error| wrong("--api-key-file", error.to_string()))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        keys.extend(lines.map(Secret::from));
        if keys.is_empty() {
            return Err(wrong("--api-key-file", "the file holds no key"));
        }
    }
    keys.extend(listed(variable));
    sendable("--api-key", keys)
}

fn of_admins(flags: &Flags, variable: Option<&str>) -> Result<Vec<Secret>, ConfigError> {
    sendable("--admin-api-key", flags.admin_api_key.iter().cloned().chain(listed(variable)).collect())
}

/// The keys of a variable.
fn listed(variable: Option<&str>) -> impl Iterator<Item = Secret> {
    let keys = variable.into_iter().flat_map(|list| list.split(',')).map(str::trim);
    keys.filter(|key| !key.is_empty()).map(Secret::from)
}

fn sendable(flag: &'static str, keys: Vec<Secret>) -> Result<Vec<Secret>, ConfigError> {
    if keys.iter().any(Secret::is_unsendable) {
        return Err(wrong(flag, "a key is 1 to 512 visible ASCII characters"));
    }
    Ok(keys)
}

fn wrong(flag: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Value { flag, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_flags_and_the_environment() {
        let flags = Flags { api_key: vec!["one".into()], admin_api_key: vec!["chief".into()], ..Flags::default() };
        assert_eq!(
            of_clients(&flags, None, Some("two, three,")).unwrap(),
            ["one".into(), "two".into(), "three".into()]
        );
        assert_eq!(of_admins(&flags, Some("second")).unwrap(), ["chief".into(), "second".into()]);
        assert!(of_clients(&flags, None, Some("with space")).is_err());
        assert!(of_admins(&flags, Some("with space")).is_err());
    }

    #[test]
    fn a_key_for_changes_alone_closes_nothing() {
        let keys = |api: &[&str]| AccessKeys {
            api: api.iter().map(|key| Secret::from(*key)).collect(),
            admin: vec!["chief".into()],
        };
        assert!(keys(&[]).accepted().is_empty());
        assert_eq!(keys(&["one"]).accepted(), ["one".into(), "chief".into()]);
    }
}

//! The server under load: where it is and the key it wants.
//!
//! Plain HTTP only: a load generator stands beside its server. The key is never printed.

use std::{fmt, str::FromStr};

use hyper::Uri;

/// A server's address and key.
#[derive(Clone)]
pub struct Target {
    authority: String,
    api_key: Option<String>,
}

impl Target {
    /// The same server with this key.
    #[must_use]
    pub fn with_key(self, api_key: Option<String>) -> Self {
        Self { api_key, ..self }
    }

    /// Host and port, as a socket address and a `Host` header want them.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The value of the `Authorization` header, if there is a key.
    pub fn authorization(&self) -> Option<String> {
        self.api_key.as_ref().map(|key| format!("Bearer {key}"))
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("bad address: {error}"))?;
        if uri.scheme_str() != Some("http") {
            return Err("only http:// addresses are supported".to_owned());
        }
        if !matches!(uri.path().trim_end_matches('/'), "" | "/v1") {
            return Err("the address ends after the port or with /v1".to_owned());
        }
        let host = uri.host().ok_or("the address has no host")?;
        let port = uri.port_u16().unwrap_or(80);
        Ok(Self { authority: format!("{host}:{port}"), api_key: None })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("authority", &self.authority).finish_non_exhaustive()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_with_and_without_v1() {
        for text in ["http://127.0.0.1:8000", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"] {
            assert_eq!(text.parse::<Target>().unwrap().authority(), "127.0.0.1:8000");
        }
        assert_eq!("http://localhost".parse::<Target>().unwrap().authority(), "localhost:80");
    }

    #[test]
    fn refuses_other_schemes_and_paths() {
        for text in ["https://127.0.0.1", "127.0.0.1:8000", "http://h/api", "not an address"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }

    #[test]
    fn never_prints_the_key() {
        let target = "http://h:1".parse::<Target>().unwrap().with_key(Some("secret".into()));
        assert!(!format!("{target:?} {target}").contains("secret"));
        assert_eq!(target.authorization().as_deref(), Some("Bearer secret"));
    }
}

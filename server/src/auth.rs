//! Who may call: keys, compared in constant time.
//!
//! A key is kept as an HMAC of its SHA-256 under a random secret of the process; a request's key goes the same way
//! and is compared with every entry, with no early exit. Which router matched decides whether a key is asked for;
//! nothing here looks at a URL.

use std::{convert::Infallible, fmt, str::FromStr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{app::App, error::ApiError};

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The keys of this process.
pub struct Keys {
    secret: [u8; 32],
    digests: Vec<[u8; 32]>,
}

/// Lets a request pass only if it carries a known key, or if there are none.
pub async fn require_key(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, ApiError> {
    if !app.keys.admit(request.headers()) {
        app.metrics.auth_failed();
        return Err(ApiError::invalid_api_key());
    }
    Ok(next.run(request).await)
}

/// Whether a request may change the server: it carries a key for that. Without one configured nobody may.
pub(crate) fn require_admin(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    if app.admins.is_open() {
        return Err(no_admins());
    }
    if !app.admins.admit(headers) {
        app.metrics.auth_failed();
        return Err(ApiError::permission_denied());
    }
    Ok(())
}

/// That nobody may change the server.
pub(crate) fn no_admins() -> ApiError {
    ApiError::not_enabled("changes at run time (--admin-api-key)")
}

impl Keys {
    /// Takes the keys of a configuration; `secret` is random and stays in the process.
    pub fn new(keys: &[Secret], secret: [u8; 32]) -> Self {
        let digests = keys.iter().map(|key| digest(&secret, key.0.as_bytes())).collect();
        Self { secret, digests }
    }

    /// Whether no key is asked for.
    pub fn is_open(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether these headers carry exactly one key, and a known one.
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        self.is_open() || presented(headers).is_some_and(|key| self.knows(key))
    }

    fn knows(&self, key: &[u8]) -> bool {
        let candidate = digest(&self.secret, key);
        let found = self.digests.iter().fold(Choice::from(0), |found, entry| found | entry.ct_eq(&candidate));
        found.into()
    }
}

/// The one key of a request: `Authorization: Bearer` or `x-api-key`, not both and neither twice.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all("authorization").iter().map(|value| bearer(value.as_bytes()));
    let mut others = headers.get_all("x-api-key").iter().map(|value| Some(value.as_bytes()));
    match (values.next(), values.next(), others.next(), others.next()) {
        (Some(key), None, None, None) | (None, None, Some(key), None) => key,
        _ => None,
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

fn digest(secret: &[u8; 32], key: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&Sha256::digest(key));
    mac.finalize().into_bytes().into()
}

impl Secret {
    /// Whether no header could carry it, or it is empty.
    pub fn is_unsendable(&self) -> bool {
        !(1..=512).contains(&self.0.len()) || !self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Whether it is short enough to be guessed.
    pub fn is_short(&self) -> bool {
        self.0.len() < 16
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Keys").field("count", &self.digests.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new(&["first-key-of-two".into(), "second-key".into()], [7; 32])
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn every_known_key_passes_in_either_header() {
        for key in ["first-key-of-two", "second-key"] {
            assert!(keys().admit(&headers(&[("authorization", &format!("Bearer {key}"))])));
            assert!(keys().admit(&headers(&[("authorization", &format!("bearer {key}"))])));
            assert!(keys().admit(&headers(&[("x-api-key", key)])));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let refused: [&[(&'static str, &str)]; 10] = [
            &[],
            &[("authorization", "Bearer ")],
            &[("authorization", "Bearer second-ke")],
            &[("authorization", "Bearer second-key2")],
            &[("authorization", "Basic second-key")],
            &[("authorization", "second-key")],
            &[("x-api-key", "")],
            &[("x-api-key", "second-key"), ("x-api-key", "second-key")],
            &[("authorization", "Bearer second-key"), ("x-api-key", "second-key")],
            &[("authorization", "Bearer second-key"), ("authorization", "Bearer second-key")],
        ];
        for pairs in refused {
            assert!(!keys().admit(&headers(pairs)), "{pairs:?}");
        }
    }

    #[test]
    fn a_wrong_key_is_compared_with_every_entry() {
        let known: Vec<_> = keys().digests;
        assert_eq!(known.len(), 2);
        assert_ne!(known[0], known[1]);
        assert!(!keys().knows(b"wrong") && keys().knows(b"second-key") && keys().knows(b"first-key-of-two"));
    }

    #[test]
    fn a_secret_never_prints_itself() {
        assert_eq!(format!("{:?}", Secret::from("second-key")), "***");
        assert!(!format!("{:?}", keys()).contains("second"));
    }

    #[test]
    fn without_keys_all_is_open() {
        assert!(Keys::new(&[], [0; 32]).admit(&HeaderMap::new()));
    }
}

//! The id of a request: the client's own if it is 1 to 128 visible ASCII characters, else one of ours.
//!
//! It is echoed and logged, never used as a key: answers and sequences have ids that the server makes.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue};

/// An id that is safe to echo and to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Takes the client's id if it may be echoed, else makes one.
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get("x-request-id").filter(|value| is_echoable(value.as_bytes()));
        Self(
            given
                .cloned()
                .unwrap_or_else(|| HeaderValue::from_str(&random_id("req_")).expect("hex digits are a header value")),
        )
    }

    /// As a header.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// `prefix` and 128 random bits as hex digits.
pub fn random_id(prefix: &str) -> String {
    format!("{prefix}{:032x}", u128::from_le_bytes(random_bytes()))
}

/// Random bytes of the operating system.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

fn is_echoable(value: &[u8]) -> bool {
    (1..=128).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(value: &[u8]) -> String {
        let value = HeaderValue::from_bytes(value).unwrap();
        RequestId::of(&HeaderMap::from_iter([("x-request-id".parse().unwrap(), value)])).to_string()
    }

    #[test]
    fn visible_ascii_is_echoed_up_to_128_characters() {
        assert_eq!(id_for(b"trace-7/a"), "trace-7/a");
        assert_eq!(id_for(&[b'x'; 128]), "x".repeat(128));
    }

    #[test]
    fn anything_else_gets_an_id_of_ours() {
        for value in [&b""[..], b"two words", "\u{e9}".as_bytes(), &[b'x'; 129]] {
            let id = id_for(value);
            assert!(id.starts_with("req_") && id.len() == 36, "{id}");
        }
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}

//! Names on the hub, checked before they become part of a path or an address.

use std::fmt;

/// A model of the hub, or one file of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubId {
    /// `org/name`.
    pub repo: String,
    /// One GGUF file of it; none for the whole folder.
    pub file: Option<String>,
}

impl HubId {
    /// Reads `org/name` or `org/name/file.gguf`.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_gguf = |name: &str| name.to_ascii_lowercase().ends_with(".gguf");
        let file = match parts[..] {
            [_, name] if !is_gguf(name) => None,
            [_, _, file] if is_gguf(file) => Some(file.to_owned()),
            _ => return None,
        };
        parts.iter().all(|part| is_plain(part)).then(|| Self { repo: parts[..2].join("/"), file })
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repo)?;
        self.file.iter().try_for_each(|file| write!(formatter, "/{file}"))
    }
}

/// Whether a name is safe as one component of a path and of an address.
pub(super) fn is_plain(name: &str) -> bool {
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= 200 && !name.starts_with(['.', '-']) && name.bytes().all(is_harmless)
}

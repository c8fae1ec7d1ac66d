//! Texts that are too long, as text-embeddings-inference has it: refused, or cut at their end.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{schema, strict_object::strict_object, word::word};

strict_object! {
    /// Members about texts that are too long.
    pub struct TruncationFields {
        optional {
            /// Keep what fits of a text or a pair that is too long; else it is refused.
            truncate: bool,
            /// Where it is cut.
            truncation_direction: TruncationDirection,
        }
    }
}

/// Where a text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum TruncationDirection {
    /// At its begin, which is not served.
    #[serde(alias = "left")]
    Left,
    /// At its end.
    #[serde(alias = "right")]
    Right,
}

word!(TruncationDirection);

impl PartialSchema for TruncationDirection {
    /// What is served of it.
    fn schema() -> RefOr<Schema> {
        schema::words(&["Right", "right"]).into()
    }
}

impl ToSchema for TruncationDirection {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let read = |text: &str| serde_json::from_str::<TruncationDirection>(text).map_err(|error| error.to_string());
        assert_eq!(
            (read(r#""Right""#), read(r#""right""#)),
            (Ok(TruncationDirection::Right), Ok(TruncationDirection::Right))
        );
        assert_eq!(
            (read(r#""Left""#), read(r#""left""#)),
            (Ok(TruncationDirection::Left), Ok(TruncationDirection::Left))
        );
        assert!(read(r#""RIGHT""#).unwrap_err().starts_with("unknown variant `RIGHT`"));
        assert!(read("1").unwrap_err().starts_with("invalid type: integer"));
    }
}

//! Predicted outputs: what the client thinks that the answer will be, as of a text that is only to be edited.

use crate::{Content, Text, strict_object::strict_object};

strict_object! {
    /// `prediction`
    pub struct Prediction {
        required {
            /// `content`
            kind: Text,
            /// The text.
            content: Content,
        }
    }
}

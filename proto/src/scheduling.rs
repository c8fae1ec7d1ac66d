//! Who asks, in which order it is served, and how the prompt becomes tokens: members that chat and completions share.

use crate::{Integer, Refused, Text, strict_object::strict_object};

strict_object! {
    /// Members around the prompt.
    pub struct SchedulingFields {
        optional {
            /// Lower runs earlier.
            priority: Integer,
            /// Separates the prefix cache.
            cache_salt: Text,
            /// Echoed where the header is absent.
            request_id: Text,
            /// The same, in another server's name.
            rid: Text,
            /// Bookkeeping.
            session_id: Text,
            /// Bookkeeping.
            user: Text,
            /// Begin and end tokens around the prompt.
            add_special_tokens: bool,
            /// Keep so many tokens at the end of the prompt; -1 keeps what fits.
            truncate_prompt_tokens: Integer,
        }
        received {
            /// An adapter by path.
            lora_path: Refused,
        }
    }
}

//! How a stream is sent.

use crate::strict_object::strict_object;

strict_object! {
    /// `stream_options`
    pub struct StreamOptions {
        optional {
            /// End with a usage chunk.
            include_usage: bool,
            /// Usage on every chunk.
            continuous_usage_stats: bool,
            /// Bookkeeping.
            include_obfuscation: bool,
        }
    }
}

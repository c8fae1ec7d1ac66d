//! Who asks, in which order it is served, and how the prompt becomes tokens: members that chat and completions share.

use utoipa::openapi::schema::Object;

use crate::{BoundedText, Integer, Refused, ShortText, integer::U32_MAX, schema, strict_object::strict_object};

strict_object! {
    /// Members around the prompt.
    pub struct SchedulingFields {
        optional {
            /// Lower runs earlier.
            priority: Integer<-100, 100>,
            /// Separates the prefix cache.
            cache_salt: BoundedText<1, 128>,
            /// Echoed where the header is absent.
            request_id: ShortText,
            /// The same, in another server's name.
            rid: ShortText,
            /// Bookkeeping.
            session_id: ShortText,
            /// Bookkeeping.
            user: ShortText,
            /// Begin and end tokens around the prompt.
            add_special_tokens: bool,
            /// Keep so many tokens at the end of the prompt; -1 keeps what fits.
            truncate_prompt_tokens: Integer<-1, U32_MAX>,
        }
        received {
            /// An adapter by path.
            lora_path: Refused,
        }
    }
}

/// What the members take less of than their types: 0 is no number of tokens to keep.
pub(crate) fn narrow(request: &mut Object) {
    let kept = schema::one_of([schema::integer(-1, -1).into(), schema::integer(1, U32_MAX).into()]);
    schema::set(request, "truncate_prompt_tokens", schema::nullable(kept.into()));
}

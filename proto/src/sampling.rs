//! How tokens are drawn: members that chat and completions share.

use crate::{Integer, List, LogitBias, Refused, Text, TokenId, strict_object::strict_object};

/// Most tokens that `allowed_token_ids` names: more than any vocabulary has.
const MAX_ALLOWED: usize = 1 << 20;

strict_object! {
    /// Members for the sampler.
    pub struct SamplingFields {
        optional {
            /// 0 is greedy.
            temperature: f64,
            /// Nucleus.
            top_p: f64,
            /// Keep the k likeliest; -1 and 0 are off.
            top_k: Integer,
            /// Drop tokens below this share of the likeliest.
            min_p: f64,
            /// Over prompt and generated tokens.
            repetition_penalty: f64,
            /// Over generated tokens, by count.
            frequency_penalty: f64,
            /// Over generated tokens, once.
            presence_penalty: f64,
            /// Added to logits.
            logit_bias: LogitBias,
            /// Reproducible sampling.
            seed: Integer,
            /// Locally typical sampling.
            typical_p: f64,
            /// No n-gram twice.
            no_repeat_ngram_size: Integer,
            /// Texts whose tokens are never generated one after the other.
            bad_words: List<Text, 128>,
            /// Nothing else is produced.
            allowed_token_ids: List<TokenId, MAX_ALLOWED>,
        }
        received {
            /// Beam search.
            use_beam_search: Refused,
            /// Of beams.
            length_penalty: Refused,
            /// Of beams.
            early_stopping: Refused,
            /// A watermark in the text.
            watermarking: Refused,
            /// Stop when the text repeats itself.
            repetition_detection: Refused,
        }
    }
}

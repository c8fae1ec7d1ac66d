//! How tokens are drawn: members that chat and completions share.

use crate::{Integer, LogitBias, Refused, strict_object::strict_object};

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
        }
        received {
            /// Locally typical sampling.
            typical_p: Refused,
            /// No n-gram twice.
            no_repeat_ngram_size: Refused,
            /// Sequences never produced.
            bad_words: Refused,
            /// Nothing else is produced.
            allowed_token_ids: Refused,
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

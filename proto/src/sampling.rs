//! How tokens are drawn: members that chat and completions share.

use crate::{
    Decimal, False, Integer, List, LogitBias, PositiveDecimal, Refused, RefusedUnless, TokenId, Word, integer::U32_MAX,
    strict_object::strict_object,
};

/// Most tokens that `allowed_token_ids` names: more than any vocabulary has.
pub(crate) const MAX_ALLOWED: usize = 1 << 20;

strict_object! {
    /// Members for the sampler.
    pub struct SamplingFields {
        optional {
            /// 0 is greedy.
            temperature: Decimal<0, 2>,
            /// Nucleus.
            top_p: Decimal<0, 1>,
            /// Keep the k likeliest; -1 and 0 are off.
            top_k: Integer<-1, U32_MAX>,
            /// Drop tokens below this share of the likeliest.
            min_p: Decimal<0, 1>,
            /// Over prompt and generated tokens.
            repetition_penalty: PositiveDecimal<10>,
            /// Over generated tokens, by count.
            frequency_penalty: Decimal<-2, 2>,
            /// Over generated tokens, once.
            presence_penalty: Decimal<-2, 2>,
            /// Added to logits.
            logit_bias: LogitBias,
            /// Reproducible sampling.
            seed: Integer,
            /// Locally typical sampling.
            typical_p: PositiveDecimal<1>,
            /// No n-gram twice.
            no_repeat_ngram_size: Integer<0, 64>,
            /// Texts whose tokens are never generated one after the other.
            bad_words: List<Word, 128>,
            /// Nothing else is produced.
            allowed_token_ids: List<TokenId, MAX_ALLOWED, 1>,
            /// The likeliest texts as wholes, found by `best_of` beams side by side, or `n`.
            use_beam_search: bool,
            /// Texts are compared by the sum of their log-probabilities divided by their length to this power.
            length_penalty: Decimal<-10, 10>,
            /// The search ends as soon as as many texts are complete as there are beams.
            early_stopping: bool,
        }
        received {
            /// A watermark in the text.
            watermarking: RefusedUnless<False>,
            /// Stop when the text repeats itself.
            repetition_detection: Refused,
        }
    }
}

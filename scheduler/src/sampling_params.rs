//! How one request draws its tokens and when it stops. Plain data, shared by all its sequences.

use std::sync::Arc;

use crate::{BeamParams, Constraint, Token, TokenMask};

/// Settings of the sampler and of the end of a sequence, checked by whoever builds them.
///
/// Order in the sampler: what must not be drawn (`constraint`, `allowed`, `bad_words`, `no_repeat_ngram`, `min_new`),
/// `logit_bias`, repetition, frequency and presence penalty, temperature, top-k, top-p, min-p, typical-p, each on what
/// the one before left, renormalised.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingParams {
    /// 0 is greedy: the highest logit, the lowest id on a tie.
    pub temperature: f32,
    /// Keep the k likeliest tokens (and all ties of the last); 0 keeps all.
    pub top_k: usize,
    /// Keep the smallest set whose probability reaches this; 1 keeps all, 0 keeps one.
    pub top_p: f32,
    /// Drop tokens less likely than this share of the likeliest.
    pub min_p: f32,
    /// Keep the tokens whose surprise is nearest to the expected one until their probability reaches this; 1 keeps all.
    pub typical_p: f32,
    /// Divides positive and multiplies negative logits of every token seen, prompt included; 1 is off.
    pub repetition_penalty: f32,
    /// Subtracted once for each time a token was generated; 0 is off.
    pub frequency_penalty: f32,
    /// Subtracted from every token generated at least once; 0 is off.
    pub presence_penalty: f32,
    /// Added to single logits; each id is below the vocabulary size.
    pub logit_bias: Vec<(Token, f32)>,
    /// Nothing else is drawn, but the end of a form. At least one token.
    pub allowed: Option<Arc<TokenMask>>,
    /// Sequences of at least one token that are never generated.
    pub bad_words: Vec<Vec<Token>>,
    /// No sequence of so many tokens comes twice, those of the prompt included; 0 is off.
    pub no_repeat_ngram: usize,
    /// Key of the random stream. Equal seed, choice and position draw equal numbers.
    pub seed: u64,
    /// Report the sampled token's log-probability and so many of the likeliest.
    pub logprobs: Option<usize>,
    /// Tokens that are reported with the likeliest, of the prompt and of the answer.
    pub logprob_ids: Vec<Token>,
    /// Report the log-probability of each prompt token but the first, and so many of the likeliest in its place.
    pub prompt_logprobs: Option<usize>,
    /// Tokens to generate at most. 0 computes the prompt and samples nothing.
    pub max_new: usize,
    /// Before so many tokens are generated, no token of `stop_ids` is drawn, unless nothing else is left.
    pub min_new: usize,
    /// Tokens that end the sequence: the model's end tokens unless ignored, and the request's own.
    pub stop_ids: Vec<Token>,
    /// Binds the text to a form.
    pub constraint: Option<Constraint>,
    /// The likeliest texts are searched; nothing is drawn at random.
    pub beams: Option<BeamParams>,
}

impl SamplingParams {
    /// Whether the sampler must see the tokens known so far.
    pub fn needs_history(&self) -> bool {
        self.penalises() || self.no_repeat_ngram > 0 || !self.bad_words.is_empty()
    }

    /// How many of the likeliest tokens a beam must know: so many that `width` are left when all that end are set aside.
    pub fn num_candidates(&self) -> Option<usize> {
        self.beams.map(|beams| beams.width + self.stop_ids.len())
    }

    /// Whether tokens seen before weigh less.
    pub fn penalises(&self) -> bool {
        self.repetition_penalty != 1.0 || self.frequency_penalty != 0.0 || self.presence_penalty != 0.0
    }
}

impl Default for SamplingParams {
    /// Greedy, one token, no stop ids.
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: Vec::new(),
            allowed: None,
            bad_words: Vec::new(),
            no_repeat_ngram: 0,
            seed: 0,
            logprobs: None,
            logprob_ids: Vec::new(),
            prompt_logprobs: None,
            max_new: 1,
            min_new: 0,
            stop_ids: Vec::new(),
            constraint: None,
            beams: None,
        }
    }
}

//! What a request asks of a beam search.

/// Settings of a search, as transformers' `generate` has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeamParams {
    /// Beams that live side by side: as many as the submission has sequences.
    pub width: usize,
    /// Finished hypotheses that are told, best first, by the first so many sequences; at most `width`.
    pub returned: usize,
    /// A hypothesis scores the sum of its log-probabilities divided by its length to this power.
    pub length_penalty: f32,
    /// The search is over as soon as `width` hypotheses are finished, even if a beam could still do better.
    pub early_stopping: bool,
}

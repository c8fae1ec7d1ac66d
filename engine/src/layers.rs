//! The parts that models are composed of. Each owns its weights and computes a whole ragged batch.

pub(crate) mod angles;
pub(crate) mod attention;
mod expert;
pub(crate) mod experts;
pub(crate) mod linear;
pub(crate) mod mlp;
pub(crate) mod norm;
pub(crate) mod positions;
pub(crate) mod residual;
mod shared_expert;
pub(crate) mod stream_norm;

//! The parts that models are composed of. Each owns its weights and computes a whole ragged batch.

pub(crate) mod angles;
pub(crate) mod attention;
pub(crate) mod linear;
pub(crate) mod mlp;
pub(crate) mod norm;
pub(crate) mod residual;

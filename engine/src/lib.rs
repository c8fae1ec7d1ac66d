//! Runs models: weights, paged KV cache, forward passes, sampling.
//!
//! The engine owns bytes. It implements [`scheduler::Executor`] and knows neither text nor HTTP.

pub mod config;
pub mod error;
mod random;
mod sampler;

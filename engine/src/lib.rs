//! Runs models: weights, paged KV cache, forward passes, sampling.
//!
//! The engine owns bytes. It implements [`scheduler::Executor`] and knows neither text nor HTTP.

pub mod config;
pub mod cpu;
pub mod error;
pub mod kernels;
pub mod kv_cache;
pub mod ops;
pub mod threads;

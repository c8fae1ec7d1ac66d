//! Runs models: weights, paged KV cache, forward passes, sampling.
//!
//! The engine owns bytes. It implements [`scheduler::Executor`] and knows neither text nor HTTP.

mod block_type;
mod checkpoint;
pub mod config;
mod dequantize;
pub mod error;
mod facts;
mod folder;
mod generation_defaults;
mod gguf;
mod memory_plan;
mod model_file;
mod random;
mod sampler;
mod stored_matrix;
mod stored_tensor;
mod tokenizer_source;
mod weight_name;

pub use checkpoint::Checkpoint;
pub use facts::ModelFacts;
pub use generation_defaults::GenerationDefaults;
pub use memory_plan::{MemoryLimits, MemoryPlan};
pub use stored_matrix::StoredMatrix;
pub use tokenizer_source::{GgufVocabulary, TokenizerSource};
pub use weight_name::{LayerWeight, WeightName};
pub mod cpu;
pub mod kernels;
pub mod kv_cache;
pub mod ops;
pub mod threads;

//! Runs models: weights, paged KV cache, forward passes, sampling.
//!
//! The engine owns bytes. It implements [`scheduler::Executor`] and knows neither text nor HTTP.

mod block_type;
mod checkpoint;
pub mod config;
pub mod cpu;
mod cpu_facts;
mod dequantize;
mod encoder_weight;
mod engine;
pub mod error;
mod facts;
mod folder;
mod fused;
mod generation_defaults;
mod gguf;
mod input;
pub mod kernels;
pub mod kv_cache;
mod layers;
pub mod limits;
mod memory_plan;
mod model;
mod model_file;
pub mod ops;
mod options;
pub mod panels;
mod pooling;
mod random;
mod sampler;
mod shelf;
mod step_cost;
mod stored_matrix;
mod stored_tensor;
pub mod threads;
mod tokenizer_source;
mod weight_loader;
mod weight_name;

pub use block_type::BlockType;
pub use checkpoint::Checkpoint;
pub use cpu_facts::CpuFacts;
pub use encoder_weight::{EncoderLayerPart, EncoderPart, RelativePart, Term};
pub use engine::Engine;
pub use facts::ModelFacts;
pub use generation_defaults::GenerationDefaults;
pub use input::MAX_ASKED;
pub use kernels::cpu::isa::Isa;
pub use kv_cache::KvDtype;
pub use memory_plan::{MemoryLimits, MemoryPlan, available_bytes};
pub use options::EngineOptions;
pub use panels::{Dtype, PanelFormat};
pub use pooling::{PoolingConfig, PoolingKind};
pub use step_cost::{ModelCost, StepCost};
pub use stored_matrix::StoredMatrix;
pub use tokenizer_source::{GgufVocabulary, TokenizerSource};
pub use weight_name::{ExpertWeight, HeadWeight, LayerWeight, WeightName};

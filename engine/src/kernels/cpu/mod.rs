//! CPU kernels: each written once over sixteen lanes, compiled for every instruction set.
//!
//! Invariant: a kernel gives the same bits on every instruction set, because every lane operation is exact or correctly
//! rounded and their order is written down in the kernel, never chosen by the compiler. The one exception is named:
//! [`bf16_tile`].

#![allow(clippy::inline_always, reason = "only inlined code is compiled for the instruction set of its caller")]
#![allow(clippy::needless_range_loop, reason = "one index walks several arrays of registers")]

pub mod activation;
#[cfg(target_arch = "x86_64")]
pub mod amx;
#[cfg(target_arch = "x86_64")]
pub mod amx_tile;
pub mod attention;
pub mod attention_scratch;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_quant;
#[cfg(target_arch = "x86_64")]
mod avx2_trees;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_trees;
pub mod bf16_tile;
pub mod block_format;
pub mod disentangled_attention;
pub mod elementwise;
mod erf;
pub mod fill_tile;
pub mod float_tile;
pub mod isa;
pub mod kv_element;
pub mod limits;
pub mod logit_row;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
mod neon_dotprod;
#[cfg(target_arch = "aarch64")]
mod neon_lanes;
#[cfg(target_arch = "aarch64")]
mod neon_quant;
#[cfg(not(target_arch = "x86_64"))]
pub mod no_amx;
pub mod norm_row;
pub mod quant_lanes;
pub mod quant_tile;
pub mod relative_attention;
mod scalar;
pub mod score_rule;
pub mod simd;
pub mod softcap;
pub mod softmax;
pub mod store_kv;
pub mod tile;
pub mod whole_head;
#[cfg(target_arch = "x86_64")]
mod x86_prefetch;

#[cfg(not(target_arch = "x86_64"))]
pub use {no_amx as amx, no_amx as amx_tile};

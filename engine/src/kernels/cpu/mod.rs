//! CPU kernels: each written once over sixteen lanes, compiled for every instruction set.
//!
//! Invariant: a kernel gives the same bits on every instruction set, because every lane operation is exact or correctly
//! rounded and their order is written down in the kernel, never chosen by the compiler.

#![allow(clippy::inline_always, reason = "only inlined code is compiled for the instruction set of its caller")]

pub mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod elementwise;
pub mod isa;
pub mod limits;
pub mod matmul;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
pub mod simd;
pub mod softmax;

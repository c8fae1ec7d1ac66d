//! The bytes-and-instructions room: SIMD kernels, aligned buffers, shared views, the slot that lends a job to threads.
//!
//! The only `unsafe` of the workspace lives here, each block with its reason. What leaves this folder is safe to call.

#![allow(
    unsafe_code,
    reason = "SIMD intrinsics, disjoint views and jobs lent to threads need it; callers see safe functions"
)]

pub mod aligned;
pub mod arena;
pub mod columns_mut;
pub mod cpu;
pub mod job_slot;
pub mod pages;
pub mod tiled_rows;

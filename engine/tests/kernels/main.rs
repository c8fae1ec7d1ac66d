//! The ops against their plain twins: the same bits on every instruction set, with any threads, in any batch.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod disentangled_attention;
mod lanes;
mod linear;
mod paged_attention;
mod paged_world;
mod relative_attention;
mod routes;
mod rows;
mod support;

//! What a forward pass is made of: each op checks its shapes, splits the work over the pool and runs the kernel.
//!
//! Invariant: each output number is one fixed chain of operations. It depends on its own row alone, never on the other
//! rows of the batch, on threads or on the instruction set. [`mod@reference`] holds the plain twin of each op.

pub mod disentangled_attention;
pub mod embedding;
pub mod linear;
pub mod log_sum_exp;
pub mod norm_rows;
pub mod paged_attention;
mod parts;
pub mod reference;
pub mod relative_attention;
pub mod residual;
pub mod rope;
pub mod routed_rows;
pub mod routes;
pub mod sequences;
pub mod softcap;
pub mod tiled_rows;
pub mod write_kv;

pub use disentangled_attention::disentangled_attention;
pub use embedding::embedding;
pub use linear::{gated_linear, linear};
pub use log_sum_exp::log_sum_exp;
pub use norm_rows::norm_rows;
pub use paged_attention::paged_attention;
pub use relative_attention::relative_attention;
pub use residual::add_normed;
pub use routed_rows::{add_shares, gather_rows};
pub use softcap::softcap;
pub use write_kv::write_kv;

/// Values below which one thread is faster than two.
const WORTH_SHARING: usize = 8192;

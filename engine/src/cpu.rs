//! The CPU as a device: which instructions and which threads.

use crate::kernels::cpu::bf16_tile::Bf16Dot;
use crate::kernels::cpu::isa::{CheckedIsa, Isa};
use crate::threads::Pool;

/// What every op is told about where it runs.
#[derive(Debug)]
pub struct Cpu {
    isa: CheckedIsa,
    bf16_dot: Option<Bf16Dot>,
    pool: Pool,
}

impl Cpu {
    /// `threads` threads, the caller counted, and an instruction set; none if this CPU lacks it.
    pub fn new(isa: Isa, threads: usize) -> Option<Self> {
        Some(Self { isa: isa.checked()?, bf16_dot: Bf16Dot::of(isa), pool: Pool::new(threads) })
    }

    /// Its instruction set.
    pub fn isa(&self) -> CheckedIsa {
        self.isa
    }

    /// The proof of bf16 dot products, where the instruction set goes with them.
    pub fn bf16_dot(&self) -> Option<Bf16Dot> {
        self.bf16_dot
    }

    /// Its threads.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

//! The CPU as a device: which instructions, which threads, memory that lasts.

use std::sync::{Mutex, PoisonError};

use crate::kernels::arena::Arena;
use crate::kernels::cpu::amx::Amx;
use crate::kernels::cpu::amx_tile::AmxScratch;
use crate::kernels::cpu::bf16_tile::Bf16Dot;
use crate::kernels::cpu::isa::{CheckedIsa, Isa};
use crate::threads::Pool;

/// What every op is told about where it runs.
#[derive(Debug)]
pub struct Cpu {
    isa: CheckedIsa,
    amx: Option<Amx>,
    bf16_dot: Option<Bf16Dot>,
    pool: Pool,
    memory: Arena,
    amx_scratch: Mutex<Vec<AmxScratch>>,
}

impl Cpu {
    /// `threads` threads, the caller counted, and an instruction set; none if this CPU lacks it.
    pub fn new(isa: Isa, threads: usize) -> Option<Self> {
        let (amx, bf16_dot) = (Amx::of(isa), Bf16Dot::of(isa));
        let amx_scratch = Mutex::new(Vec::with_capacity(threads));
        let memory = Arena::default();
        Some(Self { isa: isa.checked()?, amx, bf16_dot, pool: Pool::new(threads), memory, amx_scratch })
    }

    /// Its instruction set.
    pub fn isa(&self) -> CheckedIsa {
        self.isa
    }

    /// The proof of AMX, where the instruction set goes with it.
    pub fn amx(&self) -> Option<Amx> {
        self.amx
    }

    /// The proof of bf16 dot products, where the instruction set goes with them.
    pub fn bf16_dot(&self) -> Option<Bf16Dot> {
        self.bf16_dot
    }

    /// Lends `work` memory for AMX that no other thread has meanwhile; it is kept from one call to the next.
    pub fn with_amx_scratch(&self, work: impl FnOnce(&mut AmxScratch)) {
        let lock = || self.amx_scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lock().pop();
        let mut scratch = kept.unwrap_or_default();
        work(&mut scratch);
        lock().push(scratch);
    }

    /// Where what lasts is kept.
    pub fn memory(&self) -> &Arena {
        &self.memory
    }

    /// Its threads.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

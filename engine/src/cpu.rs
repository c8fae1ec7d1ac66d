//! The CPU as a device: which instructions, which threads, memory that lasts.

use crate::kernels::arena::Arena;
use crate::kernels::cpu::amx::Amx;
use crate::kernels::cpu::amx_tile::AmxScratch;
use crate::kernels::cpu::attention_scratch::AttentionScratch;
use crate::kernels::cpu::bf16_tile::Bf16Dot;
use crate::kernels::cpu::isa::{CheckedIsa, Isa};
use crate::shelf::Shelf;
use crate::threads::Pool;

/// What every op is told about where it runs.
#[derive(Debug)]
pub struct Cpu {
    isa: CheckedIsa,
    amx: Option<Amx>,
    bf16_dot: Option<Bf16Dot>,
    pool: Pool,
    memory: Arena,
    amx_scratch: Shelf<AmxScratch>,
    attention_scratch: Shelf<Box<AttentionScratch>>,
}

impl Cpu {
    /// `threads` threads, the caller counted, and an instruction set; none if this CPU lacks it.
    pub fn new(isa: Isa, threads: usize) -> Option<Self> {
        let (amx, bf16_dot) = (Amx::of(isa), Bf16Dot::of(isa));
        Some(Self {
            isa: isa.checked()?,
            amx,
            bf16_dot,
            pool: Pool::new(threads),
            memory: Arena::default(),
            amx_scratch: Shelf::new(threads),
            attention_scratch: Shelf::new(threads),
        })
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

    /// What AMX needs on one thread.
    pub fn amx_scratch(&self) -> &Shelf<AmxScratch> {
        &self.amx_scratch
    }

    /// What attention needs on one thread.
    pub fn attention_scratch(&self) -> &Shelf<Box<AttentionScratch>> {
        &self.attention_scratch
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

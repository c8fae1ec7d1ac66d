//! The CPU as a device: which instructions, which threads, and the scratch of the matmuls.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::kernels::aligned::Aligned;
use crate::kernels::cpu::isa::{CheckedIsa, Isa};
use crate::threads::Pool;

/// What every op is told about where it runs.
#[derive(Debug)]
pub struct Cpu {
    isa: CheckedIsa,
    pool: Pool,
    scratch: Mutex<Aligned>,
}

impl Cpu {
    /// `threads` threads, the caller counted, and an instruction set; none if this CPU lacks it.
    pub fn new(isa: Isa, threads: usize) -> Option<Self> {
        Some(Self { isa: isa.checked()?, pool: Pool::new(threads), scratch: Mutex::default() })
    }

    /// Its instruction set.
    pub fn isa(&self) -> CheckedIsa {
        self.isa
    }

    /// Its threads.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Memory kept between matmuls, for one at a time.
    pub(crate) fn scratch(&self) -> MutexGuard<'_, Aligned> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

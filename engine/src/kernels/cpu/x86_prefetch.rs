//! Asking for cache lines, with the instructions that every x86 CPU has or skips.

use std::arch::asm;
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// Asks for a line to read.
#[inline(always)]
pub(super) fn prefetch<T>(address: *const T) {
    // SAFETY: a prefetch of any address is a hint and cannot fault.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}

/// Asks for a line as its only holder.
#[inline(always)]
pub(super) fn prefetch_to_write<T>(address: *const T) {
    // SAFETY: a prefetch of any address is a hint and cannot fault; a CPU without it takes it for no operation.
    unsafe { asm!("prefetchw [{0}]", in(reg) address.addr(), options(nomem, nostack, preserves_flags)) };
}

//! AMX: eight registers of sixteen rows of 64 bytes, and one instruction that multiplies two of them.
//!
//! The process asks the system for the right to use them; once is enough, more do no harm. A thread configures their
//! shape before it multiplies and releases them afterwards, so that an idle thread has no such state to be saved.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::marker::PhantomData;
use std::ops::Range;

use super::block_format::BLOCK;
use super::isa::Isa;
use super::simd::LANES;
use super::tile::PanelLines;

/// Rows of a register.
pub const AMX_ROWS: usize = 16;
/// Bytes of a register's row.
pub const AMX_ROW_BYTES: usize = 64;

/// Proof that this CPU has AMX for bytes and bf16, and that the system lets this process use it.
#[derive(Clone, Copy, Debug)]
pub struct Amx {
    _proof: (),
}

impl Amx {
    /// The proof, if the instruction set goes with it and this machine has it.
    pub fn of(isa: Isa) -> Option<Self> {
        (isa == Isa::Amx && available()).then_some(Self { _proof: () })
    }
}

/// The registers that the instructions name as results and factors.
const RESULTS: Range<usize> = 0..4;
const LEFT: Range<usize> = 4..6;
const RIGHT: Range<usize> = 6..8;

/// As `ldtilecfg` reads it.
#[derive(Default)]
#[repr(C, align(64))]
struct Shape {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// This thread's registers, until this is dropped.
#[derive(Debug)]
pub(super) struct Registers {
    rows: usize,
    inner: usize,
    _amx: Amx,
    of_this_thread: PhantomData<*const ()>,
}

impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: the proof says that the instruction exists, and this thread multiplies no more.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}

impl Registers {
    /// Without a shape yet.
    pub(super) fn new(amx: Amx) -> Self {
        Self { rows: 0, inner: 0, _amx: amx, of_this_thread: PhantomData }
    }

    /// Results and left factors get `rows` rows; left factors `inner` bytes to a row, right factors as many to a column,
    /// four to a row.
    pub(super) fn shape(&mut self, rows: usize, inner: usize) {
        if (self.rows, self.inner) == (rows, inner) {
            return;
        }
        assert!((1..=AMX_ROWS).contains(&rows), "{rows} rows");
        assert!((4..=AMX_ROW_BYTES).contains(&inner) && inner.is_multiple_of(4), "{inner} bytes");
        let mut shape = Shape { palette: 1, ..Shape::default() };
        for (registers, rows, bytes) in
            [(RESULTS, rows, AMX_ROW_BYTES), (LEFT, rows, inner), (RIGHT, inner / 4, AMX_ROW_BYTES)]
        {
            shape.rows[registers.clone()].fill(rows as u8);
            shape.row_bytes[registers].fill(bytes as u16);
        }
        // SAFETY: the proof says that the instruction exists, and the shape is one that the architecture allows.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const shape, options(readonly, nostack, preserves_flags)) };
        (self.rows, self.inner) = (rows, inner);
    }

    /// Multiplies R rows of signed bytes, four to a word, with `[inner / 4][16 columns][4]` signed bytes, and sums the
    /// products in 32 bits. A row's words begin at `first` of the eight of a block.
    #[inline(always)]
    pub(super) fn multiply_bytes<const R: usize>(
        &self,
        (left, first): (&[[u32; BLOCK / 4]; R], usize),
        right: &[[i8; AMX_ROW_BYTES]],
        out: &mut [[i32; LANES]; AMX_ROWS],
    ) {
        let words = self.inner / 4;
        assert!(self.rows == R && first + words <= BLOCK / 4 && words <= right.len(), "the shape of the registers");
        // SAFETY: the registers have the shape that the arrays' lengths were checked against.
        unsafe {
            asm!(
                "tileloadd tmm4, [{left} + {left_line}]",
                "tileloadd tmm6, [{right} + {line}]",
                "tilezero tmm0",
                "tdpbssd tmm0, tmm4, tmm6",
                "tilestored [{out} + {line}], tmm0",
                left = in(reg) left.as_ptr().cast::<u32>().wrapping_add(first),
                left_line = in(reg) BLOCK,
                right = in(reg) right.as_ptr(),
                out = in(reg) out.as_mut_ptr(),
                line = in(reg) AMX_ROW_BYTES,
                out("tmm0") _, out("tmm4") _, out("tmm6") _,
                options(nostack, preserves_flags),
            );
        };
    }

    /// Computes a run of bf16 pairs.
    pub(super) fn multiply_pairs(&self, PairRun { left, right: [a, b], out: [out_a, out_b] }: PairRun<'_>) {
        let words = AMX_ROW_BYTES / 4;
        let blocks = left.len() / (self.rows * words);
        assert_eq!(self.inner, AMX_ROW_BYTES, "whole rows of pairs");
        assert!(blocks > 0 && a.len() >= blocks * words && b.len() >= blocks * words, "a line for each pair");
        // SAFETY: the registers have the shape that the slices' lengths were checked against, results no more rows than
        // panels have lines.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "2:",
                "tileloadd tmm4, [{left} + {line}]",
                "tileloadd tmm6, [{a} + {line}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {line}]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {left}, {left_step}",
                "add {a}, {right_step}",
                "add {b}, {right_step}",
                "dec {blocks}",
                "jnz 2b",
                "tilestored [{out_a} + {line}], tmm0",
                "tilestored [{out_b} + {line}], tmm1",
                left = inout(reg) left.as_ptr() => _,
                left_step = in(reg) self.rows * AMX_ROW_BYTES,
                a = inout(reg) a.as_ptr() => _,
                b = inout(reg) b.as_ptr() => _,
                right_step = const AMX_ROW_BYTES * AMX_ROW_BYTES / 4,
                blocks = inout(reg) blocks => _,
                out_a = in(reg) out_a.as_mut_ptr(),
                out_b = in(reg) out_b.as_mut_ptr(),
                line = in(reg) AMX_ROW_BYTES,
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        };
    }
}

/// Left factors `[block][rows][16 words]` of two bf16 each, and two panels of right factors `[block][16 words][16]`: the
/// sums of all blocks' products, in the instruction's order.
#[derive(Debug)]
pub(super) struct PairRun<'a> {
    pub(super) left: &'a [u32],
    pub(super) right: [&'a [[u16; 2 * LANES]]; 2],
    pub(super) out: [&'a mut PanelLines; 2],
}

/// Whether the CPU has AMX and the system grants it.
pub(super) fn available() -> bool {
    has_amx() && granted()
}

fn has_amx() -> bool {
    /// Bits of leaf 7: bf16, tiles, int8.
    const BITS: u32 = 1 << 22 | 1 << 24 | 1 << 25;
    __cpuid_count(0, 0).eax >= 7 && __cpuid_count(7, 0).edx & BITS == BITS
}

/// Asks for the right to use the registers, for all threads of the process.
#[cfg(target_os = "linux")]
fn granted() -> bool {
    /// `ARCH_REQ_XCOMP_PERM` and the number of the registers' state, from the kernel's `asm/prctl.h`.
    const REQUEST: libc::c_long = 0x1023;
    const TILE_DATA: libc::c_long = 18;
    // SAFETY: the call changes no memory.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST, TILE_DATA) == 0 }
}

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
fn granted() -> bool {
    false
}

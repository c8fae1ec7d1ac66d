//! The loops of AMX: products of whole registers, for bytes and bf16.

use std::arch::asm;

use crate::kernels::cpu::amx::{AMX_ROW_BYTES, AMX_ROWS, Amx, Registers};

/// Products of a round, into registers of their own.
const PRODUCTS: usize = 4;
/// Multiply-adds of a product of bytes: as many as a row has bytes, for each row and each column.
const BYTE_PRODUCTS: usize = AMX_ROWS * AMX_ROWS * AMX_ROW_BYTES;

/// Repeats one instruction on four results.
macro_rules! repeat {
    ($amx:expr, $rounds:expr, $instruction:literal) => {{
        let mut registers = Registers::new($amx);
        registers.shape(AMX_ROWS, AMX_ROW_BYTES);
        for _ in 0..$rounds {
            // SAFETY: the registers are shaped for whole products; what they hold does not matter.
            unsafe {
                asm!(
                    concat!($instruction, " tmm0, tmm4, tmm6"),
                    concat!($instruction, " tmm1, tmm4, tmm6"),
                    concat!($instruction, " tmm2, tmm4, tmm6"),
                    concat!($instruction, " tmm3, tmm4, tmm6"),
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    options(nostack, nomem, preserves_flags),
                );
            };
        }
    }};
}

pub(super) fn int8(amx: Amx, rounds: usize) -> u64 {
    repeat!(amx, rounds, "tdpbssd");
    (rounds * PRODUCTS * BYTE_PRODUCTS * 2) as u64
}

pub(super) fn bf16(amx: Amx, rounds: usize) -> u64 {
    repeat!(amx, rounds, "tdpbf16ps");
    (rounds * PRODUCTS * BYTE_PRODUCTS) as u64
}

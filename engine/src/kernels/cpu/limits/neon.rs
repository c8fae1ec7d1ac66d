//! The int8 loops of NEON: `smlal` for eight multiply-adds, `sdot` for sixteen.

use std::arch::aarch64::{
    int8x8_t, vaddlvq_s16, vaddvq_s32, vdup_n_s8, vdupq_n_s8, vdupq_n_s16, vdupq_n_s32, vmlal_s8,
};
use std::arch::asm;
use std::hint::black_box;

use crate::kernels::cpu::neon_dotprod::sdot;

/// With both factors they fill most of 32 registers.
const CHAINS: usize = 24;

#[target_feature(enable = "neon")]
pub(super) fn int8(rounds: usize) -> u64 {
    let (mut weights, quad) = (vdup_n_s8(black_box(3)), vdup_n_s8(black_box(-2)));
    let mut sums = [vdupq_n_s16(0); CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            weights = another(weights);
            *sum = vmlal_s8(*sum, weights, quad);
        }
    }
    for sum in sums {
        black_box(vaddlvq_s16(sum));
    }
    (rounds * CHAINS * 8 * 2) as u64
}

/// The same bytes, which the compiler takes for others: or it would multiply once and add the product again and again.
#[inline]
#[target_feature(enable = "neon")]
fn another(mut bytes: int8x8_t) -> int8x8_t {
    // SAFETY: no instruction is emitted.
    unsafe { asm!("/* {0:v} */", inout(vreg) bytes, options(nomem, nostack, preserves_flags)) };
    bytes
}

#[target_feature(enable = "neon,dotprod")]
pub(super) fn dotprod_int8(rounds: usize) -> u64 {
    let (weights, quad) = (vdupq_n_s8(black_box(3)), f32::from_bits(black_box(0xfefe_fefe)));
    let mut sums = [vdupq_n_s32(0); CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = sdot(*sum, weights, quad);
        }
    }
    for sum in sums {
        black_box(vaddvq_s32(sum));
    }
    (rounds * CHAINS * 16 * 2) as u64
}

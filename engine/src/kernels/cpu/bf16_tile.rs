//! Tiles of bf16 weights times bf16 activations, by the instruction that adds two products to an f32.
//!
//! Order of additions: one chain over the pairs of inputs in order, with AVX-512; with AMX see
//! [`amx_tile`](super::amx_tile). The instructions round in their own ways, so these numbers equal no other set's; they depend neither on the number of rows nor on the tile or the thread.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m512bh, __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_setzero_ps, _mm512_storeu_ps,
};

#[cfg(target_arch = "x86_64")]
use std::slice::from_mut;

use super::isa::Isa;
#[cfg(target_arch = "x86_64")]
use super::simd::FETCH_AHEAD_BYTES;
use super::simd::LANES;
use super::tile::{PanelLines, with_height};
#[cfg(target_arch = "x86_64")]
use crate::kernels::tiled_rows::PAIRS;

/// Rows of the largest tile.
pub const BF16_TILE_ROWS: usize = 12;

/// Proof that this CPU has bf16 dot products.
#[derive(Clone, Copy, Debug)]
pub struct Bf16Dot {
    _proof: (),
}

/// Some rows times one or two panels.
#[derive(Debug)]
pub struct Bf16Tile<'a> {
    /// Panels, whole blocks of 16 pairs, a line for each pair.
    pub panels: &'a [&'a [[u16; 2 * LANES]]],
    /// `[block][rows][16 pairs]`
    pub x: &'a [u32],
    /// Rows of the tile.
    pub rows: usize,
    /// The results, for each panel.
    pub out: &'a mut [PanelLines],
}

impl Bf16Dot {
    /// The proof, if the instruction set goes with them and this CPU has them.
    #[cfg(target_arch = "x86_64")]
    pub fn of(isa: Isa) -> Option<Self> {
        let found = is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512f");
        (matches!(isa, Isa::Avx512 | Isa::Amx) && found).then_some(Self { _proof: () })
    }

    /// None: there is no proof on this architecture.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn of(_isa: Isa) -> Option<Self> {
        None
    }

    /// Computes a tile.
    #[cfg(target_arch = "x86_64")]
    pub fn run(self, tile: Bf16Tile<'_>) {
        with_height!(tile.rows, BF16_TILE_ROWS, R => {
            // SAFETY: `self` proves the features.
            unsafe { rows_known::<R>(tile) }
        });
    }

    /// Never called: there is no proof on this architecture.
    #[cfg(not(target_arch = "x86_64"))]
    #[allow(clippy::needless_pass_by_value, reason = "callers are the same on every architecture")]
    pub fn run(self, tile: Bf16Tile<'_>) {
        with_height!(tile.rows, BF16_TILE_ROWS, R => unreachable!("{R} rows without bf16 dot products"));
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn rows_known<const R: usize>(tile: Bf16Tile<'_>) {
    let x = tile.x.as_chunks::<PAIRS>().0.as_chunks::<R>().0;
    match (tile.panels, tile.out) {
        ([left, right], out @ [_, _]) => panels_known::<R, 2>([left, right], x, out),
        (panels, out) => {
            for (panel, out) in panels.iter().zip(out) {
                panels_known::<R, 1>([panel], x, from_mut(out));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn panels_known<const R: usize, const P: usize>(
    panels: [&[[u16; 2 * LANES]]; P],
    x: &[[[u32; PAIRS]; R]],
    out: &mut [PanelLines],
) {
    let panels = panels.map(|panel| &panel.as_chunks::<PAIRS>().0[..x.len()]);
    let mut sums = [[_mm512_setzero_ps(); R]; P];
    for (block, x) in x.iter().enumerate() {
        for index in 0..PAIRS {
            let mut weights = [bf16_line(&[0; 2 * LANES]); P];
            for panel in 0..P {
                let line = &panels[panel][block][index];
                weights[panel] = bf16_line(line);
                _mm_prefetch::<_MM_HINT_T0>((&raw const *line).wrapping_byte_add(FETCH_AHEAD_BYTES).cast());
            }
            for row in 0..R {
                let pair = _mm512_set1_epi32(x[row][index].cast_signed());
                // SAFETY: 512 bits of bf16 are any 512 bits.
                let pair = unsafe { std::mem::transmute::<__m512i, __m512bh>(pair) };
                for panel in 0..P {
                    sums[panel][row] = _mm512_dpbf16_ps(sums[panel][row], weights[panel], pair);
                }
            }
        }
    }
    for (sums, lines) in sums.into_iter().zip(out) {
        for (sum, line) in sums.into_iter().zip(lines) {
            // SAFETY: sixteen values can be written.
            unsafe { _mm512_storeu_ps(line.as_mut_ptr(), sum) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn bf16_line(line: &[u16; 2 * LANES]) -> __m512bh {
    // SAFETY: 64 bytes can be read.
    let bits = unsafe { _mm512_loadu_si512(line.as_ptr().cast()) };
    // SAFETY: 512 bits of bf16 are any 512 bits.
    unsafe { std::mem::transmute::<__m512i, __m512bh>(bits) }
}

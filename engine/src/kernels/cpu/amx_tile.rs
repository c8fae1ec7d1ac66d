//! Products of panels and up to sixteen rows at once, by AMX: quantised weights times activations in 8 bits, bf16 times
//! bf16.
//!
//! A panel's quants become signed bytes once, for all tiles of rows. Then block after block is multiplied, and its
//! integers are scaled and added up as [`quant_tile`](super::quant_tile) does it: the same bits.

use std::arch::x86_64::{__m512, __m512i, _mm512_loadu_si512, _mm512_set1_epi8, _mm512_storeu_si512, _mm512_sub_epi8};

use super::amx::{AMX_ROW_BYTES, AMX_ROWS, Amx, PairRun, Registers};
use super::avx512::Avx512;
use super::block_format::{BLOCK, Format, QuantType, with_format};
use super::quant_lanes::QUAD_BYTES;
use super::quant_tile::{add_scaled_rows, prefetch, weights};
use super::simd::{LANES, Simd};
use super::tile::{NO_PANEL_LINES, PanelLines, TILE_PANELS, with_height};
use crate::kernels::aligned::Aligned;
use crate::kernels::tiled_rows::{Factors, QuantWords};

/// Signed bytes of a block of sixteen columns.
const BLOCK_BYTES: usize = BLOCK * LANES;
/// Blocks that are multiplied before the first of them is scaled, so that its results have reached the cache.
const AHEAD: usize = 2;
/// Blocks whose integers are held at once: more than [`AHEAD`], and a power of two.
const SLOTS: usize = 4;
/// Integers of one product.
const PRODUCT: usize = AMX_ROWS * LANES;

/// Memory that a thread keeps for this.
#[derive(Debug, Default)]
pub struct AmxScratch {
    /// Signed bytes of each panel `[block][input / 4][16][4]`.
    panels: [Aligned<i8>; TILE_PANELS],
    /// Results `[product][16 rows][16 columns]`.
    products: Aligned<i32>,
}

/// One thread's products of some panels with tiles of at most sixteen rows.
#[derive(Debug)]
pub struct AmxTiles<'a> {
    registers: Registers,
    scratch: &'a mut AmxScratch,
}

impl<'a> AmxTiles<'a> {
    /// Uses the registers of this thread.
    pub fn new(amx: Amx, scratch: &'a mut AmxScratch) -> Self {
        Self { registers: Registers::new(amx), scratch }
    }

    /// Multiplies one or two panels of bf16 pairs with a tile of rows. The order of additions is the instruction's: two
    /// chains for each output, over the first and the second of every pair, joined in each block of 32 inputs.
    pub fn multiply_pairs(
        &mut self,
        panels: &[&[[u16; 2 * LANES]]],
        (x, rows): (&[u32], usize),
        out: &mut [PanelLines],
    ) {
        self.registers.shape(rows, AMX_ROW_BYTES);
        match (panels, out) {
            ([a, b], [out_a, out_b]) => {
                self.registers.multiply_pairs(PairRun { left: x, right: [a, b], out: [out_a, out_b] });
            }
            (panels, out) => {
                for (panel, out) in panels.iter().zip(out) {
                    let mut again = NO_PANEL_LINES;
                    self.registers.multiply_pairs(PairRun { left: x, right: [panel; 2], out: [out, &mut again] });
                }
            }
        }
    }

    /// Makes the quants of a panel with `blocks` blocks of inputs signed bytes, in place `slot`.
    pub fn unpack(&mut self, slot: usize, (kind, panel): (QuantType, &[u8]), blocks: usize) {
        let bytes = &mut self.scratch.panels[slot];
        bytes.reserve(blocks * BLOCK_BYTES);
        let bytes = &mut bytes[..blocks * BLOCK_BYTES];
        with_format!(kind, F => {
            // SAFETY: AMX is there only with AVX-512.
            unsafe { unpack::<F>(panel, bytes) }
        });
    }

    /// Multiplies the panel in place `slot` with a tile of rows.
    pub fn multiply(
        &mut self,
        slot: usize,
        (kind, panel): (QuantType, &[u8]),
        (x, rows): (&[u32], usize),
        out: &mut PanelLines,
    ) {
        self.registers.shape(rows, kind.layout().sub_block);
        self.scratch.products.reserve(2 * SLOTS * PRODUCT);
        let AmxScratch { panels, products } = &mut *self.scratch;
        let (registers, bytes) = (&self.registers, &panels[slot]);
        with_format!(kind, F => with_height!(rows, AMX_ROWS, [12 13 14 15 16], R => {
            let tile = Tile { registers, panel, bytes, x: QuantWords::<R>::new(x), products };
            // SAFETY: AMX is there only with AVX-512.
            unsafe { tile.run::<F>(out) }
        }));
    }
}

/// A panel, unpacked, and the rows it is multiplied with.
struct Tile<'a, const R: usize> {
    registers: &'a Registers,
    panel: &'a [u8],
    bytes: &'a [i8],
    x: QuantWords<'a, R>,
    products: &'a mut [i32],
}

impl<const R: usize> Tile<'_, R> {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
    fn run<F: Format>(mut self, out: &mut PanelLines) {
        // SAFETY: this function is compiled for it.
        let simd = unsafe { Avx512::new() };
        let mut sums = [simd.splat(0.0); R];
        for block in 0..AHEAD {
            self.multiply_block::<F>(block);
        }
        for (block, factors) in self.x.factors().enumerate() {
            self.multiply_block::<F>(block + AHEAD);
            let products = &self.products.as_chunks::<PRODUCT>().0[block % SLOTS * F::SUB_BLOCKS..][..F::SUB_BLOCKS];
            let header = &self.panel[block / F::BLOCKS * F::GROUP_BYTES..][..F::HEADER_BYTES];
            add_block::<F, R>(simd, (header, block % F::BLOCKS), factors, products, &mut sums);
        }
        for (sum, line) in sums.into_iter().zip(out) {
            simd.store(sum, line);
        }
    }

    /// The integers of each sub-block of a block, if there is such a block.
    #[inline(always)]
    fn multiply_block<F: Format>(&mut self, block: usize) {
        let Some(quads) = self.x.quads().get(block) else { return };
        let words = F::LAYOUT.sub_block / 4;
        let lines = self.bytes.as_chunks::<BLOCK_BYTES>().0[block].as_chunks().0;
        let products = &mut self.products.as_chunks_mut::<PRODUCT>().0[block % SLOTS * F::SUB_BLOCKS..];
        for sub in 0..F::SUB_BLOCKS {
            let out = products[sub].as_chunks_mut().0.first_chunk_mut().expect("sixteen rows");
            self.registers.multiply_bytes::<R>((quads, sub * words), &lines[sub * words..], out);
        }
    }
}

/// Adds a block's integers, scaled.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
fn add_block<F: Format, const R: usize>(
    simd: Avx512,
    (header, index): (&[u8], usize),
    factors: Factors<'_, R>,
    products: &[[i32; PRODUCT]],
    sums: &mut [__m512; R],
) {
    for (sub, product) in products.iter().enumerate() {
        let product: &[[i32; LANES]; R] = product.as_chunks().0.first_chunk().expect("R rows");
        let mut totals = [ints(&[0; LANES]); R];
        for row in 0..R {
            totals[row] = ints(&product[row]);
        }
        add_scaled_rows::<Avx512, F, R>(simd, (header, index, sub), factors, (0..R, |row| totals[row]), sums);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn ints(line: &[i32; LANES]) -> __m512i {
    // SAFETY: sixteen integers can be read.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
fn unpack<F: Format>(panel: &[u8], out: &mut [i8]) {
    // SAFETY: this function is compiled for it.
    let simd = unsafe { Avx512::new() };
    let mut blocks = out.as_chunks_mut::<BLOCK_BYTES>().0.iter_mut();
    for group in panel.chunks_exact(F::GROUP_BYTES) {
        let (header, planes) = group.split_at(F::HEADER_BYTES);
        prefetch(simd, header);
        for (planes, out) in planes.chunks_exact(F::BLOCK_BYTES).zip(&mut blocks) {
            prefetch(simd, planes);
            let (planes, quads) = (planes.as_chunks().0, out.as_chunks_mut().0);
            unpack_quad::<F, 0>(simd, planes, quads);
            unpack_quad::<F, 1>(simd, planes, quads);
            unpack_quad::<F, 2>(simd, planes, quads);
            unpack_quad::<F, 3>(simd, planes, quads);
            unpack_quad::<F, 4>(simd, planes, quads);
            unpack_quad::<F, 5>(simd, planes, quads);
            unpack_quad::<F, 6>(simd, planes, quads);
            unpack_quad::<F, 7>(simd, planes, quads);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
fn unpack_quad<F: Format, const G: usize>(simd: Avx512, planes: &[[u8; QUAD_BYTES]], out: &mut [[i8; QUAD_BYTES]]) {
    let offset = _mm512_set1_epi8((F::LAYOUT.offset as u8).cast_signed());
    let signed = _mm512_sub_epi8(weights::<Avx512, F, G>(simd, planes), offset);
    // SAFETY: 64 bytes can be written.
    unsafe { _mm512_storeu_si512(out[G].as_mut_ptr().cast(), signed) };
}

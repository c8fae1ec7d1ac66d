//! Tiles of quantised weights times activations in 8 bits.
//!
//! Order of additions: within a sub-block everything is exact integer arithmetic; each output is one chain over the
//! sub-blocks in order, `acc = fma(dot, scale_w * scale_x, acc)`, then for mins `acc = fma(min, scale_x * sum_x, acc)`.
//! k is never split, so neither the number of rows nor the tile nor the thread can enter, nor the instruction set.

use std::marker::PhantomData;

use half::f16;

use super::block_format::{BLOCK, BlockLayout, Format, SCALES_BYTES, place_in_plane};
use super::quant_lanes::QUAD_BYTES;
use super::simd::{Kernel, LANES, Simd};
use super::tile::{PanelLines, with_height};
use crate::kernels::tiled_rows::QuantWords;

/// How far ahead of the multiplications weights are fetched.
const PREFETCH_BYTES: usize = 2048;
/// Groups of four inputs in a block.
const QUADS: usize = BLOCK / 4;

/// Largest quantised tile of the instruction set that runs it.
#[derive(Clone, Copy, Debug)]
pub struct QuantTileRows;

impl Kernel for QuantTileRows {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> usize {
        S::QUANT_ROWS
    }
}

/// Some rows times one panel.
#[derive(Debug)]
pub struct QuantTile<'a, F> {
    panel: &'a [u8],
    x: &'a [u32],
    rows: usize,
    out: &'a mut PanelLines,
    format: PhantomData<F>,
}

impl<'a, F> QuantTile<'a, F> {
    /// `panel` is whole groups, `x` the rows as [`QuantWords`] lays them out.
    pub fn new(panel: &'a [u8], x: &'a [u32], rows: usize, out: &'a mut PanelLines) -> Self {
        Self { panel, x, rows, out, format: PhantomData }
    }
}

impl<F: Format> Kernel for QuantTile<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        with_height!(self.rows, S::QUANT_ROWS, R => self.rows_known::<S, R>(simd));
    }
}

/// A running product: float sums so far, integers of the current sub-block.
struct Product<S: Simd, const R: usize> {
    sums: [S::Vector; R],
    totals: [S::Ints; R],
    spans: [S::Sums; R],
}

impl<F: Format> QuantTile<'_, F> {
    const LAYOUT: BlockLayout = F::LAYOUT;

    #[inline(always)]
    fn rows_known<S: Simd, const R: usize>(self, simd: S) {
        let x = QuantWords::<R>::new(self.x);
        let zero = simd.ints(0);
        let mut product =
            Product::<S, R> { sums: [simd.splat(0.0); R], totals: [zero; R], spans: [simd.start(zero); R] };
        let mut block = 0;
        for group in self.panel.chunks_exact(Self::LAYOUT.group_bytes()) {
            let (header, planes) = group.split_at(Self::LAYOUT.header_bytes());
            prefetch(simd, header);
            for (index, planes) in planes.chunks_exact(Self::LAYOUT.block_bytes()).enumerate() {
                if block == x.blocks() {
                    break;
                }
                prefetch(simd, planes);
                add_block::<S, F, R>(simd, (header, index), planes, (&x, block), &mut product);
                block += 1;
            }
        }
        for (sum, line) in product.sums.into_iter().zip(self.out) {
            simd.store(sum, line);
        }
    }
}

/// Fetches the lines that lie a fixed distance behind these.
#[inline(always)]
fn prefetch<S: Simd>(simd: S, bytes: &[u8]) {
    for line in 0..bytes.len() / QUAD_BYTES {
        simd.prefetch(bytes.as_ptr().wrapping_add(PREFETCH_BYTES + line * QUAD_BYTES));
    }
}

#[inline(always)]
fn add_block<S: Simd, F: Format, const R: usize>(
    simd: S,
    (header, index): (&[u8], usize),
    planes: &[u8],
    (x, block): (&QuantWords<'_, R>, usize),
    product: &mut Product<S, R>,
) {
    let planes = &planes.as_chunks::<QUAD_BYTES>().0[..F::LAYOUT.bits];
    let quads = x.quads(block);
    let whole = F::LAYOUT.sub_block == BLOCK;
    if whole {
        begin::<S, F, R>(simd, x.sums(block), product);
    } else {
        begin::<S, F, R>(simd, &x.half_sums(block)[0], product);
    }
    quad::<S, F, R, 0>(simd, planes, quads, product);
    quad::<S, F, R, 1>(simd, planes, quads, product);
    quad::<S, F, R, 2>(simd, planes, quads, product);
    quad::<S, F, R, 3>(simd, planes, quads, product);
    if !whole {
        add_scaled::<S, F, R>(simd, (header, index, 0), (x, block), product);
        begin::<S, F, R>(simd, &x.half_sums(block)[1], product);
    }
    quad::<S, F, R, 4>(simd, planes, quads, product);
    quad::<S, F, R, 5>(simd, planes, quads, product);
    quad::<S, F, R, 6>(simd, planes, quads, product);
    quad::<S, F, R, 7>(simd, planes, quads, product);
    let last = F::LAYOUT.sub_blocks() - 1;
    add_scaled::<S, F, R>(simd, (header, index, last), (x, block), product);
}

/// Starts a sub-block: minus the offset times the sum of its activations, of which `sums` holds the negative.
#[inline(always)]
fn begin<S: Simd, F: Format, const R: usize>(simd: S, sums: &[u32; R], product: &mut Product<S, R>) {
    let folded = F::LAYOUT.bits == 8 && S::SIGNED_BYTES;
    for row in 0..R {
        let start = if F::LAYOUT.offset == 0 || folded {
            0
        } else {
            sums[row].cast_signed().wrapping_shl(F::LAYOUT.offset.trailing_zeros())
        };
        product.totals[row] = simd.ints(start);
    }
}

/// The weights of group of four G.
#[inline(always)]
fn weights<S: Simd, F: Format, const G: usize>(simd: S, planes: &[[u8; QUAD_BYTES]]) -> S::Bytes {
    let mut first = 0;
    let mut joined = None;
    for &(bits, at) in F::LAYOUT.planes() {
        let (vector, bit) = place_in_plane(bits, G);
        let mask = (((1_u32 << bits) - 1) << at) as u8;
        let part = simd.field(simd.load_bytes(&planes[first + vector]), bit as i32 - at as i32, mask);
        joined = Some(match joined {
            None => part,
            Some(joined) => simd.join(joined, part),
        });
        first += bits;
    }
    joined.expect("every layout has a plane")
}

#[inline(always)]
fn quad<S: Simd, F: Format, const R: usize, const G: usize>(
    simd: S,
    planes: &[[u8; QUAD_BYTES]],
    quads: &[[u32; R]; QUADS],
    product: &mut Product<S, R>,
) {
    let weights = weights::<S, F, G>(simd, planes);
    let of_sub_block = F::LAYOUT.sub_block / 4;
    let span = if S::SPANS[F::LAYOUT.bits] < of_sub_block { S::SPANS[F::LAYOUT.bits] } else { of_sub_block };
    for row in 0..R {
        if G.is_multiple_of(span) {
            product.spans[row] = simd.start(product.totals[row]);
        }
        product.spans[row] = dot::<S, F>(simd, product.spans[row], weights, quads[G][row]);
        if G % span == span - 1 {
            product.totals[row] = simd.finish(product.totals[row], product.spans[row]);
        }
    }
}

#[inline(always)]
fn dot<S: Simd, F: Format>(simd: S, sums: S::Sums, weights: S::Bytes, quad: u32) -> S::Sums {
    if F::LAYOUT.bits == 8 { simd.dot::<8>(sums, weights, quad) } else { simd.dot::<4>(sums, weights, quad) }
}

/// Adds a sub-block's integers, scaled.
#[inline(always)]
fn add_scaled<S: Simd, F: Format, const R: usize>(
    simd: S,
    (header, index, sub): (&[u8], usize, usize),
    (x, block): (&QuantWords<'_, R>, usize),
    product: &mut Product<S, R>,
) {
    let sub_block = index * F::LAYOUT.sub_blocks() + sub;
    let mut scale = f16_line(simd, header, F::LAYOUT.scales_at(index));
    if F::LAYOUT.is_super {
        scale = simd.mul(scale, i8_line(simd, header, F::LAYOUT.sub_scales_at(sub_block)));
    }
    let scales = x.scales(block);
    for row in 0..R {
        let factor = simd.mul(scale, simd.splat(f32::from_bits(scales[row])));
        product.sums[row] = simd.fma(simd.floats(product.totals[row]), factor, product.sums[row]);
    }
    if !F::LAYOUT.has_mins {
        return;
    }
    let mut min = f16_line(simd, header, F::LAYOUT.mins_at(index));
    if F::LAYOUT.is_super {
        min = simd.mul(min, i8_line(simd, header, F::LAYOUT.sub_mins_at(sub_block)));
    }
    for row in 0..R {
        let shift = if F::LAYOUT.sub_block == BLOCK {
            f32::from_bits(x.shifts(block)[row])
        } else {
            -(x.half_sums(block)[sub][row].cast_signed() as f32) * f32::from_bits(scales[row])
        };
        product.sums[row] = simd.fma(min, simd.splat(shift), product.sums[row]);
    }
}

#[inline(always)]
fn f16_line<S: Simd>(simd: S, header: &[u8], at: usize) -> S::Vector {
    let bytes = header[at..][..SCALES_BYTES].as_chunks::<2>().0;
    let halves: &[[u8; 2]; LANES] = bytes.try_into().expect("sixteen pairs of bytes");
    simd.load_f16(&halves.map(f16::from_le_bytes))
}

#[inline(always)]
fn i8_line<S: Simd>(simd: S, header: &[u8], at: usize) -> S::Vector {
    let bytes: &[u8; LANES] = header[at..][..LANES].try_into().expect("sixteen bytes");
    simd.load_i8(&bytes.map(u8::cast_signed))
}

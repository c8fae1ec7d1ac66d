//! Tiles of quantised weights times activations in 8 bits.
//!
//! Order of additions: within a sub-block everything is exact integer arithmetic; each output is one chain over the
//! sub-blocks in order, `acc = fma(dot, scale_w * scale_x, acc)`, then for mins `acc = fma(min, scale_x * sum_x, acc)`.
//! k is never split, so neither the number of rows nor the tile nor the thread can enter, nor the instruction set.

use std::marker::PhantomData;
use std::ops::Range;

use half::f16;

use super::block_format::{BLOCK, Format, SCALES_BYTES, place_in_plane};
use super::quant_lanes::QUAD_BYTES;
use super::simd::{FETCH_AHEAD_BYTES, Kernel, LANES, Simd};
use super::tile::{PanelLines, with_height};
use crate::kernels::tiled_rows::{Factors, QuantWords};

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
    /// `panel` is whole groups, `x` the words of so many rows as [`QuantWords`] lays them out.
    pub fn new(panel: &'a [u8], (x, rows): (&'a [u32], usize), out: &'a mut PanelLines) -> Self {
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

/// Integers of the current sub-block, for the rows of one part: P at most.
struct Integers<S: Simd, const P: usize> {
    totals: [S::Ints; P],
    spans: [S::Sums; P],
}

impl<F: Format> QuantTile<'_, F> {
    #[inline(always)]
    fn rows_known<S: Simd, const R: usize>(self, simd: S) {
        let x = QuantWords::<R>::new(self.x);
        let mut sums = [simd.splat(0.0); R];
        let mut blocks = x.quads().iter().zip(x.factors());
        for group in self.panel.chunks_exact(F::GROUP_BYTES) {
            let (header, planes) = group.split_at(F::HEADER_BYTES);
            prefetch(simd, header);
            for ((index, planes), rows) in planes.chunks_exact(F::BLOCK_BYTES).enumerate().zip(&mut blocks) {
                prefetch(simd, planes);
                add_block::<S, F, R>(simd, (header, index), planes, rows, &mut sums);
            }
        }
        for (sum, line) in sums.into_iter().zip(self.out) {
            simd.store(sum, line);
        }
    }
}

/// Fetches the lines that lie a fixed distance behind these.
#[inline(always)]
pub(super) fn prefetch<S: Simd>(simd: S, bytes: &[u8]) {
    for line in 0..bytes.len() / QUAD_BYTES {
        simd.prefetch(bytes.as_ptr().wrapping_add(FETCH_AHEAD_BYTES + line * QUAD_BYTES));
    }
}

#[inline(always)]
fn add_block<S: Simd, F: Format, const R: usize>(
    simd: S,
    header: (&[u8], usize),
    planes: &[u8],
    (quads, factors): (&[[u32; QUADS]; R], Factors<'_, R>),
    sums: &mut [S::Vector; R],
) {
    let planes = &planes.as_chunks::<QUAD_BYTES>().0[..F::LAYOUT.bits];
    match S::QUANT_PART {
        4 => add_parts::<S, F, R, 4>(simd, header, planes, (quads, factors), sums),
        _ => add_parts::<S, F, R, 8>(simd, header, planes, (quads, factors), sums),
    }
}

/// Adds a block to the sums of P rows, then to those of the others.
#[inline(always)]
fn add_parts<S: Simd, F: Format, const R: usize, const P: usize>(
    simd: S,
    header: (&[u8], usize),
    planes: &[[u8; QUAD_BYTES]],
    (quads, factors): (&[[u32; QUADS]; R], Factors<'_, R>),
    sums: &mut [S::Vector; R],
) {
    add_part::<S, F, R, P, 0>(simd, header, planes, (quads, factors), sums);
    if R > P {
        add_part::<S, F, R, P, P>(simd, header, planes, (quads, factors), sums);
    }
}

/// Adds a block to the sums of P rows from FIRST on.
#[inline(always)]
fn add_part<S: Simd, F: Format, const R: usize, const P: usize, const FIRST: usize>(
    simd: S,
    (header, index): (&[u8], usize),
    planes: &[[u8; QUAD_BYTES]],
    (quads, factors): (&[[u32; QUADS]; R], Factors<'_, R>),
    sums: &mut [S::Vector; R],
) {
    let zero = simd.ints(0);
    let mut integers = Integers::<S, P> { totals: [zero; P], spans: [simd.start(zero); P] };
    let last = F::SUB_BLOCKS - 1;
    let starts = if last == 0 { factors.sums() } else { factors.half_sums()[0] };
    begin::<S, F, R, P, FIRST>(simd, starts, &mut integers);
    quad::<S, F, R, P, FIRST, 0>(simd, planes, quads, &mut integers);
    quad::<S, F, R, P, FIRST, 1>(simd, planes, quads, &mut integers);
    quad::<S, F, R, P, FIRST, 2>(simd, planes, quads, &mut integers);
    quad::<S, F, R, P, FIRST, 3>(simd, planes, quads, &mut integers);
    if last > 0 {
        add_scaled::<S, F, R, P, FIRST>(simd, (header, index, 0), factors, &integers.totals, sums);
        begin::<S, F, R, P, FIRST>(simd, factors.half_sums()[1], &mut integers);
    }
    quad::<S, F, R, P, FIRST, 4>(simd, planes, quads, &mut integers);
    quad::<S, F, R, P, FIRST, 5>(simd, planes, quads, &mut integers);
    quad::<S, F, R, P, FIRST, 6>(simd, planes, quads, &mut integers);
    quad::<S, F, R, P, FIRST, 7>(simd, planes, quads, &mut integers);
    add_scaled::<S, F, R, P, FIRST>(simd, (header, index, last), factors, &integers.totals, sums);
}

/// The rows of the part that begins at FIRST.
#[inline(always)]
const fn part<const R: usize, const P: usize, const FIRST: usize>() -> Range<usize> {
    FIRST..if FIRST + P < R { FIRST + P } else { R }
}

/// Starts a sub-block: minus the offset times the sum of its activations, of which `sums` holds the negative.
#[inline(always)]
fn begin<S: Simd, F: Format, const R: usize, const P: usize, const FIRST: usize>(
    simd: S,
    sums: &[u32; R],
    integers: &mut Integers<S, P>,
) {
    let folded = F::LAYOUT.bits == 8 && S::SIGNED_BYTES;
    for row in part::<R, P, FIRST>() {
        let start = if F::LAYOUT.offset == 0 || folded {
            0
        } else {
            sums[row].cast_signed().wrapping_shl(F::LAYOUT.offset.trailing_zeros())
        };
        integers.totals[row - FIRST] = simd.ints(start);
    }
}

/// The weights of group of four G.
#[inline(always)]
pub(super) fn weights<S: Simd, F: Format, const G: usize>(simd: S, planes: &[[u8; QUAD_BYTES]]) -> S::Bytes {
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
fn quad<S: Simd, F: Format, const R: usize, const P: usize, const FIRST: usize, const G: usize>(
    simd: S,
    planes: &[[u8; QUAD_BYTES]],
    quads: &[[u32; QUADS]; R],
    Integers { totals, spans }: &mut Integers<S, P>,
) {
    let weights = weights::<S, F, G>(simd, planes);
    let of_sub_block = F::LAYOUT.sub_block / 4;
    let span = if S::SPANS[F::LAYOUT.bits] < of_sub_block { S::SPANS[F::LAYOUT.bits] } else { of_sub_block };
    for row in part::<R, P, FIRST>() {
        let at = row - FIRST;
        if G.is_multiple_of(span) {
            spans[at] = simd.start(totals[at]);
        }
        spans[at] = dot::<S, F>(simd, spans[at], weights, quads[row][G]);
        if G % span == span - 1 {
            totals[at] = simd.finish(totals[at], spans[at]);
        }
    }
}

#[inline(always)]
fn dot<S: Simd, F: Format>(simd: S, sums: S::Sums, weights: S::Bytes, quad: u32) -> S::Sums {
    if F::LAYOUT.bits == 8 { simd.dot::<8>(sums, weights, quad) } else { simd.dot::<4>(sums, weights, quad) }
}

/// Adds the integers of a sub-block, scaled, to the sums of the rows from FIRST on: `header` is its group's, `index` its
/// block in the group, `sub` its place in the block.
#[inline(always)]
fn add_scaled<S: Simd, F: Format, const R: usize, const P: usize, const FIRST: usize>(
    simd: S,
    place: (&[u8], usize, usize),
    factors: Factors<'_, R>,
    totals: &[S::Ints; P],
    sums: &mut [S::Vector; R],
) {
    add_scaled_rows::<S, F, R>(simd, place, factors, (part::<R, P, FIRST>(), |row| totals[row - FIRST]), sums);
}

/// As [`add_scaled`], for some rows whose integers `total` gives.
#[inline(always)]
pub(super) fn add_scaled_rows<S: Simd, F: Format, const R: usize>(
    simd: S,
    (header, index, sub): (&[u8], usize, usize),
    factors: Factors<'_, R>,
    (rows, total): (Range<usize>, impl Fn(usize) -> S::Ints),
    sums: &mut [S::Vector; R],
) {
    let sub_block = index * F::SUB_BLOCKS + sub;
    let mut scale = f16_line(simd, header, F::LAYOUT.scales_at(index));
    if F::LAYOUT.is_super {
        scale = simd.mul(scale, i8_line(simd, header, F::LAYOUT.sub_scales_at(sub_block)));
    }
    let min = if F::LAYOUT.has_mins { Some(mins::<S, F>(simd, header, index, sub_block)) } else { None };
    for row in rows {
        let row_scale = f32::from_bits(factors.scales()[row]);
        sums[row] = simd.fma(simd.floats(total(row)), simd.mul(scale, simd.splat(row_scale)), sums[row]);
        if let Some(min) = min {
            let shift = if F::LAYOUT.sub_block == BLOCK {
                f32::from_bits(factors.shifts()[row])
            } else {
                -(factors.half_sums()[sub][row].cast_signed() as f32) * row_scale
            };
            sums[row] = simd.fma(min, simd.splat(shift), sums[row]);
        }
    }
}

/// The minima of a sub-block.
#[inline(always)]
fn mins<S: Simd, F: Format>(simd: S, header: &[u8], index: usize, sub_block: usize) -> S::Vector {
    let min = f16_line(simd, header, F::LAYOUT.mins_at(index));
    if F::LAYOUT.is_super { simd.mul(min, i8_line(simd, header, F::LAYOUT.sub_mins_at(sub_block))) } else { min }
}

#[inline(always)]
fn f16_line<S: Simd>(simd: S, header: &[u8], at: usize) -> S::Vector {
    let bytes = header[at..][..SCALES_BYTES].as_chunks::<2>().0;
    let mut line = [f16::ZERO; LANES];
    for (half, bytes) in line.iter_mut().zip(bytes) {
        *half = f16::from_le_bytes(*bytes);
    }
    simd.load_f16(&line)
}

#[inline(always)]
fn i8_line<S: Simd>(simd: S, header: &[u8], at: usize) -> S::Vector {
    let mut line = [0; LANES];
    for (lane, byte) in line.iter_mut().zip(&header[at..][..LANES]) {
        *lane = byte.cast_signed();
    }
    simd.load_i8(&line)
}

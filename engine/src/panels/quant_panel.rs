//! Sixteen quantised rows become a panel, and one of them comes back as f32.

use half::f16;

use super::quant_row::QuantRow;
use crate::kernels::cpu::block_format::{BLOCK, BlockLayout, place_in_plane};

/// Bytes of a vector of a plane.
const VECTOR: usize = 64;

/// Writes one row's part of a zeroed panel, as its column `column`.
pub(super) fn write_row(layout: BlockLayout, row: &QuantRow, column: usize, panel: &mut [u8]) {
    for (index, group) in panel.chunks_exact_mut(layout.group_bytes()).enumerate() {
        let (header, blocks) = group.split_at_mut(layout.header_bytes());
        write_scales(layout, (row, index), column, header);
        for (block, planes) in blocks.chunks_exact_mut(layout.block_bytes()).enumerate() {
            let first = (index * layout.blocks() + block) * BLOCK;
            if let Some(quants) = row.quants.get(first..first + BLOCK) {
                write_quants(layout, quants, column, planes);
            }
        }
    }
}

fn write_scales(layout: BlockLayout, (row, group): (&QuantRow, usize), column: usize, header: &mut [u8]) {
    let scales_each = if layout.is_super { 1 } else { layout.blocks() };
    for block in 0..scales_each {
        let index = group * scales_each + block;
        let mut put = |numbers: &[u16], at: usize| {
            if let Some(bits) = numbers.get(index) {
                header[at + 2 * column..][..2].copy_from_slice(&bits.to_le_bytes());
            }
        };
        put(&row.scales, layout.scales_at(block));
        if layout.has_mins {
            put(&row.mins, layout.mins_at(block));
        }
    }
    let subs = layout.blocks() * layout.sub_blocks();
    for sub in 0..if layout.is_super { subs } else { 0 } {
        let mut put = |numbers: &[i8], at: usize| {
            if let Some(number) = numbers.get(group * subs + sub) {
                header[at + column] = number.cast_unsigned();
            }
        };
        put(&row.sub_scales, layout.sub_scales_at(sub));
        if layout.has_mins {
            put(&row.sub_mins, layout.sub_mins_at(sub));
        }
    }
}

fn write_quants(layout: BlockLayout, quants: &[u8], column: usize, planes: &mut [u8]) {
    let mut first = 0;
    for &(bits, at) in layout.planes() {
        let mask = ((1_u32 << bits) - 1) as u8;
        for (group, quad) in quants.as_chunks::<4>().0.iter().enumerate() {
            let (vector, bit) = place_in_plane(bits, group);
            let bytes = &mut planes[(first + vector) * VECTOR + 4 * column..][..4];
            for (byte, quant) in bytes.iter_mut().zip(quad) {
                *byte |= (quant >> at & mask) << bit;
            }
        }
        first += bits;
    }
}

/// Reads column `column` of a panel: as many numbers as `out` holds.
pub(super) fn read_row(layout: BlockLayout, panel: &[u8], column: usize, out: &mut [f32]) {
    let inputs_each = layout.blocks() * BLOCK;
    for (group, out) in panel.chunks_exact(layout.group_bytes()).zip(out.chunks_mut(inputs_each)) {
        let (header, blocks) = group.split_at(layout.header_bytes());
        for (sub, out) in out.chunks_mut(layout.sub_block).enumerate() {
            let block = sub / layout.sub_blocks();
            let planes = &blocks[block * layout.block_bytes()..][..layout.block_bytes()];
            let (scale, min) = scale_and_min(layout, header, (block, sub), column);
            let first = sub % layout.sub_blocks() * layout.sub_block;
            for (index, value) in out.iter_mut().enumerate() {
                let quant = quant(layout, planes, first + index, column);
                *value = scale * (quant - layout.offset) as f32;
                if layout.has_mins {
                    *value += min;
                }
            }
        }
    }
}

fn scale_and_min(layout: BlockLayout, header: &[u8], (block, sub): (usize, usize), column: usize) -> (f32, f32) {
    let half = |at: usize| f16::from_le_bytes([header[at + 2 * column], header[at + 2 * column + 1]]).to_f32();
    let factor = |at: usize| if layout.is_super { f32::from(header[at + column].cast_signed()) } else { 1.0 };
    let scale = half(layout.scales_at(block)) * factor(layout.sub_scales_at(sub));
    let min = if layout.has_mins { half(layout.mins_at(block)) * factor(layout.sub_mins_at(sub)) } else { 0.0 };
    (scale, min)
}

fn quant(layout: BlockLayout, planes: &[u8], input: usize, column: usize) -> i32 {
    let (mut first, mut quant) = (0, 0);
    for &(bits, at) in layout.planes() {
        let (vector, bit) = place_in_plane(bits, input / 4);
        let byte = planes[(first + vector) * VECTOR + 4 * column + input % 4];
        quant |= (i32::from(byte >> bit) & ((1 << bits) - 1)) << at;
        first += bits;
    }
    quant
}

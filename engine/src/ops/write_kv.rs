//! Rotates queries and keys, and stores keys and values in the sequences' blocks.

use super::rope::RopeAngles;
use super::sequences::{SequenceRows, check};
use super::{RowsLeft, row_parts};
use crate::cpu::Cpu;
use crate::kv_cache::{KvHeadMut, KvLayer};

/// Takes rows `[heads + 2 * kv_heads, head_dim]` of queries, keys, values; rotates queries and keys in place by the row's
/// angles, and writes each row's keys and values to its position.
pub fn write_kv(cpu: &Cpu, angles: &RopeAngles, sequences: &[SequenceRows<'_>], qkv: &mut [f32], kv: &mut KvLayer) {
    let geometry = *kv.geometry();
    let rows = sequences.last().map_or(0, |sequence| sequence.rows.end);
    check(sequences, rows, geometry.block_size);
    if rows == 0 {
        return;
    }
    let (width, kv_width) = (qkv.len() / rows, geometry.kv_heads * geometry.head_dim);
    assert!(
        qkv.len() == rows * width && width > 2 * kv_width,
        "rows of {width} values hold no heads beside {kv_width}"
    );
    assert_eq!(angles.head_dim(), geometry.head_dim, "angles of the cache's heads");
    rotate(cpu, angles, (qkv, width), width - kv_width);
    let heads: Vec<_> = kv.heads_mut().enumerate().collect();
    let write = |(head, mut kv): (usize, KvHeadMut<'_>)| {
        for sequence in sequences {
            let rows = qkv[sequence.rows.start * width..sequence.rows.end * width].chunks_exact(width);
            for (row, position) in rows.zip(sequence.start..) {
                let block = sequence.blocks[position / geometry.block_size];
                let [key, value] = [2 * kv_width, kv_width].map(|back| width - back + head * geometry.head_dim);
                let element = |first: usize| &row[first..first + geometry.head_dim];
                kv.write(block, position % geometry.block_size, element(key), element(value));
            }
        }
    };
    if row_parts(cpu, rows, kv_width).len() == 1 {
        heads.into_iter().for_each(write);
    } else {
        cpu.pool().for_each(heads, write);
    }
}

/// Rotates the first `turned` values of each row.
fn rotate(cpu: &Cpu, angles: &RopeAngles, (qkv, width): (&mut [f32], usize), turned: usize) {
    let rows = qkv.len() / width;
    let mut places = RowsLeft { rest: qkv, width };
    let parts = row_parts(cpu, rows, width).into_iter();
    let parts = parts.map(|rows| (rows.start, places.take(rows.len())));
    cpu.pool().for_each(parts.collect::<Vec<_>>(), |(first, part)| {
        for (row, values) in part.chunks_exact_mut(width).enumerate() {
            angles.rotate(first + row, &mut values[..turned]);
        }
    });
}

//! Attention over shuffled blocks of a cold cache: decode, batched decode, a chunk of a prompt.

use engine::cpu::Cpu;
use engine::kv_cache::{KvCache, KvGeometry};
use engine::ops;
use engine::ops::paged_attention::{Attention, AttentionInput};
use engine::ops::sequences::SequenceRows;
use scheduler::BlockId;

use crate::seconds;

/// One line for each batch and context.
pub(crate) fn measure(cpu: &Cpu) {
    for context in [128, 512, 2048] {
        measure_one(cpu, 16, 1, context);
        measure_one(cpu, 1, 1, context);
        measure_one(cpu, 1, 128, context);
    }
}

/// `count` sequences of `context` positions, the last `tokens` of them computed, 30 layers in turn.
fn measure_one(cpu: &Cpu, count: usize, tokens: usize, context: usize) {
    let (heads, kv_heads, head_dim, block_size) = (9, 3, 64, 16);
    let per_sequence = context.max(tokens).div_ceil(block_size);
    let blocks = count * per_sequence;
    let mut cache = KvCache::new(KvGeometry { layers: 30, blocks, block_size, kv_heads, head_dim });
    fill(&mut cache);
    let shuffled = |index: usize| BlockId(((index * 7919) % blocks) as u32);
    let tables: Vec<Vec<BlockId>> =
        (0..count).map(|seq| (0..per_sequence).map(|block| shuffled(seq * per_sequence + block)).collect()).collect();
    let start = context - tokens.min(context);
    let sequences: Vec<SequenceRows<'_>> = tables
        .iter()
        .enumerate()
        .map(|(seq, blocks)| SequenceRows { rows: seq * tokens..(seq + 1) * tokens, start, blocks })
        .collect();
    let queries = vec![0.1; count * tokens * heads * head_dim];
    let mut out = queries.clone();
    let facts = Attention { heads, scale: 0.125 };
    let seconds = seconds(60, |call| {
        let input = AttentionInput { queries: &queries, sequences: &sequences, kv: cache.layer(call % 30) };
        ops::paged_attention(cpu, &facts, &input, &mut out);
    });
    let seen: usize = (start + 1..=start + tokens).sum::<usize>() * count;
    let flops = (4 * seen * heads * head_dim) as f64;
    let bytes = (count * context * 2 * kv_heads * head_dim * 4) as f64;
    println!(
        "  attention {count} x {tokens} tokens, context {context}: {:.1} us, {:.0} GFLOP/s, {:.1} GB/s",
        seconds * 1e6,
        flops / seconds / 1e9,
        bytes / seconds / 1e9
    );
}

/// Pages that were never written all read the same zeros.
fn fill(cache: &mut KvCache) {
    let KvGeometry { layers, blocks, block_size, head_dim, .. } = *cache.geometry();
    let row = vec![0.1; head_dim];
    for layer in 0..layers {
        for mut head in cache.layer_mut(layer).heads_mut() {
            for slot in 0..blocks * block_size {
                head.write(BlockId((slot / block_size) as u32), slot % block_size, &row, &row);
            }
        }
    }
}

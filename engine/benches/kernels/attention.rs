//! Attention over shuffled blocks of a cold cache: decode, batched decode, a chunk of a prompt.

use engine::config::{RopeConfig, RopeScaling};
use engine::cpu::Cpu;
use engine::kernels::cpu::score_rule::ScoreRule;
use engine::kv_cache::{KvCache, KvDtype, KvGeometry};
use engine::ops;
use engine::ops::paged_attention::{Attention, AttentionInput};
use engine::ops::rope::Rope;
use engine::ops::sequences::SequenceRows;
use scheduler::BlockId;

use crate::seconds;

/// One line for each batch and context.
pub(crate) fn measure(cpu: &Cpu) {
    for (dtype, context) in KvDtype::ALL.into_iter().flat_map(|dtype| [128, 512, 2048].map(|context| (dtype, context)))
    {
        measure_one(cpu, dtype, (16, 1), context);
        measure_one(cpu, dtype, (1, 1), context);
        measure_one(cpu, dtype, (1, 128), context);
    }
}

/// `count` sequences of `context` positions, the last `tokens` of them computed, 30 layers in turn.
fn measure_one(cpu: &Cpu, dtype: KvDtype, (count, tokens): (usize, usize), context: usize) {
    let (heads, kv_heads, head_dim, block_size) = (9, 3, 64, 16);
    let per_sequence = context.max(tokens).div_ceil(block_size);
    let blocks = count * per_sequence;
    let mut cache = KvCache::new(KvGeometry { layers: 30, blocks, block_size, kv_heads, head_dim, dtype });
    fill(cpu, &mut cache);
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
    let facts = Attention { heads, rule: ScoreRule::scaled(0.125) };
    let seconds = seconds(60, |call| {
        let input = AttentionInput { queries: &queries, sequences: &sequences, kv: cache.layer(call % 30) };
        ops::paged_attention(cpu, &facts, &input, &mut out);
    });
    let seen: usize = (start + 1..=start + tokens).sum::<usize>() * count;
    let flops = (4 * seen * heads * head_dim) as f64;
    let bytes = cache.geometry().block_bytes() as f64 / 30.0 * (count * context) as f64 / block_size as f64;
    println!(
        "  attention {}, {count} x {tokens} tokens, context {context}: {:.1} us, {:.0} GFLOP/s, {:.1} GB/s",
        dtype.name(),
        seconds * 1e6,
        flops / seconds / 1e9,
        bytes / seconds / 1e9
    );
}

/// Pages that were never written all read the same zeros.
fn fill(cpu: &Cpu, cache: &mut KvCache) {
    let KvGeometry { layers, blocks, block_size, kv_heads, head_dim, .. } = *cache.geometry();
    let table: Vec<BlockId> = (0..blocks as u32).map(BlockId).collect();
    let rows = blocks * block_size;
    let rope = Rope::new(&RopeConfig { theta: 10_000.0, scaling: RopeScaling::None }, head_dim);
    let sequences = [SequenceRows { rows: 0..rows, start: 0, blocks: &table }];
    let mut qkv = vec![0.1; rows * 3 * kv_heads * head_dim];
    for layer in 0..layers {
        ops::write_kv(cpu, (&rope.angles(0..rows)).into(), &sequences, &mut qkv, cache.layer_mut(layer));
    }
}

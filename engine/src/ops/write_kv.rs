//! Norms and rotates queries and keys, and stores keys and values in the sequences' blocks.

use super::WORTH_SHARING;
use super::rope::RopeAngles;
use super::sequences::{SequenceRows, check};
use crate::cpu::Cpu;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::kv_element::KvElement;
use crate::kernels::cpu::store_kv::{QueryKeyNorms, StoreKv};
use crate::kv_cache::{KvHeadMut, KvLayer, KvTensors};

/// What queries and keys go through before they meet.
#[derive(Clone, Copy, Debug)]
pub struct QueryKeyRule<'a> {
    /// Norms of heads, if the model has them.
    pub norms: Option<QueryKeyNorms<'a>>,
    /// Then they turn by these, one for each row of the batch, unless the model has learned positions.
    pub angles: Option<&'a RopeAngles>,
}

impl<'a> From<&'a RopeAngles> for QueryKeyRule<'a> {
    /// Nothing but a turn.
    fn from(angles: &'a RopeAngles) -> Self {
        Self { norms: None, angles: Some(angles) }
    }
}

/// Takes rows `[heads + 2 * kv_heads, head_dim]` of queries, keys, values; changes queries and keys in place by the rule, and
/// writes each row's keys and values to its position.
pub fn write_kv(cpu: &Cpu, rule: QueryKeyRule<'_>, sequences: &[SequenceRows<'_>], qkv: &mut [f32], kv: &mut KvLayer) {
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
    let fits = |angles: &RopeAngles| angles.turned_dim() <= geometry.head_dim;
    assert!(rule.angles.is_none_or(fits), "angles of the cache's heads");
    let norms = rule.norms.iter().flat_map(|norms| [(norms.query, width - 2 * kv_width), (norms.key, kv_width)]);
    for (norm, all) in norms {
        assert!([geometry.head_dim, all].contains(&norm.weight.len()), "norms of the cache's heads");
    }
    let qkv = ColumnsMut::new(qkv, width);
    match kv {
        KvLayer::F32(kv) => write(cpu, rule, sequences, qkv, kv),
        KvLayer::F16(kv) => write(cpu, rule, sequences, qkv, kv),
        KvLayer::Q8_0(kv) => write(cpu, rule, sequences, qkv, kv),
    }
}

/// Head by head: no two write to the same memory.
fn write<E: KvElement>(
    cpu: &Cpu,
    rule: QueryKeyRule<'_>,
    sequences: &[SequenceRows<'_>],
    qkv: ColumnsMut<'_>,
    kv: &mut KvTensors<E>,
) {
    let (head_dim, kv_heads) = (kv.geometry().head_dim, kv.geometry().kv_heads);
    let (values, query_width) = (qkv.rows() * qkv.columns(), qkv.columns() - 2 * kv_heads * head_dim);
    let (mut queries, keys_and_values) = qkv.split_columns(query_width);
    let (mut keys, mut rest) = keys_and_values.split_columns(kv_heads * head_dim);
    let group_width = query_width / kv_heads;
    let heads = kv.heads_mut().enumerate().map(move |(head, kv)| HeadRows {
        norms: rule.norms.map(|norms| norms.of_head(head, head_dim, group_width)),
        queries: queries.take_columns(group_width),
        keys: keys.take_columns(head_dim),
        values: rest.take_columns(head_dim),
        kv,
    });
    let store = |head: HeadRows<'_, E>| head.store(cpu, rule, sequences);
    if values < WORTH_SHARING { heads.for_each(store) } else { cpu.pool().for_each(heads, store) }
}

/// All rows of the batch, for one key and value head.
struct HeadRows<'a, E> {
    norms: Option<QueryKeyNorms<'a>>,
    queries: ColumnsMut<'a>,
    keys: ColumnsMut<'a>,
    values: ColumnsMut<'a>,
    kv: KvHeadMut<'a, E>,
}

impl<E: KvElement> HeadRows<'_, E> {
    fn store(mut self, cpu: &Cpu, rule: QueryKeyRule<'_>, sequences: &[SequenceRows<'_>]) {
        for sequence in sequences {
            cpu.isa().run(StoreKv {
                norms: self.norms,
                angles: rule.angles.map(|angles| angles.of_rows(sequence.rows.clone())),
                queries: self.queries.take_rows(sequence.rows.len()),
                keys: self.keys.take_rows(sequence.rows.len()),
                values: self.values.take_rows(sequence.rows.len()),
                blocks: sequence.blocks,
                start: sequence.start,
                kv: &mut self.kv,
            });
        }
    }
}

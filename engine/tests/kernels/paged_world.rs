//! Sequences in a paged cache, to compute attention over: in steps of any parts, and with the plain op. Every cache is full
//! of NaN before the test writes to it.

use crate::support::{Random, plain};
use engine::config::{RopeConfig, RopeScaling, SlopeKind, SlopeRule};
use engine::cpu::Cpu;
use engine::kernels::cpu::score_rule::{DistanceBias, ScoreRule, Sight, Slopes};
use engine::kv_cache::{KvCache, KvDtype, KvGeometry};
use engine::ops;
use engine::ops::paged_attention::{Attention, AttentionInput};
use engine::ops::reference;
use engine::ops::rope::Rope;
use engine::ops::sequences::SequenceRows;
use scheduler::BlockId;

/// What is computed, and how it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) block_size: usize,
    pub(crate) dtype: KvDtype,
    pub(crate) rule: Rule,
}

/// What a model may do to scores, beside their scale.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    Plain,
    /// Positions seen.
    Window(usize),
    Softcap,
    /// By distance, up to 20.
    Bias,
    /// By distance, however far.
    Slopes(SlopeKind),
    /// Each token sees all.
    Both,
    /// So many on each side.
    BothWindow(usize),
    /// All, with biases by distance up to 9 behind and 10 ahead.
    BothBias,
}

const DISTANCES: usize = 20;

/// Both kinds of slopes.
pub(crate) const SLOPES: [Rule; 2] = [Rule::Slopes(SlopeKind::Exact), Rule::Slopes(SlopeKind::Rounded)];

impl Shape {
    fn width(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim
    }

    fn rule<'a>(&self, (bias, slopes): (&'a [f32], &'a [f32])) -> ScoreRule<'a> {
        let plain = ScoreRule::scaled(1.0 / (self.head_dim as f32).sqrt());
        let biased = |own| Some(DistanceBias { values: bias, columns: DISTANCES, own });
        match self.rule {
            Rule::Plain => plain,
            Rule::Window(positions) => ScoreRule { window: Some(positions), ..plain },
            Rule::Both => ScoreRule { sight: Sight::Both, ..plain },
            Rule::BothWindow(positions) => ScoreRule { window: Some(positions), sight: Sight::Both, ..plain },
            Rule::BothBias => ScoreRule { bias: biased(9), sight: Sight::Both, ..plain },
            Rule::Softcap => ScoreRule { softcap: Some(0.7), ..plain },
            Rule::Slopes(kind) => ScoreRule { slopes: Some(Slopes { of_heads: slopes, kind }), ..plain },
            Rule::Bias => ScoreRule { bias: biased(DISTANCES - 1), ..plain },
        }
    }

    fn rope(&self) -> Rope {
        Rope::new(&RopeConfig { theta: 10_000.0, scaling: RopeScaling::None }, self.head_dim)
    }
}

/// Sequences whose queries, keys and values are known, in a cache of their own.
pub(crate) struct World {
    shape: Shape,
    /// For each sequence `[positions, width]`.
    pub(crate) qkv: Vec<Vec<f32>>,
    pub(crate) tables: Vec<Vec<BlockId>>,
    pub(crate) cache: KvCache,
    /// `[heads, DISTANCES]`
    bias: Vec<f32>,
    /// `[heads]`
    slopes: Vec<f32>,
}

impl World {
    pub(crate) fn new(shape: Shape, lengths: &[usize], random: &mut Random) -> Self {
        let counts: Vec<usize> = lengths.iter().map(|length| length.div_ceil(shape.block_size)).collect();
        let blocks = counts.iter().sum::<usize>() + 1;
        let mut order = random.shuffled(blocks).into_iter().map(|block| BlockId(block as u32));
        let tables = counts.iter().map(|count| order.by_ref().take(*count).collect()).collect();
        let Shape { kv_heads, head_dim, block_size, dtype, .. } = shape;
        let mut cache = KvCache::new(KvGeometry { layers: 1, blocks, block_size, kv_heads, head_dim, dtype });
        poison(&mut cache);
        let qkv = lengths.iter().map(|length| random.values(length * shape.width())).collect();
        let kind = if let Rule::Slopes(kind) = shape.rule { kind } else { SlopeKind::Exact };
        let slopes = SlopeRule { kind, halvings: 8 }.of_heads(shape.heads);
        Self { shape, qkv, tables, cache, bias: random.values(shape.heads * DISTANCES), slopes }
    }

    fn rule(&self) -> ScoreRule<'_> {
        self.shape.rule((&self.bias, &self.slopes))
    }

    /// Runs one step with `parts` = (sequence, first position, count), and gives its rows.
    pub(crate) fn step(&mut self, cpu: &Cpu, parts: &[(usize, usize, usize)]) -> Vec<f32> {
        let width = self.shape.width();
        let mut qkv = Vec::new();
        let mut sequences = Vec::new();
        for (seq, start, count) in parts {
            let rows = qkv.len() / width..qkv.len() / width + count;
            qkv.extend_from_slice(&self.qkv[*seq][start * width..(start + count) * width]);
            let blocks = &self.tables[*seq][..(start + count).div_ceil(self.shape.block_size)];
            sequences.push(SequenceRows { rows, start: *start, blocks });
        }
        let positions = parts.iter().flat_map(|(_, start, count)| *start..start + count);
        let angles = self.shape.rope().angles(positions);
        ops::write_kv(cpu, (&angles).into(), &sequences, &mut qkv, self.cache.layer_mut(0));
        let mut out = vec![f32::NAN; qkv.len() / width * self.shape.heads * self.shape.head_dim];
        let facts = Attention { heads: self.shape.heads, rule: self.rule() };
        let input = AttentionInput { queries: &qkv, sequences: &sequences, kv: self.cache.layer(0) };
        ops::paged_attention(cpu, &facts, &input, &mut out);
        out
    }

    /// One sequence in one step.
    pub(crate) fn whole(&mut self, cpu: &Cpu, seq: usize) -> Vec<f32> {
        let length = self.qkv[seq].len() / self.shape.width();
        self.step(cpu, &[(seq, 0, length)])
    }

    /// The plain op on the rotated rows of one sequence.
    pub(crate) fn reference(&self, seq: usize) -> Vec<f64> {
        let Shape { heads, kv_heads, head_dim, .. } = self.shape;
        let mut rows = self.qkv[seq].clone();
        let length = rows.len() / self.shape.width();
        let angles = self.shape.rope().angles(0..length);
        for (row, values) in rows.chunks_exact_mut(self.shape.width()).enumerate() {
            angles.rotate(row, head_dim, &mut values[..(heads + kv_heads) * head_dim]);
        }
        let head = |row: usize, head: usize| &rows[row * self.shape.width() + head * head_dim..][..head_dim];
        let column =
            |count: usize, index: usize| (0..count).flat_map(|row| head(row, index).to_vec()).collect::<Vec<_>>();
        let rule = self.rule();
        let mut out = Vec::new();
        for (row, query) in (0..length).flat_map(|row| (0..heads).map(move |query| (row, query))) {
            let kv_head = query / (heads / kv_heads);
            let seen = if rule.sight == Sight::Both { length } else { row + 1 };
            let (keys, values) = (column(seen, heads + kv_head), column(seen, heads + kv_heads + kv_head));
            out.extend(reference::attention(head(row, query), &keys, &values, (&rule, query, row)));
        }
        out
    }
}

/// Fills every block with keys and values that are no numbers.
pub(crate) fn poison(cache: &mut KvCache) {
    let KvGeometry { blocks, block_size, kv_heads, head_dim, .. } = *cache.geometry();
    let table: Vec<BlockId> = (0..blocks as u32).map(BlockId).collect();
    let rows = blocks * block_size;
    let mut qkv = vec![f32::NAN; rows * 3 * kv_heads * head_dim];
    let rope = Rope::new(&RopeConfig { theta: 10_000.0, scaling: RopeScaling::None }, head_dim);
    let sequences = [SequenceRows { rows: 0..rows, start: 0, blocks: &table }];
    ops::write_kv(&plain(), (&rope.angles(0..rows)).into(), &sequences, &mut qkv, cache.layer_mut(0));
}

/// Heads, their sharing, their width and blocks of many kinds, each kept in every way.
pub(crate) fn shapes() -> Vec<Shape> {
    let heads =
        [(9, 3, 64, 16), (4, 4, 8, 4), (4, 2, 16, 1), (4, 1, 32, 16), (16, 1, 24, 32), (2, 1, 40, 64), (3, 3, 16, 8)];
    let shapes = heads.map(|(heads, kv_heads, head_dim, block_size)| {
        KvDtype::ALL.map(|dtype| Shape { heads, kv_heads, head_dim, block_size, dtype, rule: Rule::Plain })
    });
    shapes.into_iter().flatten().collect()
}

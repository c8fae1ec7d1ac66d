//! Attention over the paged cache: near the plain op, and the same bits for every chunking, batch, block size, table
//! order, instruction set and thread count. Every cache is full of NaN before the test writes to it.

use crate::support::{Random, all, assert_close, assert_same_bits, plain};
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

#[derive(Clone, Copy, Debug)]
struct Shape {
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    block_size: usize,
    dtype: KvDtype,
    rule: Rule,
}

/// What a model may do to scores, beside their scale.
#[derive(Clone, Copy, Debug)]
enum Rule {
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
const SLOPES: [Rule; 2] = [Rule::Slopes(SlopeKind::Exact), Rule::Slopes(SlopeKind::Rounded)];

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
struct World {
    shape: Shape,
    /// For each sequence `[positions, width]`.
    qkv: Vec<Vec<f32>>,
    tables: Vec<Vec<BlockId>>,
    cache: KvCache,
    /// `[heads, DISTANCES]`
    bias: Vec<f32>,
    /// `[heads]`
    slopes: Vec<f32>,
}

impl World {
    fn new(shape: Shape, lengths: &[usize], random: &mut Random) -> Self {
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
    fn step(&mut self, cpu: &Cpu, parts: &[(usize, usize, usize)]) -> Vec<f32> {
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
    fn whole(&mut self, cpu: &Cpu, seq: usize) -> Vec<f32> {
        let length = self.qkv[seq].len() / self.shape.width();
        self.step(cpu, &[(seq, 0, length)])
    }

    /// The plain op on the rotated rows of one sequence.
    fn reference(&self, seq: usize) -> Vec<f64> {
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
fn poison(cache: &mut KvCache) {
    let KvGeometry { blocks, block_size, kv_heads, head_dim, .. } = *cache.geometry();
    let table: Vec<BlockId> = (0..blocks as u32).map(BlockId).collect();
    let rows = blocks * block_size;
    let mut qkv = vec![f32::NAN; rows * 3 * kv_heads * head_dim];
    let rope = Rope::new(&RopeConfig { theta: 10_000.0, scaling: RopeScaling::None }, head_dim);
    let sequences = [SequenceRows { rows: 0..rows, start: 0, blocks: &table }];
    ops::write_kv(&plain(), (&rope.angles(0..rows)).into(), &sequences, &mut qkv, cache.layer_mut(0));
}

fn shapes() -> Vec<Shape> {
    let heads =
        [(9, 3, 64, 16), (4, 4, 8, 4), (4, 2, 16, 1), (4, 1, 32, 16), (16, 1, 24, 32), (2, 1, 40, 64), (3, 3, 16, 8)];
    let shapes = heads.map(|(heads, kv_heads, head_dim, block_size)| {
        KvDtype::ALL.map(|dtype| Shape { heads, kv_heads, head_dim, block_size, dtype, rule: Rule::Plain })
    });
    shapes.into_iter().flatten().collect()
}

/// Near enough to the plain op, which keeps f32.
fn tolerance(dtype: KvDtype) -> f64 {
    match dtype {
        KvDtype::F32 => 2e-6,
        KvDtype::F16 => 1e-3,
        KvDtype::Q8_0 => 1e-2,
    }
}

#[test]
fn equals_the_plain_op() {
    let mut random = Random(1);
    for shape in shapes() {
        for length in [1, 2, 15, 16, 17, 33, 70] {
            check_against_plain(shape, length, &mut random);
        }
    }
    for dtype in KvDtype::ALL {
        let widest = Shape { heads: 1, kv_heads: 1, head_dim: 256, block_size: 16, dtype, rule: Rule::Plain };
        check_against_plain(widest, 300, &mut random);
    }
}

#[test]
fn windows_caps_biases_slopes_and_sight_equal_the_plain_op() {
    let mut random = Random(7);
    let windows = [1, 5, 40, 300];
    let rules = windows.map(Rule::Window).into_iter().chain(windows.map(Rule::BothWindow));
    for rule in rules.chain([Rule::Softcap, Rule::Bias, Rule::Both, Rule::BothBias]).chain(SLOPES) {
        for (index, shape) in shapes().into_iter().enumerate() {
            check_against_plain(Shape { rule, ..shape }, [3, 17, 70, 290][index % 4], &mut random);
        }
    }
}

fn check_against_plain(shape: Shape, length: usize, random: &mut Random) {
    let mut world = World::new(shape, &[length], random);
    let expected = world.reference(0);
    let what = format!("{shape:?}, {length} positions");
    assert_close(&world.whole(&plain(), 0), &expected, tolerance(shape.dtype), &what);
}

#[test]
fn every_instruction_set_and_thread_count_gives_the_same_bits() {
    let mut random = Random(2);
    let back = [Rule::Plain, Rule::Window(37), Rule::Softcap, Rule::Bias];
    let rules = back.into_iter().chain([Rule::Both, Rule::BothWindow(37), Rule::BothBias]).chain(SLOPES);
    for (rule, shape) in rules.cycle().zip(shapes()) {
        let shape = Shape { rule, ..shape };
        for length in [1, 3, 50, 256, 257, 530] {
            let mut world = World::new(shape, &[length], &mut random);
            let expected = world.whole(&plain(), 0);
            for cpu in all() {
                poison(&mut world.cache);
                let what = format!("{shape:?}, {length}, {}, {}", cpu.isa().isa(), cpu.pool().threads());
                assert_same_bits(&world.whole(&cpu, 0), &expected, &what);
            }
        }
    }
}

#[test]
fn chunks_and_neighbours_change_nothing() {
    let mut random = Random(3);
    let (cpus, [exact, rounded]) = (all(), SLOPES);
    let rules = [Rule::Plain, Rule::Window(100), exact, rounded];
    for (index, shape) in shapes().into_iter().enumerate() {
        let cpu = &cpus[index % cpus.len()];
        let shape = Shape { rule: rules[index % 4], ..shape };
        let lengths = [300, 1, 270, 17];
        let mut world = World::new(shape, &lengths, &mut random);
        let expected: Vec<Vec<f32>> = (0..lengths.len()).map(|seq| world.whole(cpu, seq)).collect();
        poison(&mut world.cache);
        let row = shape.heads * shape.head_dim;
        let mut next = [0; 4];
        while next != lengths {
            let mut parts = Vec::new();
            for seq in 0..lengths.len() {
                let count =
                    [0, 1, 1 + random.below(7), random.below(140)][random.below(4)].min(lengths[seq] - next[seq]);
                if count > 0 {
                    parts.push((seq, next[seq], count));
                    next[seq] += count;
                }
            }
            let out = world.step(cpu, &parts);
            let mut rest = out.as_slice();
            for (seq, start, count) in parts {
                let rows = rest.split_off(..count * row).expect("a row for each token");
                let what = format!("{shape:?}, sequence {seq}, rows {start} + {count}");
                assert_same_bits(rows, &expected[seq][start * row..(start + count) * row], &what);
            }
        }
    }
}

#[test]
fn neighbours_change_nothing_where_each_token_sees_ahead() {
    let mut random = Random(11);
    let rules = [Rule::Both, Rule::BothWindow(37), Rule::BothBias].into_iter().cycle();
    for ((cpu, shape), rule) in all().iter().cycle().zip(shapes()).zip(rules) {
        let lengths = [300, 1, 270, 17];
        let mut world = World::new(Shape { rule, ..shape }, &lengths, &mut random);
        let expected: Vec<f32> = (0..lengths.len()).flat_map(|seq| world.whole(cpu, seq)).collect();
        poison(&mut world.cache);
        let parts: Vec<_> = lengths.into_iter().enumerate().map(|(seq, length)| (seq, 0, length)).collect();
        assert_same_bits(&world.step(cpu, &parts), &expected, &format!("{shape:?}"));
    }
}

#[test]
fn block_sizes_and_table_orders_change_nothing() {
    let shape =
        Shape { heads: 6, kv_heads: 2, head_dim: 32, block_size: 16, dtype: KvDtype::Q8_0, rule: Rule::Window(99) };
    let expected = World::new(shape, &[290], &mut Random(4)).qkv;
    let mut bits: Option<Vec<f32>> = None;
    for (seed, block_size) in [(4, 16), (5, 1), (6, 4), (7, 8), (8, 16), (9, 32), (10, 256)] {
        for cpu in all() {
            let mut world = World::new(Shape { block_size, ..shape }, &[290], &mut Random(seed));
            world.qkv.clone_from(&expected);
            let out = world.whole(&cpu, 0);
            assert_same_bits(&out, bits.get_or_insert_with(|| out.clone()), &format!("blocks of {block_size}"));
        }
    }
}

#[test]
fn an_empty_step_does_nothing() {
    let shape = shapes()[0];
    let mut world = World::new(shape, &[1], &mut Random(5));
    assert_eq!(world.step(&plain(), &[]), [0.0; 0]);
}

#[test]
#[should_panic(expected = "blocks hold no")]
fn a_table_that_is_too_short_is_refused() {
    let shape = Shape { block_size: 4, ..shapes()[3] };
    let mut world = World::new(shape, &[9], &mut Random(6));
    world.tables[0].pop();
    let blocks = world.tables[0].clone();
    let input = AttentionInput {
        queries: &[0.0; 32],
        sequences: &[SequenceRows { rows: 0..1, start: 8, blocks: &blocks }],
        kv: world.cache.layer(0),
    };
    let facts = Attention { heads: 4, rule: ScoreRule::scaled(1.0) };
    ops::paged_attention(&plain(), &facts, &input, &mut [0.0; 32]);
}

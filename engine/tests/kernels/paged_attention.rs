//! Attention over the paged cache: near the plain op, and the same bits for every chunking, batch, block size, table
//! order, instruction set and thread count.

use crate::paged_world::{Rule, SLOPES, Shape, World, poison, shapes};
use crate::support::{Random, all, assert_close, assert_same_bits, plain};
use engine::kernels::cpu::score_rule::ScoreRule;
use engine::kv_cache::KvDtype;
use engine::ops;
use engine::ops::paged_attention::{Attention, AttentionInput};
use engine::ops::sequences::SequenceRows;

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

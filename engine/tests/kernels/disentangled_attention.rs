//! Attention of tokens and distances: near the plain op, and the same bits for every batch, instruction set and thread count.

use crate::support::{Random, assert_close, assert_parts_keep_their_bits, plain};
use engine::cpu::Cpu;
use engine::kernels::cpu::disentangled_attention::DistanceVectors;
use engine::ops;
use engine::ops::disentangled_attention::DisentangledInput;
use engine::ops::reference;
use engine::ops::sequences::SequenceRows;

/// Heads, their width, and rows of the vectors of distances.
const SHAPES: [(usize, usize, usize); 4] = [(4, 16, 600), (3, 24, 5), (1, 8, 1), (2, 40, 300)];
const MOST_TOKENS: usize = 300;

/// A layer and sequences of it.
struct World {
    heads: usize,
    head_dim: usize,
    keys: Vec<f32>,
    queries: Vec<f32>,
    places: Vec<u32>,
    /// For each sequence `[tokens, 3 * width]`.
    sequences: Vec<Vec<f32>>,
}

impl World {
    fn new((heads, head_dim, rows): (usize, usize, usize), lengths: &[usize], random: &mut Random) -> Self {
        let width = heads * head_dim;
        Self {
            heads,
            head_dim,
            keys: random.values(rows * width),
            queries: random.values(rows * width),
            places: (0..2 * MOST_TOKENS - 1).map(|_| random.below(rows) as u32).collect(),
            sequences: lengths.iter().map(|length| random.values(length * 3 * width)).collect(),
        }
    }

    /// Calls `work` with the input of one step of these sequences.
    fn input<T>(&self, parts: &[usize], work: impl FnOnce(&DisentangledInput<'_>) -> T) -> T {
        let (mut qkv, mut sequences, mut first) = (Vec::new(), Vec::new(), 0);
        for part in parts {
            qkv.extend_from_slice(&self.sequences[*part]);
            let end = qkv.len() / (3 * self.heads * self.head_dim);
            sequences.push(SequenceRows { rows: first..end, start: 0, blocks: &[] });
            first = end;
        }
        let vectors = DistanceVectors { keys: &self.keys, queries: &self.queries, places: &self.places };
        let (heads, head_dim) = (self.heads, self.head_dim);
        work(&DisentangledInput { heads, head_dim, qkv: &qkv, sequences: &sequences, vectors })
    }

    fn step(&self, cpu: &Cpu, parts: &[usize]) -> Vec<f32> {
        self.input(parts, |input| {
            let mut out = vec![f32::NAN; input.qkv.len() / 3];
            ops::disentangled_attention(cpu, input, &mut out);
            out
        })
    }
}

#[test]
fn equals_the_plain_op() {
    let mut random = Random(1);
    for shape in SHAPES {
        for length in [1, 2, 15, 17, 33, 290] {
            let world = World::new(shape, &[length], &mut random);
            let expected = world.input(&[0], reference::disentangled_attention);
            assert_close(&world.step(&plain(), &[0]), &expected, 5e-6, &format!("{shape:?}, {length} tokens"));
        }
    }
}

#[test]
fn neighbours_threads_and_instruction_sets_change_nothing() {
    let mut random = Random(2);
    for shape in SHAPES {
        let world = World::new(shape, &[300, 1, 270, 17], &mut random);
        assert_parts_keep_their_bits(&format!("{shape:?}"), |cpu, parts| world.step(cpu, parts));
    }
}

#[test]
#[should_panic(expected = "a place for each distance of 300 tokens")]
fn a_text_with_distances_beyond_all_places_is_refused() {
    World::new(SHAPES[1], &[301], &mut Random(3)).step(&plain(), &[0]);
}

//! Attention that knows distances and segments: near the plain op, and the same bits for every batch, instruction set and
//! thread count.

use crate::support::{Random, assert_close, assert_parts_keep_their_bits, plain};
use engine::cpu::Cpu;
use engine::kernels::cpu::relative_attention::RelativeTerms;
use engine::ops;
use engine::ops::reference;
use engine::ops::relative_attention::RelativeInput;
use engine::ops::sequences::SequenceRows;

/// Heads, their width, and the greatest distance that is told apart.
const SHAPES: [(usize, usize, usize); 4] = [(4, 16, 600), (3, 24, 5), (1, 8, 0), (2, 40, 300)];

/// A layer and sequences of it.
struct World {
    heads: usize,
    width: usize,
    distances: Vec<f32>,
    terms: [Vec<f32>; 4],
    /// For each sequence: `[tokens, 3 * width]`, and the segments.
    sequences: Vec<(Vec<f32>, Vec<u8>)>,
}

impl World {
    fn new((heads, head_dim, reach): (usize, usize, usize), lengths: &[usize], random: &mut Random) -> Self {
        let width = heads * head_dim;
        let sequence = |length: &usize| {
            let segments = (0..*length).map(|_| random.below(3) as u8).collect::<Vec<_>>();
            (random.values(length * 3 * width), segments)
        };
        let sequences = lengths.iter().map(sequence).collect();
        let distances = random.values((2 * reach + 1) * width);
        let terms = [width, width, width, 2 * width].map(|len| random.values(len));
        Self { heads, width, distances, terms, sequences }
    }

    /// Calls `work` with the input of one step of these sequences.
    fn input<T>(&self, parts: &[usize], work: impl FnOnce(&RelativeInput<'_>) -> T) -> T {
        let (mut qkv, mut segments, mut sequences) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            let first = segments.len();
            qkv.extend_from_slice(&self.sequences[*part].0);
            segments.extend_from_slice(&self.sequences[*part].1);
            sequences.push(SequenceRows { rows: first..segments.len(), start: 0, blocks: &[] });
        }
        let [content, distance, segment, of_segments] = &self.terms;
        work(&RelativeInput {
            heads: self.heads,
            qkv: &qkv,
            distances: &self.distances,
            segments: &segments,
            sequences: &sequences,
            terms: RelativeTerms { content, distance, segment, segments: of_segments },
        })
    }

    fn step(&self, cpu: &Cpu, parts: &[usize]) -> Vec<f32> {
        self.input(parts, |input| {
            let mut out = vec![f32::NAN; input.segments.len() * self.width];
            ops::relative_attention(cpu, input, &mut out);
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
            let expected = world.input(&[0], reference::relative_attention);
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

//! What the kernel tests share: seeded numbers, every CPU setting, comparisons.

use engine::cpu::Cpu;
use engine::kernels::cpu::isa::Isa;

/// A small seeded generator (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// From -1 to 1.
    pub(crate) fn value(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(crate) fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }

    /// The numbers below `count` in random order.
    pub(crate) fn shuffled(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        (1..count).for_each(|last| order.swap(last, self.below(last + 1)));
        order
    }
}

/// Plain Rust on one thread: the twin of all others.
pub(crate) fn plain() -> Cpu {
    Cpu::new(Isa::Scalar, 1).unwrap()
}

/// Every instruction set of this machine with 1, 2 and 3 threads.
pub(crate) fn all() -> Vec<Cpu> {
    let isas = Isa::ALL.into_iter().filter(|isa| isa.is_available());
    isas.flat_map(|isa| [1, 2, 3].map(|threads| Cpu::new(isa, threads).unwrap())).collect()
}

/// Four parts of a step, together on every CPU setting, are what each is alone on the plain one.
pub(crate) fn assert_parts_keep_their_bits(what: &str, step: impl Fn(&Cpu, &[usize]) -> Vec<f32>) {
    let expected: Vec<f32> = (0..4).flat_map(|part| step(&plain(), &[part])).collect();
    for cpu in all() {
        let what = format!("{what}, {}, {}", cpu.isa().isa(), cpu.pool().threads());
        assert_same_bits(&step(&cpu, &[0, 1, 2, 3]), &expected, &what);
    }
}

#[track_caller]
pub(crate) fn assert_same_bits(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert_eq!(a.to_bits(), b.to_bits(), "{what}: value {index} is {a}, not {b}");
    }
}

#[track_caller]
pub(crate) fn assert_close(actual: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (a, b)) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(*a) - b).abs() / b.abs().max(1.0);
        assert!(error <= tolerance, "{what}: value {index} is {a}, not {b}");
    }
}

//! Loops that do nothing but what they measure: multiply, or read. What a real kernel reaches is a fraction of these.
//!
//! Each uses the instructions of the kernels, in more independent chains than the latency of one of them hides.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

use std::hint::black_box;

#[cfg(target_arch = "x86_64")]
use super::amx::Amx;
use super::isa::{CheckedIsa, Isa};
use super::simd::{Kernel, LANES, Simd};

/// Numbers that are multiplied and added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Fused multiply-add of f32.
    F32,
    /// Unsigned times signed bytes, summed in 32 bits.
    Int8,
    /// Pairs of bf16, summed in f32.
    Bf16,
}

impl Arithmetic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Int8, Self::Bf16];

    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
            Self::Bf16 => "bf16",
        }
    }
}

/// Multiplies and adds for `rounds` rounds and returns the operations done, two for each multiply-add; none where the
/// kernels of this instruction set have no instructions of their own for it, or this CPU lacks them.
pub fn multiply(isa: CheckedIsa, arithmetic: Arithmetic, rounds: usize) -> Option<u64> {
    match (arithmetic, isa.isa()) {
        (Arithmetic::F32, Isa::Avx512 | Isa::Amx) => Some(isa.run(FmaChains::<12> { rounds })),
        (Arithmetic::F32, _) => Some(isa.run(FmaChains::<5> { rounds })),
        (Arithmetic::Int8, _) => int8(isa.isa(), rounds),
        (Arithmetic::Bf16, _) => bf16(isa.isa(), rounds),
    }
}

/// Reads every number once, in order.
pub fn read(isa: CheckedIsa, numbers: &[f32]) {
    isa.run(Read { lines: numbers.as_chunks().0 });
}

/// The widest int8 instructions that this CPU has below or at an available instruction set.
#[cfg(target_arch = "x86_64")]
fn int8(available: Isa, rounds: usize) -> Option<u64> {
    match available {
        Isa::Amx => Some(amx::int8(Amx::of(available)?, rounds)),
        Isa::Avx512 if is_x86_feature_detected!("avx512vnni") => {
            // SAFETY: AVX-512 F is available, VNNI was found.
            Some(unsafe { avx512::int8(rounds) })
        }
        Isa::Avx512 | Isa::Avx2 => {
            // SAFETY: either is available only where AVX2 is.
            Some(unsafe { avx2::int8(rounds) })
        }
        Isa::Scalar | Isa::Neon | Isa::NeonDotprod => None,
    }
}

#[cfg(target_arch = "x86_64")]
fn bf16(available: Isa, rounds: usize) -> Option<u64> {
    if let Some(amx) = Amx::of(available) {
        return Some(amx::bf16(amx, rounds));
    }
    if available != Isa::Avx512 || !is_x86_feature_detected!("avx512bf16") {
        return None;
    }
    // SAFETY: AVX-512 F is available, BF16 was found.
    Some(unsafe { avx512::bf16(rounds) })
}

/// The widest int8 instructions of an available instruction set.
#[cfg(target_arch = "aarch64")]
fn int8(available: Isa, rounds: usize) -> Option<u64> {
    match available {
        Isa::NeonDotprod => {
            // SAFETY: it is available only where `dotprod` is.
            Some(unsafe { neon::dotprod_int8(rounds) })
        }
        Isa::Neon => {
            // SAFETY: it is available only where NEON is.
            Some(unsafe { neon::int8(rounds) })
        }
        Isa::Scalar | Isa::Avx2 | Isa::Avx512 | Isa::Amx => None,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn int8(_available: Isa, _rounds: usize) -> Option<u64> {
    None
}

#[cfg(not(target_arch = "x86_64"))]
fn bf16(_available: Isa, _rounds: usize) -> Option<u64> {
    None
}

/// So many sums of sixteen lanes that do not wait for each other.
struct FmaChains<const CHAINS: usize> {
    rounds: usize,
}

impl<const CHAINS: usize> Kernel for FmaChains<CHAINS> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let (a, b) = (simd.splat(black_box(0.999)), simd.splat(black_box(0.001)));
        let mut sums = [b; CHAINS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = simd.fma(a, b, *sum);
            }
        }
        for sum in sums {
            let mut lanes = [0.0; LANES];
            simd.store(sum, &mut lanes);
            black_box(lanes);
        }
        (self.rounds * CHAINS * LANES * 2) as u64
    }
}

/// Sums in this many vectors, so that adding never waits.
const READ_SUMS: usize = 4;

struct Read<'a> {
    lines: &'a [[f32; LANES]],
}

impl Kernel for Read<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut sums = [simd.splat(0.0); READ_SUMS];
        for group in self.lines.as_chunks::<READ_SUMS>().0 {
            for (sum, line) in sums.iter_mut().zip(group) {
                *sum = simd.add(*sum, simd.load(line));
            }
        }
        for sum in sums {
            let mut lanes = [0.0; LANES];
            simd.store(sum, &mut lanes);
            black_box(lanes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_multiplies_and_counts_alike_for_each_round() {
        for isa in Isa::ALL.into_iter().filter_map(Isa::checked) {
            assert!(multiply(isa, Arithmetic::F32, 1).is_some(), "{isa:?}");
            for arithmetic in Arithmetic::ALL {
                let once = multiply(isa, arithmetic, 1);
                assert_eq!(multiply(isa, arithmetic, 7), once.map(|operations| 7 * operations), "{isa:?}");
            }
            read(isa, &[1.0; 1000]);
        }
    }

    #[test]
    fn every_set_but_the_plain_one_has_int8() {
        for isa in Isa::ALL.into_iter().filter_map(Isa::checked) {
            assert_eq!(multiply(isa, Arithmetic::Int8, 1).is_some(), isa.isa() != Isa::Scalar, "{isa:?}");
        }
    }
}

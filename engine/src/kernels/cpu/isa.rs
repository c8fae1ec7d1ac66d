//! Which instruction set the kernels use: chosen once at start, forced in tests.
//!
//! A [`CheckedIsa`] is the proof that this CPU has it; only with the proof can a kernel run.

use super::scalar::Scalar;
use super::simd::Kernel;
#[cfg(target_arch = "x86_64")]
use super::{
    amx,
    avx2::{self, Avx2},
    avx512::{self, Avx512},
};
#[cfg(target_arch = "aarch64")]
use super::{
    neon::{self, Neon},
    neon_dotprod::{self, Dotprod},
    neon_quant::Widening,
};

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust: every CPU, and the twin of the others.
    Scalar,
    /// `x86_64` with AVX2, FMA and F16C.
    Avx2,
    /// `x86_64` with AVX-512 F, BW, DQ, VL and VNNI.
    Avx512,
    /// `x86_64` with AVX-512 as above and AMX for bytes and bf16.
    Amx,
    /// `aarch64`: every CPU has NEON.
    Neon,
    /// `aarch64` with NEON and the `dotprod` instructions.
    NeonDotprod,
}

impl Isa {
    /// All of them, the plainest first.
    pub const ALL: [Self; 6] = [Self::Scalar, Self::Avx2, Self::Avx512, Self::Amx, Self::Neon, Self::NeonDotprod];

    /// The widest one that this CPU has.
    pub fn detect() -> Self {
        let best = Self::ALL.into_iter().rev().find(|isa| isa.is_available());
        best.expect("plain Rust runs everywhere")
    }

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Self::Avx512.is_available() && amx::available(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[cfg(target_arch = "aarch64")]
            Self::NeonDotprod => std::arch::is_aarch64_feature_detected!("dotprod"),
            _ => false,
        }
    }

    /// The proof that this CPU has it, or none.
    pub fn checked(self) -> Option<CheckedIsa> {
        self.is_available().then_some(CheckedIsa { isa: self })
    }

    /// As flags spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Amx => "amx",
            Self::Neon => "neon",
            Self::NeonDotprod => "neon-dotprod",
        }
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

/// An instruction set that this CPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedIsa {
    isa: Isa,
}

impl CheckedIsa {
    /// Which one.
    pub fn isa(self) -> Isa {
        self.isa
    }

    /// Runs a kernel compiled for it.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                // SAFETY: the proof says that this CPU has the features.
                let simd = unsafe { Avx2::new() };
                // SAFETY: as above.
                unsafe { avx2::run(simd, kernel) }
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Amx => {
                // SAFETY: the proof says that this CPU has the features.
                let simd = unsafe { Avx512::new() };
                // SAFETY: as above.
                unsafe { avx512::run(simd, kernel) }
            }
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => {
                // SAFETY: every aarch64 CPU that Rust's targets name has NEON.
                let simd = unsafe { Neon::new(Widening) };
                // SAFETY: as above.
                unsafe { neon::run(simd, kernel) }
            }
            #[cfg(target_arch = "aarch64")]
            Isa::NeonDotprod => {
                // SAFETY: the proof says that this CPU has the feature.
                let products = unsafe { Dotprod::new() };
                // SAFETY: as above.
                let simd = unsafe { Neon::new(products) };
                // SAFETY: as above.
                unsafe { neon_dotprod::run(simd, kernel) }
            }
            _ => run_plain(kernel),
        }
    }
}

/// Apart from the choice, which would otherwise take the room on the stack that this needs.
#[inline(never)]
fn run_plain<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Scalar)
}

#[cfg(test)]
mod tests {
    use super::super::simd::{LANES, Simd};
    use super::super::tile::Line;
    use super::*;

    #[test]
    fn what_is_detected_is_available() {
        assert!(Isa::detect().checked().is_some_and(|checked| checked.isa() == Isa::detect()));
        assert!(Isa::Scalar.is_available());
    }

    struct Joined<'a>(&'a [Line; LANES]);

    impl Kernel for Joined<'_> {
        type Output = [Line; 4];

        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let vectors = self.0.map(|line| simd.load(&line));
            let mut joined = [[0.0; LANES]; 4];
            simd.store(simd.sums(&vectors), &mut joined[0]);
            joined[1] = vectors.map(|vector| simd.sum(vector));
            simd.store(simd.greatest_each(&vectors), &mut joined[2]);
            joined[3] = vectors.map(|vector| simd.greatest(vector));
            joined
        }
    }

    #[test]
    fn sixteen_at_once_are_joined_as_each_alone() {
        let mut lines = [[0.0; LANES]; LANES];
        for (index, value) in lines.as_flattened_mut().iter_mut().enumerate() {
            *value = (index as f32 * 0.37).sin() * 10_f32.powi(index as i32 % 9);
        }
        lines[5][3] = f32::INFINITY;
        let plain = Isa::Scalar.checked().expect("every CPU has it").run(Joined(&lines));
        for isa in Isa::ALL.into_iter().filter_map(Isa::checked) {
            let joined = isa.run(Joined(&lines));
            assert_eq!(joined[0], joined[1], "{:?}", isa.isa());
            assert_eq!(joined[2], joined[3], "{:?}", isa.isa());
            assert_eq!(joined, plain, "{:?}", isa.isa());
        }
    }
}

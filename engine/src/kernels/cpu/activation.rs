//! What gates an MLP's second product: a smooth step times its argument.

use super::elementwise::exp;
use super::simd::Simd;

/// sqrt(2 / pi), twice: the exponent of the step.
const TWICE_ROOT_2_OVER_PI: f32 = 1.595_769;
const CUBIC: f32 = 0.044_715;

/// An activation `x / (1 + e^-s(x))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `s(x) = x`.
    Silu,
    /// `s(x) = 2 sqrt(2 / pi) (x + 0.044715 x^3)`: GELU by the hyperbolic tangent.
    TanhGelu,
}

impl Activation {
    /// `activation(gate) * up`.
    #[inline(always)]
    pub(super) fn gate<S: Simd>(self, simd: S, gate: S::Vector, up: S::Vector) -> S::Vector {
        let steepness = match self {
            Self::Silu => gate,
            Self::TanhGelu => {
                let cube = simd.mul(simd.mul(gate, gate), gate);
                let inner = simd.fma(simd.splat(CUBIC), cube, gate);
                simd.mul(simd.splat(TWICE_ROOT_2_OVER_PI), inner)
            }
        };
        let denominator = simd.add(simd.splat(1.0), exp(simd, simd.sub(simd.splat(0.0), steepness)));
        simd.mul(simd.div(gate, denominator), up)
    }
}

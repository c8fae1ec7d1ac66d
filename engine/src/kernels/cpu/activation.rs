//! The activations of MLPs: a step times its argument, alone or as the gate of a second product.

use super::elementwise::exp;
use super::erf::erf;
use super::simd::Simd;

/// sqrt(2 / pi), twice: the exponent of the step.
const TWICE_ROOT_2_OVER_PI: f32 = 1.595_769;
const CUBIC: f32 = 0.044_715;

/// An activation `x s(x)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `s(x) = 1` where x is above 0, else 0.
    Relu,
    /// `s(x) = 1 / (1 + e^-x)`.
    Silu,
    /// `s(x) = (1 + erf(x / sqrt(2))) / 2`.
    Gelu,
    /// `s(x) = 1 / (1 + e^-(2 sqrt(2 / pi) (x + 0.044715 x^3)))`: GELU by the hyperbolic tangent.
    TanhGelu,
}

impl Activation {
    /// `activation(x)`.
    #[inline(always)]
    pub(super) fn of<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector {
        let steepness = match self {
            Self::Relu => return simd.max(simd.splat(0.0), x),
            Self::Silu => x,
            Self::Gelu => {
                let step = erf(simd, simd.mul(x, simd.splat(std::f32::consts::FRAC_1_SQRT_2)));
                return simd.mul(simd.mul(simd.splat(0.5), x), simd.add(simd.splat(1.0), step));
            }
            Self::TanhGelu => {
                let cube = simd.mul(simd.mul(x, x), x);
                let inner = simd.fma(simd.splat(CUBIC), cube, x);
                simd.mul(simd.splat(TWICE_ROOT_2_OVER_PI), inner)
            }
        };
        let denominator = simd.add(simd.splat(1.0), exp(simd, simd.sub(simd.splat(0.0), steepness)));
        simd.div(x, denominator)
    }

    /// `activation(gate) * up`.
    #[inline(always)]
    pub(super) fn gate<S: Simd>(self, simd: S, gate: S::Vector, up: S::Vector) -> S::Vector {
        simd.mul(self.of(simd, gate), up)
    }
}

//! What keys and values are kept as: f32, f16, or 8 bits with a scale for each 32 elements of a head.
//!
//! An element's bits depend on its own group alone.

use half::f16;
use half::slice::HalfBitsSliceExt;

use super::elementwise::{magnitude, rounded};
use super::simd::{Element, LANES, Simd};
use super::tile::Line;
use crate::kernels::arena::Number;

/// Elements of a head that share a scale.
pub const GROUP: usize = 2 * LANES;
/// Largest magnitude of 8 bits.
const MOST: f32 = 127.0;

/// An element of a stored key or value.
pub trait KvElement: Element {
    /// What memory is allocated as: zero bits are a zero.
    type Bits: Number;
    /// Whether groups have scales.
    const HAS_SCALES: bool;

    /// Memory as elements.
    fn of(bits: &[Self::Bits]) -> &[Self];
    /// Memory as elements, to write.
    fn of_mut(bits: &mut [Self::Bits]) -> &mut [Self];
    /// Rounds a group to elements, and says what they are to be multiplied with.
    fn encode<S: Simd>(simd: S, values: [S::Vector; 2], out: &mut [[Self; LANES]; 2]) -> f16;
}

impl KvElement for f32 {
    type Bits = Self;
    const HAS_SCALES: bool = false;

    fn of(bits: &[Self]) -> &[Self] {
        bits
    }

    fn of_mut(bits: &mut [Self]) -> &mut [Self] {
        bits
    }

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: [S::Vector; 2], out: &mut [[Self; LANES]; 2]) -> f16 {
        simd.store(values[0], &mut out[0]);
        simd.store(values[1], &mut out[1]);
        f16::ONE
    }
}

impl KvElement for f16 {
    type Bits = u16;
    const HAS_SCALES: bool = false;

    fn of(bits: &[u16]) -> &[Self] {
        bits.reinterpret_cast()
    }

    fn of_mut(bits: &mut [u16]) -> &mut [Self] {
        bits.reinterpret_cast_mut()
    }

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: [S::Vector; 2], out: &mut [[Self; LANES]; 2]) -> Self {
        simd.store_f16(values[0], &mut out[0]);
        simd.store_f16(values[1], &mut out[1]);
        Self::ONE
    }
}

impl KvElement for i8 {
    type Bits = Self;
    const HAS_SCALES: bool = true;

    fn of(bits: &[Self]) -> &[Self] {
        bits
    }

    fn of_mut(bits: &mut [Self]) -> &mut [Self] {
        bits
    }

    /// The scale is the greatest magnitude / 127, as an f16; a number that is not finite makes it one that is not.
    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: [S::Vector; 2], out: &mut [[Self; LANES]; 2]) -> f16 {
        let zero = simd.splat(0.0);
        let greatest = simd.greatest(simd.max(magnitude(simd, values[0]), magnitude(simd, values[1])));
        let nothing = simd.sum(simd.add(simd.mul(values[0], zero), simd.mul(values[1], zero)));
        let mut scales: Line = [0.0; LANES];
        scales[0] = greatest / MOST + nothing;
        let mut halves = [f16::ZERO; LANES];
        simd.store_f16(simd.load(&scales), &mut halves);
        simd.store(simd.load_f16(&halves), &mut scales);
        let inverse = simd.splat(if scales[0] > 0.0 { 1.0 / scales[0] } else { 0.0 });
        for (value, out) in values.into_iter().zip(out) {
            let quants = rounded(simd, value, inverse);
            let clamped = simd.min(simd.splat(MOST), simd.max(simd.splat(-MOST), quants));
            simd.store_i8(clamped, out);
        }
        halves[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::isa::Isa;
    use crate::kernels::cpu::simd::Kernel;

    struct RoundTrip<E: KvElement>([Line; 2], std::marker::PhantomData<E>);

    impl<E: KvElement> Kernel for RoundTrip<E> {
        type Output = Vec<f32>;

        fn run<S: Simd>(self, simd: S) -> Vec<f32> {
            let mut elements = [[E::default(); LANES]; 2];
            let scale = E::encode(simd, self.0.map(|line| simd.load(&line)), &mut elements);
            let mut lines: [Line; 2] = [[0.0; LANES]; 2];
            for (line, elements) in lines.iter_mut().zip(&elements) {
                simd.store(simd.mul(E::load(simd, elements), simd.splat(scale.to_f32())), line);
            }
            lines.concat()
        }
    }

    fn round_trip<E: KvElement>(values: [Line; 2]) -> Vec<f32> {
        let all = Isa::ALL.into_iter().filter_map(Isa::checked);
        let results: Vec<_> = all.map(|isa| isa.run(RoundTrip::<E>(values, std::marker::PhantomData))).collect();
        for other in &results[1..] {
            assert!(results[0].iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()));
        }
        results[0].clone()
    }

    #[test]
    fn what_is_read_is_near_what_was_written() {
        let mut values = [[0.0; LANES]; 2];
        for (index, value) in values.as_flattened_mut().iter_mut().enumerate() {
            *value = (index as f32 - 11.0) * 0.37;
        }
        let flat = values.as_flattened();
        assert_eq!(round_trip::<f32>(values), flat);
        for (result, most) in [(round_trip::<f16>(values), 0.004), (round_trip::<i8>(values), 0.031)] {
            assert!(result.iter().zip(flat).all(|(a, b)| (a - b).abs() <= most), "{result:?}");
        }
        assert_eq!(round_trip::<i8>([[0.0; LANES]; 2]), [0.0; GROUP]);
    }

    #[test]
    fn a_number_that_is_none_is_not_lost() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = [[1.0; LANES]; 2];
            values[1][3] = bad;
            assert!(!round_trip::<i8>(values)[19].is_finite());
            assert!(!round_trip::<f16>(values)[19].is_finite());
        }
    }
}

//! Every operation on lanes has the bits of plain Rust, for every kind of number.

use half::{bf16, f16};

use crate::support::Random;
use engine::kernels::cpu::isa::Isa;
use engine::kernels::cpu::quant_lanes::QUAD_BYTES;
use engine::kernels::cpu::simd::{Kernel, LANES, Simd};

/// Numbers where instruction sets could differ: signs of zero, subnormals, halves, ends of ranges.
const SPECIAL: [f32; 20] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1.0e-40,
    -1.0e-40,
    1.0e38,
    -3.0e38,
    65504.0,
    65519.9,
    65520.0,
    5.96e-8,
    2.98e-8,
    1.000_488_3,
    1.001_464_8,
    -0.5,
    127.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// Sixteen numbers, some of them special.
fn numbers(random: &mut Random) -> [f32; LANES] {
    [(); LANES].map(|()| match random.below(4) {
        0 => SPECIAL[random.below(SPECIAL.len())],
        1 => f32::from_bits(random.bits() as u32),
        _ => random.value() * 100.0,
    })
}

/// The bits; all NaN count as one.
fn bits(value: f32) -> u32 {
    if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }
}

fn half_bits(value: f16) -> u32 {
    if value.is_nan() { f16::NAN.to_bits().into() } else { value.to_bits().into() }
}

fn bf16_bits(bits: u16) -> u32 {
    if bf16::from_bits(bits).is_nan() { bf16::NAN.to_bits().into() } else { bits.into() }
}

/// Asserts that a kernel made anew for each instruction set has one result.
fn same_everywhere<K: Kernel<Output = Vec<u32>>>(kernel: impl Fn() -> K) {
    let plain = Isa::Scalar.checked().unwrap().run(kernel());
    assert!(!plain.is_empty());
    for isa in Isa::ALL.into_iter().filter_map(Isa::checked) {
        assert_eq!(isa.run(kernel()), plain, "{}", isa.isa());
    }
}

/// All operations on floats.
struct Floats {
    numbers: [[f32; LANES]; 3],
}

impl Kernel for Floats {
    type Output = Vec<u32>;

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "only inlined code is compiled for the instruction set of its caller")]
    fn run<S: Simd>(self, simd: S) -> Vec<u32> {
        let [a, b, c] = self.numbers.map(|numbers| simd.load(&numbers));
        let vectors = [
            simd.splat(self.numbers[0][0]),
            simd.fma(a, b, c),
            simd.add(a, b),
            simd.sub(a, b),
            simd.mul(a, b),
            simd.div(a, b),
            simd.max(a, b),
            simd.min(a, b),
            simd.zero_below(a, b, c),
            simd.power_of_two(a),
        ];
        let mut all = vec![bits(simd.sum(a)), bits(simd.greatest(a)), bits(simd.greatest(b))];
        for vector in vectors {
            let mut lanes = [0.0; LANES];
            simd.store(vector, &mut lanes);
            all.extend(lanes.map(bits));
        }
        let mut halves = [f16::ZERO; LANES];
        simd.store_f16(a, &mut halves);
        all.extend(halves.map(half_bits));
        let mut pairs = [0; LANES / 2];
        simd.store_bf16(a, &mut pairs);
        all.extend(pairs.iter().flat_map(|pair| [*pair as u16, (pair >> 16) as u16]).map(bf16_bits));
        simd.prefetch(self.numbers.as_ptr().wrapping_add(1 << 20));
        all
    }
}

#[test]
fn floats_have_the_bits_of_plain_rust() {
    let mut random = Random(11);
    for _ in 0..5000 {
        let numbers = [(); 3].map(|()| numbers(&mut random));
        same_everywhere(|| Floats { numbers });
    }
}

/// All that turns other types into floats and back.
struct Conversions {
    first: u16,
    ints: i32,
}

impl Kernel for Conversions {
    type Output = Vec<u32>;

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "only inlined code is compiled for the instruction set of its caller")]
    fn run<S: Simd>(self, simd: S) -> Vec<u32> {
        let mut halves = [0; LANES];
        for (lane, half) in halves.iter_mut().enumerate() {
            *half = self.first + lane as u16;
        }
        let bytes = halves.map(|half| half as i8);
        let vectors = [
            simd.load_f16(&halves.map(f16::from_bits)),
            simd.load_bf16(&halves.map(bf16::from_bits)),
            simd.load_i8(&bytes),
            simd.floats(simd.ints(self.ints)),
        ];
        let mut all = Vec::new();
        for vector in vectors {
            let mut lanes = [0.0; LANES];
            simd.store(vector, &mut lanes);
            all.extend(lanes.map(bits));
        }
        let mut back = [0; LANES];
        simd.store_i8(vectors[2], &mut back);
        assert_eq!(back, bytes, "bytes come back");
        all
    }
}

#[test]
fn every_f16_bf16_and_i8_is_read_alike() {
    let mut random = Random(12);
    for first in (0..=u16::MAX).step_by(LANES) {
        let ints = random.bits() as i32 >> random.below(32);
        same_everywhere(|| Conversions { first, ints });
    }
}

/// Two spans of dot products with weights of so many bits, cut from bytes.
struct Quants<const BITS: usize> {
    bytes: [[u8; QUAD_BYTES]; SPAN],
    quads: [u32; SPAN],
    total: i32,
}

/// Groups of four in a block.
const SPAN: usize = 8;

impl<const BITS: usize> Kernel for Quants<BITS> {
    type Output = Vec<u32>;

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "only inlined code is compiled for the instruction set of its caller")]
    fn run<S: Simd>(self, simd: S) -> Vec<u32> {
        let sum: i32 = self.quads.iter().flat_map(|quad| quad.to_le_bytes()).map(|byte| i32::from(byte as i8)).sum();
        let folded = BITS == 8 && S::SIGNED_BYTES;
        let mut total = simd.ints(self.total - if BITS == 8 && !folded { 128 * sum } else { 0 });
        for first in (0..SPAN).step_by(S::SPANS[BITS]) {
            let mut sums = simd.start(total);
            for index in first..first + S::SPANS[BITS] {
                let bytes = simd.load_bytes(&self.bytes[index]);
                let weights = if BITS < 8 {
                    simd.field(bytes, 8 - BITS as i32, (1 << BITS) - 1)
                } else {
                    simd.field(bytes, 0, u8::MAX)
                };
                sums = if BITS == 8 {
                    simd.dot::<8>(sums, weights, self.quads[index])
                } else {
                    simd.dot::<4>(sums, weights, self.quads[index])
                };
            }
            total = simd.finish(total, sums);
        }
        let mut lanes = [0.0; LANES];
        simd.store(simd.floats(total), &mut lanes);
        lanes.map(bits).to_vec()
    }
}

/// Greatest, smallest and random weights and activations.
fn dots<const BITS: usize>(random: &mut Random) {
    for extreme in [true, false] {
        for _ in 0..200 {
            let weight = |random: &mut Random| {
                if extreme { [0, 255][random.below(2)] } else { random.bits() as u8 }
            };
            let bytes = [(); SPAN].map(|()| [(); QUAD_BYTES].map(|()| weight(random)));
            let most = extreme.then(|| [127_i8, -127][random.below(2)].cast_unsigned());
            let quads = [(); SPAN].map(|()| {
                let quad = [(); 4].map(|()| (random.below(255) as i32 - 127) as u8);
                u32::from_le_bytes(most.map_or(quad, |most| [most; 4]))
            });
            let total = random.bits() as i32 >> 8;
            same_everywhere(|| Quants::<BITS> { bytes, quads, total });
        }
        // The largest sums that there are: every product has one sign.
        for (byte, quad) in [(255, 127_i8), (255, -127), (0, 127), (0, -127)] {
            let quads = [u32::from_le_bytes([quad.cast_unsigned(); 4]); SPAN];
            same_everywhere(|| Quants::<BITS> { bytes: [[byte; QUAD_BYTES]; SPAN], quads, total: 7 });
        }
    }
}

#[test]
fn dot_products_are_exact_integers() {
    let mut random = Random(13);
    dots::<1>(&mut random);
    dots::<2>(&mut random);
    dots::<3>(&mut random);
    dots::<4>(&mut random);
    dots::<5>(&mut random);
    dots::<6>(&mut random);
    dots::<8>(&mut random);
}

/// A field at every place of a byte, joined with another.
struct Fields {
    bytes: [u8; QUAD_BYTES],
}

impl Kernel for Fields {
    type Output = Vec<u32>;

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "only inlined code is compiled for the instruction set of its caller")]
    fn run<S: Simd>(self, simd: S) -> Vec<u32> {
        let bytes = simd.load_bytes(&self.bytes);
        let mut all = Vec::new();
        for shift in -4..8_i32 {
            // A neighbour's bits must be dropped: the masks are no wider than what a shift leaves of a byte.
            let left = if shift < 0 { u8::MAX << -shift } else { u8::MAX >> shift };
            for mask in [left, left & 0x0f, left & 0x33, left & 0x70] {
                let part = simd.join(simd.field(bytes, shift, mask), simd.field(bytes, 2, 0x01));
                for activation in 0..4 {
                    let sums = simd.start(simd.ints(0));
                    // The weights below 8 bits are what this lane operation takes.
                    let low = simd.field(part, 0, 0x1f);
                    let high = simd.field(part, 5, 0x07);
                    let sums = simd.dot::<4>(sums, low, 1 << (8 * activation));
                    let sums = simd.dot::<4>(sums, high, 32 << (8 * activation));
                    let mut lanes = [0.0; LANES];
                    simd.store(simd.floats(simd.finish(simd.ints(0), sums)), &mut lanes);
                    all.extend(lanes.map(bits));
                }
            }
        }
        all
    }
}

#[test]
fn fields_are_cut_alike() {
    let mut random = Random(14);
    for _ in 0..50 {
        let bytes = [(); QUAD_BYTES].map(|()| random.bits() as u8);
        same_everywhere(|| Fields { bytes });
    }
}

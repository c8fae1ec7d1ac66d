//! One row of a quantised matrix, taken apart: quants, scales and mins as plain numbers, in order of the inputs.
//!
//! Source of the block formats: ggml's reference quantisation. Nothing is rounded here.

use crate::kernels::cpu::block_format::{BLOCK, QuantType};

/// Inputs of a super block.
const SUPER: usize = 256;

/// A row's parts. Arrays that its type lacks are empty.
#[derive(Clone, Debug, Default)]
pub(super) struct QuantRow {
    /// Unsigned, the offset not subtracted; one for each input.
    pub(super) quants: Vec<u8>,
    /// f16 bits: one for each block of 32, or of 256 in super formats.
    pub(super) scales: Vec<u16>,
    /// f16 bits of what is added, likewise.
    pub(super) mins: Vec<u16>,
    /// Integer factors of the super scale, one for each sub-block.
    pub(super) sub_scales: Vec<i8>,
    /// Integer factors of the super min, likewise.
    pub(super) sub_mins: Vec<i8>,
}

impl QuantRow {
    /// Takes the blocks of one row apart, keeping the buffers. `bytes` are whole blocks.
    pub(super) fn read(&mut self, kind: QuantType, bytes: &[u8]) {
        self.quants.clear();
        self.scales.clear();
        self.mins.clear();
        self.sub_scales.clear();
        self.sub_mins.clear();
        match kind {
            QuantType::Q4_0 => each::<18>(bytes, |block| self.q4_0(block)),
            QuantType::Q4_1 => each::<20>(bytes, |block| self.q4_1(block)),
            QuantType::Q5_0 => each::<22>(bytes, |block| self.q5_0(block)),
            QuantType::Q5_1 => each::<24>(bytes, |block| self.q5_1(block)),
            QuantType::Q8_0 => each::<34>(bytes, |block| self.q8_0(block)),
            QuantType::Q2_K => each::<84>(bytes, |block| self.q2_k(block)),
            QuantType::Q3_K => each::<110>(bytes, |block| self.q3_k(block)),
            QuantType::Q4_K => each::<144>(bytes, |block| self.q4_k(block)),
            QuantType::Q5_K => each::<176>(bytes, |block| self.q5_k(block)),
            QuantType::Q6_K => each::<210>(bytes, |block| self.q6_k(block)),
        }
    }

    /// Scale, sixteen pairs of nibbles.
    fn q4_0(&mut self, block: &[u8]) {
        self.scales.push(half_at(block, 0));
        self.nibbles(&block[2..], 0);
    }

    /// Scale, min, sixteen pairs of nibbles.
    fn q4_1(&mut self, block: &[u8]) {
        self.scales.push(half_at(block, 0));
        self.mins.push(half_at(block, 2));
        self.nibbles(&block[4..], 0);
    }

    /// Scale, fifth bits, sixteen pairs of nibbles.
    fn q5_0(&mut self, block: &[u8]) {
        self.scales.push(half_at(block, 0));
        self.nibbles(&block[6..], fifth_bits(&block[2..6]));
    }

    /// Scale, min, fifth bits, sixteen pairs of nibbles.
    fn q5_1(&mut self, block: &[u8]) {
        self.scales.push(half_at(block, 0));
        self.mins.push(half_at(block, 2));
        self.nibbles(&block[8..], fifth_bits(&block[4..8]));
    }

    /// Scale, 32 signed bytes.
    fn q8_0(&mut self, block: &[u8]) {
        self.scales.push(half_at(block, 0));
        self.quants.extend(block[2..].iter().map(|byte| byte ^ 0x80));
    }

    /// Input j in the low half of byte j, input j + 16 in its high half; bit j of `fifth` is above input j.
    fn nibbles(&mut self, bytes: &[u8], fifth: u32) {
        let bit = |input: usize| ((fifth >> input & 1) << 4) as u8;
        self.quants.extend(bytes.iter().enumerate().map(|(index, byte)| byte & 15 | bit(index)));
        self.quants.extend(bytes.iter().enumerate().map(|(index, byte)| byte >> 4 | bit(index + BLOCK / 2)));
    }

    /// 16 bytes of scale (low) and min (high), 64 bytes of quants, scale, min.
    fn q2_k(&mut self, block: &[u8]) {
        let (parts, rest) = block.split_at(16);
        self.sub_scales.extend(parts.iter().map(|part| (part & 15).cast_signed()));
        self.sub_mins.extend(parts.iter().map(|part| (part >> 4).cast_signed()));
        self.scales.push(half_at(rest, 64));
        self.mins.push(negated_half_at(rest, 66));
        self.quants.extend((0..SUPER).map(|input| two_bits(&rest[..64], input)));
    }

    /// 32 bytes of high bits, 64 of low bits, 12 of scales in 6 bits, scale.
    fn q3_k(&mut self, block: &[u8]) {
        let (high, rest) = block.split_at(32);
        let (low, rest) = rest.split_at(64);
        self.scales.push(half_at(rest, 12));
        self.sub_scales.extend((0..16).map(|index| {
            let low = rest[index % 8] >> (4 * (index / 8)) & 15;
            let high = rest[8 + index % 4] >> (2 * (index / 4)) & 3;
            (low | high << 4).cast_signed() - 32
        }));
        let high_bit = |input: usize| (high[input % 32] >> (input / 32) & 1) << 2;
        self.quants.extend((0..SUPER).map(|input| two_bits(low, input) | high_bit(input)));
    }

    /// Scale, min, 12 bytes of scales and mins in 6 bits, 128 bytes of nibbles.
    fn q4_k(&mut self, block: &[u8]) {
        self.super_scales_and_mins(block);
        self.quants.extend((0..SUPER).map(|input| nibble(&block[16..], input)));
    }

    /// As `Q4_K`, with 32 bytes of fifth bits before the nibbles.
    fn q5_k(&mut self, block: &[u8]) {
        self.super_scales_and_mins(block);
        let (fifth, nibbles) = block[16..].split_at(32);
        let bit = |input: usize| (fifth[input % 32] >> (input / 32) & 1) << 4;
        self.quants.extend((0..SUPER).map(|input| nibble(nibbles, input) | bit(input)));
    }

    /// 128 bytes of low nibbles, 64 of high bits, 16 signed scales, scale.
    fn q6_k(&mut self, block: &[u8]) {
        let (low, rest) = block.split_at(128);
        let (high, rest) = rest.split_at(64);
        self.scales.push(half_at(rest, 16));
        self.sub_scales.extend(rest[..16].iter().map(|byte| byte.cast_signed()));
        self.quants.extend((0..SUPER).map(|input| {
            let (half, quarter, at) = (input / 128, input / 32 % 4, input % 32);
            let nibble = low[64 * half + 32 * (quarter % 2) + at] >> (4 * (quarter / 2)) & 15;
            nibble | (high[32 * half + at] >> (2 * quarter) & 3) << 4
        }));
    }

    fn super_scales_and_mins(&mut self, block: &[u8]) {
        self.scales.push(half_at(block, 0));
        self.mins.push(negated_half_at(block, 2));
        let packed = &block[4..16];
        for index in 0..8 {
            let (scale, min) = if index < 4 {
                (packed[index] & 63, packed[index + 4] & 63)
            } else {
                let (low, high) = (packed[index + 4], index - 4);
                (low & 15 | packed[high] >> 6 << 4, low >> 4 | packed[index] >> 6 << 4)
            };
            self.sub_scales.push(scale.cast_signed());
            self.sub_mins.push(min.cast_signed());
        }
    }
}

fn each<const BYTES: usize>(bytes: &[u8], mut take: impl FnMut(&[u8])) {
    bytes.as_chunks::<BYTES>().0.iter().for_each(|block| take(block));
}

fn half_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Super formats subtract their mins; here mins are added.
fn negated_half_at(bytes: &[u8], at: usize) -> u16 {
    half_at(bytes, at) ^ 0x8000
}

fn fifth_bits(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Super formats: 32 bytes hold 128 inputs, 32 of them at each bit pair.
fn two_bits(bytes: &[u8], input: usize) -> u8 {
    bytes[input / 128 * 32 + input % 32] >> (2 * (input / 32 % 4)) & 3
}

/// Super formats: 32 bytes hold 64 inputs, the first 32 in their low halves.
fn nibble(bytes: &[u8], input: usize) -> u8 {
    bytes[input / 64 * 32 + input % 32] >> (4 * (input / 32 % 2)) & 15
}

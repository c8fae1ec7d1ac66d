//! How quantised weights lie in memory: panels of 16 columns, blocks of 32 inputs, bits in planes.
//!
//! A panel is a stream of groups: a header with the scales of the group's blocks, then each block's planes. A plane of
//! b bits takes b vectors of 64 bytes; byte 4c + j of a vector belongs to column c and input 4g + j of group of four g.
//!
//! ```text
//! 8 bits: vector g                     4 bits: vector g holds g in its low half, g + 4 in its high half
//! 2 bits: vector g % 2, at bit 2(g/2)  1 bit: bit g       5 = 4 + 1, 6 = 4 + 2, 3 = 2 + 1
//! plain group:  2 blocks, f16 scales [block][16], perhaps f16 mins [block][16]
//! super group:  8 blocks, f16 scale [16], perhaps f16 min [16], i8 scales [sub-block][16], perhaps i8 mins
//! ```
//! weight = scale * (quant - offset) + min. Same bits a weight as in a GGUF file, but for 3 padding bits in 100 at worst.

use super::simd::LANES;

/// Inputs of a block; activations share a scale over as many.
pub const BLOCK: usize = 32;
/// Bytes of sixteen f16.
pub const SCALES_BYTES: usize = 2 * LANES;
/// Groups start on a cache line.
const LINE_BYTES: usize = 64;

/// The quantised types that matrices are held in, named as in GGUF files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the field's")]
#[allow(non_camel_case_types, reason = "as GGUF spells them")]
pub enum QuantType {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
}

impl QuantType {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2_K,
        Self::Q3_K,
        Self::Q4_K,
        Self::Q5_K,
        Self::Q6_K,
    ];

    /// The facts that the kernels are compiled from.
    pub const fn layout(self) -> BlockLayout {
        let plain = BlockLayout { bits: 4, sub_block: BLOCK, is_super: false, has_mins: false, offset: 0 };
        let k = BlockLayout { is_super: true, ..plain };
        match self {
            Self::Q4_0 => BlockLayout { offset: 8, ..plain },
            Self::Q4_1 => BlockLayout { has_mins: true, ..plain },
            Self::Q5_0 => BlockLayout { bits: 5, offset: 16, ..plain },
            Self::Q5_1 => BlockLayout { bits: 5, has_mins: true, ..plain },
            Self::Q8_0 => BlockLayout { bits: 8, offset: 128, ..plain },
            Self::Q2_K => BlockLayout { bits: 2, sub_block: 16, has_mins: true, ..k },
            Self::Q3_K => BlockLayout { bits: 3, sub_block: 16, offset: 4, ..k },
            Self::Q4_K => BlockLayout { has_mins: true, ..k },
            Self::Q5_K => BlockLayout { bits: 5, has_mins: true, ..k },
            Self::Q6_K => BlockLayout { bits: 6, sub_block: 16, offset: 32, ..k },
        }
    }
}

/// One type's facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLayout {
    /// Bits of a quant.
    pub bits: usize,
    /// Inputs that share a scale: 16 or 32.
    pub sub_block: usize,
    /// Whether scales are small integers times one f16 for 256 inputs.
    pub is_super: bool,
    /// Whether a min is added.
    pub has_mins: bool,
    /// Subtracted from every quant: 0 or a power of two.
    pub offset: i32,
}

impl BlockLayout {
    /// Blocks of a group.
    pub const fn blocks(&self) -> usize {
        if self.is_super { 8 } else { 2 }
    }

    /// Sub-blocks of a block.
    pub const fn sub_blocks(&self) -> usize {
        BLOCK / self.sub_block
    }

    /// Bytes of a group's header.
    pub const fn header_bytes(&self) -> usize {
        let kinds = if self.has_mins { 2 } else { 1 };
        let bytes = if self.is_super {
            kinds * (SCALES_BYTES + self.blocks() * self.sub_blocks() * LANES)
        } else {
            kinds * self.blocks() * SCALES_BYTES
        };
        bytes.next_multiple_of(LINE_BYTES)
    }

    /// Bytes of one block's planes.
    pub const fn block_bytes(&self) -> usize {
        self.bits * LINE_BYTES
    }

    /// Bytes of a group.
    pub const fn group_bytes(&self) -> usize {
        self.header_bytes() + self.blocks() * self.block_bytes()
    }

    /// Bytes of a panel whose columns have `inputs` weights each.
    pub const fn panel_bytes(&self, inputs: usize) -> usize {
        inputs.div_ceil(self.blocks() * BLOCK) * self.group_bytes()
    }

    /// Where the f16 scales of a plain block, or the one of a super group, begin in the header.
    pub const fn scales_at(&self, block: usize) -> usize {
        if self.is_super { 0 } else { block * SCALES_BYTES }
    }

    /// Where the f16 mins begin.
    pub const fn mins_at(&self, block: usize) -> usize {
        if self.is_super { SCALES_BYTES } else { (self.blocks() + block) * SCALES_BYTES }
    }

    /// Where the i8 scales of a sub-block of a super group begin.
    pub const fn sub_scales_at(&self, sub_block: usize) -> usize {
        (if self.has_mins { 2 } else { 1 }) * SCALES_BYTES + sub_block * LANES
    }

    /// Where its i8 mins begin.
    pub const fn sub_mins_at(&self, sub_block: usize) -> usize {
        self.sub_scales_at(self.blocks() * self.sub_blocks() + sub_block)
    }

    /// The planes of a quant: their bits, and where its bits of them begin.
    pub const fn planes(&self) -> &'static [(usize, usize)] {
        match self.bits {
            2 => &[(2, 0)],
            3 => &[(2, 0), (1, 2)],
            4 => &[(4, 0)],
            5 => &[(4, 0), (1, 4)],
            6 => &[(4, 0), (2, 4)],
            _ => &[(8, 0)],
        }
    }
}

/// In a plane of `bits`: the vector that holds group of four `group`, and the bit its part begins at.
pub const fn place_in_plane(bits: usize, group: usize) -> (usize, usize) {
    (group % bits, bits * (group / bits))
}

/// A type as a parameter of a kernel.
pub trait Format: 'static {
    /// Its facts.
    const LAYOUT: BlockLayout;
    /// See [`BlockLayout::header_bytes`].
    const HEADER_BYTES: usize = Self::LAYOUT.header_bytes();
    /// See [`BlockLayout::block_bytes`].
    const BLOCK_BYTES: usize = Self::LAYOUT.block_bytes();
    /// See [`BlockLayout::group_bytes`].
    const GROUP_BYTES: usize = Self::LAYOUT.group_bytes();
    /// See [`BlockLayout::blocks`].
    const BLOCKS: usize = Self::LAYOUT.blocks();
    /// See [`BlockLayout::sub_blocks`].
    const SUB_BLOCKS: usize = Self::LAYOUT.sub_blocks();
}

/// Makes an empty struct for each type that kernels are compiled for.
macro_rules! formats {
    ($($name:ident),*) => {
        /// The types as parameters of kernels.
        #[allow(missing_docs, reason = "the names are the field's")]
        #[allow(missing_debug_implementations, reason = "never made")]
        #[allow(non_camel_case_types, reason = "as GGUF spells them")]
        pub mod formats {
            $(pub struct $name;
            impl super::Format for $name {
                const LAYOUT: super::BlockLayout = super::QuantType::$name.layout();
            })*
        }
    };
}
formats!(Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K);

/// Calls `$call` with the type parameter that the [`QuantType`] is.
macro_rules! with_format {
    ($kind:expr, $format:ident => $call:expr) => {
        with_format!(@ $kind, $format, $call, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K)
    };
    (@ $kind:expr, $format:ident, $call:expr, $($name:ident),*) => {
        match $kind {
            $($crate::kernels::cpu::block_format::QuantType::$name => {
                type $format = $crate::kernels::cpu::block_format::formats::$name;
                $call
            })*
        }
    };
}
pub(crate) use with_format;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_take_the_bits_that_files_take() {
        let bits = |kind: QuantType| kind.layout().panel_bytes(1024) as f64 * 8.0 / (1024 * LANES) as f64;
        for (kind, of_file) in [(QuantType::Q4_0, 4.5), (QuantType::Q4_1, 5.0), (QuantType::Q5_0, 5.5)] {
            assert!((bits(kind) - of_file).abs() < 1e-9, "{kind:?}: {}", bits(kind));
        }
        for (kind, of_file) in [
            (QuantType::Q5_1, 6.0),
            (QuantType::Q8_0, 8.5),
            (QuantType::Q2_K, 2.625),
            (QuantType::Q3_K, 3.4375),
            (QuantType::Q4_K, 4.5),
            (QuantType::Q5_K, 5.5),
            (QuantType::Q6_K, 6.5625),
        ] {
            assert!(bits(kind) < of_file * 1.2 && bits(kind) >= of_file, "{kind:?}: {}", bits(kind));
        }
    }

    #[test]
    fn every_group_of_four_has_a_place_of_its_own() {
        for bits in [1, 2, 4, 8] {
            let mut places: Vec<_> = (0..8).map(|group| place_in_plane(bits, group)).collect();
            assert!(places.iter().all(|(vector, bit)| *vector < bits && bit + bits <= 8));
            places.dedup();
            assert_eq!(places.len(), 8);
        }
    }
}

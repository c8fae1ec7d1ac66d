//! Sizes of a cache, and what follows from them.

use crate::kernels::cpu::kv_element::GROUP;
use crate::kernels::cpu::simd::LANES;

/// What keys and values are kept as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KvDtype {
    /// As they are computed.
    F32,
    /// Rounded to f16.
    #[default]
    F16,
    /// 8 bits, and an f16 scale for each 32 elements of a head.
    Q8_0,
}

impl KvDtype {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Q8_0];

    /// As flags spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
        }
    }

    fn element_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::Q8_0 => 1,
        }
    }
}

/// Sizes of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvGeometry {
    /// Decoder layers that use the pool.
    pub layers: usize,
    /// Blocks of the pool.
    pub blocks: usize,
    /// Positions of a block: a power of two.
    pub block_size: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Elements of a head: a multiple of 8, at most [`MAX_HEAD_DIM`].
    pub head_dim: usize,
    /// What they are kept as.
    pub dtype: KvDtype,
}

/// Widest head that the attention kernel holds.
pub const MAX_HEAD_DIM: usize = 256;
/// Most scales of a head.
pub const MAX_GROUPS: usize = MAX_HEAD_DIM / GROUP;
/// The widths of heads that it holds, in words.
pub const HEAD_DIMS: &str = "a multiple of 8 up to 256";

/// Whether the attention kernel holds heads of this width.
pub fn is_head_dim(head_dim: usize) -> bool {
    head_dim.is_multiple_of(8) && (8..=MAX_HEAD_DIM).contains(&head_dim)
}

impl KvGeometry {
    /// Bytes that one block takes in all of them.
    pub fn block_bytes(&self) -> u64 {
        let elements = (self.key_block() + self.value_block()) * self.dtype.element_bytes();
        let scales = 2 * self.scale_block() * size_of::<u16>();
        (self.layers * self.kv_heads * (elements + scales)) as u64
    }

    /// Bytes that all blocks take.
    pub fn bytes(&self) -> u64 {
        self.block_bytes() * self.blocks as u64
    }

    /// Positions whose keys lie side by side.
    pub fn tile(&self) -> usize {
        self.block_size.min(LANES)
    }

    /// Distance of two values rows.
    pub fn value_width(&self) -> usize {
        self.head_dim.next_multiple_of(LANES)
    }

    /// Groups of a head that share a scale.
    pub fn groups(&self) -> usize {
        self.head_dim.div_ceil(GROUP)
    }

    /// Elements of a block's keys.
    pub(super) fn key_block(&self) -> usize {
        self.block_size * self.head_dim
    }

    /// Elements of a block's values.
    pub(super) fn value_block(&self) -> usize {
        self.block_size * self.value_width()
    }

    /// Scales of a block's keys, and as many of its values.
    pub(super) fn scale_block(&self) -> usize {
        if self.dtype == KvDtype::Q8_0 { self.block_size * self.groups() } else { 0 }
    }

    /// Panics on sizes that the kernels cannot hold.
    pub(super) fn check(&self) {
        assert!(self.block_size.is_power_of_two(), "a block has a power of two positions, not {}", self.block_size);
        assert!(is_head_dim(self.head_dim), "heads are {HEAD_DIMS} wide, not {}", self.head_dim);
    }
}

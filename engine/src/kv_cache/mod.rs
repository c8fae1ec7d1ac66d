//! Keys and values of all blocks, in memory.
//!
//! Keys lie as `[kv head][block][tile][head element][position in tile]`, a tile being 16 positions (or a smaller block), so
//! that sixteen scores are computed at once. Values lie as `[kv head][block][position][head element]`, rows filled up to
//! a multiple of 16. Scales of 8-bit elements lie beside them, `[kv head][block][tile][group][position in tile]` and
//! `[kv head][block][position][group]`. Who owns a block is the scheduler's business; what lies behind a sequence's
//! length is never read as a number.

mod geometry;
mod tensors;

use half::f16;
use scheduler::BlockId;

use crate::kernels::arena::Arena;
use crate::kernels::pages::Pages;

pub use geometry::{HEAD_DIMS, KvDtype, KvGeometry, MAX_GROUPS, MAX_HEAD_DIM, is_head_dim};
use tensors::TENSORS;
pub use tensors::{KvHead, KvHeadMut, KvTensors};

/// The tensors of one pool of blocks, for all layers.
#[derive(Debug)]
pub struct KvCache {
    geometry: KvGeometry,
    layers: Vec<KvLayer>,
}

impl KvCache {
    /// A zeroed cache.
    pub fn new(geometry: KvGeometry) -> Self {
        geometry.check();
        let memory = Arena::with_capacity(geometry.block_bytes() as usize * geometry.blocks, geometry.layers * TENSORS);
        let layers = (0..geometry.layers).map(|_| KvLayer::new(&memory, geometry)).collect();
        Self { geometry, layers }
    }

    /// Its sizes.
    pub fn geometry(&self) -> &KvGeometry {
        &self.geometry
    }

    /// One layer's keys and values.
    pub fn layer(&self, layer: usize) -> &KvLayer {
        &self.layers[layer]
    }

    /// One layer's keys and values, to write.
    pub fn layer_mut(&mut self, layer: usize) -> &mut KvLayer {
        &mut self.layers[layer]
    }

    /// Copies a block in every layer.
    pub fn copy_block(&mut self, from: BlockId, to: BlockId) {
        for layer in &mut self.layers {
            layer.copy_block(from, to);
        }
    }

    /// Where the first blocks lie, as many as so many bytes hold.
    pub fn first_pages(&self, bytes: u64) -> Vec<Pages> {
        let count = usize::try_from(bytes / self.geometry.block_bytes()).unwrap_or(usize::MAX);
        let count = count.min(self.geometry.blocks);
        self.layers.iter().flat_map(|layer| layer.first_pages(count)).collect()
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.geometry.block_bytes() * self.geometry.blocks as u64
    }
}

/// Keys and values of one layer, in the cache's element type.
#[derive(Debug)]
pub enum KvLayer {
    /// As they are computed.
    F32(KvTensors<f32>),
    /// Rounded to f16.
    F16(KvTensors<f16>),
    /// 8 bits with scales.
    Q8_0(KvTensors<i8>),
}

impl KvLayer {
    fn new(memory: &Arena, geometry: KvGeometry) -> Self {
        match geometry.dtype {
            KvDtype::F32 => Self::F32(KvTensors::new(memory, geometry)),
            KvDtype::F16 => Self::F16(KvTensors::new(memory, geometry)),
            KvDtype::Q8_0 => Self::Q8_0(KvTensors::new(memory, geometry)),
        }
    }

    fn first_pages(&self, count: usize) -> Vec<Pages> {
        match self {
            Self::F32(tensors) => tensors.first_pages(count).collect(),
            Self::F16(tensors) => tensors.first_pages(count).collect(),
            Self::Q8_0(tensors) => tensors.first_pages(count).collect(),
        }
    }

    /// The cache's sizes.
    pub fn geometry(&self) -> &KvGeometry {
        match self {
            Self::F32(tensors) => tensors.geometry(),
            Self::F16(tensors) => tensors.geometry(),
            Self::Q8_0(tensors) => tensors.geometry(),
        }
    }

    fn copy_block(&mut self, from: BlockId, to: BlockId) {
        match self {
            Self::F32(tensors) => tensors.copy_block(from, to),
            Self::F16(tensors) => tensors.copy_block(from, to),
            Self::Q8_0(tensors) => tensors.copy_block(from, to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::isa::Isa;
    use crate::kernels::cpu::kv_element::KvElement;
    use crate::kernels::cpu::simd::{Kernel, LANES, Simd};

    fn geometry(block_size: usize, head_dim: usize, dtype: KvDtype) -> KvGeometry {
        KvGeometry { layers: 2, blocks: 3, block_size, kv_heads: 2, head_dim, dtype }
    }

    /// Writes the last position of a block, its value being the negative of its key.
    struct WriteLast<'a, E: KvElement>(&'a mut KvTensors<E>, BlockId);

    impl<E: KvElement> Kernel for WriteLast<'_, E> {
        type Output = ();

        fn run<S: Simd>(self, simd: S) {
            let KvGeometry { block_size, head_dim, .. } = *self.0.geometry();
            let key: Vec<f32> = (0..head_dim).map(|index| 1.0 + index as f32).collect();
            let value: Vec<f32> = key.iter().map(|element| -element).collect();
            for mut head in self.0.heads_mut() {
                head.write(simd, (self.1, block_size - 1), &key, &value);
            }
        }
    }

    fn check_copy<E: KvElement + PartialEq + std::fmt::Debug>(tensors: &mut KvTensors<E>) {
        let isa = Isa::Scalar.checked().unwrap();
        isa.run(WriteLast(&mut *tensors, BlockId(2)));
        tensors.copy_block(BlockId(2), BlockId(0));
        let geometry = *tensors.geometry();
        for head in [0, 1].map(|head| tensors.head(head)) {
            let tile = geometry.block_size.div_ceil(LANES) - 1;
            assert_eq!(head.keys(BlockId(0), tile), head.keys(BlockId(2), tile));
            assert_eq!(head.key_scales(BlockId(0), tile), head.key_scales(BlockId(2), tile));
            assert_eq!(head.values(BlockId(0)), head.values(BlockId(2)));
            assert_eq!(head.value_scales(BlockId(0)), head.value_scales(BlockId(2)));
            let last = &head.values(BlockId(0))[(geometry.block_size - 1) * geometry.value_width()..];
            assert!(last[..geometry.head_dim].iter().all(|element| *element != E::default()));
            assert!(head.values(BlockId(1)).iter().all(|element| *element == E::default()));
        }
    }

    #[test]
    fn a_copied_block_holds_the_same() {
        for (block_size, head_dim) in [(1, 8), (4, 16), (16, 24), (64, 40)] {
            for dtype in KvDtype::ALL {
                match &mut KvLayer::new(&Arena::default(), geometry(block_size, head_dim, dtype)) {
                    KvLayer::F32(tensors) => check_copy(tensors),
                    KvLayer::F16(tensors) => check_copy(tensors),
                    KvLayer::Q8_0(tensors) => check_copy(tensors),
                }
            }
        }
    }

    #[test]
    fn bytes_are_what_the_plan_says() {
        for (dtype, of_head) in [(KvDtype::F32, 64 * 4), (KvDtype::F16, 64 * 2), (KvDtype::Q8_0, 64 + 2 * 2)] {
            let cache = KvCache::new(geometry(16, 64, dtype));
            assert_eq!(cache.bytes(), 2 * 3 * 2 * 16 * 2 * of_head);
            assert_eq!(cache.bytes(), 3 * cache.geometry().block_bytes());
        }
    }
}

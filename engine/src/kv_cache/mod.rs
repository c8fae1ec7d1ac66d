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
use scheduler::{BlockCopy, BlockId, KvPool};

use crate::kernels::arena::Arena;
use crate::kernels::pages::Pages;

pub use geometry::{HEAD_DIMS, KvDtype, KvGeometry, MAX_GROUPS, MAX_HEAD_DIM, is_head_dim};
use tensors::TENSORS;
pub use tensors::{KvHead, KvHeadMut, KvTensors};

/// The tensors of all layers, each of which keeps its own in the blocks of one pool.
#[derive(Debug)]
pub struct KvCache {
    geometry: KvGeometry,
    /// Of the second pool, if there is one.
    windowed: Option<KvGeometry>,
    layers: Vec<(KvPool, KvLayer)>,
}

impl KvCache {
    /// A zeroed cache of one pool.
    pub fn new(geometry: KvGeometry) -> Self {
        Self::zeroed(geometry, None, (0..geometry.layers).map(|_| KvPool::Main))
    }

    /// A zeroed cache of these sizes, but that layers use the pools named here, in their order, the second of which has so many
    /// blocks.
    pub fn in_two_pools(geometry: KvGeometry, windowed_blocks: usize, pools: &[KvPool]) -> Self {
        assert_eq!(pools.len(), geometry.layers, "each layer uses a pool");
        let layers = |pool| pools.iter().filter(|of_layer| **of_layer == pool).count();
        let main = KvGeometry { layers: layers(KvPool::Main), ..geometry };
        let windowed = KvGeometry { layers: layers(KvPool::Windowed), blocks: windowed_blocks, ..geometry };
        Self::zeroed(main, Some(windowed), pools.iter().copied())
    }

    fn zeroed(geometry: KvGeometry, windowed: Option<KvGeometry>, pools: impl Iterator<Item = KvPool>) -> Self {
        geometry.check();
        let all = || [geometry].into_iter().chain(windowed);
        let bytes = all().map(|geometry| geometry.bytes()).sum::<u64>() as usize;
        let layers = all().map(|geometry| geometry.layers).sum::<usize>();
        let memory = Arena::with_capacity(bytes, layers * TENSORS);
        let layer = |pool| {
            let geometry = windowed.filter(|_| pool == KvPool::Windowed).unwrap_or(geometry);
            (pool, KvLayer::new(&memory, geometry))
        };
        Self { geometry, windowed, layers: pools.map(layer).collect() }
    }

    /// The sizes of the first pool.
    pub fn geometry(&self) -> &KvGeometry {
        &self.geometry
    }

    /// Whose blocks a layer uses.
    pub fn pool(&self, layer: usize) -> KvPool {
        self.layers[layer].0
    }

    /// One layer's keys and values.
    pub fn layer(&self, layer: usize) -> &KvLayer {
        &self.layers[layer].1
    }

    /// One layer's keys and values, to write.
    pub fn layer_mut(&mut self, layer: usize) -> &mut KvLayer {
        &mut self.layers[layer].1
    }

    /// Copies a block in every layer that uses its pool.
    pub fn copy_block(&mut self, copy: BlockCopy) {
        for (_, layer) in self.layers.iter_mut().filter(|(pool, _)| *pool == copy.pool) {
            layer.copy_block(copy.from, copy.to);
        }
    }

    /// Where the first blocks lie: the same share of each pool, as much as so many bytes hold.
    pub fn first_pages(&self, bytes: u64) -> Vec<Pages> {
        let all = u128::from(self.bytes().max(1));
        let share = |blocks: usize| usize::try_from(blocks as u128 * u128::from(bytes) / all).unwrap_or(usize::MAX);
        let of_layer = |layer: &KvLayer| {
            let blocks = layer.geometry().blocks;
            layer.first_pages(share(blocks).min(blocks))
        };
        self.layers.iter().flat_map(|(_, layer)| of_layer(layer)).collect()
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.geometry.bytes() + self.windowed.map_or(0, |geometry| geometry.bytes())
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
            let pools = [KvPool::Windowed, KvPool::Main];
            let two = KvCache::in_two_pools(geometry(16, 64, dtype), 5, &pools);
            assert_eq!(two.bytes(), (3 + 5) * cache.geometry().block_bytes() / 2);
            assert_eq!(
                [0, 1].map(|layer| (two.pool(layer), two.layer(layer).geometry().blocks)),
                [(KvPool::Windowed, 5), (KvPool::Main, 3)]
            );
        }
    }

    #[test]
    fn a_block_is_copied_in_the_layers_of_its_pool() {
        let isa = Isa::Scalar.checked().unwrap();
        let mut cache = KvCache::in_two_pools(geometry(4, 16, KvDtype::F32), 3, &[KvPool::Windowed, KvPool::Main]);
        for layer in 0..2 {
            let KvLayer::F32(tensors) = cache.layer_mut(layer) else { unreachable!("it is of f32") };
            isa.run(WriteLast(tensors, BlockId(2)));
        }
        cache.copy_block(BlockCopy { pool: KvPool::Windowed, from: BlockId(2), to: BlockId(0) });
        let is_copied = [0, 1].map(|layer| {
            let KvLayer::F32(tensors) = cache.layer(layer) else { unreachable!("it is of f32") };
            tensors.head(0).values(BlockId(0)) == tensors.head(0).values(BlockId(2))
        });
        assert_eq!(is_copied, [true, false]);
    }
}

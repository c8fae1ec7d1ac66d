//! Keys and values of all blocks, in memory.
//!
//! Keys lie as `[kv head][block][tile][head element][position in tile]`, a tile being 16 positions (or a smaller block), so
//! that sixteen scores are computed at once. Values lie as `[kv head][block][position][head element]`, rows filled up to
//! a multiple of 16. Who owns a block is the scheduler's business; what lies behind a sequence's length is never read
//! as a number.

use scheduler::BlockId;

use crate::kernels::aligned::Aligned;
use crate::kernels::cpu::simd::LANES;

/// Sizes of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvGeometry {
    /// Decoder layers.
    pub layers: usize,
    /// Blocks of the pool.
    pub blocks: usize,
    /// Positions of a block: a power of two.
    pub block_size: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Elements of a head: a multiple of 8, at most [`MAX_HEAD_DIM`].
    pub head_dim: usize,
}

/// Widest head that the attention kernel holds.
pub const MAX_HEAD_DIM: usize = 256;
/// Heads are a multiple of this wide.
pub const HEAD_DIM_STEP: usize = 8;

impl KvGeometry {
    /// Bytes that one block takes in all layers.
    pub fn block_bytes(&self) -> u64 {
        let floats = self.layers * self.kv_heads * (self.key_block() + self.value_block());
        (floats * size_of::<f32>()) as u64
    }

    /// Positions whose keys lie side by side.
    pub fn tile(&self) -> usize {
        self.block_size.min(LANES)
    }

    /// Distance of two values rows.
    pub fn value_width(&self) -> usize {
        self.head_dim.next_multiple_of(LANES)
    }

    fn key_block(&self) -> usize {
        self.block_size * self.head_dim
    }

    fn value_block(&self) -> usize {
        self.block_size * self.value_width()
    }

    fn check(&self) {
        assert!(self.block_size.is_power_of_two(), "a block has a power of two positions, not {}", self.block_size);
        let fits =
            self.head_dim.is_multiple_of(HEAD_DIM_STEP) && (HEAD_DIM_STEP..=MAX_HEAD_DIM).contains(&self.head_dim);
        assert!(
            fits,
            "a head has a multiple of {HEAD_DIM_STEP} and at most {MAX_HEAD_DIM} elements, not {}",
            self.head_dim
        );
    }
}

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
        let layers = (0..geometry.layers).map(|_| KvLayer::new(geometry)).collect();
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

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.geometry.block_bytes() * self.geometry.blocks as u64
    }
}

/// Keys and values of one layer.
#[derive(Debug)]
pub struct KvLayer {
    geometry: KvGeometry,
    keys: Aligned,
    values: Aligned,
}

impl KvLayer {
    fn new(geometry: KvGeometry) -> Self {
        let blocks = geometry.kv_heads * geometry.blocks;
        let keys = Aligned::zeroed(blocks * geometry.key_block());
        Self { geometry, keys, values: Aligned::zeroed(blocks * geometry.value_block()) }
    }

    /// The cache's sizes.
    pub fn geometry(&self) -> &KvGeometry {
        &self.geometry
    }

    /// What one key and value head holds.
    pub fn head(&self, head: usize) -> KvHead<'_> {
        let (keys, values) =
            (self.geometry.key_block() * self.geometry.blocks, self.geometry.value_block() * self.geometry.blocks);
        KvHead {
            geometry: self.geometry,
            keys: &self.keys[head * keys..][..keys],
            values: &self.values[head * values..][..values],
        }
    }

    /// All heads, to write to each on its own.
    pub fn heads_mut(&mut self) -> impl Iterator<Item = KvHeadMut<'_>> {
        let geometry = self.geometry;
        let keys = self.keys.chunks_exact_mut((geometry.key_block() * geometry.blocks).max(1));
        let values = self.values.chunks_exact_mut((geometry.value_block() * geometry.blocks).max(1));
        keys.zip(values).map(move |(keys, values)| KvHeadMut { geometry, keys, values })
    }

    fn copy_block(&mut self, from: BlockId, to: BlockId) {
        for head in self.heads_mut() {
            for (floats, block) in [(head.keys, head.geometry.key_block()), (head.values, head.geometry.value_block())]
            {
                floats.copy_within(from.index() * block..(from.index() + 1) * block, to.index() * block);
            }
        }
    }
}

/// Keys and values of one head, in all blocks.
#[derive(Clone, Copy, Debug)]
pub struct KvHead<'a> {
    geometry: KvGeometry,
    keys: &'a [f32],
    values: &'a [f32],
}

impl<'a> KvHead<'a> {
    /// The cache's sizes.
    pub fn geometry(&self) -> &KvGeometry {
        &self.geometry
    }

    /// Keys of one tile of a block: `[head_dim, tile]`.
    pub fn keys(&self, block: BlockId, tile: usize) -> &'a [f32] {
        let size = self.geometry.tile() * self.geometry.head_dim;
        &self.keys[block.index() * self.geometry.key_block() + tile * size..][..size]
    }

    /// Values of one block: `[block_size, value_width]`.
    pub fn values(&self, block: BlockId) -> &'a [f32] {
        &self.values[block.index() * self.geometry.value_block()..][..self.geometry.value_block()]
    }
}

/// Keys and values of one head, in all blocks, to write.
#[derive(Debug)]
pub struct KvHeadMut<'a> {
    geometry: KvGeometry,
    keys: &'a mut [f32],
    values: &'a mut [f32],
}

impl KvHeadMut<'_> {
    /// Stores one position: its key and its value, `[head_dim]` each.
    pub fn write(&mut self, block: BlockId, offset: usize, key: &[f32], value: &[f32]) {
        let geometry = self.geometry;
        assert!(offset < geometry.block_size, "position {offset} of {}", geometry.block_size);
        let tile = geometry.tile();
        let keys = &mut self.keys[block.index() * geometry.key_block()..][..geometry.key_block()];
        let keys = &mut keys[offset / tile * tile * geometry.head_dim..];
        for (elements, key) in keys.chunks_exact_mut(tile).zip(key) {
            elements[offset % tile] = *key;
        }
        let values = &mut self.values[block.index() * geometry.value_block()..][..geometry.value_block()];
        values[offset * geometry.value_width()..][..geometry.head_dim].copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(block_size: usize, head_dim: usize) -> KvGeometry {
        KvGeometry { layers: 2, blocks: 3, block_size, kv_heads: 2, head_dim }
    }

    #[test]
    fn a_copied_block_holds_the_same() {
        for (block_size, head_dim) in [(1, 8), (4, 16), (16, 24), (64, 32)] {
            let mut cache = KvCache::new(geometry(block_size, head_dim));
            let key: Vec<f32> = (0..head_dim).map(|index| 1.0 + index as f32).collect();
            let value: Vec<f32> = key.iter().map(|element| -element).collect();
            for layer in 0..2 {
                for mut head in cache.layer_mut(layer).heads_mut() {
                    head.write(BlockId(2), block_size - 1, &key, &value);
                }
            }
            cache.copy_block(BlockId(2), BlockId(0));
            for (layer, head) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let head = cache.layer(layer).head(head);
                let tile = block_size.div_ceil(LANES) - 1;
                assert_eq!(head.keys(BlockId(0), tile), head.keys(BlockId(2), tile));
                assert_eq!(head.values(BlockId(0)), head.values(BlockId(2)));
                assert_eq!(
                    &head.values(BlockId(0))[(block_size - 1) * head.geometry.value_width()..][..head_dim],
                    value
                );
                assert!(head.values(BlockId(1)).iter().all(|element| *element == 0.0));
            }
        }
    }

    #[test]
    fn bytes_are_what_the_plan_says() {
        let cache = KvCache::new(geometry(16, 64));
        assert_eq!(cache.bytes(), 2 * 3 * 2 * 16 * 64 * 2 * 4);
        assert_eq!(cache.bytes(), 3 * cache.geometry().block_bytes());
    }
}

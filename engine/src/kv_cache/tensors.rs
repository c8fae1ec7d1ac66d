//! One layer's keys and values, in one element type.

use half::f16;
use half::slice::HalfBitsSliceExt;
use scheduler::BlockId;

use super::geometry::KvGeometry;
use crate::kernels::aligned::Aligned;
use crate::kernels::arena::Arena;
use crate::kernels::cpu::elementwise::filled;
use crate::kernels::cpu::kv_element::{GROUP, KvElement};
use crate::kernels::cpu::simd::{LANES, Simd};
use crate::kernels::pages::Pages;

/// Tensors of a layer: keys, values, their scales.
pub(super) const TENSORS: usize = 4;

/// Keys and values of one layer.
#[derive(Debug)]
pub struct KvTensors<E: KvElement> {
    geometry: KvGeometry,
    keys: Aligned<E::Bits>,
    values: Aligned<E::Bits>,
    key_scales: Aligned<u16>,
    value_scales: Aligned<u16>,
}

impl<E: KvElement> KvTensors<E> {
    pub(super) fn new(memory: &Arena, geometry: KvGeometry) -> Self {
        let blocks = geometry.kv_heads * geometry.blocks;
        Self {
            geometry,
            keys: memory.zeroed(blocks * geometry.key_block()),
            values: memory.zeroed(blocks * geometry.value_block()),
            key_scales: memory.zeroed(blocks * geometry.scale_block()),
            value_scales: memory.zeroed(blocks * geometry.scale_block()),
        }
    }

    /// The cache's sizes.
    #[inline]
    pub fn geometry(&self) -> &KvGeometry {
        &self.geometry
    }

    /// What one key and value head holds.
    pub fn head(&self, head: usize) -> KvHead<'_, E> {
        let blocks = self.geometry.blocks;
        let of_head = |block: usize| head * block * blocks..(head + 1) * block * blocks;
        let scales = of_head(self.geometry.scale_block());
        KvHead {
            geometry: self.geometry,
            keys: E::of(&self.keys[of_head(self.geometry.key_block())]),
            values: E::of(&self.values[of_head(self.geometry.value_block())]),
            key_scales: self.key_scales[scales.clone()].reinterpret_cast(),
            value_scales: self.value_scales[scales].reinterpret_cast(),
        }
    }

    /// Where the first so many blocks of keys and values lie.
    pub(super) fn first_pages(&self, count: usize) -> impl Iterator<Item = Pages> {
        let geometry = self.geometry;
        let part = move |head: usize, block: usize| {
            let first = head * geometry.blocks * block;
            first..first + count * block
        };
        let of_head = move |head| {
            let keys = self.keys.pages(part(head, geometry.key_block()));
            [keys, self.values.pages(part(head, geometry.value_block()))]
        };
        (0..geometry.kv_heads).flat_map(of_head)
    }

    /// All heads, to write to each on its own.
    pub fn heads_mut(&mut self) -> impl Iterator<Item = KvHeadMut<'_, E>> {
        let geometry = self.geometry;
        let mut keys = E::of_mut(&mut self.keys);
        let mut values = E::of_mut(&mut self.values);
        let mut key_scales: &mut [f16] = self.key_scales.reinterpret_cast_mut();
        let mut value_scales: &mut [f16] = self.value_scales.reinterpret_cast_mut();
        let (key_count, value_count, scale_count) =
            [geometry.key_block(), geometry.value_block(), geometry.scale_block()]
                .map(|of| of * geometry.blocks)
                .into();
        let enough = "heads add up to the tensor";
        (0..geometry.kv_heads).map(move |_| KvHeadMut {
            geometry,
            keys: keys.split_off_mut(..key_count).expect(enough),
            values: values.split_off_mut(..value_count).expect(enough),
            key_scales: key_scales.split_off_mut(..scale_count).expect(enough),
            value_scales: value_scales.split_off_mut(..scale_count).expect(enough),
        })
    }

    pub(super) fn copy_block(&mut self, from: BlockId, to: BlockId) {
        let geometry = self.geometry;
        for head in self.heads_mut() {
            copy(head.keys, geometry.key_block(), from, to);
            copy(head.values, geometry.value_block(), from, to);
            copy(head.key_scales, geometry.scale_block(), from, to);
            copy(head.value_scales, geometry.scale_block(), from, to);
        }
    }
}

fn copy<T: Copy>(all: &mut [T], block: usize, from: BlockId, to: BlockId) {
    all.copy_within(from.index() * block..(from.index() + 1) * block, to.index() * block);
}

/// Keys and values of one head, in all blocks.
#[derive(Clone, Copy, Debug)]
pub struct KvHead<'a, E> {
    geometry: KvGeometry,
    keys: &'a [E],
    values: &'a [E],
    key_scales: &'a [f16],
    value_scales: &'a [f16],
}

impl<'a, E> KvHead<'a, E> {
    /// The cache's sizes.
    #[inline]
    pub fn geometry(&self) -> &KvGeometry {
        &self.geometry
    }

    /// Keys of one tile of a block: `[head_dim, tile]`.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels hold their sums in registers around it")]
    pub fn keys(&self, block: BlockId, tile: usize) -> &'a [E] {
        let size = self.geometry.tile() * self.geometry.head_dim;
        &self.keys[block.index() * self.geometry.key_block() + tile * size..][..size]
    }

    /// Scales of one tile of a block's keys: `[groups, tile]`, or nothing where elements have none.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels hold their sums in registers around it")]
    pub fn key_scales(&self, block: BlockId, tile: usize) -> &'a [f16] {
        let of_block = self.geometry.scale_block();
        let size = of_block.min(self.geometry.tile() * self.geometry.groups());
        &self.key_scales[block.index() * of_block + tile * size..][..size]
    }

    /// Values of one block: `[block_size, value_width]`.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels hold their sums in registers around it")]
    pub fn values(&self, block: BlockId) -> &'a [E] {
        &self.values[block.index() * self.geometry.value_block()..][..self.geometry.value_block()]
    }

    /// Scales of one block's values: `[block_size, groups]`, or nothing where elements have none.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels hold their sums in registers around it")]
    pub fn value_scales(&self, block: BlockId) -> &'a [f16] {
        &self.value_scales[block.index() * self.geometry.scale_block()..][..self.geometry.scale_block()]
    }
}

/// Keys and values of one head, in all blocks, to write.
#[derive(Debug)]
pub struct KvHeadMut<'a, E> {
    geometry: KvGeometry,
    keys: &'a mut [E],
    values: &'a mut [E],
    key_scales: &'a mut [f16],
    value_scales: &'a mut [f16],
}

impl<E: KvElement> KvHeadMut<'_, E> {
    /// The cache's sizes.
    #[inline]
    pub fn geometry(&self) -> &KvGeometry {
        &self.geometry
    }

    /// Stores one position, the `offset`-th of a block: its key and its value, `[head_dim]` each.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "kernels inline it")]
    pub fn write<S: Simd>(&mut self, simd: S, (block, offset): (BlockId, usize), key: &[f32], value: &[f32]) {
        let geometry = self.geometry;
        assert!(offset < geometry.block_size, "position {offset} of {}", geometry.block_size);
        let tile = geometry.tile();
        let (first, column) = (offset / tile * tile, offset % tile);
        let keys = &mut self.keys[block.index() * geometry.key_block()..][..geometry.key_block()];
        let mut lines = keys[first * geometry.head_dim..].chunks_exact_mut(tile);
        let values = &mut self.values[block.index() * geometry.value_block()..][..geometry.value_block()];
        let mut values = values[offset * geometry.value_width()..][..geometry.value_width()].chunks_mut(GROUP);
        let scales = block.index() * geometry.scale_block();
        for (group, (key, value)) in key.chunks(GROUP).zip(value.chunks(GROUP)).enumerate() {
            let (elements, scale) = encoded::<S, E>(simd, key);
            for (element, line) in elements.as_flattened()[..key.len()].iter().zip(lines.by_ref()) {
                line[column] = *element;
            }
            if E::HAS_SCALES {
                self.key_scales[scales + first * geometry.groups() + group * tile + column] = scale;
            }
            let (elements, scale) = encoded::<S, E>(simd, value);
            let out = values.next().expect("values are as wide as keys");
            out.copy_from_slice(&elements.as_flattened()[..out.len()]);
            if E::HAS_SCALES {
                self.value_scales[scales + offset * geometry.groups() + group] = scale;
            }
        }
    }
}

/// One group as elements, filled up with zeros, and its scale.
#[inline(always)]
#[allow(clippy::inline_always, reason = "kernels inline it")]
fn encoded<S: Simd, E: KvElement>(simd: S, values: &[f32]) -> ([[E; LANES]; 2], f16) {
    let (left, right) = values.split_at(LANES.min(values.len()));
    let lines = [simd.load(&filled(left, 0.0)), simd.load(&filled(right, 0.0))];
    let mut elements = [[E::default(); LANES]; 2];
    let scale = E::encode(simd, lines, &mut elements);
    (elements, scale)
}

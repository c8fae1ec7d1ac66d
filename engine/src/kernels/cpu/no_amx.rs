//! What stands for AMX on other architectures: nothing of it can be made, so nothing of it is ever called.

use std::marker::PhantomData;

use super::block_format::QuantType;
use super::isa::Isa;
use super::simd::LANES;
use super::tile::PanelLines;

/// Rows of a tile that would be multiplied at once.
pub const AMX_ROWS: usize = 16;

/// There is none.
#[derive(Clone, Copy, Debug)]
pub enum Amx {}

impl Amx {
    /// None.
    pub fn of(_isa: Isa) -> Option<Self> {
        None
    }
}

/// Nothing to keep.
#[derive(Debug, Default)]
pub struct AmxScratch;

/// There are none.
#[derive(Debug)]
pub struct AmxTiles<'a>(Amx, PhantomData<&'a mut AmxScratch>);

impl<'a> AmxTiles<'a> {
    /// Never called.
    pub fn new(amx: Amx, _scratch: &'a mut AmxScratch) -> Self {
        Self(amx, PhantomData)
    }

    /// Never called.
    pub fn multiply_pairs(&mut self, _: &[&[[u16; 2 * LANES]]], _: (&[u32], usize), _: &mut [PanelLines]) {
        match self.0 {}
    }

    /// Never called.
    pub fn unpack(&mut self, _slot: usize, _panel: (QuantType, &[u8]), _blocks: usize) {
        match self.0 {}
    }

    /// Never called.
    pub fn multiply(&mut self, _slot: usize, _: (QuantType, &[u8]), _: (&[u32], usize), _: &mut PanelLines) {
        match self.0 {}
    }
}

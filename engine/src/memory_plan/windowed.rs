//! The second pool: keys and values of layers that see a window only, in models with others that see all positions.
//!
//! It follows from the first pool. With n blocks there, texts of `text_blocks` each are n / `text_blocks` sequences at once, and
//! here each of them has what a window takes, however long it is. A text shorter than that would fill the second pool first, a
//! longer one the first; in between lies the geometric mean of a window and the longest text. It is at most [`MOST_WINDOWS`]
//! windows, so that chats, which are short, find nearly as much room as in one pool.
//! Invariant: what one sequence holds at one time fits into the second pool if the text fits into the first.

use scheduler::{Limits, WindowedPool};

use super::{MemoryLimits, arithmetic};
use crate::config::DecoderConfig;
use crate::kv_cache::KvDtype;

/// Windows that a text is long, as a rule, where the longest is far longer.
const MOST_WINDOWS: u64 = 2;

/// What the second pool needs.
pub(super) struct WindowedNeeds {
    /// Layers that use it.
    pub(super) layers: usize,
    /// Bytes of a block.
    pub(super) per_block: u64,
    /// Positions that a token sees in the layer that sees most.
    window: usize,
    /// Blocks that a sequence holds at one time, at most.
    window_blocks: u64,
    /// Blocks of the first pool that a sequence fills, as a rule.
    text_blocks: u64,
    /// Sequences that run at once.
    max_num_seqs: u64,
}

impl WindowedNeeds {
    /// None where one pool does as well: all layers see equally far, or no text is longer than a window and a step.
    pub(super) fn new(config: &DecoderConfig, dtype: KvDtype, limits: &MemoryLimits) -> Option<Self> {
        let window = config.window_beside_all().filter(|_| limits.windowed_pool)?;
        let context = limits.max_model_len.unwrap_or(config.max_positions).div_ceil(limits.block_size) as u64;
        let step = limits.max_num_batched_tokens;
        let window_blocks = Limits::window_blocks(window, step, limits.block_size) as u64;
        if window_blocks >= context {
            return None;
        }
        let layers = config.windows.iter().flatten().count();
        Some(Self {
            layers,
            per_block: arithmetic::kv_bytes_per_block(config, layers, limits.block_size, dtype),
            window,
            window_blocks,
            text_blocks: window_blocks.saturating_mul(context).isqrt().min(MOST_WINDOWS * window_blocks),
            max_num_seqs: limits.max_num_seqs as u64,
        })
    }

    /// The pool beside so many blocks of the first.
    pub(super) fn pool(&self, blocks: u64) -> WindowedPool {
        WindowedPool { num_blocks: self.blocks_beside(blocks) as usize, window: self.window }
    }

    /// Its bytes.
    pub(super) fn bytes_beside(&self, blocks: u64) -> u64 {
        self.blocks_beside(blocks).saturating_mul(self.per_block)
    }

    /// Bytes that a sequence holds here at one time which has so many blocks of the first pool.
    pub(super) fn bytes_held(&self, blocks: u64) -> u64 {
        blocks.min(self.window_blocks).saturating_mul(self.per_block)
    }

    fn blocks_beside(&self, blocks: u64) -> u64 {
        let share = blocks.saturating_mul(self.window_blocks) / self.text_blocks;
        share.clamp(self.window_blocks, self.window_blocks.saturating_mul(self.max_num_seqs)).min(blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryPlan;
    use super::super::tests::{SIZES, small};
    use super::*;

    const GIB: u64 = 1 << 30;
    /// Of 16 positions in one layer.
    const BLOCK: u64 = 16 * 2 * 256 * 4;

    /// The shape of Gemma 3 with a billion parameters: one layer of six sees all.
    fn mixed() -> DecoderConfig {
        let window = |layer: usize| (layer % 6 != 5).then_some(512);
        DecoderConfig {
            num_layers: 26,
            num_kv_heads: 1,
            head_dim: 256,
            max_positions: 32_768,
            windows: (0..26).map(window).collect(),
            ..small()
        }
    }

    fn plan(limits: &MemoryLimits) -> MemoryPlan {
        MemoryPlan::with_available(&mixed(), SIZES, limits, 64 * GIB).unwrap()
    }

    #[test]
    fn a_long_text_holds_windows_in_the_layers_that_see_no_more() {
        let one = MemoryLimits { num_kv_blocks: Some(2048), max_num_seqs: 1, ..MemoryLimits::default() };
        let plan = plan(&one);
        assert_eq!(plan.max_model_len, 32_768);
        // 512 positions and 256 tokens less one take 48 blocks, and one more where they begin inside of one.
        assert_eq!(plan.windowed, Some(WindowedPool { num_blocks: 49, window: 512 }));
        assert_eq!(plan.kv_bytes, (2048 * 4 + 49 * 22) * BLOCK);
        assert!(plan.to_string().contains("49 blocks, 704.00 KiB each: layers that see 512 tokens"), "{plan}");
        let all = MemoryPlan::with_available(&mixed(), SIZES, &MemoryLimits { windowed_pool: false, ..one }, 64 * GIB);
        let all = all.unwrap();
        assert_eq!((all.windowed, all.kv_bytes), (None, 2048 * 26 * BLOCK));
    }

    #[test]
    fn bytes_are_shared_by_both_pools() {
        let plan = plan(&MemoryLimits { kv_cache_memory_bytes: Some(GIB), ..MemoryLimits::default() });
        let windowed = plan.windowed.unwrap().num_blocks;
        // Texts of two windows: the geometric mean of a window's 49 blocks and the longest text's 2048 is more.
        assert_eq!(windowed, plan.num_blocks * 49 / 98);
        assert_eq!(plan.kv_bytes, (plan.num_blocks as u64 * 4 + windowed as u64 * 22) * BLOCK);
        assert!(plan.kv_bytes <= GIB && plan.kv_bytes + (4 + 22) * BLOCK > GIB, "one block more is too much");
        let in_one_pool = GIB / (26 * BLOCK);
        assert!(plan.num_blocks as u64 > in_one_pool * 17 / 10, "nearly twice as much long text");
        assert!(windowed as u64 > in_one_pool * 8 / 10, "and nearly as much of short texts");
    }

    #[test]
    fn the_second_pool_has_no_more_than_all_windows_and_no_more_than_the_first() {
        let windowed = |num_kv_blocks, max_num_seqs| {
            plan(&MemoryLimits { num_kv_blocks: Some(num_kv_blocks), max_num_seqs, ..MemoryLimits::default() })
                .windowed
                .unwrap()
                .num_blocks
        };
        assert_eq!([10, 49, 50, 700].map(|blocks| windowed(blocks, 64)), [10, 49, 49, 350]);
        assert_eq!(windowed(100_000, 3), 3 * 49);
    }

    #[test]
    fn texts_no_longer_than_a_window_and_a_step_have_one_pool() {
        let short = |max_model_len| MemoryLimits { max_model_len: Some(max_model_len), ..MemoryLimits::default() };
        assert_eq!(plan(&short(49 * 16)).windowed, None);
        assert!(plan(&short(49 * 16 + 1)).windowed.is_some());
        let alike = DecoderConfig { windows: vec![Some(512); 26], ..mixed() };
        let alike = MemoryPlan::with_available(&alike, SIZES, &MemoryLimits::default(), 64 * GIB).unwrap();
        assert_eq!(alike.windowed, None);
    }
}

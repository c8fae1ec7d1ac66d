//! Memory for buffers that live long, cut from few large pieces that ask for huge pages.
//!
//! A weight matrix of its own is often smaller than a huge page. With ordinary pages every 4 KiB of a step's weights
//! cost a look at the page tables, and prefetching stops there.
//!
//! Invariant: the buffers of a piece never overlap, because a piece is only ever cut from its front.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use super::aligned::Aligned;

/// Bytes of a cache line, and of sixteen lanes: every buffer starts one.
pub(super) const LINE_BYTES: usize = 64;
/// Bytes of a huge page on most systems.
const HUGE_PAGE_BYTES: usize = 2 << 20;
/// Pieces below this keep ordinary pages.
pub(super) const HUGE_FROM_BYTES: usize = HUGE_PAGE_BYTES;
/// Bytes of a piece that many buffers share.
const PIECE_BYTES: usize = 32 << 20;
/// Buffers from this size on get a piece of their own: what is left of the current one stays for smaller ones.
const OWN_PIECE_FROM_BYTES: usize = 8 << 20;

/// Bytes of so many numbers and the rest of their last line.
pub(super) fn whole_lines<T>(len: usize) -> usize {
    (len * size_of::<T>()).next_multiple_of(LINE_BYTES)
}

/// A number all of whose bits may be zero.
///
/// # Safety
/// Every pattern of bits is a value, zero bits are one.
pub unsafe trait Number: Copy + Send + Sync + std::fmt::Debug + 'static {}
// SAFETY: integers and floats have no invalid patterns.
unsafe impl Number for u8 {}
// SAFETY: as above.
unsafe impl Number for i8 {}
// SAFETY: as above.
unsafe impl Number for u16 {}
// SAFETY: as above.
unsafe impl Number for u32 {}
// SAFETY: as above.
unsafe impl Number for i32 {}
// SAFETY: as above.
unsafe impl Number for f32 {}

/// Hands out zeroed buffers. A piece is given back when the last of its buffers is dropped.
#[derive(Debug, Default)]
pub struct Arena {
    current: Mutex<Piece>,
}

impl Arena {
    /// An arena whose first piece holds so many buffers of `bytes` together, for whoever knows what there will be.
    pub fn with_capacity(bytes: usize, buffers: usize) -> Self {
        Self { current: Mutex::new(Piece::new(bytes + buffers * LINE_BYTES)) }
    }

    /// `len` zeros.
    pub fn zeroed<T: Number>(&self, len: usize) -> Aligned<T> {
        let bytes = whole_lines::<T>(len);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.left() >= bytes {
            return current.cut(len);
        }
        if bytes >= OWN_PIECE_FROM_BYTES {
            return Piece::new(bytes).cut(len);
        }
        *current = Piece::new(PIECE_BYTES);
        current.cut(len)
    }
}

/// Zeroed memory, and how much of it is taken.
#[derive(Debug, Default)]
pub(super) struct Piece {
    memory: Arc<Memory>,
    taken: usize,
}

impl Piece {
    pub(super) fn new(bytes: usize) -> Self {
        Self { memory: Arc::new(Memory::zeroed(bytes)), taken: 0 }
    }

    fn left(&self) -> usize {
        self.memory.bytes - self.taken
    }

    /// Takes so many zeros, and the rest of their last line.
    pub(super) fn cut<T: Number>(&mut self, len: usize) -> Aligned<T> {
        let bytes = whole_lines::<T>(len);
        assert!(bytes <= self.left(), "{bytes} bytes of {} left", self.left());
        let first = self.memory.first.as_ptr().wrapping_add(self.taken).cast();
        self.taken += bytes;
        let first = NonNull::new(first).expect("an offset into an allocation is not null");
        // SAFETY: the bytes lie in zeroed memory that the piece keeps alive, on a line, and nobody else is given them.
        unsafe { Aligned::from_parts(first, len, Arc::clone(&self.memory)) }
    }
}

/// Zeroed memory that starts a line, or a huge page where it is large. Pages are untouched until written (the
/// allocator's zeroed memory).
#[derive(Debug)]
pub(super) struct Memory {
    all: NonNull<[u8]>,
    first: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is memory and nothing else; who may touch which bytes is the business of the buffers cut from it.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn zeroed(bytes: usize) -> Self {
        let alignment = if bytes < HUGE_FROM_BYTES { LINE_BYTES } else { HUGE_PAGE_BYTES };
        let bytes = bytes.next_multiple_of(alignment);
        let all = NonNull::from(Box::leak(vec![0_u8; bytes + alignment].into_boxed_slice()));
        let skip = all.cast::<u8>().as_ptr().align_offset(alignment);
        let first = NonNull::new(all.cast::<u8>().as_ptr().wrapping_add(skip)).expect("inside the allocation");
        let memory = Self { all, first, bytes };
        memory.advise_huge_pages();
        memory
    }

    /// A hint only: a kernel without huge pages refuses, and nothing changes.
    #[cfg(target_os = "linux")]
    fn advise_huge_pages(&self) {
        use rustix::mm::{Advice, madvise};
        if self.bytes < HUGE_FROM_BYTES {
            return;
        }
        // SAFETY: the pages lie inside the live allocation, and this advice changes no content.
        let _refused_or_not = unsafe { madvise(self.first.as_ptr().cast(), self.bytes, Advice::LinuxHugepage) };
    }

    #[cfg(not(target_os = "linux"))]
    fn advise_huge_pages(&self) {}
}

impl Default for Memory {
    fn default() -> Self {
        Self::zeroed(0)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was leaked from such a box, and the buffers that lay in it are gone: each held a share of this.
        drop(unsafe { Box::from_raw(self.all.as_ptr()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_zero_and_never_overlap() {
        let arena = Arena::with_capacity(1000, 3);
        let lengths = [0, 1, 16, 17, 100, 5000, OWN_PIECE_FROM_BYTES, PIECE_BYTES / 4, 3];
        let mut buffers: Vec<Aligned<u8>> = Vec::new();
        for (index, len) in lengths.into_iter().enumerate() {
            let mut buffer = arena.zeroed::<u8>(len);
            assert!(buffer.len() == len && buffer.iter().all(|byte| *byte == 0));
            assert_eq!(buffer.as_ptr().align_offset(LINE_BYTES), 0);
            buffer.fill(index as u8 + 1);
            buffers.push(buffer);
        }
        for (index, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|byte| *byte == index as u8 + 1));
        }
    }

    #[test]
    fn a_buffer_outlives_its_arena() {
        let arena = Arena::default();
        let mut buffer = arena.zeroed::<f32>(10);
        drop(arena);
        buffer[9] = 1.0;
        assert_eq!(buffer.iter().sum::<f32>().to_bits(), 1.0_f32.to_bits());
    }

    #[test]
    fn small_buffers_share_a_piece_and_large_ones_leave_it() {
        let arena = Arena::default();
        let first = arena.zeroed::<u8>(LINE_BYTES);
        let _large = arena.zeroed::<u8>(PIECE_BYTES);
        let second = arena.zeroed::<u8>(LINE_BYTES);
        assert_eq!(first.as_ptr().wrapping_add(LINE_BYTES), second.as_ptr());
    }
}

//! A zeroed buffer whose first element starts a cache line, so that no 16-lane load straddles two lines.

use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use std::sync::Arc;

use super::arena::{Memory, Number, Piece, whole_lines};
use super::pages::Pages;

/// `len` numbers, zero at first, 64-byte aligned.
#[derive(Debug)]
pub struct Aligned<T = f32> {
    first: NonNull<T>,
    len: usize,
    /// Holds the numbers, and perhaps those of other buffers.
    memory: Arc<Memory>,
}

// SAFETY: a buffer is the only owner of its numbers, as a `Vec` is.
unsafe impl<T: Number> Send for Aligned<T> {}
// SAFETY: as above.
unsafe impl<T: Number> Sync for Aligned<T> {}

impl<T: Number> Aligned<T> {
    /// `len` zeros in memory of their own.
    pub fn zeroed(len: usize) -> Self {
        Piece::new(whole_lines::<T>(len)).cut(len)
    }

    /// # Safety
    /// `memory` holds `len` numbers at `first`, which is aligned for them; nobody else reads or writes them.
    pub(super) unsafe fn from_parts(first: NonNull<T>, len: usize, memory: Arc<Memory>) -> Self {
        Self { first, len, memory }
    }

    /// Grows to at least `len`, dropping the content if it has to move.
    pub fn reserve(&mut self, len: usize) {
        if self.len < len {
            *self = Self::zeroed(len);
        }
    }

    /// Where these numbers lie.
    pub fn pages(&self, numbers: Range<usize>) -> Pages {
        let part = &self[numbers];
        Pages::new(NonNull::from(part).cast(), size_of_val(part), Arc::clone(&self.memory))
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.len * size_of::<T>()
    }
}

impl<T: Number> Default for Aligned<T> {
    fn default() -> Self {
        Self::zeroed(0)
    }
}

impl<T: Number> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: as `from_parts` was promised, and we are borrowed.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T: Number> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as `from_parts` was promised, and we are borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::arena::{HUGE_FROM_BYTES, LINE_BYTES};
    use super::*;

    #[test]
    fn starts_on_a_line_and_holds_zeros() {
        for len in [0, 1, 15, 16, 17, 5000, HUGE_FROM_BYTES / 4 + 3] {
            let buffer = Aligned::<f32>::zeroed(len);
            assert_eq!((buffer.len(), buffer.bytes()), (len, 4 * len));
            assert_eq!(buffer.as_ptr().align_offset(LINE_BYTES), 0);
            assert!(buffer.iter().all(|value| *value == 0.0));
        }
    }

    #[test]
    fn pages_are_found_for_a_part_and_change_nothing() {
        let mut buffer = Aligned::<f32>::zeroed(HUGE_FROM_BYTES);
        let (written, untouched) = (HUGE_FROM_BYTES / 8, HUGE_FROM_BYTES / 2);
        buffer[written] = 1.5;
        for part in [0..0, 5..6, 100..HUGE_FROM_BYTES - 100] {
            buffer.pages(part).populate();
            assert_eq!((buffer[written], buffer[untouched]), (1.5, 0.0));
        }
        let pages = buffer.pages(0..HUGE_FROM_BYTES);
        drop(buffer);
        pages.populate();
    }
}

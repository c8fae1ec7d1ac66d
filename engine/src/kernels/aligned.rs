//! A zeroed buffer whose first element starts a cache line, so that no 16-lane load straddles two lines.
//!
//! Pages are untouched until written (the allocator's zeroed memory), and large buffers ask for huge pages.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of sixteen lanes.
const LINE_BYTES: usize = 64;
/// Buffers below this keep ordinary pages.
const HUGE_FROM_BYTES: usize = 4 << 20;

/// `len` numbers, zero at first, 64-byte aligned.
#[derive(Debug, Default)]
pub struct Aligned<T = f32> {
    memory: Vec<T>,
    skip: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        let memory = vec![T::default(); len + LINE_BYTES / size_of::<T>()];
        let skip = memory.as_ptr().align_offset(LINE_BYTES);
        advise_huge_pages(&memory);
        Self { memory, skip, len }
    }

    /// Grows to at least `len`, dropping the content if it has to move.
    pub fn reserve(&mut self, len: usize) {
        if self.len < len {
            *self = Self::zeroed(len);
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.len * size_of::<T>()
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.memory[self.skip..][..self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.skip..][..self.len]
    }
}

/// A hint only: a kernel without huge pages refuses, and nothing changes.
#[cfg(target_os = "linux")]
fn advise_huge_pages<T>(memory: &[T]) {
    use rustix::mm::{Advice, madvise};
    const PAGE: usize = 4096;
    let bytes = size_of_val(memory);
    if bytes < HUGE_FROM_BYTES {
        return;
    }
    let skip = memory.as_ptr().cast::<u8>().align_offset(PAGE);
    let start = memory.as_ptr().cast::<u8>().wrapping_add(skip).cast_mut().cast();
    // SAFETY: the pages lie inside the live allocation, and this advice changes no content.
    let _refused_or_not = unsafe { madvise(start, (bytes - skip) / PAGE * PAGE, Advice::LinuxHugepage) };
}

#[cfg(not(target_os = "linux"))]
fn advise_huge_pages<T>(_memory: &[T]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_on_a_line_and_holds_zeros() {
        for len in [0, 1, 15, 16, 17, 5000, HUGE_FROM_BYTES / 4 + 3] {
            let buffer = Aligned::<f32>::zeroed(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr().align_offset(LINE_BYTES), 0);
            assert!(buffer.iter().all(|value| *value == 0.0));
        }
    }
}

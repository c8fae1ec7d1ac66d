//! Part of a buffer, as pages that the system has or has not found memory for.
//!
//! Knows nothing of what lies there, and neither reads nor writes it.

use std::ptr::NonNull;
use std::sync::Arc;

use super::arena::Memory;

/// Part of a buffer's memory, which lives as long as this.
#[derive(Debug)]
pub struct Pages {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux can be asked for pages"))]
    first: NonNull<u8>,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux can be asked for pages"))]
    bytes: usize,
    _memory: Arc<Memory>,
}

// SAFETY: nothing is read or written through it.
unsafe impl Send for Pages {}

impl Pages {
    /// `memory` holds so many bytes from `first` on.
    pub(super) fn new(first: NonNull<u8>, bytes: usize, memory: Arc<Memory>) -> Self {
        Self { first, bytes, _memory: memory }
    }

    /// Has the system find memory for the whole pages of it now, as writing to them would later. What is written there
    /// stays. A hint only: a system that cannot do it does nothing.
    #[cfg(target_os = "linux")]
    pub fn populate(&self) {
        use rustix::mm::{Advice, madvise};
        let page = rustix::param::page_size();
        let first = self.first.as_ptr();
        let skip = first.align_offset(page);
        let bytes = self.bytes.saturating_sub(skip) / page * page;
        if bytes > 0 {
            // SAFETY: the pages lie inside the live allocation, and this advice changes no content.
            let _done_or_not = unsafe { madvise(first.wrapping_add(skip).cast(), bytes, Advice::LinuxPopulateWrite) };
        }
    }

    /// Does nothing.
    #[cfg(not(target_os = "linux"))]
    pub fn populate(&self) {}
}

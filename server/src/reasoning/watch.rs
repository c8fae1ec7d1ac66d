//! The markers of a thought, watched for byte by byte.

use super::Thinking;
use crate::substring::Substring;

/// Where an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the opening marker, or in it.
    Before,
    /// In the thought, or in its closing marker.
    Inside,
    /// In the white space behind the thought.
    Gap,
    /// In the answer proper.
    Over,
}

/// The watch over one answer.
#[derive(Clone, Debug)]
pub(crate) struct ThoughtWatch {
    stage: Stage,
    begun: bool,
    open: &'static [u8],
    /// Bytes of the opening marker so far; it stands at the beginning, white space aside.
    opened: usize,
    close: Substring,
}

impl ThoughtWatch {
    /// An answer that has not begun.
    pub(crate) fn new(thinking: Thinking) -> Self {
        let Thinking { format, begun } = thinking;
        let (open, close) = (format.open.as_bytes(), Substring::new(format.close));
        Self { stage: Stage::Before, begun, open, opened: 0, close }
    }

    /// Where the answer is.
    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether what came last belongs to a thought; false while that is open.
    pub(crate) fn is_thinking(&self) -> bool {
        match self.stage {
            Stage::Before => self.begun,
            Stage::Inside | Stage::Gap => true,
            Stage::Over => false,
        }
    }

    /// Whether the opening marker came.
    pub(crate) fn has_opened(&self) -> bool {
        self.opened == self.open.len()
    }

    /// Bytes of the closing marker that the thought ends with.
    pub(crate) fn closed(&self) -> usize {
        self.close.matched()
    }

    /// Goes on by one byte.
    pub(crate) fn step(&mut self, byte: u8) {
        match self.stage {
            Stage::Before => self.step_before(byte),
            Stage::Inside => self.step_inside(byte),
            Stage::Gap if !byte.is_ascii_whitespace() => self.stage = Stage::Over,
            Stage::Gap | Stage::Over => {}
        }
    }

    fn step_before(&mut self, byte: u8) {
        if byte == self.open[self.opened] {
            self.opened += 1;
            if self.has_opened() {
                self.stage = Stage::Inside;
            }
        } else if self.opened > 0 || !byte.is_ascii_whitespace() {
            let came = std::mem::take(&mut self.opened);
            self.stage = if self.begun { Stage::Inside } else { Stage::Over };
            if self.begun {
                // They were the thought's first bytes.
                self.open[..came].iter().for_each(|byte| self.step_inside(*byte));
                self.step_inside(byte);
            }
        }
    }

    fn step_inside(&mut self, byte: u8) {
        if self.close.step(byte) {
            self.stage = Stage::Gap;
        }
    }
}

//! What is measured: a prompt on its own, or sequences that decode together.

use std::{ops::Range, sync::Arc};

use scheduler::{BlockId, SampleSpec, SamplingParams, SeqId, StepPlan, Token, Work};

/// Positions of a block of the bench's own pool.
pub const BLOCK_SIZE: usize = 16;
/// Tokens of a prompt that are computed in one step; longer prompts take several.
pub const PROMPT_STEP: usize = 512;

/// One line of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// So many tokens of a prompt.
    Prompt {
        /// How many.
        tokens: usize,
    },
    /// Sequences that each generate tokens, all in the same steps.
    Decode {
        /// How many sequences.
        sequences: usize,
        /// What each generates.
        tokens: usize,
        /// Positions that each holds before.
        depth: usize,
    },
}

impl Job {
    /// In the manner of llama-bench: `pp512`, `tg128`, `tg32 x 16 @ d128`.
    pub fn name(&self) -> String {
        match *self {
            Self::Prompt { tokens } => format!("pp{tokens}"),
            Self::Decode { sequences: 1, tokens, depth: 0 } => format!("tg{tokens}"),
            Self::Decode { sequences, tokens, depth } => format!("tg{tokens} x {sequences} @ d{depth}"),
        }
    }

    /// Tokens that count, of all sequences.
    pub fn tokens(&self) -> usize {
        match *self {
            Self::Prompt { tokens } => tokens,
            Self::Decode { sequences, tokens, .. } => sequences * tokens,
        }
    }

    /// Sequences at once.
    pub fn sequences(&self) -> usize {
        match *self {
            Self::Prompt { .. } => 1,
            Self::Decode { sequences, .. } => sequences,
        }
    }

    /// Positions that each sequence reaches.
    pub fn positions(&self) -> usize {
        match *self {
            Self::Prompt { tokens } => tokens,
            Self::Decode { tokens, depth, .. } => depth + tokens,
        }
    }

    /// Blocks of all sequences.
    pub fn blocks(&self) -> usize {
        self.sequences() * self.blocks_each()
    }

    fn blocks_each(&self) -> usize {
        self.positions().div_ceil(BLOCK_SIZE)
    }

    /// The prompt's steps; of a decode, the steps that come before it is timed.
    pub fn prompt_steps(&self, vocab_size: usize) -> Vec<StepPlan> {
        let length = match *self {
            Self::Prompt { tokens } => tokens,
            Self::Decode { depth, .. } => depth,
        };
        let chunks = || (0..length).step_by(PROMPT_STEP).map(|first| first..(first + PROMPT_STEP).min(length));
        let steps = (0..self.sequences()).flat_map(|seq| chunks().map(move |positions| (seq, positions)));
        let plan = |(seq, positions): (usize, Range<usize>)| {
            let samples = positions.end == length;
            let tokens = positions.clone().map(|position| token(seq, position, vocab_size)).collect();
            StepPlan { copies: Vec::new(), works: vec![self.work(seq, positions.start, tokens, samples)] }
        };
        steps.map(plan).collect()
    }

    /// The first step of a decode: each sequence computes one token and draws the next.
    pub fn first_decode(&self, vocab_size: usize) -> StepPlan {
        let depth = match *self {
            Self::Prompt { .. } => 0,
            Self::Decode { depth, .. } => depth,
        };
        let work = |seq| self.work(seq, depth, vec![token(seq, depth, vocab_size)], true);
        StepPlan { copies: Vec::new(), works: (0..self.sequences()).map(work).collect() }
    }

    fn work(&self, seq: usize, start: usize, tokens: Vec<Token>, samples: bool) -> Work {
        let id = SeqId(seq as u64);
        let greedy = SampleSpec {
            row: tokens.len() - 1,
            seq: id,
            choice: 0,
            generated: 0,
            prompt_len: start + tokens.len(),
            params: Arc::new(SamplingParams::default()),
        };
        let blocks = seq * self.blocks_each()..(seq + 1) * self.blocks_each();
        Work {
            start,
            tokens,
            blocks: blocks.map(|block| BlockId(block as u32)).collect(),
            samples: if samples { vec![greedy] } else { Vec::new() },
            ..Work::empty(id)
        }
    }
}

/// Some token for each position: others in each sequence.
fn token(seq: usize, position: usize, vocab_size: usize) -> Token {
    ((seq * 104_729 + position * 7919 + 11) % vocab_size) as Token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_llama_benchs() {
        let decode = |sequences, tokens, depth| Job::Decode { sequences, tokens, depth }.name();
        assert_eq!(Job::Prompt { tokens: 512 }.name(), "pp512");
        assert_eq!([decode(1, 128, 0), decode(16, 32, 128)], ["tg128", "tg32 x 16 @ d128"]);
    }

    #[test]
    fn a_long_prompt_takes_several_steps_and_draws_once() {
        let steps = Job::Prompt { tokens: PROMPT_STEP + 3 }.prompt_steps(10);
        let shapes: Vec<_> = steps.iter().map(|step| (step.works[0].start, step.num_tokens())).collect();
        assert_eq!(shapes, [(0, PROMPT_STEP), (PROMPT_STEP, 3)]);
        assert_eq!(steps.iter().map(|step| step.works[0].samples.len()).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn sequences_share_no_block_and_hold_all_positions() {
        let job = Job::Decode { sequences: 3, tokens: 4, depth: 30 };
        let works = job.first_decode(10).works;
        let blocks: Vec<u32> = works.iter().flat_map(|work| work.blocks.iter().map(|block| block.0)).collect();
        assert_eq!(blocks, (0..9).collect::<Vec<_>>());
        assert_eq!((works[2].start, job.positions(), job.blocks(), job.tokens()), (30, 34, 9, 12));
        assert_eq!(job.prompt_steps(10).len(), 3);
    }
}

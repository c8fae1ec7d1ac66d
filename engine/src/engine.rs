//! The engine: a loaded model, its KV cache and its samplers behind [`scheduler::Executor`].
//!
//! Invariant: a sequence's numbers depend on its own tokens and settings, never on its neighbours, on how its prompt
//! was cut into chunks, on preemption, or on whether its prefix was computed or found. The engine keeps nothing
//! about a sequence but the KV that its blocks hold.

use std::sync::Mutex;

use scheduler::{BlockId, Executor, Sample, SampleSpec, SeqId, StepOutput, StepPlan, Token, Work};

use crate::checkpoint::Checkpoint;
use crate::error::{LoadError, StepError};
use crate::input::{Bounds, ForwardInput, LogitRows};
use crate::kv_cache::{KvCache, KvGeometry};
use crate::memory_plan::MemoryPlan;
use crate::model::{self, Model};
use crate::ops::Cpu;
use crate::options::EngineOptions;
use crate::sampler::Sampler;

/// Tokens of the pass that a model must survive before it serves.
const TRIAL_TOKENS: usize = 8;

/// Runs steps. One thread owns it.
pub struct Engine {
    cpu: Cpu,
    model: Box<dyn Model>,
    kv: KvCache,
    bounds: Bounds,
    input: ForwardInput,
    /// `[logit rows, vocab]`
    logits: Vec<f32>,
    /// One for each thread.
    samplers: Vec<Mutex<Sampler>>,
}

impl Engine {
    /// Reads the weights, allocates the cache that `plan` says, and computes one pass to see that the logits are numbers.
    pub fn load(checkpoint: &Checkpoint, options: &EngineOptions, plan: &MemoryPlan) -> Result<Self, LoadError> {
        let cpu = Cpu::new(options.isa, options.threads);
        let model = model::load(checkpoint, &cpu)?;
        let config = checkpoint.config();
        let kv = KvCache::new(KvGeometry {
            num_layers: config.num_layers,
            num_blocks: plan.num_blocks,
            block_size: plan.block_size,
            num_kv_heads: config.num_kv_heads,
            head_dim: config.head_dim,
        });
        let bounds =
            Bounds { vocab_size: config.vocab_size, block_size: plan.block_size, num_blocks: plan.num_blocks };
        let samplers = (0..cpu.threads()).map(|_| Mutex::default()).collect();
        let (input, logits) = (ForwardInput::default(), Vec::new());
        let mut engine = Self { cpu, model, kv, bounds, input, logits, samplers };
        engine.try_out(checkpoint)?;
        Ok(engine)
    }

    /// Runs a plan and returns the logits of each of its tokens, `[tokens, vocab]`, sampling nothing.
    pub fn logits(&mut self, plan: &StepPlan) -> Result<&[f32], StepError> {
        self.forward(plan, LogitRows::All)?;
        Ok(&self.logits)
    }

    /// One pass over fixed tokens: a model whose logits are not finite does not start.
    fn try_out(&mut self, checkpoint: &Checkpoint) -> Result<(), LoadError> {
        let positions = TRIAL_TOKENS.min(self.bounds.num_blocks * self.bounds.block_size);
        let blocks = positions.div_ceil(self.bounds.block_size) as u32;
        let work = Work {
            seq: SeqId(0),
            start: 0,
            tokens: (0..positions).map(|index| (index % self.bounds.vocab_size) as Token).collect(),
            blocks: (0..blocks).map(BlockId).collect(),
            samples: Vec::new(),
        };
        let plan = StepPlan { copies: Vec::new(), works: vec![work] };
        let logits = self.logits(&plan).map_err(|error| checkpoint.unusable(error.to_string()))?;
        if logits.iter().all(|logit| logit.is_finite()) {
            return Ok(());
        }
        Err(checkpoint.unusable("a trial pass gave logits that are not finite".to_owned()))
    }

    fn forward(&mut self, plan: &StepPlan, rows: LogitRows) -> Result<(), StepError> {
        self.input.fill(plan, rows, self.bounds)?;
        for copy in &plan.copies {
            self.kv.copy_block(copy.from, copy.to);
        }
        self.model.forward(&self.cpu, &self.input, &mut self.kv, &mut self.logits);
        Ok(())
    }

    /// Draws for every spec of the plan, spread over the threads; what a row draws does not depend on which.
    fn sample(&self, plan: &StepPlan) -> Vec<Sample> {
        let draws: Vec<(usize, &SampleSpec)> = plan
            .works
            .iter()
            .filter(|work| !work.samples.is_empty())
            .enumerate()
            .flat_map(|(row, work)| work.samples.iter().map(move |spec| (row, spec)))
            .collect();
        let vocab = self.bounds.vocab_size;
        self.cpu.map(draws.len(), |thread, index| {
            let (row, spec) = draws[index];
            let mut sampler = self.samplers[thread].lock().expect("a sampler is used by its own thread alone");
            sampler.sample(&self.logits[row * vocab..(row + 1) * vocab], spec)
        })
    }
}

impl Executor for Engine {
    type Error = StepError;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, StepError> {
        self.forward(plan, LogitRows::Sampling)?;
        Ok(StepOutput { samples: self.sample(plan) })
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::kernels::cpu::Isa;

    /// Rotary angles at the far end of a 128K context, without 131,062 tokens before them: positions say where a
    /// token stands, the sequence's own start says what it sees.
    #[test]
    fn far_positions_give_the_reference_logits() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama31");
        let text = std::fs::read(folder.join("reference.json")).unwrap();
        let reference: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let prompt: Vec<Token> = serde_json::from_value(reference["cases"][0]["input_ids"].clone()).unwrap();
        let device = candle_core::Device::Cpu;
        let arrays = candle_core::safetensors::load(folder.join("reference.safetensors"), &device).unwrap();
        let flat = |name: &str| arrays[name].flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let near = flat("p0.logits");
        let mut engine = small_engine(&folder);
        for offset in [0, 8_000, 100_000, 131_062] {
            let want = if offset == 0 { near.clone() } else { flat(&format!("p0.offset{offset}.logits")) };
            let got = logits_at(&mut engine, &prompt, offset);
            assert!(difference(&got, &want) < 1e-4, "{offset}: {}", difference(&got, &want));
        }
    }

    fn small_engine(folder: &Path) -> Engine {
        let checkpoint = Checkpoint::open(folder).unwrap();
        let options = EngineOptions {
            threads: 2,
            isa: Isa::detect(),
            block_size: 16,
            num_kv_blocks: Some(4),
            kv_cache_memory_bytes: None,
            max_num_seqs: 1,
            max_num_batched_tokens: 64,
            max_model_len: None,
        };
        let plan = MemoryPlan::new(&checkpoint, &options).unwrap();
        Engine::load(&checkpoint, &options, &plan).unwrap()
    }

    fn logits_at(engine: &mut Engine, prompt: &[Token], offset: u32) -> Vec<f32> {
        let blocks = (0..4).map(BlockId).collect();
        let work = Work { seq: SeqId(1), start: 0, tokens: prompt.to_vec(), blocks, samples: Vec::new() };
        let plan = StepPlan { copies: Vec::new(), works: vec![work] };
        engine.input.fill(&plan, LogitRows::All, engine.bounds).unwrap();
        for position in &mut engine.input.positions {
            *position += offset;
        }
        engine.model.forward(&engine.cpu, &engine.input, &mut engine.kv, &mut engine.logits);
        engine.logits.clone()
    }

    fn difference(got: &[f32], want: &[f32]) -> f32 {
        assert_eq!(got.len(), want.len());
        got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max)
    }
}

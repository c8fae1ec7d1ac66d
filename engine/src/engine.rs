//! The engine: a loaded model and its samplers behind [`scheduler::Executor`].
//!
//! Invariant: a sequence's numbers depend on its own tokens and settings, never on its neighbours, on how its prompt
//! was cut into chunks, on preemption, or on whether its prefix was computed or found. The engine keeps nothing
//! about a sequence but the KV that its blocks hold.

use std::sync::Arc;

use scheduler::{
    BlockId, Executor, Passes, RowFault, SeqId, SequenceVector, StepOutput, StepPlan, Token, WindowedPool, Work,
};

use crate::checkpoint::Checkpoint;
use crate::cpu::Cpu;
use crate::error::{LoadError, StepError};
use crate::expert_load::ExpertLoad;
use crate::input::{Bounds, ForwardInput, LogitRows, Room};
use crate::kernels::pages::Pages;
use crate::kv_cache::{HEAD_DIMS, KvGeometry, is_head_dim};
use crate::memory_plan::MemoryPlan;
use crate::model::{self, ForwardOutput, Model};
use crate::options::EngineOptions;
use crate::pause::Pause;
use crate::sampler::Samplers;
use crate::weight_loader::WeightLoader;

/// Tokens of the pass that a model must survive before it serves.
const TRIAL_TOKENS: usize = 8;

/// Keys and values that pages are found for before they are needed: a few minutes of a small model's full load.
const PAGES_FOUND_AHEAD_BYTES: u64 = 1 << 30;

/// Runs steps. One thread owns it.
pub struct Engine {
    cpu: Cpu,
    model: Box<dyn Model>,
    bounds: Bounds,
    window: Option<usize>,
    windowed: Option<WindowedPool>,
    /// The last step's, emptied: its memory serves the next one.
    spare_input: ForwardInput<'static>,
    /// The last step's.
    output: ForwardOutput,
    pause: Pause,
    samplers: Samplers,
}

impl Engine {
    /// Reads the weights, allocates the cache that `plan` says, and computes one pass to see that what comes out is finite.
    pub fn load(checkpoint: &Checkpoint, options: &EngineOptions, plan: &MemoryPlan) -> Result<Self, LoadError> {
        let cpu = Cpu::new(options.isa, options.threads).ok_or(LoadError::Isa(options.isa))?;
        let config = checkpoint.model();
        if !is_head_dim(config.head_dim()) {
            return Err(checkpoint.unusable(&format!("heads are {} wide, not {HEAD_DIMS}", config.head_dim())));
        }
        let geometry = KvGeometry {
            layers: config.num_layers(),
            blocks: plan.num_blocks,
            block_size: plan.block_size,
            kv_heads: config.num_kv_heads(),
            head_dim: config.head_dim(),
            dtype: options.kv_dtype,
        };
        let loader = WeightLoader { checkpoint, cpu: &cpu, dtype: options.dtype, longest_text: plan.longest_text };
        let windowed_blocks = plan.windowed.map(|pool| pool.num_blocks);
        let model = model::load(&loader, geometry, windowed_blocks)?;
        let room = match plan.passes {
            Passes::Cached => Room::Blocks { size: plan.block_size, count: plan.num_blocks, windowed: windowed_blocks },
            Passes::Whole => Room::Tokens(config.max_positions()),
        };
        let bounds = Bounds { vocab_size: config.vocab_size(), room, positions: config.learned_positions() };
        let (spare_input, output, samplers) = (ForwardInput::default(), ForwardOutput::default(), Samplers::default());
        let (window, windowed, pause) = (config.window(), plan.windowed, Pause::default());
        let mut engine = Self { cpu, model, bounds, window, windowed, spare_input, output, pause, samplers };
        engine.try_out(checkpoint)?;
        if let Some(load) = engine.model.expert_load() {
            load.restart();
        }
        engine.find_pages();
        Ok(engine)
    }

    /// Finds memory for the blocks that are taken first, in the background. Each head of each layer has pages of its own, so
    /// otherwise one new block can make a step wait for hundreds of them.
    fn find_pages(&mut self) {
        let Some(cache) = self.model.cache() else { return };
        let pages = cache.first_pages(PAGES_FOUND_AHEAD_BYTES);
        let find = move || pages.iter().for_each(Pages::populate);
        let _without_it_steps_find_them = std::thread::Builder::new().name("kv-pages".to_owned()).spawn(find);
    }

    /// Where it computes: whoever compares a step with the machine's limits measures them on the same threads.
    pub fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// What to do after each layer of a step from now on, on the thread that runs it: none of the engine's threads computes
    /// meanwhile, so that others may.
    pub fn pause_with(&mut self, pause: impl FnMut() + Send + 'static) {
        self.pause = Pause::new(pause);
    }

    /// Positions that a token sees, its own included, in the layer that sees most, if that is not all before it: blocks behind
    /// them may be given back.
    pub fn window(&self) -> Option<usize> {
        self.window
    }

    /// What the model's experts have to do, if it has any; it counts on while steps run.
    pub fn expert_load(&self) -> Option<Arc<ExpertLoad>> {
        self.model.expert_load().cloned()
    }

    /// The pool of those layers that see a window only, where others see all positions.
    pub fn windowed(&self) -> Option<WindowedPool> {
        self.windowed
    }

    /// Runs a plan and returns the logits of each of its tokens, `[tokens, vocab]`, sampling nothing.
    pub fn logits(&mut self, plan: &StepPlan) -> Result<&[f32], StepError> {
        self.forward(plan, LogitRows::All)?;
        Ok(&self.output.logits[..plan.num_tokens() * self.bounds.vocab_size])
    }

    /// One pass over fixed tokens: a model whose numbers are not finite does not start.
    fn try_out(&mut self, checkpoint: &Checkpoint) -> Result<(), LoadError> {
        let (most, block_size) = match self.bounds.room {
            Room::Blocks { size, count, windowed } => (size * windowed.map_or(count, |few| few.min(count)), Some(size)),
            Room::Tokens(most) => (most, None),
        };
        let positions = TRIAL_TOKENS.min(most).min(checkpoint.model().max_positions());
        let blocks = block_size.map_or(0, |size| positions.div_ceil(size) as u32);
        let windowed = self.windowed.map_or(0, |_| blocks);
        let work = Work {
            tokens: (0..positions).map(|index| (index % self.bounds.vocab_size) as Token).collect(),
            blocks: (0..blocks).map(BlockId).collect(),
            windowed: (0..windowed).map(BlockId).collect(),
            pooled: true,
            asked: [0].into(),
            ..Work::empty(SeqId(0))
        };
        let plan = StepPlan { copies: Vec::new(), works: vec![work] };
        self.forward(&plan, LogitRows::All).map_err(|error| checkpoint.unusable(&error.to_string()))?;
        if self.output.logits.iter().chain(self.output.vectors.iter().flatten()).all(|number| number.is_finite()) {
            return Ok(());
        }
        Err(checkpoint.unusable("a trial pass gave numbers that are not finite"))
    }

    fn forward(&mut self, plan: &StepPlan, rows: LogitRows) -> Result<(), StepError> {
        let input = std::mem::take(&mut self.spare_input).fill(plan, rows, self.bounds)?;
        if let Some(cache) = self.model.cache() {
            plan.copies.iter().for_each(|copy| cache.copy_block(*copy));
        }
        self.model.forward(&self.cpu, &input, &mut self.output, &mut self.pause);
        self.spare_input = input.emptied();
        Ok(())
    }
}

impl Executor for Engine {
    type Error = StepError;

    fn step(&mut self, plan: &StepPlan) -> Result<StepOutput, StepError> {
        self.forward(plan, LogitRows::Sampling)?;
        let samples = self.samplers.sample(&self.cpu, plan, &self.output.logits, self.bounds.vocab_size);
        let scores = self.samplers.score(&self.cpu, plan, &self.output.logits, self.bounds.vocab_size);
        let vectors = plan.pooled().zip(self.output.vectors.drain(..)).map(|(work, vector)| checked(work, vector));
        Ok(StepOutput { samples, scores, vectors: vectors.collect() })
    }
}

/// A vector, unless one of its numbers is none.
fn checked(work: &Work, vector: Vec<f32>) -> SequenceVector {
    let finite = vector.iter().all(|value| value.is_finite());
    SequenceVector { seq: work.seq, vector: if finite { Ok(vector) } else { Err(RowFault::NotFinite) } }
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
    use crate::kernels::cpu::isa::Isa;
    use crate::kv_cache::KvDtype;
    use crate::memory_plan::MemoryLimits;
    use crate::panels::Dtype;

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
        let options = EngineOptions { threads: 2, isa: Isa::detect(), dtype: Dtype::Auto, kv_dtype: KvDtype::F32 };
        let limits = MemoryLimits {
            num_kv_blocks: Some(4),
            max_num_seqs: 1,
            max_num_batched_tokens: 64,
            ..MemoryLimits::default()
        };
        let plan = MemoryPlan::new(&checkpoint, &options, &limits).unwrap();
        Engine::load(&checkpoint, &options, &plan).unwrap()
    }

    fn logits_at(engine: &mut Engine, prompt: &[Token], offset: usize) -> Vec<f32> {
        let blocks = (0..4).map(BlockId).collect();
        let work = Work { tokens: prompt.to_vec(), blocks, ..Work::empty(SeqId(1)) };
        let plan = StepPlan { copies: Vec::new(), works: vec![work] };
        let mut input = ForwardInput::default().fill(&plan, LogitRows::All, engine.bounds).unwrap();
        for position in &mut input.positions {
            *position += offset;
        }
        engine.model.forward(&engine.cpu, &input, &mut engine.output, &mut engine.pause);
        engine.output.logits[..prompt.len() * engine.bounds.vocab_size].to_vec()
    }

    fn difference(got: &[f32], want: &[f32]) -> f32 {
        assert_eq!(got.len(), want.len());
        got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max)
    }
}

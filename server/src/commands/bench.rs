//! `gondola bench`: prefill and decode figures of a model, on the engine alone, beside what the machine can do at most.

use std::io::{self, Write};

use engine::{
    Checkpoint, CpuFacts, Engine, EngineOptions, MemoryLimits, MemoryPlan, ModelCost, config::ModelConfig,
    error::LoadError, limits::LimitProbe,
};

use super::number_flags::NumberFlags;
use crate::{
    bench::{
        job::{BLOCK_SIZE, Job, PROMPT_STEP},
        measure::{Bench, MeasureError},
        report::{Report, Setting, Test},
    },
    config::{ConfigError, DEFAULT_MODEL, dtype_name},
    model_source::{self, ModelError},
};

/// Measure prefill and decode of a model, without HTTP, in the manner of llama-bench.
///
/// Shares say how much of the read bandwidth and of the arithmetic, both measured in the same run on the same threads,
/// each test takes. Run it on a quiet machine.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchFlags {
    /// A .gguf file, a Hugging Face folder, a hub id (org/name) or a short name
    #[arg(default_value = DEFAULT_MODEL)]
    pub model: String,

    /// Tokens of a prompt (pp512); several by commas, 0 for none
    #[arg(short = 'p', long, value_name = "N", value_delimiter = ',', default_value = "512")]
    pub n_prompt: Vec<usize>,

    /// Tokens that one sequence generates (tg128); several by commas, 0 for none
    #[arg(short = 'n', long, value_name = "N", value_delimiter = ',', default_value = "128")]
    pub n_gen: Vec<usize>,

    /// Sequences that decode together; several by commas, 0 for none
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2,4,8,16,32")]
    pub batch: Vec<usize>,

    /// Tokens that each sequence of a batch generates
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch_n_gen: usize,

    /// Tokens that each sequence of a batch holds before
    #[arg(short = 'd', long, value_name = "N", default_value_t = 128)]
    pub n_depth: usize,

    /// Repetitions of each test, after one that does not count
    #[arg(short = 'r', long, value_name = "N", default_value_t = 5)]
    pub repetitions: usize,

    /// Threads of the engine [default: the CPUs this process may use]
    #[arg(short = 't', long, value_name = "N", env = "GONDOLA_THREADS")]
    pub threads: Option<usize>,

    /// How it computes.
    #[command(flatten)]
    pub numbers: NumberFlags,

    /// What is printed
    #[arg(short = 'o', long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// Form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For a terminal.
    Table,
    /// One JSON object with every repetition.
    Json,
    /// For a page.
    Markdown,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A flag makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model is not there.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model does not load or does not fit.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A step failed.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The report could not be written.
    #[error("stdout: {0}")]
    Output(#[from] io::Error),
    /// The report is no JSON.
    #[error("report: {0}")]
    Json(#[from] serde_json::Error),
}

/// Measures and prints.
pub fn run(flags: &BenchFlags) -> Result<(), BenchError> {
    let options = flags.numbers.with_threads(flags.threads).options()?;
    let jobs = flags.jobs()?;
    let path = model_source::resolve(&flags.model)?;
    let checkpoint = Checkpoint::open(&path)?;
    if let ModelConfig::Encoder(_) = checkpoint.model() {
        let reason = "prompts and answers are measured, of decoders".to_owned();
        return Err(ConfigError::Value { flag: "bench", reason }.into());
    }
    let plan = MemoryPlan::new(&checkpoint, &options, &memory_limits(&jobs, checkpoint.facts().max_positions)?)?;
    let model = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let setting = setting(model, &checkpoint, &options, &plan, flags.repetitions);
    let engine = Engine::load(&checkpoint, &options, &plan)?;
    let probe = LimitProbe::new(engine.cpu(), LimitProbe::BYTES);
    let cost = ModelCost::new(&checkpoint, &options);
    let mut bench = Bench { engine, cost, probe, vocab_size: checkpoint.facts().vocab_size };
    let measure = |job| bench.measure(job, flags.repetitions).map(Test::from);
    let report = Report { setting, tests: jobs.into_iter().map(measure).collect::<Result<_, _>>()? };
    let text = match flags.output {
        Output::Table => report.table(),
        Output::Markdown => report.markdown(),
        Output::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

impl BenchFlags {
    /// The tests: prompts, one sequence, batches.
    fn jobs(&self) -> Result<Vec<Job>, ConfigError> {
        let present = |numbers: &[usize]| numbers.iter().copied().filter(|number| *number > 0).collect::<Vec<_>>();
        let mut jobs: Vec<Job> = present(&self.n_prompt).into_iter().map(|tokens| Job::Prompt { tokens }).collect();
        let alone = |tokens| Job::Decode { sequences: 1, tokens, depth: 0 };
        jobs.extend(present(&self.n_gen).into_iter().map(alone));
        let batches = if self.batch_n_gen > 0 { present(&self.batch) } else { Vec::new() };
        let (tokens, depth) = (self.batch_n_gen, self.n_depth);
        jobs.extend(batches.into_iter().map(|sequences| Job::Decode { sequences, tokens, depth }));
        if jobs.is_empty() {
            return Err(ConfigError::Value { flag: "--n-prompt", reason: "there is nothing to measure".to_owned() });
        }
        if self.repetitions == 0 {
            return Err(ConfigError::Value { flag: "--repetitions", reason: "0 measures nothing".to_owned() });
        }
        Ok(jobs)
    }
}

/// A pool and steps that hold the largest job.
fn memory_limits(jobs: &[Job], max_positions: usize) -> Result<MemoryLimits, ConfigError> {
    let most = |of: fn(&Job) -> usize| jobs.iter().map(of).max().unwrap_or(1);
    if let Some(job) = jobs.iter().find(|job| job.positions() > max_positions) {
        let reason = format!("{} needs {} positions, the model has {max_positions}", job.name(), job.positions());
        return Err(ConfigError::Value { flag: "bench", reason });
    }
    Ok(MemoryLimits {
        block_size: BLOCK_SIZE,
        num_kv_blocks: Some(most(Job::blocks)),
        kv_cache_memory_bytes: None,
        max_num_seqs: most(Job::sequences),
        max_num_batched_tokens: most(Job::sequences).max(PROMPT_STEP),
        max_model_len: None,
        num_speculative_tokens: 0,
        windowed_pool: false,
    })
}

fn setting(
    model: String,
    checkpoint: &Checkpoint,
    options: &EngineOptions,
    plan: &MemoryPlan,
    repetitions: usize,
) -> Setting {
    let CpuFacts { name, flags } = CpuFacts::here();
    Setting {
        model,
        parameters: checkpoint.facts().parameters,
        weights_bytes: plan.weights_bytes,
        cpu: name,
        flags,
        isa: options.isa.name(),
        threads: options.threads,
        dtype: dtype_name(options.dtype),
        kv_dtype: options.kv_dtype.name(),
        repetitions,
    }
}

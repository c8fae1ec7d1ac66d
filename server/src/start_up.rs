//! From a configuration to a served model: find it, check it, plan its memory, load it.
//!
//! Runs on the engine thread, while the HTTP side already answers. Every failure is one line that names the file.

use std::{fs, path::Path, sync::Arc};

use engine::{Checkpoint, CpuFacts, Engine, GenerationDefaults, MemoryPlan, ModelFacts, error::LoadError};
use scheduler::{Driver, Limits};
use tokio::sync::mpsc;

use crate::{
    app::App,
    chat_template::{ChatTemplate, TemplateError},
    config::Config,
    engine_handle::EngineHandle,
    engine_status::EngineStatus,
    flags::GenerationConfig,
    guarded_executor::GuardedExecutor,
    model_kind::ModelKind,
    model_source::{self, ModelError},
    queue_gate::QueueGate,
    served_model::{ModelParts, ServedModel},
    tokenizer::{Tokenizer, TokenizerError},
    worker::Worker,
};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model is not there.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model is not as it should be, or does not fit.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its tokenizer is not usable.
    #[error("tokenizer: {0}")]
    Tokenizer(#[from] TokenizerError),
    /// Its chat template is not usable.
    #[error("chat template: {0}")]
    Template(#[from] TemplateError),
    /// A file or the port.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A panic in someone's parser.
    #[error("the model could not be loaded: a part of it made the loader panic")]
    Panic,
}

/// Loads the configured model and hands it to the application; the worker is left to be run.
pub fn load(app: &Arc<App>) -> Result<Worker<Engine>, StartError> {
    let config = app.config();
    log_cpu(config);
    let path = model_source::resolve(&config.model)?;
    let checkpoint = Checkpoint::open(&path)?;
    log_facts(&config.model, checkpoint.facts());
    let plan = MemoryPlan::new(&checkpoint, &config.engine, &config.memory)?;
    tracing::info!("memory plan: {plan}");
    let parts = model_parts(app, &checkpoint, &plan)?;
    let engine = Engine::load(&checkpoint, &config.engine, &plan)?;
    let limits = limits(config, &plan, engine.window());
    log_limits(config, &limits);
    Ok(begin(app, parts, limits, engine))
}

/// Connects an executor with the application: the model is served once the worker runs.
pub fn begin<E: scheduler::Executor>(app: &Arc<App>, parts: ModelParts, limits: Limits, executor: E) -> Worker<E> {
    let gate = QueueGate::new(limits.max_queued_requests, limits.max_queued_tokens);
    let status = EngineStatus::new(app.clock().clone(), Arc::clone(app.health()), Arc::clone(app.metrics()), gate);
    let status = Arc::new(status);
    let (jobs, receiver) = mpsc::channel(limits.max_queued_requests);
    let driver = Driver::new(limits.clone(), GuardedExecutor(executor));
    let worker = Worker::new(driver, receiver, Arc::clone(&status));
    app.serve(ServedModel::new(parts, limits, EngineHandle::new(jobs, status), app.config()));
    worker
}

fn model_parts(app: &App, checkpoint: &Checkpoint, plan: &MemoryPlan) -> Result<ModelParts, StartError> {
    let config = app.config();
    let facts = checkpoint.facts();
    let tokenizer = Arc::new(Tokenizer::load(&checkpoint.tokenizer()?, facts.vocab_size)?);
    let template = template_text(config, checkpoint)?;
    let template = template.map(|text| ChatTemplate::new(&text, tokenizer.special_texts()));
    let defaults = match config.generation_config {
        GenerationConfig::Auto => checkpoint.generation_defaults().clone(),
        GenerationConfig::Openai => GenerationDefaults::default(),
    };
    Ok(ModelParts {
        kind: ModelKind::of(checkpoint.model(), &tokenizer)?,
        template: template.transpose()?,
        tokenizer,
        defaults,
        pooling: checkpoint.pooling().clone(),
        hidden_size: facts.hidden_size,
        max_model_len: plan.max_model_len,
        vocab_size: facts.vocab_size,
        bos_id: facts.bos_id,
        eos_ids: facts.eos_ids.clone(),
        fingerprint: facts.fingerprint.clone(),
    })
}

fn template_text(config: &Config, checkpoint: &Checkpoint) -> Result<Option<String>, StartError> {
    match &config.chat_template {
        Some(path) => read(path).map(Some),
        None => Ok(checkpoint.chat_template().map(str::to_owned)),
    }
}

fn read(path: &Path) -> Result<String, StartError> {
    fs::read_to_string(path).map_err(|source| StartError::Io { what: "--chat-template".to_owned(), source })
}

fn limits(config: &Config, plan: &MemoryPlan, window: Option<usize>) -> Limits {
    Limits {
        passes: plan.passes,
        max_num_seqs: config.memory.max_num_seqs,
        max_num_batched_tokens: plan.max_num_batched_tokens,
        block_size: plan.block_size,
        num_blocks: plan.num_blocks,
        window,
        max_model_len: plan.max_model_len,
        max_queued_requests: config.limits.queued_requests,
        max_queued_tokens: config.limits.queued_tokens.unwrap_or(64 * plan.max_model_len),
        max_samples: config.memory.max_samples(),
        speculation: config.speculation,
    }
}

fn log_cpu(config: &Config) {
    let CpuFacts { name, flags } = CpuFacts::here();
    let (isa, threads) = (config.engine.isa.name(), config.engine.threads);
    tracing::info!(isa, threads, cpu = name, flags = flags.join(" "), "cpu");
}

fn log_facts(name: &str, facts: &ModelFacts) {
    let types: Vec<String> = facts.tensor_types.iter().map(|(name, count)| format!("{count} x {name}")).collect();
    tracing::info!(
        model = name,
        architecture = facts.architecture,
        parameters = facts.parameters,
        file_bytes = facts.file_bytes,
        layers = facts.num_layers,
        hidden = facts.hidden_size,
        heads = facts.num_heads,
        kv_heads = facts.num_kv_heads,
        vocabulary = facts.vocab_size,
        context = facts.max_positions,
        tensors = types.join(", "),
        "model"
    );
}

fn log_limits(config: &Config, limits: &Limits) {
    tracing::info!(
        max_num_seqs = limits.max_num_seqs,
        max_num_batched_tokens = limits.max_num_batched_tokens,
        max_model_len = limits.max_model_len,
        queued_requests = limits.max_queued_requests,
        queued_tokens = limits.max_queued_tokens,
        queue_wait_s = config.limits.queue_wait.as_secs(),
        request_timeout_s = config.limits.request_timeout.as_secs(),
        body_bytes = config.limits.body_bytes,
        inflight_body_bytes = config.limits.inflight_body_bytes,
        choices = config.limits.choices,
        threads = config.engine.threads,
        speculative_tokens = config.memory.num_speculative_tokens,
        "limits"
    );
}

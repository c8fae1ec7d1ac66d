//! From a configuration to served models: find them, check them, plan their memory, load them.
//!
//! Runs while the HTTP side already answers. Every failure is one line that names the file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use engine::{
    Checkpoint, CpuFacts, Engine, ExpertLoad, GenerationDefaults, MemoryLimits, MemoryPlan, ModelFacts,
    available_bytes, error::LoadError,
};
use scheduler::{Driver, Limits};
use tokio::sync::{mpsc, oneshot};

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
    models::{Change, Serving, Slot},
    queue_gate::QueueGate,
    quota::{Quota, Share},
    served_model::{ModelParts, ServedModel},
    tokenizer::{Tokenizer, TokenizerError},
    worker::{Held, Worker},
};

/// Why the server does not start, or a model is not loaded.
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

/// A model whose memory is planned.
#[derive(Debug)]
pub struct Planned {
    change: Change,
    checkpoint: Checkpoint,
    plan: MemoryPlan,
    memory: Share,
}

/// A model that is ready to run.
#[derive(Debug)]
pub struct Loaded<E> {
    /// What the HTTP side needs of it.
    pub parts: ModelParts,
    /// Bounds of its scheduler.
    pub limits: Limits,
    /// What runs its steps.
    pub executor: E,
    /// Its part of the memory, if that is counted.
    pub memory: Option<Share>,
    /// What its experts have to do, if it has any.
    pub experts: Option<Arc<ExpertLoad>>,
}

/// A model that is served once its worker runs.
#[derive(Debug)]
pub struct Begun<E: scheduler::Executor> {
    /// Its worker.
    pub worker: Worker<E>,
    /// The model that was served in its place.
    pub replaced: Option<Serving>,
}

/// Finds all configured models and plans their memory together, before any is loaded.
pub fn plan(app: &App) -> Result<Vec<Planned>, StartError> {
    let config = app.config();
    log_cpu(config);
    let slots = app.models().slots();
    let checkpoints = slots.iter().map(|slot| open(slot, model_source::resolve)).collect::<Result<Vec<_>, _>>()?;
    let available = available_bytes()?;
    let plans = {
        let named: Vec<_> = slots.iter().map(|slot| slot.name()).zip(&checkpoints).collect();
        MemoryPlan::together(&named, &config.engine, &config.memory, available)?
    };
    let memory = app.memory.get_or_init(|| Quota::new(usize::try_from(available).unwrap_or(usize::MAX)));
    let models = slots.iter().zip(checkpoints).zip(plans).map(|((slot, checkpoint), plan)| {
        let change = slot.change().expect("nobody else changes a model that is starting");
        slot.remember_pool(plan.num_blocks);
        planned(change, checkpoint, plan, memory)
    });
    models.collect()
}

/// Finds one model again and plans it beside those that are served. It gets a pool of as many blocks as its first had.
/// Nothing is downloaded: only who starts the server asks for that.
pub fn plan_again(app: &App, change: Change) -> Result<Planned, StartError> {
    change.begin_loading();
    let slot = change.slot();
    let checkpoint = open(slot, model_source::find)?;
    let (config, now) = (app.config(), available_bytes()?);
    let memory = app.memory.get_or_init(|| Quota::new(usize::try_from(now).unwrap_or(usize::MAX)));
    let limits = MemoryLimits { num_kv_blocks: slot.pool().or(config.memory.num_kv_blocks), ..config.memory.clone() };
    let is_one_of_several = app.models().slots().len() > 1;
    let limits = if is_one_of_several { limits.of_one_among_several(checkpoint.model()) } else { limits };
    let plan = MemoryPlan::within(&checkpoint, &config.engine, &limits, now.min(memory.left() as u64))?;
    planned(change, checkpoint, plan, memory)
}

/// Opens the files that `find` says are the slot's.
fn open(slot: &Slot, find: fn(&str) -> Result<PathBuf, ModelError>) -> Result<Checkpoint, StartError> {
    let checkpoint = Checkpoint::open(&find(slot.source())?)?;
    log_facts(slot.source(), checkpoint.facts());
    Ok(checkpoint)
}

/// The plan, with the memory taken that it speaks of.
fn planned(change: Change, checkpoint: Checkpoint, plan: MemoryPlan, memory: &Quota) -> Result<Planned, StartError> {
    tracing::info!(model = change.slot().name(), "memory plan: {plan}");
    let total = usize::try_from(plan.total_bytes()).unwrap_or(usize::MAX);
    let taken = || LoadError::Memory("another model has just been given the memory".to_owned());
    let memory = memory.take(total).ok_or_else(taken)?;
    Ok(Planned { change, checkpoint, plan, memory })
}

/// Loads a model and hands it to the application; the worker is left to be run.
pub fn load(app: &App, planned: Planned) -> Result<Begun<Engine>, StartError> {
    let Planned { change, checkpoint, plan, memory } = planned;
    let config = app.config();
    let parts = model_parts(app, &checkpoint, &plan)?;
    let executor = Engine::load(&checkpoint, &config.engine, &plan)?;
    let limits = limits(config, &plan, executor.window());
    log_limits(config, &limits);
    let experts = executor.expert_load();
    let mut begun = begin(app, change.slot(), Loaded { parts, limits, executor, memory: Some(memory), experts });
    begun.worker.share_seat(|engine, seat| engine.pause_with(move || seat.offer()));
    Ok(begun)
}

/// Connects an executor with the application: the model is served once the worker runs.
pub fn begin<E: scheduler::Executor>(app: &App, slot: &Slot, loaded: Loaded<E>) -> Begun<E> {
    let Loaded { parts, limits, executor, memory, experts } = loaded;
    let gate = QueueGate::new(limits.max_queued_requests, limits.max_queued_tokens);
    let metrics = Arc::clone(slot.metrics());
    metrics.loaded(&limits, app.config().engine.kv_dtype.name());
    if let Some(load) = experts {
        metrics.count_experts(load);
    }
    let pulse = app.health().engine();
    let status = Arc::new(EngineStatus::new(app.clock().clone(), Arc::clone(&pulse), metrics, gate));
    let (jobs, receiver) = mpsc::channel(limits.max_queued_requests);
    let (end, ended) = oneshot::channel();
    let driver = Driver::new(limits.clone(), GuardedExecutor(executor));
    let held = Held { seat: Arc::new(app.turns.seat(pulse)), memory, end };
    let worker = Worker::new(driver, receiver, Arc::clone(&status), held);
    let engine = EngineHandle::new(jobs, status);
    let model = ServedModel::new(slot.names(), parts, limits, engine, (app.config(), &app.grammars));
    Begun { worker, replaced: app.serve(slot, Serving::new(model, ended)) }
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
        windowed: plan.windowed,
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

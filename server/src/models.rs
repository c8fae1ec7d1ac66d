//! The models of this process: names lead to slots, and a slot holds what serves its model now, if anything does.
//!
//! Slots and names are those of the configuration and never change. What is in a slot does: a model is loaded, unloaded,
//! or replaced by itself from new files. Requests hold the model they began with, so its engine goes on until the last of
//! them has ended.

use std::{
    convert::Infallible,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use proto::ModelStatus;
use tokio::sync::oneshot;

use crate::{
    error::ApiError,
    metrics::{Metrics, ModelMetrics},
    model_entry::ModelEntry,
    served_model::ServedModel,
};

/// All configured models, in the order of the configuration.
#[derive(Debug)]
pub struct Models(Vec<Arc<Slot>>);

/// One configured model.
#[derive(Debug)]
pub struct Slot {
    entry: ModelEntry,
    metrics: Arc<ModelMetrics>,
    state: RwLock<State>,
    changing: AtomicBool,
    /// Blocks of its first pool: it is given as many whenever it is loaded again.
    pool: OnceLock<usize>,
}

/// What is in a slot.
#[derive(Debug)]
enum State {
    /// It is being loaded for the first time, as the server starts.
    Starting,
    /// It is being loaded again.
    Loading,
    Served(Serving),
    Unloaded,
}

/// A model that is served, and word of its engine's end.
#[derive(Debug)]
pub struct Serving {
    model: Arc<ServedModel>,
    end: oneshot::Receiver<Infallible>,
}

/// The right to change what is in a slot; nobody else has it meanwhile. A load that comes to nothing leaves the slot empty.
#[derive(Debug)]
pub struct Change(Arc<Slot>);

impl Models {
    /// All of them starting. There is at least one.
    pub fn new(entries: &[ModelEntry], metrics: &Metrics) -> Self {
        let slot = |entry: &ModelEntry| Slot {
            metrics: metrics.of_model(&entry.names[0]),
            entry: entry.clone(),
            state: RwLock::new(State::Starting),
            changing: AtomicBool::new(false),
            pool: OnceLock::new(),
        };
        Self(entries.iter().map(slot).map(Arc::new).collect())
    }

    /// All slots.
    pub fn slots(&self) -> &[Arc<Slot>] {
        &self.0
    }

    /// The slot that was configured first.
    pub fn first(&self) -> &Arc<Slot> {
        &self.0[0]
    }

    /// The slot of a name.
    pub fn named(&self, name: &str) -> Result<&Arc<Slot>, ApiError> {
        let is_called = |slot: &&Arc<Slot>| slot.names().iter().any(|own| own == name);
        self.0.iter().find(is_called).ok_or_else(|| ApiError::model_not_found(name))
    }

    /// All names that requests may use.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|slot| slot.names())
    }

    /// Those that are served now.
    pub fn served(&self) -> impl Iterator<Item = Arc<ServedModel>> {
        self.0.iter().filter_map(|slot| slot.served())
    }

    /// The first that is served now; else why none is.
    pub fn any(&self) -> Result<Arc<ServedModel>, ApiError> {
        self.served().next().ok_or_else(|| {
            if self.are_loading() { ApiError::model_loading() } else { ApiError::model_not_loaded(self.first().name()) }
        })
    }

    /// Refuses while nothing is served yet, and something will be: then no request need be read.
    pub fn check_loading(&self) -> Result<(), ApiError> {
        if self.are_loading() { Err(ApiError::model_loading()) } else { Ok(()) }
    }

    /// Whether nothing was ever served, and something will be.
    pub fn are_starting(&self) -> bool {
        self.served().next().is_none() && self.0.iter().any(|slot| slot.is_starting())
    }

    /// Whether nothing is served yet, and something will be.
    pub fn are_loading(&self) -> bool {
        let is = |status| self.0.iter().any(|slot| slot.status() == status);
        !is(ModelStatus::Loaded) && is(ModelStatus::Loading)
    }
}

impl Slot {
    /// What the model comes from, as named.
    pub fn source(&self) -> &str {
        &self.entry.source
    }

    /// Names that requests may use.
    pub fn names(&self) -> &[String] {
        &self.entry.names
    }

    /// The main name.
    pub fn name(&self) -> &str {
        &self.entry.names[0]
    }

    /// What is counted of the model.
    pub fn metrics(&self) -> &Arc<ModelMetrics> {
        &self.metrics
    }

    /// The model, if it is served now.
    pub fn served(&self) -> Option<Arc<ServedModel>> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Served(serving) => Some(Arc::clone(&serving.model)),
            State::Starting | State::Loading | State::Unloaded => None,
        }
    }

    /// The model, or why there is none now.
    pub fn model(&self) -> Result<Arc<ServedModel>, ApiError> {
        self.served().ok_or_else(|| match self.status() {
            ModelStatus::Unloaded => ApiError::model_not_loaded(self.name()),
            ModelStatus::Loading | ModelStatus::Loaded => ApiError::model_loading(),
        })
    }

    /// As `/v1/models` tells it.
    pub fn status(&self) -> ModelStatus {
        match *self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Starting | State::Loading => ModelStatus::Loading,
            State::Served(_) => ModelStatus::Loaded,
            State::Unloaded => ModelStatus::Unloaded,
        }
    }

    /// The right to change what is in it, if nobody has it. Of a slot that is starting it is the loader's.
    pub(crate) fn change(self: &Arc<Self>) -> Option<Change> {
        (!self.changing.swap(true, SeqCst)).then(|| Change(Arc::clone(self)))
    }

    /// Whether it has never been loaded.
    pub(crate) fn is_starting(&self) -> bool {
        matches!(*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Starting)
    }

    /// Blocks of its first pool, once there is one.
    pub(crate) fn pool(&self) -> Option<usize> {
        self.pool.get().copied()
    }

    /// Remembers the blocks of its first pool, if it has any.
    pub(crate) fn remember_pool(&self, blocks: usize) {
        if blocks > 0 {
            self.pool.get_or_init(|| blocks);
        }
    }

    /// From now on requests go to this model. True if it is the first that the slot holds; and what it replaces.
    pub(crate) fn serve(&self, serving: Serving) -> (bool, Option<Serving>) {
        match self.put(State::Served(serving)) {
            State::Starting => (true, None),
            State::Served(before) => (false, Some(before)),
            State::Loading | State::Unloaded => (false, None),
        }
    }

    fn put(&self, state: State) -> State {
        std::mem::replace(&mut *self.state.write().unwrap_or_else(PoisonError::into_inner), state)
    }
}

impl Serving {
    /// A model whose engine drops the sender of `end` when it has ended.
    pub(crate) fn new(model: ServedModel, end: oneshot::Receiver<Infallible>) -> Self {
        Self { model: Arc::new(model), end }
    }

    /// Returns when the last request has ended, and the engine with it.
    pub(crate) async fn drained(self) {
        drop(self.model);
        let _ = self.end.await;
    }
}

impl Change {
    /// What may be changed.
    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.0
    }

    /// An empty slot is being filled: clients are told to come back.
    pub(crate) fn begin_loading(&self) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Unloaded) {
            *state = State::Loading;
        }
    }

    /// Empties the slot: no new request finds a model here.
    pub(crate) fn take_out(&self) -> Option<Serving> {
        match self.0.put(State::Unloaded) {
            State::Served(serving) => {
                self.0.metrics.unloaded();
                Some(serving)
            }
            State::Starting | State::Loading | State::Unloaded => None,
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Loading) {
            *state = State::Unloaded;
        }
        drop(state);
        self.0.changing.store(false, SeqCst);
    }
}

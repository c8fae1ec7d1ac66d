//! A whole server in memory: the real router and worker over a fake executor, and a client for it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test target uses its part of the support")]

pub mod client;
pub mod controls;
pub mod cores;
pub mod fake_executor;
pub mod pair;
pub mod vocabulary;

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use axum::Router;
use scheduler::{Limits, Passes, Speculation};
use server::{
    app::{self, App},
    chat_template::ChatTemplate,
    clock::Clock,
    config::Config,
    engine_status::EngineStatus,
    flags::Flags,
    model_kind::ModelKind,
    served_model::ModelParts,
    start_up::{self, Loaded},
    text_pool::TextPool,
    tokenizer::Tokenizer,
};

use self::{controls::Controls, fake_executor::FakeExecutor};

/// The name clients use.
pub const MODEL: &str = "fake";

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server.
pub struct TestServer {
    pub app: Arc<App>,
    pub router: Router,
    /// The hand on the first model's executor.
    pub controls: Arc<Controls>,
    kind: ModelKind,
    template: &'static str,
}

/// What differs between tests.
pub struct Setup {
    pub flags: Flags,
    pub kind: ModelKind,
    pub template: &'static str,
    pub limits: Limits,
    pub keys: Vec<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        let limits = Limits {
            passes: Passes::Cached,
            max_num_seqs: 8,
            max_num_batched_tokens: 64,
            block_size: 4,
            num_blocks: 512,
            window: None,
            windowed: None,
            max_model_len: 1024,
            max_queued_requests: 256,
            max_queued_tokens: 65_536,
            max_samples: 64,
            speculation: Speculation::PREDICTIONS,
        };
        let flags = Flags { served_model_name: vec![MODEL.to_owned(), "fake-alias".to_owned()], ..Flags::default() };
        Self { flags, kind: ModelKind::Decoder, template: vocabulary::TEMPLATE, limits, keys: Vec::new() }
    }
}

impl Setup {
    /// An encoder of this kind, whose texts have so many tokens at most.
    pub fn encoder(kind: ModelKind, max_model_len: usize) -> Self {
        let setup = Self::default();
        let max_num_batched_tokens = setup.limits.max_num_batched_tokens.max(max_model_len);
        let limits =
            Limits { passes: Passes::Whole, num_blocks: 0, max_num_batched_tokens, max_model_len, ..setup.limits };
        Self { kind, limits, ..setup }
    }
}

impl TestServer {
    /// A server with default settings, its model loaded.
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    /// A server whose model is loaded.
    pub fn with(setup: Setup) -> Self {
        let mut server = Self::loading(&setup);
        server.load(setup.limits);
        server
    }

    /// A server whose model is still being loaded.
    pub fn loading(setup: &Setup) -> Self {
        Self::loading_at(setup, Clock::monotonic())
    }

    /// A server whose model is still being loaded, on a clock of the test's own.
    pub fn loading_at(setup: &Setup, clock: Clock) -> Self {
        let mut flags = setup.flags.clone();
        flags.api_key = setup.keys.iter().map(|key| (*key).into()).collect();
        let config = Config::resolve(&flags).unwrap();
        let app = App::new(config, clock, TextPool::new());
        Self {
            router: app::router(&app),
            app,
            controls: Arc::default(),
            kind: setup.kind.clone(),
            template: setup.template,
        }
    }

    /// Ends the loading of the first model.
    pub fn load(&mut self, limits: Limits) {
        let first = self.app.models().first().name().to_owned();
        self.load_as(&first, limits, Arc::clone(&self.controls));
    }

    /// Ends the loading of the model that is called so, or replaces it; its engine thread is joined by whoever wants its end.
    pub fn load_as(&self, name: &str, limits: Limits, controls: Arc<Controls>) -> JoinHandle<()> {
        let executor = FakeExecutor::new(limits.block_size, self.kind.clone(), controls);
        let parts = parts(self.kind.clone(), self.template, limits.max_model_len);
        let slot = self.app.models().named(name).unwrap();
        let loaded = Loaded { parts, limits, executor, memory: None, experts: None };
        let worker = start_up::begin(&self.app, slot, loaded).worker;
        thread::spawn(move || worker.run())
    }

    /// One sample of `/metrics` as a number.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text();
        let line = text.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
        let line = line.unwrap_or_else(|| panic!("no series {name}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until a step is held by a pause.
    pub async fn until_stepping(&self) {
        let controls = Arc::clone(&self.controls);
        tokio::task::spawn_blocking(move || controls.wait_for_step()).await.unwrap();
    }

    /// Waits until the first model's scheduler holds, or is about to get, so many requests.
    pub async fn until_requests(&self, count: usize) {
        self.until_requests_of(self.app.models().first().name(), count).await;
    }

    /// The same of the model that is called so.
    pub async fn until_requests_of(&self, name: &str, count: usize) {
        let status = self.status_of(name);
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "never {count} requests");
            let stats = status.snapshot();
            if stats.running + stats.waiting + status.queue_gate().on_the_way() >= count {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until nothing of the first model runs and nothing waits, and checks that no block is lost.
    pub async fn assert_whole(&self) {
        let status = self.status_of(self.app.models().first().name());
        let start = Instant::now();
        let stats = loop {
            let stats = status.snapshot();
            if (stats.running, stats.waiting, stats.blocks.used) == (0, 0, 0) {
                break stats;
            }
            assert!(start.elapsed() < PATIENCE, "never idle: {stats:?}");
            tokio::task::yield_now().await;
        };
        assert_eq!(stats.ledger_error, 0);
        assert_eq!(stats.blocks.cached + stats.blocks.free, stats.blocks.total);
    }
}

impl TestServer {
    fn status_of(&self, name: &str) -> Arc<EngineStatus> {
        let model = self.app.models().named(name).unwrap().served().unwrap();
        Arc::clone(model.engine().status())
    }
}

fn parts(kind: ModelKind, template: &str, max_model_len: usize) -> ModelParts {
    let tokenizer = Tokenizer::load(&vocabulary::source(), vocabulary::VOCAB_SIZE).unwrap();
    ModelParts {
        kind,
        template: Some(ChatTemplate::new(template, tokenizer.special_texts()).unwrap()),
        tokenizer: Arc::new(tokenizer),
        defaults: engine::GenerationDefaults::default(),
        pooling: engine::PoolingConfig { kind: engine::PoolingKind::Last, normalize: true },
        hidden_size: fake_executor::WIDTH,
        max_model_len,
        vocab_size: vocabulary::VOCAB_SIZE,
        bos_id: Some(vocabulary::BOS),
        eos_ids: vec![vocabulary::EOS],
        fingerprint: "0123456789ab".to_owned(),
    }
}

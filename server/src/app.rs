//! The HTTP application: every route on one screen, and what the routes share.
//!
//! Three routers: the open one for probes, the page's files, and the guarded one with its fallback inside the guard, so
//! that a path that does not exist asks for a key as every other does.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use axum::{
    Router,
    http::Method,
    middleware,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    answer_headers,
    auth::{self, Keys},
    body::BodyLimits,
    clock::{Clock, unix_seconds},
    config::Config,
    cors,
    error::ApiError,
    grammar::GrammarRoom,
    health::Health,
    host_guard,
    metrics::Metrics,
    models::{Models, Serving, Slot},
    openapi::{Endpoint, Facts},
    quota::Quota,
    request_id::random_bytes,
    routes,
    shutdown::{Shutdown, Work},
    text_pool::TextPool,
    turns::Turns,
};

const PROBES: [&str; 3] = ["/health", "/live", "/ready"];

/// A path, what answers there, and what the document says of it.
type Route = (&'static str, MethodRouter<Arc<App>>, Describe);
type Describe = fn(&Facts) -> Endpoint;

/// Answered without a key, whatever the `Host`.
fn open_routes() -> Vec<Route> {
    use routes::health;
    vec![
        (PROBES[0], get(health::health), health::describe_health),
        (PROBES[1], get(health::live), health::describe_live),
        (PROBES[2], get(health::ready), health::describe_ready),
    ]
}

/// Answered to those who may.
fn guarded_routes() -> Vec<Route> {
    use routes::{
        apply_template, change_models, chat, classify, completions, detokenize, embed, embeddings, fill_mask,
        input_tokens, metrics, models, ner, openapi, pooling, predict, qa, render, rerank, score, similarity, tokenize,
        unserved, version,
    };
    let mut routes: Vec<Route> = vec![
        ("/v1/chat/completions", post(chat::create), chat::describe),
        ("/v1/completions", post(completions::create), completions::describe),
        ("/v1/embeddings", post(embeddings::create), embeddings::describe),
        ("/embed", post(embed::create), embed::describe),
        ("/v1/pooling", post(pooling::create), pooling::describe),
        ("/pooling", post(pooling::create), pooling::describe),
        ("/v1/rerank", post(rerank::create), rerank::describe),
        ("/v2/rerank", post(rerank::create), rerank::describe),
        ("/rerank", post(rerank::create), rerank::describe),
        ("/v1/score", post(score::create), score::describe),
        ("/score", post(score::create), score::describe),
        ("/similarity", post(similarity::create), similarity::describe),
        ("/v1/classify", post(classify::create), classify::describe),
        ("/classify", post(classify::create), classify::describe),
        ("/v1/sentiment", post(classify::sentiment), classify::describe),
        ("/v1/ner", post(ner::create), ner::describe),
        ("/v1/qa", post(qa::create), qa::describe),
        ("/v1/fill-mask", post(fill_mask::create), fill_mask::describe),
        ("/predict", post(predict::create), predict::describe),
        ("/v1/chat/completions/render", post(render::chat), render::describe_chat),
        ("/v1/chat/completions/input_tokens", post(input_tokens::create), input_tokens::describe),
        ("/v1/completions/render", post(render::completion), render::describe_completion),
        ("/tokenize", post(tokenize::create), tokenize::describe),
        ("/v1/tokenize", post(tokenize::create), tokenize::describe),
        ("/detokenize", post(detokenize::create), detokenize::describe),
        ("/v1/detokenize", post(detokenize::create), detokenize::describe),
        ("/apply-template", post(apply_template::create), apply_template::describe),
        ("/v1/models", get(models::list), models::describe_list),
        ("/v1/models/{*id}", get(models::one), models::describe_one),
        ("/v1/models/load", post(change_models::load), change_models::describe_load),
        ("/v1/models/unload", post(change_models::unload), change_models::describe_unload),
        ("/metrics", get(metrics::metrics), metrics::describe),
        ("/version", get(version::version), version::describe),
        ("/openapi.json", get(openapi::document), openapi::describe),
    ];
    let other: Describe = unserved::describe_for_other_models;
    routes.extend(unserved::FOR_OTHER_MODELS.map(|path| (path, post(unserved::for_other_models), other)));
    let adapters: Describe = unserved::describe_for_adapters;
    routes.extend(unserved::FOR_ADAPTERS.map(|path| (path, post(unserved::for_adapters), adapters)));
    routes
}

/// The page that shows the document: its files hold no data, so that no key is asked for.
fn page_routes() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/docs", get(routes::docs::page)),
        ("/docs/icon.svg", get(routes::docs::icon)),
        ("/docs/page.css", get(routes::docs::style)),
        ("/docs/page.js", get(routes::docs::script)),
    ]
}

/// What the routes share.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) created: u64,
    pub(crate) health: Arc<Health>,
    pub(crate) shutdown: Arc<Shutdown>,
    pub(crate) metrics: Metrics,
    pub(crate) keys: Keys,
    /// Of those who may change the server.
    pub(crate) admins: Keys,
    pub(crate) hosts: Vec<String>,
    pub(crate) origins: Vec<String>,
    pub(crate) bodies: BodyLimits,
    pub(crate) pool: TextPool,
    pub(crate) models: Models,
    pub(crate) turns: Arc<Turns>,
    /// What the grammars of all models may take.
    pub(crate) grammars: GrammarRoom,
    /// What models may take, once it is planned.
    pub(crate) memory: OnceLock<Quota>,
}

impl App {
    /// An application whose models are still to be loaded.
    pub fn new(config: Config, clock: Clock, pool: TextPool) -> Arc<Self> {
        let health = Arc::new(Health::new(clock.clone(), config.lifecycle.stall_timeout, config.models.len()));
        let limits = &config.limits;
        let metrics = Metrics::new(&config.models[0].names[0]);
        Arc::new(Self {
            created: unix_seconds(),
            shutdown: Arc::new(Shutdown::new(Arc::clone(&health))),
            health,
            models: Models::new(&config.models, &metrics),
            metrics,
            keys: Keys::new(&config.access.keys.accepted(), random_bytes()),
            admins: Keys::new(&config.access.keys.admin, random_bytes()),
            hosts: config.access.hosts.clone(),
            origins: config.access.origins.clone(),
            bodies: BodyLimits::new(limits.body_bytes, limits.inflight_body_bytes, limits.body_timeout),
            pool,
            turns: Turns::new(clock.clone()),
            grammars: GrammarRoom::default(),
            memory: OnceLock::new(),
            clock,
            config,
        })
    }

    /// A model of this slot is loaded: from now on it is served. What it replaces is left to be drained.
    pub(crate) fn serve(&self, slot: &Slot, serving: Serving) -> Option<Serving> {
        let (is_first, replaced) = slot.serve(serving);
        if is_first {
            self.health.loaded();
        }
        replaced
    }

    /// A place among the running requests, unless new work is refused or there is no model yet to do it.
    pub fn begin(&self) -> Result<Work, ApiError> {
        self.models.check_loading().map_err(|error| self.refused(error))?;
        self.shutdown.begin().ok_or_else(|| self.refused(ApiError::shutting_down()))
    }

    /// Counts a refusal before it is known which model is asked.
    fn refused(&self, error: ApiError) -> ApiError {
        self.models.first().metrics().rejected(error.code());
        error
    }

    /// The models.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// How the process stops.
    pub fn shutdown(&self) -> &Arc<Shutdown> {
        &self.shutdown
    }

    /// Whether the server can serve.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// All metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What it runs with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn is_probe(path: &str) -> bool {
        PROBES.contains(&path)
    }
}

/// The application as a service.
pub fn router(app: &Arc<App>) -> Router {
    let known_host = || middleware::from_fn_with_state(Arc::clone(app), host_guard::require_known_host);
    let guarded = with_routes(undescribed(guarded_routes()))
        .fallback(unknown_url)
        .layer(middleware::from_fn_with_state(Arc::clone(app), auth::require_key))
        .layer(known_host());
    with_routes(undescribed(open_routes()))
        .merge(with_routes(page_routes()).layer(known_host()))
        .merge(guarded)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(app), cors::answer_origins))
        .layer(middleware::from_fn_with_state(Arc::clone(app), answer_headers::finish))
        .with_state(Arc::clone(app))
}

/// Paths that ask for a key, for tests that walk them.
pub fn guarded_paths() -> Vec<&'static str> {
    guarded_routes().into_iter().map(|(path, ..)| path).collect()
}

/// Paths that never ask for a key, whatever the `Host`.
pub fn open_paths() -> Vec<&'static str> {
    open_routes().into_iter().map(|(path, ..)| path).collect()
}

/// Paths of the page: they ask for a known `Host` and for no key.
pub fn page_paths() -> Vec<&'static str> {
    page_routes().into_iter().map(|(path, _)| path).collect()
}

/// What the routes say of themselves, and whether they are open.
pub(crate) fn descriptions() -> impl Iterator<Item = (&'static str, Describe, bool)> {
    let of = |routes: Vec<Route>, is_open| routes.into_iter().map(move |(path, _, describe)| (path, describe, is_open));
    of(guarded_routes(), false).chain(of(open_routes(), true))
}

fn undescribed(routes: Vec<Route>) -> impl Iterator<Item = (&'static str, MethodRouter<Arc<App>>)> {
    routes.into_iter().map(|(path, methods, _)| (path, methods))
}

fn with_routes(routes: impl IntoIterator<Item = (&'static str, MethodRouter<Arc<App>>)>) -> Router<Arc<App>> {
    let router = routes.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    router.method_not_allowed_fallback(wrong_method)
}

async fn unknown_url() -> ApiError {
    ApiError::unknown_url()
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::method_not_supported(method.as_str())
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::internal().into_response()
}

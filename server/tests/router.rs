//! The whole router over a fake executor, in memory: no port, no model, no sleep.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

#[path = "router/access.rs"]
mod access;
#[path = "router/answers.rs"]
mod answers;
#[path = "router/beams.rs"]
mod beams;
#[path = "router/changed_models.rs"]
mod changed_models;
#[path = "router/dialects.rs"]
mod dialects;
#[path = "router/embeddings.rs"]
mod embeddings;
#[path = "router/encoders.rs"]
mod encoders;
#[path = "router/faults.rs"]
mod faults;
#[path = "router/forms.rs"]
mod forms;
#[path = "router/http.rs"]
mod http;
#[path = "router/lifecycle.rs"]
mod lifecycle;
#[path = "router/load.rs"]
mod load;
#[path = "router/metrics.rs"]
mod metrics;
#[path = "router/models.rs"]
mod models;
#[path = "router/openapi.rs"]
mod openapi;
#[path = "router/pooling.rs"]
mod pooling;
#[path = "router/privacy.rs"]
mod privacy;
#[path = "router/prompt_scores.rs"]
mod prompt_scores;
#[path = "router/refusals.rs"]
mod refusals;
#[path = "router/streams.rs"]
mod streams;
#[path = "router/thoughts.rs"]
mod thoughts;
#[path = "router/token_tasks.rs"]
mod token_tasks;
#[path = "router/tokens.rs"]
mod tokens;
#[path = "router/tools.rs"]
mod tools;
#[path = "router/turns.rs"]
mod turns;

//! The HTTP front of Gondola: an OpenAI-compatible inference server.
//!
//! The server owns text; the scheduler owns numbers, the engine bytes, proto the public JSON.
#![forbid(unsafe_code)]

pub mod answer;
pub mod answer_headers;
pub mod app;
pub mod auth;
pub mod bench;
pub mod body;
mod bound;
pub mod chat_prompt;
pub mod chat_template;
pub mod checksum;
pub mod choice;
pub mod clock;
pub mod commands;
pub mod config;
pub mod cors;
pub mod detokenizer;
pub mod drain_rate;
pub mod engine_handle;
pub mod engine_status;
pub mod error;
pub mod flags;
pub mod generate;
pub mod grammar;
pub mod guarded_executor;
pub mod health;
pub mod host_guard;
pub mod hub;
pub mod json;
mod lane;
pub mod logging;
pub mod metrics;
pub mod model_cache;
pub mod model_source;
pub mod prepare;
pub mod progress;
pub mod queue_gate;
mod quota;
pub mod request;
pub mod request_id;
pub mod routes;
pub mod served_model;
pub mod short_names;
pub mod shutdown;
pub mod sse;
pub mod start_up;
pub mod stop_matcher;
mod substring;
pub mod text_pool;
pub mod text_stream;
pub mod ticket;
pub mod tokenizer;
pub mod units;
pub mod worker;

//! The HTTP front of Gondola: an OpenAI-compatible inference server.
//!
//! The server owns text; the scheduler owns numbers, the engine bytes, proto the public JSON.
#![forbid(unsafe_code)]

pub mod answer;
pub mod answer_headers;
pub mod app;
pub mod auth;
pub mod body;
pub mod choice;
pub mod clock;
pub mod commands;
pub mod config;
pub mod cors;
pub mod drain_rate;
pub mod engine_handle;
pub mod engine_status;
pub mod error;
pub mod flags;
pub mod generate;
pub mod guarded_executor;
pub mod health;
pub mod host_guard;
pub mod logging;
pub mod metrics;
pub mod prepare;
pub mod queue_gate;
pub mod request_id;
pub mod routes;
pub mod served_model;
pub mod shutdown;
pub mod sse;
pub mod start_up;
pub mod ticket;
pub mod units;
pub mod worker;

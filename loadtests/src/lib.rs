//! A load generator for Gondola and any other OpenAI-compatible server.
//!
//! Same seed, same requests. It measures from outside only: HTTP, `/metrics` and `/proc`; it
//! shares no code with the server, so that the two cannot be wrong in the same way.

#![forbid(unsafe_code)]

pub mod arguments;
pub mod bench;
pub mod beside;
pub mod chunk;
pub mod client;
pub mod comparison;
pub mod connection;
pub mod endpoint;
pub mod event_stream;
pub mod exchange;
pub mod failure;
pub mod figures;
pub mod histogram;
pub mod ledger;
pub mod length;
pub mod marks;
pub mod memory;
pub mod output;
pub mod overrides;
pub mod pattern;
pub mod percentile;
pub mod process_tree;
pub mod progress;
pub mod prompt;
pub mod report;
pub mod scenario;
pub mod scrape;
pub mod shape;
pub mod shipped;
pub mod stall;
pub mod target;
pub mod verdict;
pub mod whole_answer;
pub mod words;
pub mod workload;

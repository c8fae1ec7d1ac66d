//! The routes, one file each.

mod accept;
pub mod apply_template;
pub mod chat;
pub mod classify;
pub mod completions;
pub mod detokenize;
pub mod docs;
pub mod embeddings;
pub mod fill_mask;
pub mod health;
pub mod input_tokens;
pub mod metrics;
pub mod models;
pub mod ner;
pub mod openapi;
pub mod qa;
mod read;
pub mod render;
pub mod rerank;
pub mod score;
mod text_job;
pub mod tokenize;
pub mod unserved;
pub mod version;

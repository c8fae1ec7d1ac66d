//! The routes, one file each.

mod accept;
pub mod chat;
pub mod completions;
pub mod health;
pub mod metrics;
pub mod models;
pub mod version;

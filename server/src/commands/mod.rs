//! The command line: one file for each command.

pub mod bench;
pub mod health;
pub mod plan;
pub mod pull;
pub mod serve;

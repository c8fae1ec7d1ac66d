//! The command line: one file for each command, and the flags that some share.

pub mod bench;
pub mod health;
pub mod number_flags;
pub mod plan;
pub mod pull;
pub mod serve;

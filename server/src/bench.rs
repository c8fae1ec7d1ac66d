//! `gondola bench`, behind its flags: jobs are run on the engine itself, timed, and held against the machine's limits.

pub mod job;
pub mod measure;
pub mod report;
pub mod spread;

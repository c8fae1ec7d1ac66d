//! The program as a shell runs it.

use std::process::{Command, Stdio};

#[test]
fn requests_end_quietly_when_nobody_reads_them() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/embeddings.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtests"));
    command.args(["requests", "--scenario", scenario]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

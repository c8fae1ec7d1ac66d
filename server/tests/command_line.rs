//! The binary from outside: help, exit codes, and one line about what is wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Output};

fn gondola(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gondola"));
    command.args(arguments).envs(variables.iter().copied()).env("HF_HUB_OFFLINE", "1").output().unwrap()
}

/// The exit code and the one line on stderr.
fn failure(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let output = gondola(arguments, variables);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<_> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("backtrace"), "{stderr}");
    (output.status.code().unwrap(), errors[0].to_owned())
}

#[test]
fn help_names_every_command_and_every_flag_with_its_default() {
    let help = String::from_utf8(gondola(&["--help"], &[]).stdout).unwrap();
    for word in ["serve", "pull", "plan", "bench", "health", "Examples:"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let help = String::from_utf8(gondola(&["serve", "--help"], &[]).stdout).unwrap();
    for flag in [
        "--host",
        "--port",
        "--model",
        "--served-model-name",
        "--admin-api-key",
        "--api-key",
        "--api-key-file",
        "--max-num-seqs",
        "--max-num-batched-tokens",
        "--block-size",
        "--num-kv-blocks",
        "--kv-cache-memory-bytes",
        "--max-model-len",
        "--max-num-queued-reqs",
        "--max-num-queued-tokens",
        "--max-queue-wait",
        "--request-timeout",
        "--threads",
        "--isa",
        "--max-body-bytes",
        "--max-n",
        "--shutdown-timeout",
        "--drain-delay",
        "--stall-timeout",
        "--allowed-hosts",
        "--allowed-origins",
        "--allow-unauthenticated",
        "--log-format",
        "--chat-template",
        "--generation-config",
    ] {
        assert!(help.contains(flag), "{flag}: {help}");
    }
    assert!(help.contains("[default: 8000]") && help.contains("[default: 4MiB]"), "{help}");
}

#[test]
fn usage_errors_exit_with_2() {
    for arguments in [&["serve", "--no-such-flag"][..], &["serve", "--port", "99999"], &["nonsense"]] {
        assert_eq!(gondola(arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
    let (code, line) = failure(&["serve", "--host", "0.0.0.0"], &[]);
    assert_eq!(code, 2);
    assert!(line.contains("--api-key-file"), "{line}");
    let (code, line) = failure(&["serve"], &[("GONDOLA_MAX_N", "0")]);
    assert_eq!((code, line.as_str()), (2, "error: --max-n: 0 is not in 1 to 128"));
}

#[test]
fn models_are_named_apart() {
    let (code, line) = failure(&["serve", "org/a", "--model", "org/b=org-a", "--model", "c=org-a"], &[]);
    assert_eq!((code, line.as_str()), (2, "error: --model: two models are called org-a"));
    let (code, line) = failure(&["serve", "--served-model-name", "x"], &[("GONDOLA_MODEL", "org/a,org/b=b")]);
    assert!(code == 2 && line.starts_with("error: --served-model-name: names one model"), "{line}");
}

#[test]
fn an_instruction_set_that_is_not_there_is_refused_by_name() {
    for (arguments, variable) in [(&["--isa", "abacus"][..], "scalar"), (&[], "abacus")] {
        let (code, line) = failure(&[&["serve"], arguments].concat(), &[("GONDOLA_ISA", variable)]);
        assert!(code == 2 && line.contains("--isa: 'abacus' is none of scalar, avx2, avx512"), "{line}");
    }
}

#[test]
fn flags_win_over_variables() {
    let (_, line) = failure(&["serve", "--max-n", "1000"], &[("GONDOLA_MAX_N", "0")]);
    assert!(line.contains("1000"), "{line}");
}

#[test]
fn variables_of_a_service_called_gondola_are_not_ours() {
    let (_, line) = failure(&["serve", "--max-n", "0"], &[("GONDOLA_PORT", "tcp://10.0.0.1:8000")]);
    assert!(line.contains("--max-n"), "{line}");
}

#[test]
fn a_model_that_is_not_there_exits_with_1_and_one_line() {
    let (code, line) = failure(&["serve", "no-such-file.gguf", "--port", "0"], &[]);
    assert_eq!(code, 1);
    assert!(line.contains("no-such-file.gguf"), "{line}");
}

#[test]
fn a_port_in_use_exits_with_1_and_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, line) = failure(&["serve", "no-such-file.gguf", "--port", &port], &[]);
    assert_eq!(code, 1);
    assert!(line.contains(&port), "{line}");
}

#[test]
fn health_without_a_server_exits_with_1() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (code, _) = failure(&["health", "--url", &format!("http://127.0.0.1:{free}/health")], &[]);
    assert_eq!(code, 1);
}

#[test]
fn bench_gives_figures_for_prompts_one_sequence_and_batches() {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/tests/fixtures/llama_gguf/llama-Q4_1.gguf");
    let arguments = ["bench", model, "-p", "8", "-n", "4", "--batch", "1,3", "--batch-n-gen", "2", "-d", "5"];
    let more = ["-r", "2", "-t", "1", "-o", "json"];
    let output = gondola(&[&arguments[..], &more[..]].concat(), &[("GONDOLA_ISA", "scalar")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let tests = report["tests"].as_array().unwrap();
    let names: Vec<_> = tests.iter().map(|test| test["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["pp8", "tg4", "tg2 x 1 @ d5", "tg2 x 3 @ d5"]);
    for test in tests {
        assert_eq!(test["seconds"].as_array().unwrap().len(), 2);
        assert!(test["tok_per_s"]["median"].as_f64().unwrap() > 0.0 && test["read_share"].as_f64().unwrap() > 0.0);
        assert!(test["arithmetic_share"].is_null(), "plain kernels have no int8 instructions: {test}");
    }
    assert_eq!((&report["setting"]["isa"], &report["setting"]["threads"]), (&"scalar".into(), &1.into()));
}

#[test]
fn bench_refuses_what_it_cannot_measure() {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/tests/fixtures/llama_gguf/llama-Q4_1.gguf");
    let (code, line) = failure(&["bench", model, "-p", "0", "-n", "0", "--batch", "0"], &[]);
    assert!(code == 2 && line.contains("nothing to measure"), "{line}");
    let (code, line) = failure(&["bench", model, "-p", "100000"], &[]);
    assert!(code == 2 && line.contains("pp100000 needs 100000 positions"), "{line}");
    assert_eq!(failure(&["bench", model, "-t", "0"], &[]).0, 2);
    assert_eq!(failure(&["bench", "no-such.gguf"], &[]).0, 1);
}

/// A folder that holds nothing but the config.json that was published.
const LLAMA_31: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/tests/fixtures/published/llama-3.1-8b");

#[test]
fn plan_needs_no_weights_and_tells_what_fits() {
    let output = gondola(&["plan", LLAMA_31, "--memory", "64GiB"], &[]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    for part in [
        "llama, 8030261248 parameters",
        "vocabulary 128256",
        "with 8 of keys and values",
        "BF16, as config.json says",
        "weights     14.96 GiB",
        "131072",
        "Q4_K",
        "q8_0",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}

#[test]
fn plan_for_a_machine_that_is_too_small_fails_and_still_tells_what_fits() {
    let arguments = ["plan", LLAMA_31, "--memory", "6GiB"];
    let (code, line) = failure(&arguments, &[]);
    assert_eq!(code, 1);
    assert!(line.contains("GiB too little; use a GGUF file of it as Q4_K"), "{line}");
    let told = String::from_utf8(gondola(&arguments, &[]).stdout).unwrap();
    assert!(told.contains("too little") && told.contains("Q4_K"), "{told}");
    let (code, line) = failure(&["plan", LLAMA_31, "--max-num-seqs", "0"], &[]);
    assert!(code == 2 && line.contains("--max-num-seqs"), "{line}");
    let (code, line) = failure(&["plan", "org/never-fetched"], &[]);
    assert!(code == 1 && line.ends_with("not in the cache: run `gondola pull org/never-fetched`"), "{line}");
}

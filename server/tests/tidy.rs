//! The house rules that a text search can check: who depends on whom, how long a file is, what stands where.
//!
//! Every rule reports all its violations at once, with file and line.
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a test reports to people")]

use std::{
    fs,
    path::{Path, PathBuf},
};

const CRATES: [&str; 5] = ["server", "engine", "scheduler", "proto", "loadtests"];
const SOFT_LINES: usize = 300;
const HARD_LINES: usize = 500;

/// A source file: its path below the workspace and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines that are not tests of the same file.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        self.text[..end].lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Lines without comments and string literals.
    fn code(&self) -> impl Iterator<Item = (usize, String)> {
        self.lines().map(|(number, line)| (number, without_strings(line.split("//").next().unwrap_or_default())))
    }

    fn is_under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn sources() -> Vec<Source> {
    let root = workspace();
    let mut files = Vec::new();
    for name in CRATES {
        for folder in ["src", "tests", "benches", "examples"] {
            collect(&root.join(name).join(folder), &mut files);
        }
    }
    files.sort();
    let relative = |file: &Path| file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    files.iter().map(|file| Source { path: relative(file), text: fs::read_to_string(file).unwrap() }).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn without_strings(line: &str) -> String {
    line.split('"').step_by(2).collect()
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|found| found == word)
}

fn assert_none(rule: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}

/// Every place in `files` whose code has one of the words.
fn places(files: &[&Source], words: &[&str]) -> Vec<String> {
    let found = |file: &Source| -> Vec<String> {
        let lines = file.code().filter(|(_, code)| words.iter().any(|word| has_word(code, word)));
        lines.map(|(number, _)| format!("{}:{number}", file.path)).collect()
    };
    files.iter().flat_map(|file| found(file)).collect()
}

#[test]
fn dependencies_point_at_pure_code() {
    let allowed: [(&str, &[&str]); 5] = [
        ("proto", &[]),
        ("scheduler", &[]),
        ("engine", &["scheduler"]),
        ("server", &["engine", "proto", "scheduler"]),
        ("loadtests", &["proto"]),
    ];
    let mut violations = Vec::new();
    for (name, allowed) in allowed {
        for dependency in dependencies(name, true) {
            if CRATES.contains(&dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                violations.push(format!("{name} -> {dependency}"));
            }
        }
    }
    assert_none("an arrow that the design does not have", &violations);
}

#[test]
fn pure_crates_have_few_dependencies() {
    let allowed: [(&str, &[&str]); 2] =
        [("proto", &["serde", "serde_json", "utoipa"]), ("scheduler", &["sha2", "thiserror"])];
    for (name, allowed) in allowed {
        let others: Vec<_> =
            dependencies(name, false).into_iter().filter(|found| !allowed.contains(&found.as_str())).collect();
        assert_none(&format!("{name} depends on"), &others);
    }
}

/// Names in a crate's dependency tables.
fn dependencies(name: &str, with_dev: bool) -> Vec<String> {
    let manifest = fs::read_to_string(workspace().join(name).join("Cargo.toml")).unwrap();
    let mut section = String::new();
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            line.clone_into(&mut section);
        }
        let is_table = section.ends_with("dependencies]") && (with_dev || !section.contains("dev-"));
        if is_table && !line.starts_with(['[', '#']) && !line.is_empty() {
            names.push(line.split(['.', ' ', '=']).next().unwrap().to_owned());
        }
    }
    names
}

#[test]
fn files_are_short() {
    let mut violations = Vec::new();
    for file in sources() {
        let lines = file.lines().count();
        if lines > HARD_LINES {
            violations.push(format!("{}: {lines} lines", file.path));
        } else if lines > SOFT_LINES {
            eprintln!("{}: {lines} lines, aim at {SOFT_LINES}", file.path);
        }
    }
    assert_none("files of more than 500 lines", &violations);
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path).collect();
    assert_none("files that do not open with //!", &silent);
}

#[test]
fn files_are_named_by_concept() {
    let nameless = ["utils.rs", "util.rs", "common.rs", "helpers.rs", "types.rs", "misc.rs", "manager.rs"];
    let violations: Vec<_> = sources()
        .into_iter()
        .map(|file| file.path)
        .filter(|path| nameless.iter().any(|name| path.rsplit('/').next() == Some(*name)))
        .collect();
    assert_none("files named after nothing", &violations);
}

#[test]
fn status_codes_stand_in_one_file() {
    let all = sources();
    let files: Vec<_> =
        all.iter().filter(|file| file.is_under("server/src/") && !file.is_under("server/src/error")).collect();
    assert_none("status codes outside error.rs", &places(&files, &["StatusCode"]));
}

#[test]
fn unsafe_code_stands_in_one_folder() {
    let all = sources();
    let files: Vec<_> = all.iter().filter(|file| !file.is_under("engine/src/kernels")).collect();
    assert_none("unsafe code outside engine/src/kernels", &places(&files, &["unsafe"]));
}

#[test]
fn anyhow_stays_at_the_edge() {
    let all = sources();
    let is_inside = |file: &&Source| {
        file.path.contains("/src/") && !file.is_under("loadtests/") && !file.path.ends_with("/main.rs")
    };
    let files: Vec<_> = all.iter().filter(is_inside).collect();
    assert_none("anyhow inside a library", &places(&files, &["anyhow"]));
}

#[test]
fn features_are_asked_for_in_few_places() {
    let allowed = ["engine/src/device", "engine/src/ops", "engine/src/kernels", "server/src/faults.rs"];
    let mut violations = Vec::new();
    for file in sources().iter().filter(|file| !allowed.iter().any(|folder| file.is_under(folder))) {
        for (number, code) in file.code() {
            if code.contains("cfg(feature") {
                violations.push(format!("{}:{number}", file.path));
            }
        }
    }
    assert_none("features outside device, ops and kernels", &violations);
}

#[test]
fn the_scheduler_has_no_clock_thread_channel_or_randomness() {
    let all = sources();
    let files: Vec<_> = all.iter().filter(|file| file.is_under("scheduler/src/")).collect();
    let words = ["Instant", "SystemTime", "thread", "mpsc", "HashMap", "HashSet", "rand", "getrandom"];
    assert_none("impure words in the scheduler", &places(&files, &words));
}

#[test]
fn names_have_no_get_prefix() {
    let mut violations = Vec::new();
    for file in sources() {
        let lines = file.code().filter(|(_, code)| code.contains("fn get_"));
        violations.extend(lines.map(|(number, _)| format!("{}:{number}", file.path)));
    }
    assert_none("getters with a prefix", &violations);
}

#[test]
fn the_search_sees_what_it_should() {
    let source = |text: &str| Source { path: "engine/src/x.rs".to_owned(), text: text.to_owned() };
    let seen = |text: &str| !places(&[&source(text)], &["unsafe"]).is_empty();
    assert!(seen("let x = unsafe { f() };") && seen("unsafe fn f() {}"));
    assert!(!seen("// unsafe here") && !seen("deny(unsafe_code)") && !seen("let x = \"unsafe\";"));
    assert!(!seen("fn f() {}\n#[cfg(test)]\nmod tests {\n unsafe {}\n}"));
}

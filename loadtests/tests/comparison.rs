//! A whole comparison over a fake server, `src/bin/fake-server.rs`.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use loadtests::comparison::{self, config::Config, options::Options};
use serde_json::Value;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("loadtests-comparison-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A comparison of the fake in two settings, a server that ends at once, and one that is not installed.
fn comparison(folder: &Path) -> PathBuf {
    let fake = env!("CARGO_BIN_EXE_fake-server");
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/tiny.toml");
    let servers = ["slow", "fast"].map(|setting| {
        format!(
            "[[servers]]\nname = 'fake-{setting}'\ngroup = 'fake'\nkernel_line = 'kernels'\n\
             command = ['{fake}']\n\
             environment = {{ FAKE_PORT = '{{port}}', FAKE_SETTING = '{setting}' }}\n"
        )
    });
    let text = format!(
        "name = 'fake'\nbaseline = 'fake'\nrounds = 2\nthreads = 1\n\
         quiet = {{ load_average = 1e9, busy_cpus = 1e9 }}\n\
         [[works]]\nscenario = '{scenario}'\nclients = [1, 2]\n{}{}\
         [[servers]]\nname = 'broken'\noptional = true\ncommand = ['sh', '-c', 'echo no model; exit 3']\n\
         [[servers]]\nname = 'absent'\noptional = true\ncommand = ['no-such-server', '{{model}}']\n",
        servers[0], servers[1]
    );
    let path = folder.join("fake.toml");
    fs::write(&path, text).unwrap();
    path
}

fn options(config: &Path, out: &Path, more: &[&str]) -> Options {
    let words = ["compare", "--config", config.to_str().unwrap(), "--out", out.to_str().unwrap()];
    Line::try_parse_from(words.iter().chain(more)).unwrap().options
}

#[tokio::test]
async fn a_comparison_measures_every_server_that_is_there_and_names_those_that_are_not() {
    let folder = folder("whole");
    let model = concat!("any=", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let options = options(&comparison(&folder), &folder, &["--model", model, "--model", "none=/no/such.gguf"]);
    let (report, page) = comparison::run(&options, "loadtests compare".to_owned()).await.unwrap();

    assert!(report.passed(), "servers that are optional may fail: {page}");
    assert_eq!(fs::read_to_string(folder.join("report.md")).unwrap(), page);
    assert!(page.contains("| - | - | absent | not installed |"), "{page}");
    assert!(page.contains("broken: on any: it ended before it was ready: exit status: 3; see logs/broken-any-1.log"));
    assert!(page.contains("model none is left out: /no/such.gguf does not exist"));
    assert!(page.contains("`kernels: slow`") && page.contains("`kernels: fast`"));
    assert!(!page.contains("another length"), "{page}");

    let json: Value = serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!((rows.len(), json["runs"].as_array().unwrap().len()), (4, 8));
    for row in rows {
        let counts = ["runs", "ok", "failed", "shorter"].map(|count| row[count].as_u64().unwrap());
        assert_eq!(counts, [2, 8, 0, 0], "{row}");
        assert_eq!((row["prompt_tokens"].as_f64(), row["prompt_tokens_wanted"].as_f64()), (Some(32.0), Some(32.0)));
        assert!(row["spreads"]["peak_rss_mib"]["median"].as_f64().unwrap() > 0.0);
    }
    for subject in ["throughput", "ttft", "itl"] {
        let svg = fs::read_to_string(folder.join(format!("tiny-any-{subject}.svg"))).unwrap();
        assert!(svg.contains("fake-slow") && svg.contains("fake-fast") && svg.contains("clients"));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn what_cannot_begin_says_why() {
    let folder = folder("refused");
    let config = comparison(&folder);
    let run = async |more: &[&str]| {
        let refused = comparison::run(&options(&config, &folder, more), String::new()).await;
        format!("{:#}", refused.expect_err("it cannot begin"))
    };
    assert!(run(&[]).await.contains("--model NAME=FILE"));
    assert!(run(&["--model", "m=/no/such"]).await.contains("/no/such does not exist"));
    assert!(run(&["--server", "nobody"]).await.contains("no server named 'nobody'"));
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("optional = true\n", "")).unwrap();
    let model = concat!("any=", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert!(run(&["--model", model]).await.contains("absent is not installed: no-such-server {model}"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_shipped_comparison_is_valid_and_named_after_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("comparisons");
    for name in ["cpu", "quick"] {
        let config = Config::read(&folder.join(format!("{name}.toml"))).unwrap();
        assert_eq!(config.name, name);
        assert!(!config.about.is_empty());
        assert!(config.servers.iter().any(|server| !server.optional), "{name} needs nobody");
    }
}

//! The files under `deploy/` are well formed, and ask for no metric that the server does not export.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

/// Made by Prometheus itself.
const BUILT_IN: [&str; 1] = ["up"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Yaml {
    let mut documents = YamlLoader::load_from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

fn board() -> Value {
    serde_json::from_str(&read("deploy/grafana/dashboards/gondola.json")).expect("the dashboard is JSON")
}

fn panels(board: &Value) -> Vec<&Value> {
    board["panels"].as_array().expect("panels").iter().filter(|panel| panel["type"] != "row").collect()
}

fn board_queries(board: &Value) -> Vec<String> {
    let targets = panels(board).into_iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let queries = targets.map(|target| target["expr"].as_str().expect("an expression").to_owned());
    let variables = board["templating"]["list"].as_array().expect("variables");
    let lists = variables.iter().map(|variable| variable["query"]["query"].as_str().expect("a query").to_owned());
    queries.chain(lists).collect()
}

fn alerts() -> Vec<Yaml> {
    let file = yaml("deploy/alerts.yml");
    let groups = file["groups"].as_vec().expect("groups");
    groups.iter().flat_map(|group| group["rules"].as_vec().expect("rules").clone()).collect()
}

/// The metric names in the server's source: string literals with a colon or the HTTP prefix. A `{}` in one stands for
/// any word.
struct Exported(BTreeSet<String>);

impl Exported {
    fn from_source() -> Self {
        let source = read("server/src/metrics.rs");
        let folder = fs::read_dir(root().join("server/src/metrics")).into_iter().flatten().flatten();
        let files = folder.map(|file| fs::read_to_string(file.path()).expect("a source file"));
        let source = files.fold(source, |all, file| all + &file);
        let literals = source.split('"').skip(1).step_by(2);
        let names = literals.filter(|text| ["vllm:", "gondola:", "http_"].iter().any(|start| text.starts_with(start)));
        Self(names.map(str::to_owned).collect())
    }

    fn has(&self, metric: &str) -> bool {
        let series = ["", "_bucket", "_sum", "_count"].map(|suffix| metric.strip_suffix(suffix));
        let mut bases = series.into_iter().flatten();
        bases.any(|base| self.0.iter().any(|name| matches(name, base)))
    }
}

fn matches(name: &str, metric: &str) -> bool {
    match (name.find('{'), name.find('}')) {
        (Some(open), Some(close)) => {
            let (start, end) = (&name[..open], &name[close + 1..]);
            metric.len() > start.len() + end.len() && metric.starts_with(start) && metric.ends_with(end)
        }
        _ => name == metric,
    }
}

/// The metrics a `PromQL` expression reads: its names that are no function, keyword, label or string.
fn metrics(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = expression;
    let mut after_grouping = false;
    while let Some(next) = rest.chars().next() {
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))).unwrap_or(rest.len());
        let skipped = match next {
            '{' => Some('}'),
            '[' => Some(']'),
            '"' => Some('"'),
            '(' if after_grouping => Some(')'),
            _ => None,
        };
        if let Some(end) = skipped {
            rest = &rest[rest[1..].find(end).expect("brackets close") + 2..];
            after_grouping = false;
        } else if length == 0 {
            rest = &rest[next.len_utf8()..];
        } else {
            let (word, later) = rest.split_at(length);
            rest = later;
            after_grouping = matches!(word, "by" | "without" | "on" | "ignoring");
            let next_word = later.trim_start();
            let is_function = ["(", "by ", "without "].iter().any(|start| next_word.starts_with(start));
            let is_word = matches!(word, "and" | "or" | "unless" | "bool" | "model_name" | "by" | "without");
            if !is_function && !is_word && !next.is_ascii_digit() {
                found.insert(word.to_owned());
            }
        }
    }
    found
}

#[test]
fn the_reader_of_expressions_finds_metrics_and_nothing_else() {
    let read = |text| metrics(text).into_iter().collect::<Vec<_>>();
    assert_eq!(read("histogram_quantile(0.9, sum by (le, x) (rate(a:b_bucket{c=\"d(\"}[5m])))"), ["a:b_bucket"]);
    assert_eq!(read("a{b=\"c\"} / on (d) e > 0.5 and f"), ["a", "e", "f"]);
    assert_eq!(read("label_values(a:b, model_name)"), ["a:b"]);
}

#[test]
fn the_search_for_exported_names_is_exact() {
    let exported = Exported(["vllm:a_total", "gondola:b_{kind}", "vllm:c"].map(str::to_owned).into());
    assert!(exported.has("vllm:a_total") && exported.has("gondola:b_used") && exported.has("vllm:c_bucket"));
    assert!(!exported.has("vllm:a") && !exported.has("gondola:b_") && !exported.has("vllm:cc"));
}

#[test]
fn every_metric_of_the_dashboard_is_exported() {
    let exported = Exported::from_source();
    for query in board_queries(&board()) {
        let asked = metrics(&query);
        assert!(!asked.is_empty(), "no metric in: {query}");
        for metric in asked {
            assert!(exported.has(&metric), "{metric} is not exported: {query}");
        }
    }
}

#[test]
fn every_metric_of_an_alert_is_exported() {
    let exported = Exported::from_source();
    assert!(alerts().len() >= 6);
    for alert in alerts() {
        let expression = alert["expr"].as_str().expect("an expression");
        for metric in metrics(expression) {
            assert!(exported.has(&metric) || BUILT_IN.contains(&metric.as_str()), "{metric} is not exported");
        }
        assert!(alert["annotations"]["summary"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(matches!(alert["labels"]["severity"].as_str(), Some("page" | "ticket")));
    }
}

#[test]
fn panels_have_their_own_ids_places_and_words() {
    let board = board();
    let panels = panels(&board);
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().expect("an id")).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{}", panel["title"]);
        assert_eq!(panel["datasource"]["uid"], "prometheus", "{}", panel["title"]);
        let place = &panel["gridPos"];
        assert!(place["x"].as_i64().zip(place["w"].as_i64()).is_some_and(|(x, width)| x + width <= 24));
    }
}

#[test]
fn the_provisioned_files_fit_together() {
    let sources = yaml("deploy/grafana/provisioning/datasources/prometheus.yaml");
    assert_eq!(sources["datasources"][0]["uid"].as_str(), Some("prometheus"));
    let boards = yaml("deploy/grafana/provisioning/dashboards/gondola.yaml");
    let folder = boards["providers"][0]["options"]["path"].as_str().expect("a folder");
    let compose = yaml("deploy/compose.yaml");
    let mounts = compose["services"]["grafana"]["volumes"].as_vec().expect("mounts");
    assert!(mounts.iter().any(|mount| mount.as_str() == Some(&format!("./grafana/dashboards:{folder}:ro"))));
}

#[test]
fn the_scrape_carries_the_key_the_server_reads() {
    let compose = yaml("deploy/compose.yaml");
    let command = compose["services"]["gondola"]["command"].as_vec().expect("a command");
    let words: Vec<&str> = command.iter().filter_map(Yaml::as_str).collect();
    let key_file = words.iter().position(|word| *word == "--api-key-file").expect("0.0.0.0 needs a key") + 1;
    let scrape = yaml("deploy/prometheus.yml");
    let job = &scrape["scrape_configs"][0];
    assert_eq!(job["authorization"]["credentials_file"].as_str(), Some(words[key_file]));
    assert_eq!(job["job_name"].as_str(), Some("gondola"));
    assert_eq!(scrape["rule_files"][0].as_str(), Some("alerts.yml"));
    for service in ["gondola", "prometheus"] {
        assert_eq!(compose["services"][service]["secrets"][0].as_str(), Some("api_key"), "{service}");
    }
}

#[test]
fn the_image_has_no_shell_and_no_root_and_asks_for_health() {
    let dockerfile = read("deploy/Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().expect("a last stage");
    assert!(last.starts_with("scratch\n"), "nothing but what is copied in, so no shell");
    assert!(last.contains("\nUSER 65532:65532\n"));
    assert!(last.contains(r#"CMD ["/usr/bin/gondola", "health"]"#));
    assert!(!last.lines().any(|line| line.starts_with("RUN")), "there is no shell to run it");
}

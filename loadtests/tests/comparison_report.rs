//! What a comparison's page says, word for word, from runs with known figures.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::{collections::BTreeMap, path::Path};

use loadtests::{
    comparison::{
        config::Config,
        machine::Machine,
        markdown, plot,
        report::{Report, Served},
        row::Row,
        run::Run,
    },
    figures::Figures,
    percentile::Latency,
};

const CONFIG: &str = "name = 'golden'\nabout = 'Shows all.'\nbaseline = 'peer'\nthreads = 2\n\
    [[works]]\nscenario = 'tiny.toml'\nclients = [1, 2]\n\
    [[servers]]\nname = 'ours'\nabout = 'the one'\ncommand = ['no-such-ours', '{model}']\n\
    [[servers]]\nname = 'peer-a'\ngroup = 'peer'\noptional = true\ncommand = ['no-such-peer']\n\
    environment = { WAIT = 'a|b' }\n\
    [[servers]]\nname = 'peer-b'\ngroup = 'peer'\noptional = true\ncommand = ['no-such-peer']\n\
    [[servers]]\nname = 'absent'\noptional = true\ncommand = ['no-such-server']\n";

const PAGE: &str = "\
# Comparison `golden`

Shows all.

A processor, 2 processors (avx2 fma), 4096 MiB; 2 threads for each server.
Medians of 3 rounds, each with its own seeds; each server alone.
In brackets: the ratio to peer, at its best setting for each row's load.

```sh
loadtests compare --config golden.toml
```

## Servers

| server | what it is | version | ready after | command | kernels, as its log says |
|---|---|---|---|---|---|
| ours | the one | ours 1.0 | 0.3 s | `no-such-ours {model}` | `isa=avx2` |
| peer-a |  | - | - | `WAIT=a\\|b no-such-peer` | - |
| peer-b |  | - | - | `no-such-peer` | - |
| absent |  | - | not installed | `no-such-server` | - |

## Models

| model | file | MiB |
|---|---|---|
| Q4_1 | m.gguf | 2.0 |

## tiny: 2 clients, 32 words in, 8 tokens out

| model | clients | server | output tok/s | TTFT p50 ms | TTFT p99 ms | ITL p50 ms | ITL p99 ms | peak RSS MiB | lowest to highest tok/s | prompt tokens | ok | failed | short |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
| Q4_1 | 1 | ours | 200 (2.00) | 5.00 (0.50) | 20.0 (0.50) | 5.00 (0.50) | 20.0 (0.50) | 64.0 (1.00) | 150-250 | 32.0 | 12 | 0 | 0 |
| Q4_1 | 1 | peer-a | 80.0 (0.80) | 12.5 (1.25) | 50.0 (1.25) | 12.5 (1.25) | 50.0 (1.25) | 64.0 (1.00) | 80.0-80.0 | 33.0 for 32.0 | 4 | 0 | 0 |
| Q4_1 | 1 | peer-b | 100 (1.00) | 10.0 (1.00) | 40.0 (1.00) | 10.0 (1.00) | 40.0 (1.00) | 64.0 (1.00) | 100-100 | 32.0 | 4 | 0 | 0 |
| Q4_1 | 2 | ours | 400 | 2.50 | 10.0 | 2.50 | 10.0 | 64.0 | 400-400 | 32.0 | 4 | 0 | 0 |
| - | - | absent | not installed | - | - | - | - | - | - | - | - | - | - |

![tiny on Q4_1: output tokens in a second](tiny-Q4_1-throughput.svg)

![tiny on Q4_1: time to first token, ms](tiny-Q4_1-ttft.svg)

![tiny on Q4_1: time between tokens, ms](tiny-Q4_1-itl.svg)

## Notes

- the first note
- peer-a: on Q4_1: gone
- others kept more than 0.2 processors busy beside 1 of 6 runs, at most 0.75
- 1 of 6 runs began although the machine was not quiet
- in 1 of 6 runs the server counted prompts of another length than was asked for
";

fn run(server: &str, clients: usize, rate: f64) -> Run {
    let latency = Latency { p50: 1000.0 / rate, p90: 1500.0 / rate, p99: 4000.0 / rate, max: 5000.0 / rate };
    let figures = Figures {
        ok: 4,
        output_tok_per_s: Some(rate),
        ttft_ms: Some(latency),
        itl_ms: Some(latency),
        prompt_tokens_mean: Some(32.0),
        error_kinds: BTreeMap::new(),
        ..Figures::default()
    };
    Run {
        work: "tiny".into(),
        clients,
        model: "Q4_1".into(),
        server: server.into(),
        round: 0,
        seed: 1,
        prompt_tokens_wanted: 32.0,
        peak_rss_mib: 64.0,
        others_cpus: 0.0,
        not_quiet: None,
        figures,
    }
}

fn report() -> Report {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let config = Config::parse(CONFIG, &scenarios).unwrap();
    let mut report = Report::begun(&config, &[], "loadtests compare --config golden.toml".into());
    let flags = ["avx2", "fma"].map(str::to_owned).to_vec();
    report.machine = Machine { cpu: "A processor".into(), cpus: 2, flags, memory_mib: 4096 };
    report.models = vec![Served { name: "Q4_1".into(), file: "m.gguf".into(), bytes: Some(2 << 20) }];
    report.notes = vec!["the first note".into()];
    for server in report.servers.iter_mut().filter(|server| server.name != "absent") {
        server.installed = true;
    }
    let ours = report.participant("ours").unwrap();
    (ours.version, ours.kernel) = (Some("ours 1.0".into()), Some("isa=avx2".into()));
    ours.start_s = vec![0.4, 0.25, 0.26];
    report.participant("peer-a").unwrap().failures.push("on Q4_1: gone".into());
    report.runs = [150.0, 250.0, 200.0].map(|rate| run("ours", 1, rate)).to_vec();
    report.runs.extend([run("peer-b", 1, 100.0), run("peer-a", 1, 80.0), run("ours", 2, 400.0)]);
    report.runs[0].others_cpus = 0.75;
    report.runs[1].not_quiet = Some("loud".into());
    report.runs[4].figures.prompt_tokens_mean = Some(33.0);
    report
}

#[test]
fn the_page_is_word_for_word() {
    let report = report();
    let rows = Row::all(&report);
    let page = markdown::page(&report, &rows, &plot::all(&report, &rows));
    assert!(page == PAGE, "{page}");
}

#[test]
fn a_setting_with_failures_is_the_baseline_only_if_all_have_some() {
    let mut report = report();
    let base = |report: &Report| {
        let rows = Row::all(report);
        rows.into_iter().find(|row| row.ratios.values().all(|&ratio| ratio == 1.0) && row.clients == 1).unwrap().server
    };
    assert_eq!(base(&report), "peer-b");
    report.runs[3].figures.errors = 1;
    assert_eq!(base(&report), "peer-a");
    report.runs[4].figures.errors = 1;
    assert_eq!(base(&report), "peer-b");
}

#[test]
fn only_a_server_that_is_needed_fails_a_comparison() {
    let mut report = report();
    assert!(report.passed());
    report.runs[3].figures.errors = 1;
    assert!(report.passed());
    report.runs[0].figures.refused = 1;
    assert!(!report.passed());
    report.runs[0].figures.refused = 0;
    report.participant("ours").unwrap().failures.push("on Q4_1: gone".into());
    assert!(!report.passed());
}

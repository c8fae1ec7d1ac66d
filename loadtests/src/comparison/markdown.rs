//! The report as a page to read: where it ran, who took part, a table for each load, the plots.

use std::fmt::Write;

use super::{
    metric::{Metric, Spread},
    plot::Plot,
    report::{Participant, Report},
    row::Row,
    work::Work,
};

/// The whole page.
pub fn page(report: &Report, rows: &[Row], plots: &[Plot]) -> String {
    let mut page = String::new();
    head(&mut page, report);
    servers(&mut page, report);
    models(&mut page, report);
    for work in &report.works {
        table(&mut page, report, work, rows);
        for plot in plots.iter().filter(|plot| plot.work == work.name()) {
            line(&mut page, &format!("![{}]({})\n", plot.title, plot.file));
        }
    }
    notes(&mut page, report);
    page
}

fn head(page: &mut String, report: &Report) {
    let machine = &report.machine;
    line(page, &format!("# Comparison `{}`\n", report.name));
    if !report.about.is_empty() {
        line(page, &format!("{}\n", report.about));
    }
    let flags = machine.flags.join(" ");
    let (cpu, cpus, memory) = (&machine.cpu, machine.cpus, machine.memory_mib);
    line(
        page,
        &format!("{cpu}, {cpus} processors ({flags}), {memory} MiB; {} threads for each server.", report.threads),
    );
    line(page, &format!("Medians of {} rounds, each with its own seeds; each server alone.", report.rounds));
    line(page, &format!("In brackets: the ratio to {}, at its best setting for each row's load.\n", report.baseline));
    line(page, &format!("```sh\n{}\n```\n", report.repeat));
}

fn servers(page: &mut String, report: &Report) {
    line(page, "## Servers\n\n| server | what it is | version | ready after | command | kernels, as its log says |");
    line(page, "|---|---|---|---|---|---|");
    for server in &report.servers {
        let Participant { name, about, command, .. } = server;
        let start = Spread::of(server.start_s.iter().copied()).map(|spread| format!("{:.1} s", spread.median));
        let start = if server.installed { start.unwrap_or("-".into()) } else { "not installed".into() };
        let version = server.version.as_deref().map_or("-".into(), cell);
        let kernel = server.kernel.as_deref().map_or("-".into(), code);
        line(page, &format!("| {name} | {about} | {version} | {start} | {} | {kernel} |", code(command)));
    }
    line(page, "");
}

fn models(page: &mut String, report: &Report) {
    line(page, "## Models\n\n| model | file | MiB |\n|---|---|---|");
    for model in &report.models {
        let size = model.bytes.map_or("-".to_owned(), |bytes| format!("{:.1}", bytes as f64 / f64::from(1 << 20)));
        line(page, &format!("| {} | {} | {size} |", model.name, model.file));
    }
    line(page, "");
}

fn table(page: &mut String, report: &Report, work: &Work, rows: &[Row]) {
    line(page, &format!("## {}: {}\n", work.name(), work.scenario.about));
    let metrics = Metric::ALL.map(|metric| metric.to_string()).join(" | ");
    line(
        page,
        &format!(
            "| model | clients | server | {metrics} | lowest to highest tok/s | prompt tokens | ok | failed | short |"
        ),
    );
    line(page, &format!("|---|---|---|{}---|---|---|---|---|", "---|".repeat(Metric::ALL.len())));
    for row in rows.iter().filter(|row| row.work == work.name()) {
        line(page, &filled(row));
    }
    let columns = Metric::ALL.len() + 4;
    for server in report.servers.iter().filter(|server| !server.installed) {
        line(page, &format!("| - | - | {} | not installed |{}", server.name, " - |".repeat(columns)));
    }
    line(page, "");
}

fn filled(row: &Row) -> String {
    let Row { model, clients, server, ok, failed, shorter, .. } = row;
    let metrics = Metric::ALL.map(|metric| value(row, metric)).join(" | ");
    let range =
        row.spreads.get(&Metric::OutputTokPerS).map(|spread| format!("{}-{}", short(spread.low), short(spread.high)));
    let range = range.unwrap_or_else(|| "-".to_owned());
    let wanted = row.prompt_tokens_wanted;
    let prompt = match row.prompt_tokens {
        Some(counted) if (counted - wanted).abs() < 0.01 => format!("{counted:.1}"),
        Some(counted) => format!("{counted:.1} for {wanted:.1}"),
        None => "-".to_owned(),
    };
    format!("| {model} | {clients} | {server} | {metrics} | {range} | {prompt} | {ok} | {failed} | {shorter} |")
}

fn value(row: &Row, metric: Metric) -> String {
    let value = row.spreads.get(&metric).map(|spread| short(spread.median));
    match (value, row.ratios.get(&metric)) {
        (None, _) => "-".to_owned(),
        (Some(value), None) => value,
        (Some(value), Some(ratio)) => format!("{value} ({ratio:.2})"),
    }
}

fn notes(page: &mut String, report: &Report) {
    let mut notes = report.notes.clone();
    for server in &report.servers {
        notes.extend(server.failures.iter().map(|failure| format!("{}: {failure}", server.name)));
    }
    let all = report.runs.len();
    let limit = report.quiet.busy_cpus;
    let others = report.runs.iter().map(|run| run.others_cpus);
    let busy: Vec<f64> = others.filter(|&cpus| cpus > limit).collect();
    if let Some(most) = busy.iter().copied().max_by(f64::total_cmp) {
        let count = busy.len();
        notes.push(format!(
            "others kept more than {limit} processors busy beside {count} of {all} runs, at most {most:.2}"
        ));
    }
    let loud = report.runs.iter().filter(|run| run.not_quiet.is_some()).count();
    if loud > 0 {
        notes.push(format!("{loud} of {all} runs began although the machine was not quiet"));
    }
    let other = report.runs.iter().filter(|run| run.other_prompts()).count();
    if other > 0 {
        notes.push(format!("in {other} of {all} runs the server counted prompts of another length than was asked for"));
    }
    if !notes.is_empty() {
        line(page, "## Notes\n");
        for note in notes {
            line(page, &format!("- {}", note.replace('\n', " ")));
        }
    }
}

/// A text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(text: &str) -> String {
    cell(&format!("`{text}`"))
}

/// A figure as people read it: three digits or more.
fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a string takes all");
}

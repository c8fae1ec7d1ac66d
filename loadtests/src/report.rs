//! A run's result: one JSON object, and the same as a table to read.

use std::fmt;

use serde::Serialize;

use crate::{
    beside::Beside, figures::Figures, percentile::Latency, scenario::Scenario, stall::Stall, verdict::Verdict,
};

/// What a run gave.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was run, with all its settings.
    pub scenario: Scenario,
    /// What was measured.
    #[serde(flatten)]
    pub figures: Figures,
    /// The loads beside it, in the scenario's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Part>,
    /// What was checked.
    pub verdicts: Vec<Verdict>,
}

/// What a load beside another gave.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What was measured.
    #[serde(flatten)]
    pub figures: Figures,
    /// What was checked.
    pub verdicts: Vec<Verdict>,
}

impl Report {
    /// Whether every check and mark held.
    pub fn passed(&self) -> bool {
        let beside = self.beside.iter().flat_map(|part| &part.verdicts);
        self.verdicts.iter().chain(beside).all(|verdict| verdict.passed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { name, seed, load, request, beside, .. } = &self.scenario;
        writeln!(f, "{name} (seed {seed}): {load}; {request}")?;
        print(f, &self.figures, &self.verdicts)?;
        for (part, Beside { load, request, .. }) in self.beside.iter().zip(beside) {
            writeln!(f, "beside it {}: {load}; {request}", part.name)?;
            print(f, &part.figures, &part.verdicts)?;
        }
        Ok(())
    }
}

/// What a load gave.
fn print(f: &mut fmt::Formatter<'_>, figures: &Figures, verdicts: &[Verdict]) -> fmt::Result {
    counts(f, figures)?;
    writeln!(f, "{:>10} {:>10} {:>10} {:>10} {:>10}", "ms", "p50", "p90", "p99", "max")?;
    if figures.texts_per_s.is_none() {
        latency(f, "TTFT", figures.ttft_ms)?;
        latency(f, "ITL", figures.itl_ms)?;
        latency(f, "TPOT", figures.tpot_ms)?;
    }
    latency(f, "end to end", figures.e2e_ms)?;
    for (name, seen) in [("refusals", figures.refusal_ms), ("probes", figures.probe_ms)] {
        if seen.is_some() {
            latency(f, name, seen)?;
        }
    }
    if !figures.itl_histogram.to_string().is_empty() {
        write!(f, "gaps between pieces of text\n{}", figures.itl_histogram)?;
    }
    if let Some(stall) = &figures.stall {
        stall_lines(f, stall)?;
    }
    for (kind, count) in &figures.error_kinds {
        writeln!(f, "error, {count} times: {kind}")?;
    }
    verdicts.iter().try_for_each(|verdict| writeln!(f, "{verdict}"))
}

fn counts(f: &mut fmt::Formatter<'_>, figures: &Figures) -> fmt::Result {
    writeln!(
        f,
        "{} ok, {} left, {} refused, {} failed in {:.2} s; {} tokens out, {} prompt tokens cached",
        figures.ok,
        figures.left,
        figures.refused,
        figures.errors,
        figures.wall_s,
        figures.output_tokens,
        figures.cached_tokens
    )?;
    let first = match figures.texts_per_s {
        Some(texts) => format!("{texts:.2} texts/s"),
        None => format!("{} output tok/s", rate(figures.output_tok_per_s)),
    };
    let (prompt, requests) = (rate(figures.prompt_tok_per_s), rate(figures.requests_per_s));
    writeln!(f, "{first}, {prompt} prompt tok/s, {requests} requests/s")?;
    if let Some(memory) = figures.memory {
        writeln!(
            f,
            "server memory {:.1} MiB, peak {:.1}, grown by {:.1} over the load",
            memory.resident_mib, memory.peak_mib, memory.growth_mib
        )?;
    }
    Ok(())
}

fn rate(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

fn latency(f: &mut fmt::Formatter<'_>, name: &str, latency: Option<Latency>) -> fmt::Result {
    match latency {
        Some(Latency { p50, p90, p99, max }) => {
            writeln!(f, "{name:>10} {p50:>10.2} {p90:>10.2} {p99:>10.2} {max:>10.2}")
        }
        None => writeln!(f, "{name:>10} {:>10} {:>10} {:>10} {:>10}", "-", "-", "-", "-"),
    }
}

fn stall_lines(f: &mut fmt::Formatter<'_>, stall: &Stall) -> fmt::Result {
    writeln!(
        f,
        "long prompt: first token after {:.1} ms; streams' median gap {:.1} ms before, {:.1} ms meanwhile",
        stall.prompt_ttft_ms, stall.quiet_step_ms, stall.prefill_step_ms
    )?;
    writeln!(
        f,
        "longest gap meanwhile {:.1} ms = {:.2} steps, over {} gaps",
        stall.longest_gap_ms, stall.gap_over_step, stall.gaps
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(passed: bool) -> Report {
        let scenario = Scenario::parse("name = 'x'\n[load]\nkind = 'closed'\nclients = 1\nrequests = 1\n").unwrap();
        let verdicts = vec![Verdict::new("a", true, "1"), Verdict::new("b", passed, "2")];
        Report { scenario, figures: Figures::default(), beside: Vec::new(), verdicts }
    }

    #[test]
    fn a_load_beside_it_is_printed_and_judged_too() {
        let text = "name = 'x'\n[load]\nkind = 'closed'\nclients = 1\nrequests = 1\n[[beside]]\nname = 'y'\nmodel = 'm'\n\
                    load = { kind = 'timed', clients = 2, seconds = 3 }\nrequest = { endpoint = 'ner', input = 9 }\n";
        let figures = Figures { texts_per_s: Some(7.5), ..Figures::default() };
        let part = |passed| Part {
            name: "y".into(),
            figures: figures.clone(),
            verdicts: vec![Verdict::new("c", passed, "3")],
        };
        let judged =
            |passed| Report { scenario: Scenario::parse(text).unwrap(), beside: vec![part(passed)], ..report(true) };
        assert!(judged(true).passed() && !judged(false).passed());
        let page = judged(false).to_string();
        assert!(page.contains("beside it y: 2 clients for 3 s; a text of 9 words\n"), "{page}");
        assert!(page.contains("7.50 texts/s") && page.ends_with("FAILED c: 3\n"), "{page}");
        assert_eq!(serde_json::to_value(judged(true)).unwrap()["beside"][0]["texts_per_s"], 7.5);
    }

    #[test]
    fn one_failed_check_fails_the_run_and_is_printed() {
        assert!(report(true).passed());
        assert!(!report(false).passed());
        assert!(report(false).to_string().contains("FAILED b: 2"));
    }

    #[test]
    fn json_has_figures_at_the_top_and_the_scenario_beside() {
        let json = serde_json::to_value(report(true)).unwrap();
        assert_eq!(json["errors"], 0);
        assert_eq!(json["scenario"]["load"]["kind"], "closed");
        assert_eq!(json["verdicts"][1]["passed"], true);
    }
}

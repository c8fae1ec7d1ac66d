//! A run's result: one JSON object, and the same as a table to read.

use std::fmt;

use serde::Serialize;

use crate::{figures::Figures, percentile::Latency, scenario::Scenario, stall::Stall, verdict::Verdict};

/// What a run gave.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was run, with all its settings.
    pub scenario: Scenario,
    /// What was measured.
    #[serde(flatten)]
    pub figures: Figures,
    /// What was checked.
    pub verdicts: Vec<Verdict>,
}

impl Report {
    /// Whether every check and mark held.
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.passed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.figures;
        self.title(f)?;
        self.counts(f)?;
        writeln!(f, "{:>10} {:>10} {:>10} {:>10} {:>10}", "ms", "p50", "p90", "p99", "max")?;
        latency(f, "TTFT", figures.ttft_ms)?;
        latency(f, "ITL", figures.itl_ms)?;
        latency(f, "TPOT", figures.tpot_ms)?;
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
        self.verdicts.iter().try_for_each(|verdict| writeln!(f, "{verdict}"))
    }
}

impl Report {
    fn title(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { name, seed, load, request, .. } = &self.scenario;
        let (input, output) = (request.input, request.output);
        writeln!(f, "{name} (seed {seed}): {load}; {input} words in, {output} tokens out")
    }

    fn counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.figures;
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
        writeln!(
            f,
            "{} output tok/s, {} prompt tok/s, {} requests/s",
            rate(figures.output_tok_per_s),
            rate(figures.prompt_tok_per_s),
            rate(figures.requests_per_s)
        )?;
        if let Some(memory) = figures.memory {
            writeln!(
                f,
                "server memory {:.1} MiB, peak {:.1}, grown by {:.1} over the load",
                memory.resident_mib, memory.peak_mib, memory.growth_mib
            )?;
        }
        Ok(())
    }
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
        Report { scenario, figures: Figures::default(), verdicts }
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

//! Pass marks: figures a run must reach. A mark on a figure that was not measured fails.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{figures::Figures, verdict::Verdict};

/// The marks of a scenario; only those given count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Marks {
    /// Requests that failed otherwise than by a refusal, at most.
    pub errors: Option<f64>,
    /// Requests refused for want of room, at most.
    pub refused: Option<f64>,
    /// Time to a refusal, 99th percentile in ms, at most; there must be refusals.
    pub refusal_p99_ms: Option<f64>,
    /// The slowest answer of a probe or scrape while the load runs in ms, at most.
    pub probe_max_ms: Option<f64>,
    /// Answers shorter than asked for, at most.
    pub shorter_than_asked: Option<f64>,
    /// Clients that left in the middle of a stream, at least.
    pub left: Option<f64>,
    /// Time to the first text, 99th percentile in ms, at most.
    pub ttft_p99_ms: Option<f64>,
    /// Gap between pieces of text, 99th percentile in ms, at most.
    pub itl_p99_ms: Option<f64>,
    /// From sending to the end, 99th percentile in ms, at most.
    pub e2e_p99_ms: Option<f64>,
    /// Output tokens in a second, at least.
    pub output_tok_per_s: Option<f64>,
    /// Texts that were read in a second, at least.
    pub texts_per_s: Option<f64>,
    /// Longest gap while a long prompt is computed, in median steps of that time, at most.
    pub gap_over_step: Option<f64>,
    /// Growth of the server's resident memory over the load in MiB, at most.
    pub rss_growth_mib: Option<f64>,
}

/// Which side of a mark is good.
#[derive(Clone, Copy)]
enum Side {
    AtMost,
    AtLeast,
}

impl Marks {
    /// Sets one mark, written as its name, an equals sign and its value.
    pub fn set(&mut self, written: &str) -> Result<()> {
        let (name, value) = written.split_once('=').with_context(|| format!("'{written}' is not NAME=VALUE"))?;
        let value: Option<f64> = value.parse().ok().filter(|value: &f64| value.is_finite());
        let value = value.with_context(|| format!("'{written}' does not end with a number"))?;
        let mut marks = serde_json::to_value(&*self)?;
        marks[name] = value.into();
        *self = serde_json::from_value(marks)?;
        Ok(())
    }

    /// A verdict for each mark that is given.
    pub fn judge(&self, figures: &Figures) -> Vec<Verdict> {
        use Side::{AtLeast, AtMost};
        let count = |value: usize| Some(value as f64);
        let p99 = |latency: Option<crate::percentile::Latency>| latency.map(|latency| latency.p99);
        let rows = [
            ("errors", AtMost, self.errors, count(figures.errors)),
            ("refused", AtMost, self.refused, count(figures.refused)),
            ("refusal_p99_ms", AtMost, self.refusal_p99_ms, p99(figures.refusal_ms)),
            ("probe_max_ms", AtMost, self.probe_max_ms, figures.probe_ms.map(|latency| latency.max)),
            ("shorter_than_asked", AtMost, self.shorter_than_asked, count(figures.shorter_than_asked)),
            ("left", AtLeast, self.left, count(figures.left)),
            ("ttft_p99_ms", AtMost, self.ttft_p99_ms, p99(figures.ttft_ms)),
            ("itl_p99_ms", AtMost, self.itl_p99_ms, p99(figures.itl_ms)),
            ("e2e_p99_ms", AtMost, self.e2e_p99_ms, p99(figures.e2e_ms)),
            ("output_tok_per_s", AtLeast, self.output_tok_per_s, figures.output_tok_per_s),
            ("texts_per_s", AtLeast, self.texts_per_s, figures.texts_per_s),
            ("gap_over_step", AtMost, self.gap_over_step, figures.stall.map(|stall| stall.gap_over_step)),
            ("rss_growth_mib", AtMost, self.rss_growth_mib, figures.memory.map(|memory| memory.growth_mib)),
        ];
        let given = rows.into_iter().filter_map(|(name, side, mark, value)| Some((name, side, mark?, value)));
        given.map(|(name, side, mark, value)| verdict(name, side, mark, value)).collect()
    }
}

fn verdict(name: &str, side: Side, mark: f64, value: Option<f64>) -> Verdict {
    let Some(value) = value else {
        return Verdict::new(name, false, "not measured");
    };
    let (passed, words) = match side {
        Side::AtMost => (value <= mark, "at most"),
        Side::AtLeast => (value >= mark, "at least"),
    };
    Verdict::new(name, passed, format!("{value:.2}, {words} {mark}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(marks: &Marks, figures: &Figures) -> Vec<bool> {
        marks.judge(figures).iter().map(|verdict| verdict.passed).collect()
    }

    #[test]
    fn both_sides_are_judged_at_the_edge() {
        let figures = Figures { errors: 1, left: 8, output_tok_per_s: Some(100.0), ..Figures::default() };
        let marks = |errors, left, tok| Marks {
            errors: Some(errors),
            left: Some(left),
            output_tok_per_s: Some(tok),
            ..Marks::default()
        };
        assert_eq!(passed(&marks(1.0, 8.0, 100.0), &figures), [true, true, true]);
        assert_eq!(passed(&marks(0.0, 9.0, 100.1), &figures), [false, false, false]);
    }

    #[test]
    fn a_mark_is_set_by_its_name() {
        let mut marks = Marks { errors: Some(0.0), ..Marks::default() };
        marks.set("itl_p99_ms=12.5").unwrap();
        assert_eq!(marks, Marks { errors: Some(0.0), itl_p99_ms: Some(12.5), ..Marks::default() });
        for bad in ["itl_p99=1", "errors", "errors=few", "errors=NaN"] {
            assert!(marks.set(bad).is_err(), "{bad}");
        }
        assert_eq!(marks.itl_p99_ms, Some(12.5), "what is refused changes nothing");
    }

    #[test]
    fn what_was_not_measured_fails_and_what_is_not_asked_is_not_judged() {
        let marks = Marks { itl_p99_ms: Some(5.0), rss_growth_mib: Some(1.0), ..Marks::default() };
        assert_eq!(passed(&marks, &Figures::default()), [false, false]);
        assert!(Marks::default().judge(&Figures::default()).is_empty());
    }

    #[test]
    fn a_value_that_is_no_number_fails() {
        let figures = Figures { output_tok_per_s: Some(f64::NAN), ..Figures::default() };
        assert_eq!(passed(&Marks { output_tok_per_s: Some(0.0), ..Marks::default() }, &figures), [false]);
    }
}

//! The figures with what a reader needs to judge them, as a table, as markdown or as JSON.

use std::fmt::Write;

use engine::limits::{Arithmetic, MachineLimits};
use serde::Serialize;

use super::{measure::Measured, spread::Spread};

const COLUMNS: [&str; 7] = ["test", "tok/s", "lowest-highest", "GB/s", "of reading", "Gop/s", "of arithmetic"];

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What ran, and where.
    pub setting: Setting,
    /// One for each test, in the order they ran.
    pub tests: Vec<Test>,
}

/// What ran, and where.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// The model's file or folder, without where that is.
    pub model: String,
    /// Its parameters.
    pub parameters: u64,
    /// Bytes of its weights as they are held.
    pub weights_bytes: u64,
    /// The processor's name.
    pub cpu: String,
    /// Those of its flags that kernels choose by.
    pub flags: Vec<&'static str>,
    /// Instruction set of the kernels.
    pub isa: &'static str,
    /// Threads that compute.
    pub threads: usize,
    /// What weights are computed in.
    pub dtype: &'static str,
    /// What keys and values are kept as.
    pub kv_dtype: &'static str,
    /// Repetitions of each test.
    pub repetitions: usize,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Test {
    /// Such as `pp512`.
    pub name: String,
    /// Sequences at once.
    pub sequences: usize,
    /// Tokens in a second, of all sequences, over the repetitions.
    pub tok_per_s: Spread,
    /// Seconds of each repetition.
    pub seconds: Vec<f64>,
    /// Bytes in a second of what must be read, in the median repetition.
    pub read_bytes_per_s: f64,
    /// The share of the measured read bandwidth that this is; above 1 where caches hold the weights.
    pub read_share: f64,
    /// Operations in a second, in the median repetition.
    pub ops_per_s: f64,
    /// The share of the measured arithmetic that this is; none where the kernels have no instructions of their own.
    pub arithmetic_share: Option<f64>,
    /// What the machine could do just before.
    pub limits: MachineLimits,
}

impl From<Measured> for Test {
    fn from(measured: Measured) -> Self {
        let Measured { job, seconds, cost, limits } = measured;
        let median = Spread::of(seconds.iter().copied()).median;
        Self {
            name: job.name(),
            sequences: job.sequences(),
            tok_per_s: Spread::of(seconds.iter().map(|seconds| job.tokens() as f64 / seconds)),
            read_bytes_per_s: cost.bytes as f64 / median,
            read_share: cost.read_share(&limits, median),
            ops_per_s: cost.all_ops() as f64 / median,
            arithmetic_share: cost.arithmetic_share(&limits, median),
            limits,
            seconds,
        }
    }
}

impl Report {
    /// Columns lined up for a terminal.
    pub fn table(&self) -> String {
        let rows: Vec<_> = std::iter::once(COLUMNS.map(str::to_owned)).chain(self.tests.iter().map(cells)).collect();
        let widths: Vec<usize> =
            (0..COLUMNS.len()).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
        let mut text = self.head();
        for row in rows {
            let first = format!("{:<1$}", row[0], widths[0]);
            let others = row[1..].iter().zip(&widths[1..]).map(|(cell, width)| format!("  {cell:>width$}"));
            push(&mut text, &others.fold(first, |line, cell| line + &cell));
        }
        text
    }

    /// A table for a page.
    pub fn markdown(&self) -> String {
        let mut text = self.head();
        push(&mut text, &format!("\n| {} |", COLUMNS.join(" | ")));
        push(&mut text, &format!("|---|{}", "---:|".repeat(COLUMNS.len() - 1)));
        for test in &self.tests {
            push(&mut text, &format!("| {} |", cells(test).join(" | ")));
        }
        text
    }

    fn head(&self) -> String {
        let Setting { model, parameters, weights_bytes, cpu, flags, isa, threads, dtype, kv_dtype, repetitions } =
            &self.setting;
        let mut text = String::new();
        let (millions, mib) = (*parameters as f64 / 1e6, *weights_bytes as f64 / f64::from(1 << 20));
        push(
            &mut text,
            &format!("{model}: {millions:.1} M parameters, {mib:.1} MiB of weights, dtype {dtype}, KV {kv_dtype}"),
        );
        push(&mut text, &format!("{cpu} ({}); isa={isa}, {threads} threads", flags.join(" ")));
        push(&mut text, &format!("measured: {}; medians of {repetitions} repetitions", self.limits()));
        text
    }

    /// The highest readings: what else runs can only take away.
    fn limits(&self) -> String {
        let highest = |of: &dyn Fn(&MachineLimits) -> Option<f64>| {
            let readings = self.tests.iter().filter_map(|test| of(&test.limits));
            readings.max_by(f64::total_cmp).map(|most| most / 1e9)
        };
        let read = highest(&|limits| Some(limits.read_bytes_per_s)).map(|read| format!("{read:.1} GB/s read"));
        let kinds = Arithmetic::ALL.into_iter().filter_map(|kind| {
            Some(format!("{:.0} Gop/s {}", highest(&|limits| limits.ops_per_s(kind))?, kind.name()))
        });
        read.into_iter().chain(kinds).collect::<Vec<_>>().join(", ")
    }
}

fn cells(test: &Test) -> [String; COLUMNS.len()] {
    let Spread { median, low, high } = test.tok_per_s;
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    [
        test.name.clone(),
        format!("{median:.1}"),
        format!("{low:.1}-{high:.1}"),
        format!("{:.1}", test.read_bytes_per_s / 1e9),
        percent(test.read_share),
        format!("{:.0}", test.ops_per_s / 1e9),
        test.arithmetic_share.map_or_else(|| "-".to_owned(), percent),
    ]
}

fn push(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use engine::StepCost;

    use super::*;
    use crate::bench::job::Job;

    fn report(int8_ops_per_s: Option<f64>) -> Report {
        let limits =
            MachineLimits { read_bytes_per_s: 40e9, f32_ops_per_s: 200e9, int8_ops_per_s, bf16_ops_per_s: None };
        let measured = Measured {
            job: Job::Decode { sequences: 2, tokens: 10, depth: 8 },
            seconds: vec![0.1, 0.2, 0.4],
            cost: StepCost { bytes: 4_000_000_000, f32_ops: 10_000_000_000, int8_ops: 20_000_000_000, bf16_ops: 0 },
            limits,
        };
        let setting = Setting {
            model: "m.gguf".into(),
            parameters: 1_500_000,
            weights_bytes: 1 << 20,
            cpu: "A processor".into(),
            flags: vec!["avx2", "fma"],
            isa: "avx2",
            threads: 2,
            dtype: "auto",
            kv_dtype: "f16",
            repetitions: 3,
        };
        Report { setting, tests: vec![measured.into()] }
    }

    #[test]
    fn a_table_has_the_figures_and_what_they_are_held_against() {
        let expected = "\
m.gguf: 1.5 M parameters, 1.0 MiB of weights, dtype auto, KV f16
A processor (avx2 fma); isa=avx2, 2 threads
measured: 40.0 GB/s read, 200 Gop/s f32, 400 Gop/s int8; medians of 3 repetitions
test           tok/s  lowest-highest  GB/s  of reading  Gop/s  of arithmetic
tg10 x 2 @ d8  100.0      50.0-200.0  20.0        50 %    150           50 %
";
        assert_eq!(report(Some(400e9)).table(), expected);
    }

    #[test]
    fn kernels_without_instructions_of_their_own_have_no_share() {
        let page = report(None).markdown();
        assert!(page.ends_with("| tg10 x 2 @ d8 | 100.0 | 50.0-200.0 | 20.0 | 50 % | 150 | - |\n"), "{page}");
        let json = serde_json::to_value(report(None)).unwrap();
        assert_eq!(json["tests"][0]["arithmetic_share"], serde_json::Value::Null);
        assert_eq!(json["tests"][0]["tok_per_s"]["low"], 50.0);
    }
}

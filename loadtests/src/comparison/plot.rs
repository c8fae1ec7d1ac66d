//! Plots of a comparison: a metric against the number of clients, a line for each server.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
};

use super::{metric::Metric, report::Report, row::Row};

const SIZE: (u32, u32) = (860, 480);
const COLOURS: [RGBColor; 8] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(255, 127, 14),
    RGBColor(148, 103, 189),
    RGBColor(23, 190, 207),
    RGBColor(140, 86, 75),
    RGBColor(127, 127, 127),
];

/// What is drawn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Throughput,
    Ttft,
    Itl,
}

/// One picture.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The load it is of.
    pub work: String,
    /// Its file's name.
    pub file: String,
    /// What it shows.
    pub title: String,
    subject: Subject,
    lines: Vec<Line>,
}

/// One server's medians of one metric.
#[derive(Clone, Debug)]
struct Line {
    label: String,
    colour: RGBColor,
    dashed: bool,
    points: Vec<(f64, f64)>,
}

/// The plots of every load with several numbers of clients, on every model.
pub fn all(report: &Report, rows: &[Row]) -> Vec<Plot> {
    let mut plots = Vec::new();
    for work in report.works.iter().filter(|work| work.points.len() > 1) {
        for model in &report.models {
            let of = |row: &&Row| row.work == work.name() && row.model == model.name;
            let rows: Vec<&Row> = rows.iter().filter(of).collect();
            for subject in [Subject::Throughput, Subject::Ttft, Subject::Itl] {
                let lines = lines(report, &rows, subject);
                let (work, model) = (work.name(), &model.name);
                let title = format!("{work} on {model}: {}", subject.title());
                let file = format!("{work}-{model}-{}.svg", subject.word());
                plots.push(Plot { work: work.to_owned(), file, title, subject, lines });
            }
        }
    }
    plots.retain(|plot| !plot.lines.is_empty());
    plots
}

fn lines(report: &Report, rows: &[&Row], subject: Subject) -> Vec<Line> {
    let mut lines = Vec::new();
    for (server, colour) in report.servers.iter().zip(COLOURS.iter().cycle()) {
        for &(metric, word) in subject.metrics() {
            let points = rows.iter().filter(|row| row.server == server.name);
            let point = |row: &&Row| Some((row.clients as f64, row.spreads.get(&metric)?.median));
            let points: Vec<_> = points.filter_map(point).collect();
            let label = format!("{} {word}", server.name).trim_end().to_owned();
            lines.push(Line { label, colour: *colour, dashed: word == "p99", points });
        }
    }
    lines.retain(|line| !line.points.is_empty());
    lines
}

impl Subject {
    fn metrics(self) -> &'static [(Metric, &'static str)] {
        match self {
            Self::Throughput => &[(Metric::OutputTokPerS, "")],
            Self::Ttft => &[(Metric::TtftP50Ms, "p50"), (Metric::TtftP99Ms, "p99")],
            Self::Itl => &[(Metric::ItlP50Ms, "p50"), (Metric::ItlP99Ms, "p99")],
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Throughput => "output tokens in a second",
            Self::Ttft => "time to first token, ms",
            Self::Itl => "time between tokens, ms",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Ttft => "ttft",
            Self::Itl => "itl",
        }
    }
}

impl Plot {
    /// The picture as SVG.
    pub fn svg(&self) -> Result<String> {
        let values = || self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        let high = values().fold(0.0, f64::max);
        let mut svg = String::new();
        if self.subject == Subject::Throughput {
            self.draw(&mut svg, 0.0..(high * 1.1).max(1.0))?;
        } else {
            // Medians and tails lie decades apart.
            let low = values().fold(high, f64::min).max(0.01);
            let (low, high) = (low / 2.0, high.max(low) * 2.0);
            self.draw(&mut svg, (low..high).log_scale().with_key_points(ticks(low, high)))?;
        }
        Ok(svg)
    }

    fn draw<Y>(&self, svg: &mut String, y: Y) -> Result<()>
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(refused)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(self.clients(), y)
            .map_err(refused)?;
        let whole = |clients: &f64| if clients.fract() == 0.0 { clients.to_string() } else { String::new() };
        let mut mesh = chart.configure_mesh();
        mesh.x_desc("clients").x_label_formatter(&whole).y_label_formatter(&f64::to_string).max_light_lines(1);
        mesh.draw().map_err(refused)?;
        for line in &self.lines {
            let style = line.colour.stroke_width(2);
            let series = if line.dashed {
                chart.draw_series(DashedLineSeries::new(line.points.iter().copied(), 5, 4, style))
            } else {
                chart.draw_series(LineSeries::new(line.points.iter().copied(), style))
            };
            let length = if line.dashed { 8 } else { 18 };
            let series = series.map_err(refused)?.label(&line.label);
            series.legend(move |(x, y)| PathElement::new([(x, y), (x + length, y)], style));
            let dots = line.points.iter().map(|&point| Circle::new(point, 3, line.colour.filled()));
            chart.draw_series(dots).map_err(refused)?;
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3));
        labels.draw().map_err(refused)?;
        area.present().map_err(refused)
    }

    fn clients(&self) -> Range<f64> {
        let most = self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).fold(1.0, f64::max);
        0.0..most * 1.05
    }
}

/// 1, 2, 5, 10, 20, ... as far as they lie between the two.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = (low.log10().floor() as i32..=high.log10().ceil() as i32).map(|power| 10_f64.powi(power));
    let ticks = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * decade));
    ticks.filter(|tick| (low..=high).contains(tick)).collect()
}

fn refused(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw a plot: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(1.5, 60.0), [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert_eq!(ticks(0.09, 0.11), [0.1]);
        for low in [1.0, 1.01, 2.01, 5.01, 9.99] {
            assert!(!ticks(low, 4.0 * low).is_empty(), "a plot has one, since its scale spans a factor of 4");
        }
    }
}

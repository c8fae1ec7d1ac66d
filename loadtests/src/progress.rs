//! The progress bar: on stderr, and only where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::scenario::Scenario;

/// A bar over the requests of a scenario.
pub fn bar(scenario: &Scenario) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {elapsed}")
        .expect("a fixed template is well formed");
    let bar = match scenario.load.requests() {
        Some(requests) => ProgressBar::new(requests as u64),
        None => ProgressBar::no_length(),
    };
    bar.with_style(style).with_message(scenario.name.clone())
}

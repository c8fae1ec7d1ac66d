//! The progress bar: on stderr, and only where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::scenario::Scenario;

/// A bar over the requests of a scenario.
pub fn bar(scenario: &Scenario) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {elapsed}")
        .expect("a fixed template is well formed");
    ProgressBar::new(scenario.load.requests() as u64).with_style(style).with_message(scenario.name.clone())
}

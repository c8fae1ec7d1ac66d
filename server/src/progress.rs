//! What a download says while it runs: on a terminal lines and a bar on stderr, in a server log lines alone.
//!
//! Never writes to stdout, which belongs to the result.

use indicatif::{ProgressBar, ProgressStyle};

/// Where the progress of a download is told.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// On stderr, for the person who waits; the bar only where stderr is a terminal.
    Terminal,
    /// In the log.
    Log,
}

impl Progress {
    /// Tells one step.
    #[allow(clippy::print_stderr, reason = "a person waits for a command that has no log")]
    pub fn say(self, line: &str) {
        match self {
            Self::Terminal => eprintln!("{line}"),
            Self::Log => tracing::info!("{line}"),
        }
    }

    /// A bar that counts to `total` bytes, of which `done` are there.
    pub fn bar(self, file: &str, total: Option<u64>, done: u64) -> ProgressBar {
        let bar = match self {
            Self::Terminal => total.map_or_else(ProgressBar::new_spinner, ProgressBar::new),
            Self::Log => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is valid");
        bar.with_style(style).with_message(file.to_owned()).with_position(done)
    }
}

const TEMPLATE: &str = "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} ({eta})";

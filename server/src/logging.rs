//! The log: structured lines on stderr, as text or JSON.
//!
//! No prompt, completion, key, header value or query string is logged at any level. Dependencies are capped at
//! `info`, and a panic is told by its place alone, because its message may hold a piece of someone's text.

use std::{io, panic, thread};

use tracing::Level;
use tracing_subscriber::{
    Layer, filter::Targets, fmt::MakeWriter, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use crate::flags::{LogFormat, LogLevel};

/// The crates whose level the user sets.
const OURS: [&str; 4] = ["gondola", "server", "engine", "scheduler"];

/// Starts the log of the process, on stderr.
pub fn start(format: LogFormat, level: LogLevel) {
    start_to(format, level, io::stderr);
}

/// Starts the log of the process, and the panic hook. Later calls leave the first log in place.
pub fn start_to<W>(format: LogFormat, level: LogLevel, writer: W)
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = lines(format, writer).with_filter(filter(level));
    let _ = tracing_subscriber::registry().with(lines).try_init();
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread::current().name().unwrap_or("unnamed").to_owned();
        tracing::error!(%place, %thread, "panic");
    }));
}

/// Lines of a format, written to `writer`.
fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

/// Our own crates at `level`, all others at `info` at most.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let others = level.min(Level::INFO);
    OURS.iter().fold(Targets::new().with_default(others), |targets, name| targets.with_target(*name, level))
}

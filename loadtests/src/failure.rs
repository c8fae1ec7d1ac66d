//! Why a request did not succeed: a closed set of kinds, so that errors can be counted.
//!
//! A kind never holds an answer's text beyond the server's own error code.

use std::{fmt, time::Duration};

/// One request's failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No connection could be opened.
    Connect(String),
    /// The connection broke before the answer ended.
    Broken,
    /// A status other than 200 and those of a refusal, with the error's code where the body names one.
    Status {
        /// The HTTP status.
        status: u16,
        /// `error.code` of the body.
        code: Option<String>,
    },
    /// Status 429, or 503 `overloaded`: the server has too much to do and says so.
    Refused {
        /// The HTTP status.
        status: u16,
        /// `error.code` of the body.
        code: Option<String>,
        /// From sending to the whole refusal.
        after: Duration,
    },
    /// An error event inside a stream, with its code.
    InStream(Option<String>),
    /// A stream event that is not the JSON of a chunk.
    NotAChunk,
    /// A whole answer that is not the JSON of results.
    NotAnAnswer,
    /// A whole answer with so many results, which is not as many as there were texts.
    OtherResults(usize),
    /// A stream that ended without any text.
    NoText,
    /// A stream that ended without `[DONE]` and without a finish reason.
    CutShort,
    /// No end within the request's time limit.
    TimedOut,
    /// Not sent or not finished when the run's time limit came.
    RunEnded,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(reason) => write!(f, "connect: {reason}"),
            Self::Broken => f.write_str("connection broken"),
            Self::Status { status, code: None } => write!(f, "http {status}"),
            Self::Status { status, code: Some(code) } => write!(f, "http {status} {code}"),
            Self::Refused { status, code, .. } => {
                write!(f, "http {status} {}", code.as_deref().unwrap_or("without a code"))
            }
            Self::InStream(None) => f.write_str("error in stream"),
            Self::InStream(Some(code)) => write!(f, "error in stream: {code}"),
            Self::NotAChunk => f.write_str("stream event is not a chunk"),
            Self::NotAnAnswer => f.write_str("answer is not a list of results"),
            Self::OtherResults(results) => write!(f, "answer has {results} results"),
            Self::NoText => f.write_str("no text in stream"),
            Self::CutShort => f.write_str("stream cut short"),
            Self::TimedOut => f.write_str("request timed out"),
            Self::RunEnded => f.write_str("not finished when the run ended"),
        }
    }
}

impl std::error::Error for Failure {}

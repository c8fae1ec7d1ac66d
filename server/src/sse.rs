//! Server-sent events: framing, keep-alive comments, one end.
//!
//! The headers wait for the first event, but 15 s at most, so that an early failure is an HTTP status. A stream ends
//! with `[DONE]` or with one error event, and nothing follows either. It does not know what the events say.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::time::timeout;

use crate::{
    error::ApiError,
    generate::{Generation, Piece},
};

/// Headers are held so long for the first event, and a comment goes out after so much silence.
const SILENCE: Duration = Duration::from_secs(15);

/// Turns pieces of a generation into events, each one a JSON value on one line.
pub trait Events: Send + 'static {
    /// The events of one piece.
    fn piece(&mut self, piece: Piece, generation: &Generation) -> Vec<String>;
    /// The events after the last piece, before `[DONE]`.
    fn end(&mut self, generation: &Generation) -> Vec<String>;
}

/// Answers with a stream, or with the error that came before its first event.
pub async fn respond(mut generation: Generation, mut events: impl Events) -> Result<Response, ApiError> {
    let first = match timeout(SILENCE, generation.next()).await {
        Ok(Some(Err(error))) => return Err(error),
        Ok(Some(Ok(piece))) => Some(framed(&events.piece(piece, &generation))),
        Ok(None) => None,
        Err(_) => Some(KEEP_ALIVE),
    };
    let stream = EventStream { generation, events, ready: first, over: false };
    let body = Body::from_stream(stream::unfold(stream, EventStream::next));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, body).into_response())
}

const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");
const DONE: &str = "[DONE]";

struct EventStream<E> {
    generation: Generation,
    events: E,
    ready: Option<Bytes>,
    over: bool,
}

impl<E: Events> EventStream<E> {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let bytes = match self.ready.take() {
            Some(bytes) => bytes,
            None if self.over => return None,
            None => self.wait().await,
        };
        Some((Ok(bytes), self))
    }

    async fn wait(&mut self) -> Bytes {
        loop {
            let events = match timeout(SILENCE, self.generation.next()).await {
                Err(_) => return KEEP_ALIVE,
                Ok(Some(Ok(piece))) => self.events.piece(piece, &self.generation),
                Ok(Some(Err(error))) => {
                    self.over = true;
                    vec![error.event()]
                }
                Ok(None) => {
                    self.over = true;
                    let mut last = self.events.end(&self.generation);
                    last.push(DONE.to_owned());
                    last
                }
            };
            if !events.is_empty() {
                return framed(&events);
            }
        }
    }
}

fn framed(events: &[String]) -> Bytes {
    let bytes = events.iter().map(|event| event.len() + 8).sum();
    let framed = events.iter().fold(String::with_capacity(bytes), |framed, event| framed + "data: " + event + "\n\n");
    Bytes::from(framed)
}

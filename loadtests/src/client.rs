//! Requests to one server: a connection for each by default, since some servers close a kept-alive
//! one right after a stream, which a client that reuses it meets as a failed send.

use std::{sync::Mutex, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, header};
use serde_json::Value;

use crate::{
    chunk::error_code,
    connection::{Connection, Goodbye},
    failure::Failure,
    target::Target,
};

/// How long a small answer (a model list, a scrape) may take.
const SMALL_ANSWER: Duration = Duration::from_secs(10);

/// Sends requests to one target.
#[derive(Debug)]
pub struct Client {
    target: Target,
    reuse: bool,
    goodbye: Goodbye,
    idle: Mutex<Vec<Connection>>,
}

impl Client {
    /// A client that opens a connection for each request, or reuses idle ones.
    pub fn new(target: Target, reuse: bool) -> Self {
        Self { target, reuse, goodbye: Goodbye::Close, idle: Mutex::default() }
    }

    /// A client to the same target with connections of its own.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { target: self.target.clone(), reuse: self.reuse, goodbye: self.goodbye, idle: Mutex::default() }
    }

    /// A client to the same target whose connections end with a reset.
    #[must_use]
    pub fn abrupt(&self) -> Self {
        let target = self.target.clone();
        Self { target, reuse: false, goodbye: Goodbye::Reset, idle: Mutex::default() }
    }

    /// Sends a JSON body; gives the answer's head, with an error status turned into a failure.
    pub async fn post(&self, path: &str, body: Bytes) -> Result<Answer, Failure> {
        let request = self.request("POST", path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Full::new(body)).expect("a fixed request is well formed")).await
    }

    /// The whole body of a small answer.
    pub async fn text(&self, path: &str) -> Result<String> {
        let request = self.request("GET", path).body(Full::default());
        let request = request.expect("a fixed request is well formed");
        let read = async { self.send(request).await?.whole().await };
        let body = tokio::time::timeout(SMALL_ANSWER, read)
            .await
            .with_context(|| format!("GET {path}: no answer within {SMALL_ANSWER:?}"))?
            .with_context(|| format!("GET {path}"))?;
        String::from_utf8(body.to_vec()).with_context(|| format!("GET {path}: not UTF-8"))
    }

    /// The id of the first model the server lists.
    pub async fn first_model(&self) -> Result<String> {
        let list: Value = serde_json::from_str(&self.text("/v1/models").await?)?;
        let id = list["data"][0]["id"].as_str().context("the server lists no model")?;
        ensure!(!id.is_empty(), "the server's first model has an empty id");
        Ok(id.to_owned())
    }

    /// Gives a connection back whose answer was read to the end.
    pub fn give_back(&self, answer: Answer) {
        if self.reuse {
            self.idle.lock().expect("no holder panics").push(answer.connection);
        }
    }

    fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        let builder = Request::builder().method(method).uri(path).header(header::HOST, self.target.authority());
        match self.target.authorization() {
            Some(value) => builder.header(header::AUTHORIZATION, value),
            None => builder,
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let mut connection = self.connection().await?;
        let response = connection.send(request).await?;
        let answer = Answer { response, connection };
        match answer.response.status().as_u16() {
            200 => Ok(answer),
            status => Err(Failure::Status { status, code: answer.error_code().await }),
        }
    }

    async fn connection(&self) -> Result<Connection, Failure> {
        while let Some(mut connection) = self.idle_connection() {
            if connection.is_usable().await {
                return Ok(connection);
            }
        }
        Connection::open(&self.target, self.goodbye).await
    }

    fn idle_connection(&self) -> Option<Connection> {
        self.idle.lock().expect("no holder panics").pop()
    }
}

/// An answer whose body is still to be read, with the connection it comes from.
#[derive(Debug)]
pub struct Answer {
    response: Response<Incoming>,
    connection: Connection,
}

impl Answer {
    /// The next bytes of the body; none at its end.
    pub async fn bytes(&mut self) -> Result<Option<Bytes>, Failure> {
        while let Some(frame) = self.response.frame().await {
            let frame = frame.map_err(|_| Failure::Broken)?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    async fn whole(self) -> Result<Bytes, Failure> {
        let body = self.response.into_body().collect().await.map_err(|_| Failure::Broken)?;
        Ok(body.to_bytes())
    }

    async fn error_code(self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.whole().await.ok()?).ok()?;
        error_code(&body["error"])
    }
}

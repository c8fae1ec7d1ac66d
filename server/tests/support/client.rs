//! A client of the router: requests in memory, answers whole or event by event.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{MODEL, TestServer};

/// An answer whose body was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer whose body is still coming.
pub struct Streaming {
    pub status: u16,
    pub headers: HeaderMap,
    body: Body,
    buffer: String,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text()))
    }

    /// The status and the error's code, after checking the error's form.
    pub fn error(&self) -> (u16, String) {
        let json = self.json();
        let error = json["error"].as_object().unwrap_or_else(|| panic!("no error object: {json}"));
        let mut members: Vec<_> = error.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["code", "message", "param", "type"], "{json}");
        assert_eq!(self.headers["content-type"], "application/json", "{json}");
        (self.status, error["code"].as_str().unwrap().to_owned())
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    /// The events of a stream, `[DONE]` included.
    pub fn events(&self) -> Vec<String> {
        let text = self.text();
        assert!(text.ends_with("\n\n"), "an event ends with a blank line");
        let events = text.split_terminator("\n\n").filter(|event| !event.starts_with(':'));
        events.map(|event| event.strip_prefix("data: ").expect("an event is one line of data").to_owned()).collect()
    }

    /// The chunks of a stream that ended well.
    pub fn chunks(&self) -> Vec<Value> {
        let mut events = self.events();
        assert_eq!(events.pop().as_deref(), Some("[DONE]"));
        events.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }
}

impl Streaming {
    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.buffer = rest;
                return Some(event);
            }
            let frame = self.body.frame().await?.unwrap();
            self.buffer += std::str::from_utf8(frame.data_ref()?).expect("frames hold whole characters");
        }
    }
}

impl TestServer {
    /// Sends a request and reads the answer to its end.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Sends a request and leaves the body to be read.
    pub async fn open(&self, request: Request<Body>) -> Streaming {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        Streaming { status: head.status.as_u16(), headers: head.headers, body, buffer: String::new() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(json_request(path, &body)).await
    }

    pub async fn chat(&self, extra: Value) -> Answer {
        self.post("/v1/chat/completions", chat_body(extra)).await
    }

    pub async fn complete(&self, extra: Value) -> Answer {
        self.post("/v1/completions", completion_body(extra)).await
    }
}

/// A request from this machine.
pub fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("host", "localhost:8000")
}

/// A JSON body to a path.
pub fn json_request(path: &str, body: &Value) -> Request<Body> {
    let builder = request(Method::POST, path).header("content-type", "application/json");
    builder.body(Body::from(body.to_string())).unwrap()
}

/// A chat of one message, with more fields.
pub fn chat_body(extra: Value) -> Value {
    let messages = json!([{"role": "user", "content": "tell me of the mountain"}]);
    with(json!({"model": MODEL, "messages": messages, "temperature": 0}), extra)
}

/// A completion of one prompt, with more fields.
pub fn completion_body(extra: Value) -> Value {
    with(json!({"model": MODEL, "prompt": "once upon a time", "max_tokens": 40, "temperature": 0}), extra)
}

fn with(mut body: Value, extra: Value) -> Value {
    let Value::Object(extra) = extra else { panic!("more fields are an object") };
    body.as_object_mut().unwrap().extend(extra);
    body
}

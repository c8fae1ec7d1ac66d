//! Reads a request's body: media type first, then bytes, counted against this request, all requests and the clock.
//!
//! What `Content-Length` claims is believed only where it refuses: the bytes that come are what counts.

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::{
    body::HttpBody,
    extract::Request,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};

use crate::error::ApiError;

/// After so many bytes the clock grants the body timeout once more.
const PROGRESS_BYTES: usize = 64 << 10;
/// The most times it does so.
const MOST_EXTENSIONS: usize = 9;
/// A refused body is read on so far, that its client may read the answer.
const DRAINED_BYTES: usize = 1 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Limits of bodies; one for the process.
#[derive(Debug)]
pub struct BodyLimits {
    max_bytes: usize,
    timeout: Duration,
    budget: Arc<Semaphore>,
}

/// A whole body. Its bytes count against the process's budget until it is dropped.
#[derive(Debug)]
pub struct WholeBody {
    bytes: Vec<u8>,
    held: Option<OwnedSemaphorePermit>,
}

impl BodyLimits {
    /// `max_bytes` for one body, `max_inflight` for all, `timeout` for the first 64 KiB of each.
    pub fn new(max_bytes: usize, max_inflight: usize, timeout: Duration) -> Self {
        let budget = Arc::new(Semaphore::new(max_inflight.min(Semaphore::MAX_PERMITS)));
        Self { max_bytes, timeout, budget }
    }

    /// Reads the body of a JSON route.
    pub async fn read(&self, request: Request) -> Result<WholeBody, ApiError> {
        let (head, mut body) = request.into_parts();
        let refusal = self.check_length(&head.headers).and_then(|()| check_media_type(&head.headers));
        let read = match refusal {
            Ok(()) => self.collect(&mut body).await,
            Err(refusal) => Err(refusal),
        };
        if read.is_err() && !head.headers.contains_key(header::EXPECT) {
            drain(&mut body).await;
        }
        read
    }

    fn check_length(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let claimed = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match claimed {
            Some(length) if length > self.max_bytes as u64 => Err(ApiError::request_too_large(self.max_bytes)),
            _ => Ok(()),
        }
    }

    async fn collect(&self, body: &mut axum::body::Body) -> Result<WholeBody, ApiError> {
        let started = Instant::now();
        let mut whole = WholeBody { bytes: Vec::new(), held: None };
        loop {
            let extensions = (whole.len() / PROGRESS_BYTES).min(MOST_EXTENSIONS) as u32;
            let deadline = started + self.timeout * (1 + extensions);
            let frame = timeout_at(deadline, body.frame()).await.map_err(|_| ApiError::slow_body())?;
            let Some(frame) = frame else { return Ok(whole) };
            let frame = frame.map_err(|_| ApiError::invalid_json("the body ended early"))?;
            if let Ok(data) = frame.into_data() {
                self.keep(&mut whole, &data)?;
            }
        }
    }

    fn keep(&self, whole: &mut WholeBody, data: &[u8]) -> Result<(), ApiError> {
        if whole.len() + data.len() > self.max_bytes {
            return Err(ApiError::request_too_large(self.max_bytes));
        }
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(data.len() as u32);
        let permit = permit.map_err(|_| ApiError::overloaded("too many request bodies at once"))?;
        match &mut whole.held {
            Some(held) => held.merge(permit),
            held => *held = Some(permit),
        }
        whole.bytes.extend_from_slice(data);
        Ok(())
    }
}

impl Deref for WholeBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(ApiError::unsupported_media_type("a content-encoding is not supported"));
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let essence = |value: &str| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match (types.next().and_then(|value| value.to_str().ok()).map(essence), types.next()) {
        (Some(essence), None) if essence == "application/json" => Ok(()),
        _ => Err(ApiError::unsupported_media_type("content-type must be application/json")),
    }
}

async fn drain(body: &mut axum::body::Body) {
    let read_on = async {
        let mut bytes = 0;
        while bytes < DRAINED_BYTES && !body.is_end_stream() {
            let Some(Ok(frame)) = body.frame().await else { return };
            bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
        }
    };
    let _ = timeout(DRAIN_TIME, read_on).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::{Body, Bytes};
    use futures_util::{StreamExt, stream};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn request(body: Body) -> Request {
        Request::builder().header("content-type", "application/json; charset=utf-8").body(body).unwrap()
    }

    fn chunks(count: usize, size: usize, gap: Duration) -> Body {
        let chunks = stream::iter(0..count).then(move |_| async move {
            tokio::time::sleep(gap).await;
            Ok::<_, Infallible>(Bytes::from(vec![b' '; size]))
        });
        Body::from_stream(chunks)
    }

    fn code(result: &Result<WholeBody, ApiError>) -> String {
        result.as_ref().map_or_else(|error| error.code().to_owned(), |body| format!("{} bytes", body.len()))
    }

    #[tokio::test(start_paused = true)]
    async fn counts_bytes_at_the_edge_and_one_past() {
        let limits = BodyLimits::new(100, 1000, TIMEOUT);
        for (count, expected) in [(10, "100 bytes"), (11, "request_too_large")] {
            let read = limits.read(request(chunks(count, 10, Duration::ZERO))).await;
            assert_eq!(code(&read), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_bodies_share_a_budget_and_give_it_back() {
        let limits = BodyLimits::new(100, 150, TIMEOUT);
        let first = limits.read(request(chunks(1, 100, Duration::ZERO))).await;
        assert_eq!(code(&limits.read(request(chunks(1, 51, Duration::ZERO))).await), "overloaded");
        assert_eq!(code(&limits.read(request(chunks(1, 50, Duration::ZERO))).await), "50 bytes");
        drop(first);
        assert_eq!(code(&limits.read(request(chunks(1, 100, Duration::ZERO))).await), "100 bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_cut_and_progress_buys_time() {
        let limits = BodyLimits::new(1 << 20, 1 << 20, TIMEOUT);
        let slow = limits.read(request(chunks(100, 1, Duration::from_secs(1)))).await;
        assert_eq!(code(&slow), "request_timeout");
        let steady = limits.read(request(chunks(8, 64 << 10, Duration::from_secs(20)))).await;
        assert_eq!(code(&steady), format!("{} bytes", 8 * (64 << 10)));
    }

    #[tokio::test]
    async fn only_plain_json_is_read() {
        let limits = BodyLimits::new(100, 100, TIMEOUT);
        for (name, value) in [("content-type", "text/plain"), ("content-type", "application/jsonp"), ("x-none", "")] {
            let request = Request::builder().header(name, value).body(Body::from("{}")).unwrap();
            assert_eq!(code(&limits.read(request).await), "unsupported_media_type");
        }
        let mut encoded = request(Body::from("{}"));
        encoded.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        assert_eq!(code(&limits.read(encoded).await), "unsupported_media_type");
    }
}

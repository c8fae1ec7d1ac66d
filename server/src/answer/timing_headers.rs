//! `timings` as headers of a whole answer, for gateways that do not read bodies.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use proto::Timings;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const CACHED: HeaderName = HeaderName::from_static("x-gondola-cached-tokens");
const RECOMPUTED: HeaderName = HeaderName::from_static("x-gondola-recomputed-tokens");
const PREEMPTIONS: HeaderName = HeaderName::from_static("x-gondola-preemptions");
const BLOCK_SECONDS: HeaderName = HeaderName::from_static("x-gondola-block-seconds");

/// Durations in the form of the standard, in milliseconds; counts beside them.
pub fn timing_headers(timings: &Timings) -> HeaderMap {
    let Timings { queue_ms, prefill_ms, decode_ms, .. } = timings;
    let durations = format!("queue;dur={queue_ms:.3}, prefill;dur={prefill_ms:.3}, decode;dur={decode_ms:.3}");
    let text = |text: String| HeaderValue::try_from(text).expect("digits and words are visible");
    HeaderMap::from_iter([
        (SERVER_TIMING, text(durations)),
        (CACHED, HeaderValue::from(timings.cached_tokens)),
        (RECOMPUTED, HeaderValue::from(timings.recomputed_tokens)),
        (PREEMPTIONS, HeaderValue::from(timings.preemptions)),
        (BLOCK_SECONDS, text(format!("{:.6}", timings.block_seconds))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::EXPOSED;

    #[test]
    fn headers_tell_what_the_body_tells() {
        let timings =
            Timings { queue_ms: 1.25, prefill_ms: 30.0, cached_tokens: 16, block_seconds: 0.5, ..Timings::default() };
        let headers = timing_headers(&timings);
        assert_eq!(headers["server-timing"], "queue;dur=1.250, prefill;dur=30.000, decode;dur=0.000");
        assert_eq!(headers["x-gondola-cached-tokens"], "16");
        assert_eq!(headers["x-gondola-preemptions"], "0");
        assert_eq!(headers["x-gondola-block-seconds"], "0.500000");
        let exposed: Vec<&str> = EXPOSED.split(", ").collect();
        assert!(headers.keys().all(|name| exposed.contains(&name.as_str())), "pages may read all of them");
    }
}

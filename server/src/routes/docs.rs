//! GET /docs: a page that shows `/openapi.json` and lets one try a request. Its files are part of the binary.
//!
//! It loads nothing from elsewhere, which its policy also forbids, and holds no data: what it shows it asks for itself,
//! with the key that is typed into it.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};

/// Nothing from elsewhere, and no frame around it.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("../ui/page.html"))
}

/// How it looks.
pub async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("../ui/page.css"))
}

/// What it does.
pub async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../ui/page.js"))
}

/// Its mark in the browser's tab.
pub async fn icon() -> Response {
    file("image/svg+xml", include_str!("../ui/icon.svg"))
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (headers, text).into_response()
}

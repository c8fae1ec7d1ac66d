//! `Host` must name this machine where no key is set: a page that rebinds its name to 127.0.0.1 stays outside.
//!
//! The header is compared, never used to route.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use crate::{app::App, error::ApiError};

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Lets a request pass if its `Host` is known, or if keys guard the server instead.
pub async fn require_known_host(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if app.keys.is_open() && !is_known(request.headers(), &app.hosts) {
        return Err(ApiError::host_not_allowed());
    }
    Ok(next.run(request).await)
}

fn is_known(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = without_port(host);
    LOOPBACK.iter().any(|known| name.eq_ignore_ascii_case(known))
        || allowed.iter().any(|known| name.eq_ignore_ascii_case(known) || host.eq_ignore_ascii_case(known))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(host: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        is_known(&headers, &["models.example".to_owned()])
    }

    #[test]
    fn loopback_and_listed_names_pass_with_any_port() {
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000", "[::1]", "models.example:443"] {
            assert!(known(host), "{host}");
        }
    }

    #[test]
    fn foreign_and_odd_names_do_not() {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil", "localhost:", "localhost:x", "::1", ""]
        {
            assert!(!known(host), "{host}");
        }
        assert!(!is_known(&HeaderMap::new(), &[]));
    }
}

//! `gondola health`: asks a running server whether it can serve, for containers without a shell.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(3);
/// Enough for a status line.
const HEAD_BYTES: u64 = 64;

/// Ask a running server whether it can serve; exit code 0 if it says 200.
#[derive(Clone, Debug, clap::Args)]
pub struct HealthFlags {
    /// What to ask
    #[arg(long, default_value = "http://127.0.0.1:8000/health", env = "GONDOLA_HEALTH_URL")]
    pub url: String,
}

/// Why it is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The address is not one.
    #[error("--url: '{0}' is not of the form http://host:port/path")]
    Url(String),
    /// There is no answer.
    #[error("no answer: {0}")]
    Io(#[from] io::Error),
    /// The answer is not 200.
    #[error("the server answers {0}")]
    Unhealthy(String),
}

/// Asks once.
pub fn run(flags: &HealthFlags) -> Result<(), HealthError> {
    let (host, path) = split(&flags.url).ok_or_else(|| HealthError::Url(flags.url.clone()))?;
    let answer = status_line(host, path)?;
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        status => Err(HealthError::Unhealthy(status.unwrap_or("something that is not HTTP").to_owned())),
    }
}

fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic());
    (host.rsplit_once(':').is_some() && is_plain).then_some((host, path))
}

fn status_line(host: &str, path: &str) -> Result<String, io::Error> {
    let address = host.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut head = Vec::new();
    stream.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_may_have_a_path() {
        assert_eq!(split("http://127.0.0.1:8000/health"), Some(("127.0.0.1:8000", "/health")));
        assert_eq!(split("http://[::1]:1"), Some(("[::1]:1", "/")));
        for url in ["https://a:1/", "a:1", "http://a/health", "http://a:1/x y"] {
            assert_eq!(split(url), None, "{url}");
        }
    }
}

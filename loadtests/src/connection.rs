//! One TCP connection that speaks HTTP/1.1.
//!
//! Dropping it closes the socket at once, also in the middle of an answer; with `Goodbye::Reset`
//! the peer sees a reset, as when a client is killed with unread data.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::{failure::Failure, target::Target};

/// How a connection ends when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    /// As TCP does by default.
    Close,
    /// Without ceremony: a reset.
    Reset,
}

/// An open connection and the task that drives it.
#[derive(Debug)]
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Connects to the target.
    pub async fn open(target: &Target, goodbye: Goodbye) -> Result<Self, Failure> {
        let connect = |error: std::io::Error| Failure::Connect(error.kind().to_string());
        let stream = TcpStream::connect(target.authority()).await.map_err(connect)?;
        stream.set_nodelay(true).map_err(connect)?;
        if goodbye == Goodbye::Reset {
            stream.set_zero_linger().map_err(connect)?;
        }
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|_| Failure::Broken)?;
        // The driver's error reaches the request that waits on it; here it has nobody to tell.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, driver })
    }

    /// Sends one request; the answer's body must be read to its end before the next.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        self.sender.send_request(request).await.map_err(|_| Failure::Broken)
    }

    /// Waits until another request may be sent; false if the peer has closed.
    pub async fn is_usable(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

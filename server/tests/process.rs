//! The process from outside, while it loads: a model hub that never answers keeps it there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpSocket;

/// A port of this machine that nobody else is given while this is there, and that a server may listen on.
struct Port {
    address: SocketAddr,
    _bound: TcpSocket,
}

impl Port {
    fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self { address: socket.local_addr().unwrap(), _bound: socket }
    }
}

/// A server that loads for ever.
struct Loading {
    child: Child,
    address: SocketAddr,
    _hub: TcpListener,
}

impl Loading {
    fn start(port: &Port) -> Self {
        let hub = TcpListener::bind("127.0.0.1:0").unwrap();
        let cache = std::env::temp_dir().join(format!("gondola-test-{}", std::process::id()));
        let child = Command::new(env!("CARGO_BIN_EXE_gondola"))
            .args(["serve", "nobody/nothing", "--port", &port.address.port().to_string()])
            .env("HF_ENDPOINT", format!("http://{}", hub.local_addr().unwrap()))
            .env("HF_HOME", &cache)
            .env("XDG_CACHE_HOME", &cache)
            .env_remove("HF_HUB_OFFLINE")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address: port.address, _hub: hub }
    }

    /// Asks until there is an answer: its status line and body.
    fn ask(&self, path: &str, limit: Duration) -> String {
        let start = Instant::now();
        loop {
            if let Ok(mut stream) = TcpStream::connect(self.address) {
                write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                return answer;
            }
            assert!(start.elapsed() < limit, "not listening after {limit:?}");
            std::thread::yield_now();
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < limit, "still running after {limit:?}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_listens_within_a_second_and_says_that_it_loads() {
    let port = Port::reserve();
    let server = Loading::start(&port);
    let ready = server.ask("/ready", Duration::from_secs(1));
    assert!(ready.starts_with("HTTP/1.1 503") && ready.ends_with("{\"status\":\"loading\"}"), "{ready}");
    assert!(server.ask("/live", Duration::from_secs(1)).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_signal_while_loading_exits_with_0_within_a_second() {
    for signal in [Signal::TERM, Signal::INT] {
        let port = Port::reserve();
        let mut server = Loading::start(&port);
        server.ask("/live", Duration::from_secs(5));
        server.signal(signal);
        assert_eq!(server.ends_within(Duration::from_secs(1)).code(), Some(0), "{signal:?}");
    }
}

#[test]
fn after_kill_9_the_port_is_free_at_once() {
    let port = Port::reserve();
    let mut first = Loading::start(&port);
    first.ask("/live", Duration::from_secs(5));
    first.signal(Signal::KILL);
    first.ends_within(Duration::from_secs(1));
    let second = Loading::start(&port);
    assert!(second.ask("/live", Duration::from_secs(1)).starts_with("HTTP/1.1 200"));
}

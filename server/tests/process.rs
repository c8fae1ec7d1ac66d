//! The process from outside: while it loads, where a model hub that never answers keeps it, and what it asks a hub for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    env, fs,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
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

/// A server, and a hub that answers nobody.
struct Server {
    child: Child,
    address: SocketAddr,
    hub: TcpListener,
}

impl Server {
    /// One that loads for ever.
    fn loading(port: &Port) -> Self {
        Self::start(port, &["nobody/nothing"], &env::temp_dir())
    }

    /// One that is started in this folder.
    fn start(port: &Port, arguments: &[&str], folder: &Path) -> Self {
        let hub = TcpListener::bind("127.0.0.1:0").unwrap();
        let cache = env::temp_dir().join(format!("gondola-test-{}", std::process::id()));
        let child = Command::new(env!("CARGO_BIN_EXE_gondola"))
            .args(["serve", "--port", &port.address.port().to_string()])
            .args(arguments)
            .current_dir(folder)
            .env("HF_ENDPOINT", format!("http://{}", hub.local_addr().unwrap()))
            .env("HF_HOME", &cache)
            .env("XDG_CACHE_HOME", &cache)
            .env_remove("HF_HUB_OFFLINE")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address: port.address, hub }
    }

    /// Asks until there is an answer: its status line and body.
    fn ask(&self, path: &str, limit: Duration) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"), limit)
    }

    /// Sends a request as soon as somebody listens.
    fn send(&self, request: &str, limit: Duration) -> String {
        let start = Instant::now();
        loop {
            if let Ok(mut stream) = TcpStream::connect(self.address) {
                stream.write_all(request.as_bytes()).unwrap();
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

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_listens_within_a_second_and_says_that_it_loads() {
    let port = Port::reserve();
    let server = Server::loading(&port);
    let ready = server.ask("/ready", Duration::from_secs(1));
    assert!(ready.starts_with("HTTP/1.1 503") && ready.ends_with("{\"status\":\"loading\"}"), "{ready}");
    assert!(server.ask("/live", Duration::from_secs(1)).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_signal_while_loading_exits_with_0_within_a_second() {
    for signal in [Signal::TERM, Signal::INT] {
        let port = Port::reserve();
        let mut server = Server::loading(&port);
        server.ask("/live", Duration::from_secs(5));
        server.signal(signal);
        assert_eq!(server.ends_within(Duration::from_secs(1)).code(), Some(0), "{signal:?}");
    }
}

#[test]
fn after_kill_9_the_port_is_free_at_once() {
    let port = Port::reserve();
    let mut first = Server::loading(&port);
    first.ask("/live", Duration::from_secs(5));
    first.signal(Signal::KILL);
    first.ends_within(Duration::from_secs(1));
    let second = Server::loading(&port);
    assert!(second.ask("/live", Duration::from_secs(1)).starts_with("HTTP/1.1 200"));
}

/// A folder of the test's own, which is removed in the end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where a folder was, its name is that of a model on a hub.
#[test]
fn a_model_that_is_loaded_again_is_not_downloaded() {
    let scratch = Scratch(env::temp_dir().join(format!("gondola-again-{}", std::process::id())));
    let model = scratch.0.join("org/name");
    fs::create_dir_all(&model).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures/qwen2");
    for entry in fs::read_dir(fixture).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    let (port, key) = (Port::reserve(), "the-key-of-an-admin");
    let flags = ["org/name", "--admin-api-key", key, "--num-kv-blocks", "8", "--threads", "1"];
    let server = Server::start(&port, &flags, &scratch.0);
    let (start, limit) = (Instant::now(), Duration::from_mins(1));
    while !server.ask("/ready", limit).starts_with("HTTP/1.1 200") {
        assert!(start.elapsed() < limit, "not ready after {limit:?}");
    }
    fs::remove_dir_all(&model).unwrap();
    let body = "{\"model\": \"name\"}";
    let head =
        "POST /v1/models/load HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
    let length = body.len();
    let answer = server.send(&format!("{head}\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"), limit);
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("invalid_model"), "{answer}");
    assert!(answer.contains("gondola pull"), "{answer}");
    server.hub.set_nonblocking(true).unwrap();
    assert_eq!(server.hub.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody asked the hub");
}

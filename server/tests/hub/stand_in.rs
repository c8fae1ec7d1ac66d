//! A hub with one repository on a loopback port, with the troubles that real ones have.
//!
//! One request a connection; every request's head is kept, in lower case, for tests to look at.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use sha2::{Digest, Sha256};

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What goes wrong with a file.
#[derive(Clone)]
pub(crate) enum Trouble {
    /// The first answer with content ends after so many bytes.
    CutOnce(usize),
    /// No more than so many bytes are to be had.
    Truncated(usize),
    /// Content of the right size that is not what the tag says.
    Tampered,
    /// Every answer is the whole file.
    NoRanges,
    /// The content lies at another hub.
    RedirectTo(String),
}

struct File {
    content: Vec<u8>,
    tag: String,
    trouble: Option<Trouble>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    requests: Vec<String>,
}

/// A hub that lives as long as the process.
pub(crate) struct StandIn {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl StandIn {
    pub(crate) fn new(repo: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A client may hang up whenever it has seen enough.
                let _ = answer(&stream.unwrap(), repo, &mut shared.lock().unwrap());
            }
        });
        Self { port, state }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn add(&self, name: &str, content: &[u8], tag: &str) {
        let file = File { content: content.to_vec(), tag: tag.to_owned(), trouble: None };
        self.state.lock().unwrap().files.insert(name.to_owned(), file);
    }

    pub(crate) fn trouble(&self, name: &str, trouble: Trouble) {
        self.state.lock().unwrap().files.get_mut(name).unwrap().trouble = Some(trouble);
    }

    pub(crate) fn tag(&self, name: &str) -> String {
        self.state.lock().unwrap().files[name].tag.clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

pub(crate) fn sha256(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

/// What `Trouble::Tampered` makes of a content.
pub(crate) fn tampered(content: &[u8]) -> Vec<u8> {
    let mut changed = content.to_vec();
    changed[0] ^= 1;
    changed
}

fn answer(mut stream: &TcpStream, repo: &str, state: &mut State) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut head = String::new();
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        head.push_str(&line);
        head.push('\n');
    }
    state.requests.push(head.to_lowercase());
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path == format!("/api/models/{repo}/revision/main") {
        let siblings: Vec<_> = state.files.keys().map(|name| serde_json::json!({ "rfilename": name })).collect();
        let body = serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        return send(stream, "200 OK", &format!("content-length: {}\r\n", body.len()), body.as_bytes());
    }
    let name = path.strip_prefix(&format!("/{repo}/resolve/{COMMIT}/"));
    match name.and_then(|name| Some((name, state.files.get_mut(name)?))) {
        Some((_, file)) if matches!(file.trouble, Some(Trouble::RedirectTo(_))) => redirect(stream, path, file),
        Some((_, file)) => send_file(stream, file, range_start(&head), head.to_lowercase().contains("bytes=0-0")),
        None => stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    }
}

fn range_start(head: &str) -> Option<usize> {
    let range = head.to_lowercase().split("range: bytes=").nth(1)?.to_owned();
    range.split('-').next()?.parse().ok()
}

fn redirect(stream: &TcpStream, path: &str, file: &File) -> std::io::Result<()> {
    let Some(Trouble::RedirectTo(endpoint)) = &file.trouble else { return Ok(()) };
    let size = file.content.len();
    let headers = format!(
        "location: {endpoint}{path}\r\nx-linked-etag: \"{}\"\r\nx-linked-size: {size}\r\ncontent-length: 0\r\n",
        file.tag
    );
    send(stream, "302 Found", &headers, b"")
}

fn send_file(stream: &TcpStream, file: &mut File, start: Option<usize>, is_probe: bool) -> std::io::Result<()> {
    let size = file.content.len();
    let content =
        if matches!(file.trouble, Some(Trouble::Tampered)) { tampered(&file.content) } else { file.content.clone() };
    let (mut from, mut end) = (start.unwrap_or(0), if is_probe { 1 } else { size });
    match file.trouble {
        Some(Trouble::NoRanges) => (from, end) = (0, size),
        Some(Trouble::Truncated(limit)) if !is_probe => end = limit,
        _ => {}
    }
    if from >= end {
        return send(stream, "416 Range Not Satisfiable", "content-length: 0\r\n", b"");
    }
    let promised = end - from;
    if let (Some(Trouble::CutOnce(limit)), false) = (&file.trouble, is_probe) {
        end = *limit;
        file.trouble = None;
    }
    let ignores = matches!(file.trouble, Some(Trouble::NoRanges));
    let status = if start.is_some() && !ignores { "206 Partial Content" } else { "200 OK" };
    let range = if ignores { String::new() } else { format!("content-range: bytes {from}-{}/{size}\r\n", end - 1) };
    let headers = format!("etag: \"{}\"\r\n{range}content-length: {promised}\r\n", file.tag);
    send(stream, status, &headers, &content[from..end])
}

fn send(mut stream: &TcpStream, status: &str, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let commit = format!("x-repo-commit: {COMMIT}\r\nconnection: close\r\n");
    stream.write_all(format!("HTTP/1.1 {status}\r\n{headers}{commit}\r\n").as_bytes())?;
    stream.write_all(body)
}

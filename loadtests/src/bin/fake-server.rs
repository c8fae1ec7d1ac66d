//! A server for the tests of comparisons: it answers any prompt with as many equal tokens as are asked for.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a fake server logs, and may stop where it stands")]

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};

/// Tokens added to every prompt, as a begin token and a template would.
const EXTRA: usize = 3;

fn main() {
    println!("kernels: {}", env::var("FAKE_SETTING").unwrap());
    let listener = TcpListener::bind(format!("127.0.0.1:{}", env::var("FAKE_PORT").unwrap())).unwrap();
    for stream in listener.incoming() {
        thread::spawn(|| answer(stream.unwrap()));
    }
}

fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    while head.last().is_none_or(|line: &String| line != "\r\n") {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        head.push(line);
    }
    let length =
        head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
    match head[0].split(' ').nth(1).unwrap() {
        "/v1/models" => stream.write_all(br#"{"data":[{"id":"fake"}]}"#).unwrap(),
        "/v1/completions" => stream_tokens(&mut stream, &serde_json::from_slice(&body).unwrap()),
        _ => {}
    }
}

fn stream_tokens(stream: &mut TcpStream, body: &Value) {
    let tokens = body["max_tokens"].as_u64().unwrap();
    let words = body["prompt"].as_str().unwrap().split_whitespace().count();
    for _ in 0..tokens {
        writeln!(stream, "data: {}\n", json!({"choices": [{"text": " a"}]})).unwrap();
    }
    let usage = json!({"prompt_tokens": words + EXTRA, "completion_tokens": tokens});
    writeln!(stream, "data: {}\n\ndata: [DONE]\n", json!({"choices": [], "usage": usage})).unwrap();
}

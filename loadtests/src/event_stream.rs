//! Server-sent events, read from bytes as they come.
//!
//! An event is complete at its blank line, wherever the network cuts the bytes. Only `data` is
//! kept: comments and the other fields are skipped.

/// The bytes of a stream that have not yet become events.
#[derive(Debug, Default)]
pub struct EventStream {
    rest: Vec<u8>,
    data: Option<Vec<u8>>,
}

impl EventStream {
    /// Takes the next bytes and gives the data of every event they complete, in order.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut start = 0;
        while let Some(length) = self.rest[start..].iter().position(|&byte| byte == b'\n') {
            let line = self.rest[start..start + length].to_vec();
            start += length + 1;
            events.extend(self.line(line.strip_suffix(b"\r").unwrap_or(&line)));
        }
        self.rest.drain(..start);
        events
    }

    /// Takes one line; a blank one ends the event.
    fn line(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        if line.is_empty() {
            return self.data.take();
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                none => *none = Some(value.to_vec()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    const STREAM: &str = ": keep-alive\n\ndata: {\"a\":\"gr\u{fc}n \u{c0b0}\"}\n\nevent: x\ndata:one\ndata: two\r\n\r\nid: 4\n\ndata: [DONE]\n\n";

    fn whole() -> Vec<Vec<u8>> {
        ["{\"a\":\"gr\u{fc}n \u{c0b0}\"}", "one\ntwo", "[DONE]"].map(|data| data.as_bytes().to_vec()).to_vec()
    }

    #[test]
    fn reads_a_stream_in_one_piece() {
        assert_eq!(EventStream::default().push(STREAM.as_bytes()), whole());
    }

    #[test]
    fn any_split_gives_the_same_events() {
        for seed in 0..500 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut stream = EventStream::default();
            let (mut rest, mut events) = (STREAM.as_bytes(), Vec::new());
            while !rest.is_empty() {
                let (piece, later) = rest.split_at(rng.random_range(0..=rest.len().min(9)));
                events.extend(stream.push(piece));
                rest = later;
            }
            assert_eq!(events, whole(), "seed {seed}");
        }
    }

    #[test]
    fn an_unfinished_event_is_not_given() {
        let mut stream = EventStream::default();
        assert!(stream.push(b"data: half").is_empty());
        assert!(stream.push(b"\n").is_empty());
        assert_eq!(stream.push(b"\n"), vec![b"half".to_vec()]);
    }
}

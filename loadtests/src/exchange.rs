//! One request, from send to end; of one that streams, with the moment each piece of text came.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::{
    chunk::{StreamEvent, Usage},
    client::{Answer, Client},
    event_stream::EventStream,
    failure::Failure,
    whole_answer,
    workload::Call,
};

/// What was seen of one request that did not fail.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When it was sent, before connecting.
    pub sent: Instant,
    /// When each chunk with text came.
    pub stamps: Vec<Instant>,
    /// When the stream ended or the client left.
    pub end: Instant,
    /// The text so far.
    pub text: String,
    /// The token counts the server gave.
    pub usage: Option<Usage>,
    /// The finish reason.
    pub finish: Option<String>,
    /// The tokens asked for.
    pub asked: usize,
    /// Texts that were read, if none was continued.
    pub texts: usize,
    /// Whether the client left before the end, as its request says.
    pub left: bool,
}

/// Sends a request and reads its answer to the end, or until the client is to leave.
pub async fn exchange(client: &Client, call: &Call, limit: Duration) -> Result<Sample, Failure> {
    watched(client, call, limit, |_| {}).await
}

/// Like `exchange`; `on_text` hears how many pieces of text have come, at each.
pub async fn watched(
    client: &Client,
    call: &Call,
    limit: Duration,
    on_text: impl FnMut(usize),
) -> Result<Sample, Failure> {
    let sent = Instant::now();
    let whole = async {
        let mut answer = client.post(call.path, call.body.clone()).await?;
        let reading = Reading::new(sent, call);
        let (sample, at_end) = if call.texts.is_some() {
            (reading.whole(&mut answer).await?, true)
        } else {
            reading.run(&mut answer, on_text).await?
        };
        if at_end {
            client.give_back(answer);
        }
        Ok(sample)
    };
    match timeout(limit, whole).await {
        Ok(Err(Failure::Status { status, code })) if is_refusal(status, code.as_deref()) => {
            Err(Failure::Refused { status, code, after: sent.elapsed() })
        }
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::TimedOut),
    }
}

/// Whether the server says that it has too much to do, rather than that something is wrong.
fn is_refusal(status: u16, code: Option<&str>) -> bool {
    status == 429 || (status == 503 && code == Some("overloaded"))
}

/// An answer being read.
struct Reading {
    sample: Sample,
    leave_after: Option<usize>,
    done: bool,
}

impl Reading {
    fn new(sent: Instant, call: &Call) -> Self {
        let sample = Sample {
            sent,
            stamps: Vec::with_capacity(call.asked),
            end: sent,
            text: String::new(),
            usage: None,
            finish: None,
            asked: call.asked,
            texts: call.texts.unwrap_or(0),
            left: false,
        };
        Self { sample, leave_after: call.leave_after, done: false }
    }

    /// Reads on; the flag says whether the connection stands at the end of its answer.
    async fn run(mut self, answer: &mut Answer, mut on_text: impl FnMut(usize)) -> Result<(Sample, bool), Failure> {
        let mut events = EventStream::default();
        while let Some(bytes) = answer.bytes().await? {
            let now = Instant::now();
            for data in events.push(&bytes) {
                self.take(StreamEvent::parse(&data)?, now, &mut on_text);
            }
            if self.leave_after.is_some_and(|after| self.sample.stamps.len() >= after) {
                self.sample.left = true;
                self.sample.end = now;
                return Ok((self.sample, false));
            }
        }
        self.sample.end = Instant::now();
        self.ended().map(|sample| (sample, true))
    }

    /// Reads an answer that comes whole.
    async fn whole(mut self, answer: &mut Answer) -> Result<Sample, Failure> {
        let mut body = Vec::new();
        while let Some(bytes) = answer.bytes().await? {
            body.extend_from_slice(&bytes);
        }
        self.sample.end = Instant::now();
        self.sample.usage = whole_answer::usage(&body, self.sample.texts)?;
        Ok(self.sample)
    }

    fn take(&mut self, event: StreamEvent, now: Instant, on_text: &mut impl FnMut(usize)) {
        let StreamEvent::Chunk(chunk) = event else {
            self.done = true;
            return;
        };
        if !chunk.text.is_empty() {
            self.sample.text.push_str(&chunk.text);
            self.sample.stamps.push(now);
            on_text(self.sample.stamps.len());
        }
        self.sample.usage = chunk.usage.or(self.sample.usage);
        self.sample.finish = chunk.finish.or(self.sample.finish.take());
    }

    fn ended(self) -> Result<Sample, Failure> {
        if self.sample.stamps.is_empty() {
            return Err(Failure::NoText);
        }
        if !self.done && self.sample.finish.is_none() {
            return Err(Failure::CutShort);
        }
        Ok(self.sample)
    }
}

impl Sample {
    /// From sending to the first text.
    pub fn first_text(&self) -> Option<Duration> {
        self.stamps.first().map(|first| *first - self.sent)
    }

    /// The gaps between one piece of text and the next.
    pub fn gaps(&self) -> impl Iterator<Item = Duration> + '_ {
        self.stamps.windows(2).map(|pair| pair[1] - pair[0])
    }

    /// Tokens of the answer: the server's count, else one for each piece of text.
    pub fn tokens(&self) -> usize {
        self.usage.map_or(self.stamps.len(), |usage| usage.completion_tokens)
    }

    /// Time for each token after the first; none for a single one.
    pub fn time_per_token(&self) -> Option<Duration> {
        let (first, last) = (self.stamps.first()?, self.stamps.last()?);
        let gaps = self.tokens().checked_sub(1).filter(|&gaps| gaps > 0 && self.stamps.len() > 1)?;
        Some((*last - *first) / u32::try_from(gaps).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(stamps_ms: &[u64], tokens: usize) -> Sample {
        let sent = Instant::now();
        let at = |ms: &u64| sent + Duration::from_millis(*ms);
        Sample {
            sent,
            stamps: stamps_ms.iter().map(at).collect(),
            end: sent,
            text: String::new(),
            usage: Some(Usage { completion_tokens: tokens, ..Usage::default() }),
            finish: None,
            asked: tokens,
            texts: 0,
            left: false,
        }
    }

    #[test]
    fn times_are_counted_as_documented() {
        let sample = sample(&[100, 110, 150], 5);
        assert_eq!(sample.first_text(), Some(Duration::from_millis(100)));
        let gaps: Vec<u128> = sample.gaps().map(|gap| gap.as_millis()).collect();
        assert_eq!(gaps, [10, 40]);
        assert_eq!(sample.time_per_token(), Some(Duration::from_micros(12_500)));
    }

    #[test]
    fn a_single_token_has_no_pace() {
        assert_eq!(sample(&[100], 1).time_per_token(), None);
        assert_eq!(sample(&[100], 4).time_per_token(), None);
        assert_eq!(sample(&[], 0).first_text(), None);
    }
}

//! One choice of a request: its tokens become text, its text is watched for stop strings, its end is told once.
//!
//! Text leaves in whole characters; tokens ride on the piece that carries their text, so pieces put together equal
//! the answer without streaming. Pure: no channel, no clock.

use scheduler::{FinishReason, Token, TokenLogprobs};

use crate::{
    text_stream::{TextDelta, TextStream},
    tools::CallDelta,
};

/// A token and what was asked to be known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedToken {
    /// Which.
    pub token: Token,
    /// Its log-probabilities, if asked for.
    pub logprobs: Option<TokenLogprobs>,
}

/// What is new about a choice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// Whose.
    pub choice: usize,
    /// New text of its thought, which comes before all other text.
    pub thought: String,
    /// New text, whole characters.
    pub text: String,
    /// What is new about its calls, which follow its text.
    pub calls: Vec<CallDelta>,
    /// The tokens since the last piece.
    pub tokens: Vec<GeneratedToken>,
    /// How many of them, from the first on, belong to its thought.
    pub thought_tokens: usize,
    /// How it ended, on its last piece.
    pub finish: Option<Finish>,
}

/// How a choice ended, as the wire tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finish {
    /// `stop`, `length` or `tool_calls`.
    pub reason: proto::FinishReason,
    /// The matched string or token id, if one was asked for.
    pub stop_reason: Option<proto::StopReason>,
}

/// One choice while it is generated.
#[derive(Debug)]
pub struct Choice {
    index: usize,
    text: TextStream,
    /// Tokens in a piece at least, unless it is the last one.
    interval: usize,
    ready: Piece,
    generated: usize,
    /// Tokens of them that its thought takes, markers included.
    reasoning: usize,
    /// Whether a call has begun.
    calls: bool,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    /// A stop string matched; the engine has not said the end yet.
    Matched(String),
    Over,
}

impl Choice {
    /// A choice without a token.
    pub fn new(index: usize, text: TextStream, interval: usize) -> Self {
        Self {
            index,
            text,
            interval: interval.max(1),
            ready: Piece { choice: index, ..Piece::default() },
            generated: 0,
            reasoning: 0,
            calls: false,
            state: State::Open,
        }
    }

    /// Tokens generated, an ending one included; those after a matched stop string are not.
    pub fn generated(&self) -> usize {
        self.generated
    }

    /// Tokens of its thought, among those generated.
    pub fn reasoning(&self) -> usize {
        self.reasoning
    }

    /// Whether a stop string ended the text.
    pub fn has_matched(&self) -> bool {
        matches!(self.state, State::Matched(_))
    }

    /// Whether its end was told.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Takes a token; gives what may leave now.
    pub fn token(&mut self, token: Token, logprobs: Option<TokenLogprobs>) -> Option<Piece> {
        if self.state != State::Open {
            return None;
        }
        self.generated += 1;
        self.ready.tokens.push(GeneratedToken { token, logprobs });
        let delta = self.text.push(token);
        if self.text.is_thinking() {
            // What came before the opening marker was known to be no answer only now.
            self.reasoning = self.generated;
            self.ready.thought_tokens = self.ready.tokens.len();
        }
        if let Some(string) = self.add(delta) {
            self.state = State::Matched(string);
            return None;
        }
        let texts = [&self.ready.thought, &self.ready.text];
        let has_news = texts.iter().any(|text| !text.is_empty()) || !self.ready.calls.is_empty();
        let may_leave = has_news && self.ready.tokens.len() >= self.interval;
        may_leave.then(|| self.take())
    }

    /// Adds what is new; gives the stop string that ended it.
    fn add(&mut self, delta: TextDelta) -> Option<String> {
        self.ready.thought += &delta.thought;
        self.ready.text += &delta.text;
        self.calls |= !delta.calls.is_empty();
        self.ready.calls.extend(delta.calls);
        delta.stopped
    }

    /// Takes the engine's last word; gives the last piece, or the reason why there is none.
    pub fn finished(&mut self, reason: FinishReason, is_own: impl Fn(Token) -> bool) -> Result<Piece, FinishReason> {
        let state = std::mem::replace(&mut self.state, State::Over);
        let finish = match (state, reason) {
            (State::Matched(string), _) => Finish::stop(Some(proto::StopReason::Text(string.into()))),
            (_, FinishReason::Stop(token)) => {
                self.generated += 1;
                Finish::stop(is_own(token).then_some(proto::StopReason::Token(token)))
            }
            (_, FinishReason::Length) => Finish { reason: proto::FinishReason::Length, stop_reason: None },
            (_, failure) => return Err(failure),
        };
        if finish.stop_reason.as_ref().is_none_or(|reason| matches!(reason, proto::StopReason::Token(_))) {
            let last = self.text.finish();
            self.add(last);
        }
        self.ready.finish = Some(if self.calls { finish.of_calls() } else { finish });
        Ok(self.take())
    }

    fn take(&mut self) -> Piece {
        std::mem::replace(&mut self.ready, Piece { choice: self.index, ..Piece::default() })
    }
}

impl Finish {
    /// Whether it ran into a limit.
    pub fn is_length(&self) -> bool {
        self.reason == proto::FinishReason::Length
    }

    /// The end of an answer with calls, unless it was cut.
    fn of_calls(self) -> Self {
        if self.is_length() { self } else { Self { reason: proto::FinishReason::ToolCalls, ..self } }
    }

    fn stop(stop_reason: Option<proto::StopReason>) -> Self {
        Self { reason: proto::FinishReason::Stop, stop_reason }
    }
}

//! Texts to vectors, or to scores of labels: their tokens, and their way through the engine.
//!
//! A list is as many sequences as it has inputs, and the engine knows a few of them at a time ([`at_once`]): whoever
//! comes later stands behind those, not behind the whole list. The queue must have room for the first.

use std::sync::Arc;

use proto::Timings;
use scheduler::{Event, FinishReason, Limits, SamplingParams, Submission, Token};

use crate::{
    account::Account,
    app::App,
    engine_run::{EngineRun, Sequences},
    error::ApiError,
    generate::Clocked,
    prepare::{encode_at, not_tokenised},
    request::{EmbedRequest, Prompt, PromptCut},
    served_model::ServedModel,
    shutdown::Work,
    submissions::cache_key,
    tokenizer::Piece,
};

/// A request whose inputs are tokens.
#[derive(Debug)]
pub struct Tokenized {
    /// The request; its inputs are moved out.
    pub request: EmbedRequest,
    /// At least one, each of at least one token.
    pub inputs: Vec<Input>,
}

/// A text, or two that are read together, as tokens.
#[derive(Debug)]
pub struct Input {
    /// At least one.
    pub tokens: Vec<Token>,
    /// Where the second of two texts begins.
    pub second: Option<usize>,
    /// Places whose words are told, ascending.
    pub asked: Vec<usize>,
    /// What comes of it are the vectors of its tokens, one behind another.
    pub each_token: bool,
}

impl Input {
    /// A text alone.
    pub fn of(tokens: Vec<Token>) -> Self {
        Self { tokens, second: None, asked: Vec::new(), each_token: false }
    }
}

/// What the engine is to read.
#[derive(Debug)]
pub struct Reading {
    /// At least one.
    pub inputs: Vec<Input>,
    /// The member that they came from.
    pub field: &'static str,
    /// Lower runs earlier.
    pub priority: i32,
}

/// Vectors as the engine gave them.
#[derive(Debug)]
pub struct Embedded {
    /// One for each input, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Where time and memory went; none where answers do not tell.
    pub timings: Option<Timings>,
    /// The request counts as running until its answer is written.
    _run: EngineRun,
}

/// The inputs of a request as tokens.
pub fn tokenize(model: &ServedModel, mut request: EmbedRequest) -> Result<Tokenized, ApiError> {
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for input in std::mem::take(&mut request.inputs) {
        let how = (request.add_special_tokens, request.cut);
        inputs.push(Input::of(text_tokens(model, request.field, input, how)?));
    }
    Ok(Tokenized { request, inputs })
}

/// The tokens of one text, at least one and no more than the model reads.
pub(crate) fn text_tokens(
    model: &ServedModel,
    field: &str,
    input: Prompt,
    (add_special_tokens, cut): (bool, Option<PromptCut>),
) -> Result<Vec<Token>, ApiError> {
    let limit = model.limits.max_model_len;
    let is_closed = add_special_tokens && !matches!(input, Prompt::Tokens(_));
    let mut tokens = match input {
        Prompt::Text(text) => plain_tokens(model, field, text, add_special_tokens)?,
        Prompt::Chat(_) | Prompt::Tokens(_) => encode_at(model, field, input, (model.rules.calls, add_special_tokens))?,
    };
    if tokens.is_empty() {
        return Err(ApiError::invalid_value(field, "has an input without a token"));
    }
    match cut {
        Some(cut) if model.rules.kind.generates() && cut != PromptCut::FirstToFit => cut.apply(&mut tokens, limit),
        Some(cut) => {
            let closing = if is_closed { model.tokenizer.closing() } else { &[] };
            cut.apply_to_end(&mut tokens, limit, closing);
        }
        None => {}
    }
    if tokens.len() > limit {
        return Err(ApiError::context_length(field, tokens.len(), 0, limit));
    }
    Ok(tokens)
}

/// The tokens of a text that is read, not continued, however many: whatever it holds is text. An empty one starts from the
/// model's begin token, if it has one.
pub(crate) fn plain_tokens(
    model: &ServedModel,
    field: &str,
    text: String,
    add_special_tokens: bool,
) -> Result<Vec<Token>, ApiError> {
    let tokens = model.tokenizer.encode_pieces(&[Piece::Content(text)], add_special_tokens);
    let mut tokens = tokens.map_err(|error| not_tokenised(field, &error))?;
    if tokens.is_empty() {
        tokens.extend(model.bos_id);
    }
    Ok(tokens)
}

/// Computes the vectors of all inputs, or gives the one error that ended them.
pub async fn embed(
    app: &App,
    (model, work): (Arc<ServedModel>, Work),
    reading: Reading,
    clocked: Clocked,
) -> Result<Embedded, ApiError> {
    let at_once = Some(at_once(&model.limits));
    let field = reading.field;
    let mut vectors = vec![Vec::new(); reading.inputs.len()];
    let submissions = submissions(app, &model, reading, clocked);
    let sequences = Sequences { submissions, at_once, field };
    let mut run = EngineRun::start(app, model, work, sequences).await?;
    let mut account = Account::default();
    while run.open() > 0 {
        let taken = match run.next().await {
            Ok((index, event)) => take_in(&mut run, &mut account, &mut vectors[index], event),
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            run.give_up("error");
            return Err(error);
        }
    }
    let timings = app.config().request_accounting.then(|| account.timings());
    Ok(Embedded { vectors, timings, _run: run })
}

fn take_in(run: &mut EngineRun, account: &mut Account, vector: &mut Vec<f32>, event: Event) -> Result<(), ApiError> {
    match event {
        Event::Vector { vector: told, .. } => vector.extend(told),
        Event::Finished { reason: FinishReason::Length, stats, .. } => {
            account.add(&stats, true);
            run.ended("stop");
        }
        Event::Finished { reason, .. } => return Err(run.failure(reason)),
        Event::Token { .. } | Event::Scores { .. } | Event::Beams { .. } => {
            return Err(run.failed("step", ApiError::engine()));
        }
    }
    Ok(())
}

/// Half of the places, of those that run as of those that wait: two lists leave none free, and none shuts the queue.
fn at_once(limits: &Limits) -> usize {
    (limits.max_running().min(limits.max_queued_requests) / 2).max(1)
}

/// One for each input. Only the first waits against the clock of the queue: with it the list has begun.
fn submissions(app: &App, model: &ServedModel, reading: Reading, clocked: Clocked) -> Vec<Submission> {
    let Reading { inputs, priority, .. } = reading;
    let limits = &app.config().limits;
    let params = Arc::new(SamplingParams { max_new: 0, ..SamplingParams::default() });
    let cache_key = cache_key(model, None);
    let seqs = model.engine.new_seqs(inputs.len());
    let submission = |(index, (input, seq)): (usize, (Input, _))| Submission {
        seqs: vec![seq],
        prompt: input.tokens,
        second: input.second,
        asked: input.asked.into(),
        each_token: input.each_token,
        prediction: Arc::default(),
        params: Arc::clone(&params),
        pooled: true,
        priority,
        cache_key,
        queue_deadline: (index == 0).then(|| clocked.arrived + limits.queue_wait),
        deadline: Some(clocked.deadline(limits)),
    };
    inputs.into_iter().zip(seqs).enumerate().map(submission).collect()
}

#[cfg(test)]
mod tests {
    use scheduler::{Passes, Speculation};

    use super::*;

    #[test]
    fn a_list_has_half_of_the_places_and_at_least_one() {
        let limits = |max_num_seqs, max_num_batched_tokens, max_queued_requests| Limits {
            passes: Passes::Cached,
            max_num_seqs,
            max_num_batched_tokens,
            block_size: 16,
            num_blocks: 16,
            window: None,
            windowed: None,
            max_model_len: 256,
            max_queued_requests,
            max_queued_tokens: 1000,
            max_samples: 64,
            speculation: Speculation::PREDICTIONS,
        };
        assert_eq!(at_once(&limits(64, 256, 256)), 32);
        assert_eq!(at_once(&limits(64, 5, 256)), 2);
        assert_eq!(at_once(&limits(64, 256, 3)), 1);
        assert_eq!(at_once(&limits(1, 256, 256)), 1);
    }
}

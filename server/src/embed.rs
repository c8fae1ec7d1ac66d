//! Texts to vectors: their tokens, and their way through the engine.
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
    prepare::encode_at,
    request::EmbedRequest,
    served_model::ServedModel,
    shutdown::Work,
    submissions::cache_key,
};

/// A request whose inputs are tokens.
#[derive(Debug)]
pub struct Tokenized {
    /// The request; its inputs are moved out.
    pub request: EmbedRequest,
    /// At least one, each of at least one token.
    pub inputs: Vec<Vec<Token>>,
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
    let limit = model.limits.max_model_len;
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for input in std::mem::take(&mut request.inputs) {
        let how = (model.rules.calls, request.add_special_tokens);
        let mut tokens = encode_at(model, request.field, input, how)?;
        if tokens.is_empty() {
            return Err(ApiError::invalid_value(request.field, "has an input without a token"));
        }
        if let Some(cut) = request.cut {
            cut.apply(&mut tokens, limit);
        }
        if tokens.len() > limit {
            return Err(ApiError::context_length(request.field, tokens.len(), 0, limit));
        }
        inputs.push(tokens);
    }
    Ok(Tokenized { request, inputs })
}

/// Computes the vectors of all inputs, or gives the one error that ended them.
pub async fn embed(
    app: &App,
    (model, work): (Arc<ServedModel>, Work),
    Tokenized { request, inputs }: Tokenized,
    clocked: Clocked,
) -> Result<Embedded, ApiError> {
    let at_once = Some(at_once(&model.limits));
    let mut vectors = vec![Vec::new(); inputs.len()];
    let submissions = submissions(app, &model, (&request, inputs), clocked);
    let sequences = Sequences { submissions, at_once, field: request.field };
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
        Event::Vector { vector: told, .. } => *vector = told,
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
fn submissions(
    app: &App,
    model: &ServedModel,
    (request, inputs): (&EmbedRequest, Vec<Vec<Token>>),
    clocked: Clocked,
) -> Vec<Submission> {
    let limits = &app.config().limits;
    let params = Arc::new(SamplingParams { max_new: 0, ..SamplingParams::default() });
    let cache_key = cache_key(model, None);
    let seqs = model.engine.new_seqs(inputs.len());
    let submission = |(index, (prompt, seq))| Submission {
        seqs: vec![seq],
        prompt,
        prediction: Arc::default(),
        params: Arc::clone(&params),
        pooled: true,
        priority: request.priority,
        cache_key,
        queue_deadline: (index == 0).then(|| clocked.arrived + limits.queue_wait),
        deadline: Some(clocked.deadline(limits)),
    };
    inputs.into_iter().zip(seqs).enumerate().map(submission).collect()
}

#[cfg(test)]
mod tests {
    use scheduler::Speculation;

    use super::*;

    #[test]
    fn a_list_has_half_of_the_places_and_at_least_one() {
        let limits = |max_num_seqs, max_num_batched_tokens, max_queued_requests| Limits {
            max_num_seqs,
            max_num_batched_tokens,
            block_size: 16,
            num_blocks: 16,
            window: None,
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

//! One request's way through the engine: submit, follow, abort on drop.
//!
//! It ends exactly once: when every choice has told its end, or with one error. Dropping it in any state frees its
//! sequences' blocks before the next step.

use std::{sync::Arc, time::Duration};

use proto::Timings;
use scheduler::{Constraint, Event, FinishReason, RowFault, SamplingParams, Score, Submission, Token};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::{
    account::Account,
    app::App,
    choice::{Choice, Finish},
    engine_handle::NotSent,
    error::ApiError,
    metrics::Metrics,
    prepare::{Prepared, PreparedPrompt},
    request::GenerateRequest,
    request_id::random_bytes,
    served_model::ServedModel,
    shown_tokens::ShownTokens,
    shutdown::{CutSignal, Work},
    text_stream::{TextRules, TextStream},
    ticket::Ticket,
    worker::{EVENTS_PER_REQUEST, Job},
};

pub use crate::choice::{GeneratedToken, Piece};

/// A running request.
#[derive(Debug)]
pub struct Generation {
    model: Arc<ServedModel>,
    metrics: Arc<Metrics>,
    ticket: Arc<Ticket>,
    events: mpsc::Receiver<(usize, Event)>,
    cut: CutSignal,
    choices: Vec<Choice>,
    open: usize,
    /// Choices of each prompt.
    choices_each: usize,
    /// Of each prompt, as far as they have come.
    scores: Vec<Vec<Score>>,
    /// The request's own stop ids, as opposed to the model's end tokens.
    own_stop_ids: Vec<Token>,
    /// Where the prompt stands in the request.
    field: &'static str,
    /// Where the form of the answer stands in the request, if there is one.
    form: Option<String>,
    /// The member that leaves only some tokens to generate, if there is one.
    restricted_by: Option<&'static str>,
    prompt_tokens: usize,
    /// Whether the client said what the answer may be.
    is_predicted: bool,
    account: Account,
    /// Whether answers carry it.
    tells_account: bool,
    _work: Work,
}

/// When a request came and until when it may take.
#[derive(Clone, Copy, Debug)]
pub struct Clocked {
    /// On the server's clock.
    pub arrived: Duration,
    /// The client's own limit.
    pub timeout: Option<Duration>,
}

/// Tokens of a request so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCounts {
    /// Of the prompts, each once.
    pub prompt: usize,
    /// Of all choices, ending ones included.
    pub completion: usize,
    /// Of the prompts, found in the prefix cache.
    pub cached: usize,
    /// Of the prediction, if there was one: proposed and drawn, proposed in vain.
    pub predictions: Option<(usize, usize)>,
}

impl Generation {
    /// Submits all prompts, or says why not. Returns when the engine thread has accepted them.
    pub async fn start(
        app: &App,
        model: Arc<ServedModel>,
        work: Work,
        prepared: &Prepared,
        clocked: Clocked,
    ) -> Result<Self, ApiError> {
        let request = &prepared.request;
        let count = prepared.prompts.len() * request.choices;
        let ticket = Arc::new(Ticket::new(count));
        let (events, receiver) = mpsc::channel(EVENTS_PER_REQUEST.max(2 * count));
        let (accepted, answer) = oneshot::channel();
        let submissions = submissions(app, &model, prepared, clocked)?;
        let mut generation = Self {
            choices: (0..count).map(|index| choice(&model, prepared, index)).collect(),
            metrics: Arc::clone(app.metrics()),
            ticket: Arc::clone(&ticket),
            events: receiver,
            cut: app.shutdown().cut_signal(),
            open: count,
            choices_each: request.choices,
            scores: vec![Vec::new(); prepared.prompts.len()],
            own_stop_ids: request.sampling.stop_ids.clone(),
            prompt_tokens: prepared.prompts.iter().map(|prompt| prompt.tokens.len()).sum(),
            is_predicted: request.prediction.is_some(),
            account: Account::default(),
            tells_account: app.config().request_accounting,
            field: prepared.field,
            form: request.grammar.as_ref().map(|form| form.field().to_owned()),
            restricted_by: request.restricted_by(),
            model,
            _work: work,
        };
        let longest = submissions.iter().map(|submission| submission.params.max_new).max();
        let job = Job { submissions, ticket, events, accepted };
        generation.submit(app, job, answer).await?;
        generation.metrics.accepted(request.choices, longest.unwrap_or_default());
        Ok(generation)
    }

    /// What is new, or `None` when all choices have ended. An error is the end of all of them.
    pub async fn next(&mut self) -> Option<Result<Piece, ApiError>> {
        while self.open > 0 {
            let event = tokio::select! {
                biased;
                () = self.cut.raised() => Err(self.cut_off()),
                event = self.events.recv() => event.ok_or_else(|| self.lost()),
            };
            match event.and_then(|(choice, event)| self.apply(choice, event)) {
                Ok(Some(piece)) => return Some(Ok(piece)),
                Ok(None) => {}
                Err(error) => {
                    self.give_up("error");
                    return Some(Err(error));
                }
            }
        }
        None
    }

    /// Tokens so far.
    pub fn counts(&self) -> TokenCounts {
        TokenCounts {
            prompt: self.prompt_tokens,
            completion: self.choices.iter().map(Choice::generated).sum(),
            cached: self.account.cached_tokens(),
            predictions: self.is_predicted.then(|| self.account.predictions()),
        }
    }

    /// Where time and memory went, so far as sequences have ended; none where answers do not tell.
    pub fn timings(&self) -> Option<Timings> {
        self.tells_account.then(|| self.account.timings())
    }

    /// The model that answers.
    pub fn model(&self) -> &Arc<ServedModel> {
        &self.model
    }

    /// The scores of a prompt's tokens from its second on, if they were asked for: all of them from the first piece of
    /// its answers on.
    pub fn scores(&self, prompt: usize) -> &[Score] {
        &self.scores[prompt]
    }

    /// Choices of all prompts together.
    pub fn num_choices(&self) -> usize {
        self.choices.len()
    }

    async fn submit(
        &mut self,
        app: &App,
        job: Job,
        answer: oneshot::Receiver<Result<(), scheduler::Reject>>,
    ) -> Result<(), ApiError> {
        let status = self.model.engine.status();
        let field = self.field;
        let rejected = |reject| app.refused(ApiError::rejected(&reject, field, status.retry_after()));
        let sent = self.model.engine.send(job).map_err(|error| match error {
            NotSent::Rejected(reject) => rejected(reject),
            NotSent::EngineGone => ApiError::engine(),
        });
        let heard = async {
            sent?;
            answer.await.map_err(|_| ApiError::engine())?.map_err(rejected)
        };
        let outcome = tokio::select! {
            biased;
            () = self.cut.raised() => Err(ApiError::shutting_down()),
            heard = heard => heard,
        };
        if outcome.is_err() {
            self.ticket.leave();
            self.open = 0;
        }
        outcome
    }

    fn apply(&mut self, index: usize, event: Event) -> Result<Option<Piece>, ApiError> {
        let choice = &mut self.choices[index];
        match event {
            Event::Token { token, logprobs, .. } => {
                let piece = choice.token(token, logprobs);
                if choice.has_matched() {
                    self.ticket.enough(index);
                }
                Ok(piece)
            }
            Event::Scores { scores, .. } => {
                self.scores[index / self.choices_each].extend(scores);
                Ok(None)
            }
            Event::Finished { reason, stats, .. } => {
                self.account.add(&stats, index.is_multiple_of(self.choices_each));
                let own = &self.own_stop_ids;
                let piece = choice.finished(reason, |token| own.contains(&token));
                let piece = piece.map_err(|reason| self.failed(reason))?;
                self.ended(piece.finish.as_ref());
                Ok(Some(piece))
            }
        }
    }

    fn ended(&mut self, finish: Option<&Finish>) {
        self.open -= 1;
        let is_length = finish.is_some_and(Finish::is_length);
        self.metrics.choice_ended(if is_length { "length" } else { "stop" });
        if self.open == 0 {
            self.metrics.request_ended(self.choices.iter().map(Choice::generated).max().unwrap_or_default());
        }
    }

    fn failed(&self, reason: FinishReason) -> ApiError {
        let (kind, error) = match reason {
            FinishReason::QueueTimeout => {
                ("queue_timeout", ApiError::queue_timeout(self.model.engine.status().retry_after()))
            }
            FinishReason::Timeout => ("timeout", ApiError::ran_too_long()),
            FinishReason::RowFailed(RowFault::MaskFailed) => {
                let form = self.form.as_deref().expect("only answers that are bound have masks");
                ("grammar", ApiError::grammar_failed(form))
            }
            FinishReason::RowFailed(RowFault::NothingLeft) => {
                let member = self.restricted_by.or(self.form.as_deref()).unwrap_or("logit_bias");
                ("nothing_left", ApiError::invalid_value(member, "leaves no token to generate"))
            }
            FinishReason::RowFailed(_) => ("logits", ApiError::engine()),
            _ => ("step", ApiError::engine()),
        };
        self.metrics.failed(kind);
        error
    }

    /// The engine thread is gone, or has given up on a reader that was too far behind.
    fn lost(&self) -> ApiError {
        self.metrics.failed("engine");
        ApiError::engine()
    }

    fn cut_off(&self) -> ApiError {
        self.metrics.cut_at_shutdown();
        ApiError::shutting_down()
    }

    fn give_up(&mut self, reason: &'static str) {
        self.ticket.leave();
        for _ in 0..std::mem::take(&mut self.open) {
            self.metrics.choice_ended(reason);
        }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if self.open > 0 {
            self.metrics.client_left();
            self.give_up("abort");
        }
    }
}

fn choice(model: &ServedModel, prepared: &Prepared, index: usize) -> Choice {
    let request = &prepared.request;
    let (stop, skip_special) = (request.stop.clone(), request.skip_special_tokens);
    let rules = TextRules { stop, skip_special, min_tokens: request.sampling.min_new, calls: request.calls() };
    let tokenizer = Arc::clone(&model.tokenizer);
    let continues = prepared.prompts[index / request.choices].continues;
    let text = if continues { TextStream::continuing(tokenizer, rules) } else { TextStream::new(tokenizer, rules) };
    Choice::new(index, text, request.stream.as_ref().map_or(1, |stream| stream.interval))
}

/// One submission for each prompt, all on one deadline.
fn submissions(
    app: &App,
    model: &ServedModel,
    prepared: &Prepared,
    clocked: Clocked,
) -> Result<Vec<Submission>, ApiError> {
    let request = &prepared.request;
    let limits = &app.config().limits;
    let timeout = clocked.timeout.unwrap_or(limits.request_timeout).min(limits.request_timeout);
    let seed = request.seed.unwrap_or_else(|| u64::from_le_bytes(random_bytes()));
    let mut seqs = model.engine.new_seqs(prepared.prompts.len() * request.choices).into_iter();
    let submission = |prompt: &PreparedPrompt| {
        let constraint = constraint(model, prepared)?;
        let params = SamplingParams { seed, constraint, ..sampling(model, request, prompt.tokens.len()) };
        Ok(Submission {
            seqs: seqs.by_ref().take(request.choices).collect(),
            params: Arc::new(params),
            prompt: prompt.tokens.clone(),
            prediction: Arc::clone(&prepared.prediction),
            priority: request.priority,
            cache_key: cache_key(model, request),
            queue_deadline: Some(clocked.arrived + limits.queue_wait),
            deadline: Some(clocked.arrived + timeout),
        })
    };
    prepared.prompts.iter().map(submission).collect()
}

/// What binds the choices of one prompt.
fn constraint(model: &ServedModel, prepared: &Prepared) -> Result<Option<Constraint>, ApiError> {
    let Some(grammar) = &prepared.grammar else { return Ok(None) };
    let request = &prepared.request;
    let shown = ShownTokens::new(Arc::clone(&model.tokenizer), request.skip_special_tokens, request.calls());
    let session = model.grammars.session(grammar, request.choices, shown)?;
    Ok(Some(Constraint(Arc::new(session))))
}

fn sampling(model: &ServedModel, request: &GenerateRequest, prompt: usize) -> SamplingParams {
    let mut params = request.sampling.clone();
    params.max_new = request.max_new.unwrap_or_else(|| room(model, prompt));
    if !request.ignore_eos {
        params.stop_ids.extend(&model.eos_ids);
    }
    params
}

/// The rest of the context, as far as the pool could ever hold it.
fn room(model: &ServedModel, prompt: usize) -> usize {
    let limits = &model.limits;
    let pool = limits.num_blocks * limits.block_size + 1;
    limits.max_model_len.min(pool).saturating_sub(prompt).max(1)
}

/// Root of the prefix chain: only equal roots share blocks.
fn cache_key(model: &ServedModel, request: &GenerateRequest) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(model.fingerprint.as_bytes());
    if let Some(salt) = &request.cache_salt {
        hash.update([1]);
        hash.update(salt.as_bytes());
    }
    hash.finalize().into()
}

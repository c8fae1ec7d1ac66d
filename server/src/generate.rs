//! One request's way through the engine, from its prompts to pieces of its choices.

use std::{sync::Arc, time::Duration};

use proto::Timings;
use scheduler::{Event, FinishReason, RowFault, Score, Token};

use crate::{
    account::Account,
    app::App,
    choice::{Choice, Finish},
    config::RequestLimits,
    engine_run::{EngineRun, Sequences},
    error::ApiError,
    metrics::ModelMetrics,
    prepare::Prepared,
    served_model::ServedModel,
    shutdown::Work,
    submissions::submissions,
    text_stream::TextStream,
};

pub use crate::choice::{GeneratedToken, Piece};

/// A running request.
#[derive(Debug)]
pub struct Generation {
    run: EngineRun,
    metrics: Arc<ModelMetrics>,
    choices: Vec<Choice>,
    /// Choices of each prompt.
    choices_each: usize,
    /// Of each prompt, as far as they have come.
    scores: Vec<Vec<Score>>,
    /// The request's own stop ids, as opposed to the model's end tokens.
    own_stop_ids: Vec<Token>,
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
    /// Of all choices, in their thoughts.
    pub reasoning: usize,
    /// Of the prompts, found in the prefix cache.
    pub cached: usize,
    /// Of the prediction, if there was one: proposed and drawn, proposed in vain.
    pub predictions: Option<(usize, usize)>,
}

impl Clocked {
    /// The latest time of its end.
    pub(crate) fn deadline(&self, limits: &RequestLimits) -> Duration {
        self.arrived + self.timeout.unwrap_or(limits.request_timeout).min(limits.request_timeout)
    }
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
        let submissions = submissions(app, &model, prepared, clocked)?;
        let choices = (0..count).map(|index| choice(&model, prepared, index)).collect();
        let longest = submissions.iter().map(|submission| submission.params.max_new).max();
        let sequences = Sequences { submissions, at_once: None, field: prepared.field };
        let metrics = Arc::clone(model.metrics());
        let generation = Self {
            run: EngineRun::start(app, model, work, sequences).await?,
            metrics,
            choices,
            choices_each: request.choices,
            scores: vec![Vec::new(); prepared.prompts.len()],
            own_stop_ids: request.sampling.stop_ids.clone(),
            prompt_tokens: prepared.prompts.iter().map(|prompt| prompt.tokens.len()).sum(),
            is_predicted: request.prediction.is_some(),
            account: Account::default(),
            tells_account: app.config().request_accounting,
            form: request.grammar.as_ref().map(|form| form.field().to_owned()),
            restricted_by: request.restricted_by(),
        };
        generation.metrics.accepted(request.choices, longest.unwrap_or_default());
        Ok(generation)
    }

    /// What is new, or `None` when all choices have ended. An error is the end of all of them.
    pub async fn next(&mut self) -> Option<Result<Piece, ApiError>> {
        while self.run.open() > 0 {
            match self.run.next().await.and_then(|(choice, event)| self.apply(choice, event)) {
                Ok(Some(piece)) => return Some(Ok(piece)),
                Ok(None) => {}
                Err(error) => {
                    self.run.give_up("error");
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
            reasoning: self.choices.iter().map(Choice::reasoning).sum(),
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
        self.run.model()
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

    fn apply(&mut self, index: usize, event: Event) -> Result<Option<Piece>, ApiError> {
        let choice = &mut self.choices[index];
        match event {
            Event::Token { token, logprobs, .. } => {
                let piece = choice.token(token, logprobs);
                if choice.has_matched() {
                    self.run.enough(index);
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
            Event::Vector { .. } | Event::Beams { .. } => Err(self.run.failed("step", ApiError::engine())),
        }
    }

    fn ended(&mut self, finish: Option<&Finish>) {
        let is_length = finish.is_some_and(Finish::is_length);
        self.run.ended(if is_length { "length" } else { "stop" });
        if self.run.open() == 0 {
            self.metrics.request_ended(self.choices.iter().map(Choice::generated).max().unwrap_or_default());
        }
    }

    fn failed(&self, reason: FinishReason) -> ApiError {
        match reason {
            FinishReason::RowFailed(RowFault::MaskFailed) => {
                let form = self.form.as_deref().expect("only answers that are bound have masks");
                self.run.failed("grammar", ApiError::grammar_failed(form))
            }
            FinishReason::RowFailed(RowFault::NothingLeft) => {
                let member = self.restricted_by.or(self.form.as_deref()).unwrap_or("logit_bias");
                let error = ApiError::invalid_value(member, "leaves no token to generate");
                self.run.failed("nothing_left", error)
            }
            reason => self.run.failure(reason),
        }
    }
}

fn choice(model: &ServedModel, prepared: &Prepared, index: usize) -> Choice {
    let request = &prepared.request;
    let prompt = &prepared.prompts[index / request.choices];
    let (tokenizer, rules) = (Arc::clone(&model.tokenizer), prepared.text_rules(prompt));
    let continues = prompt.continues;
    let text = if continues { TextStream::continuing(tokenizer, rules) } else { TextStream::new(tokenizer, rules) };
    Choice::new(index, text, request.stream.as_ref().map_or(1, |stream| stream.interval))
}

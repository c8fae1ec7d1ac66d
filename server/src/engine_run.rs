//! One job's time at the engine: handed in, followed event by event, given up when it is dropped.
//!
//! It ends exactly once: when every sequence has told its end, or with one error. Dropping it in any state frees its
//! sequences' blocks before the next step.

use std::sync::Arc;

use scheduler::{Event, FinishReason, Reject, Submission};
use tokio::sync::{mpsc, oneshot};

use crate::{
    app::App,
    engine_handle::NotSent,
    error::ApiError,
    metrics::ModelMetrics,
    served_model::ServedModel,
    shutdown::{CutSignal, Work},
    ticket::Ticket,
    worker::{EVENTS_PER_REQUEST, Job},
};

/// A job that the engine has accepted.
#[derive(Debug)]
pub(crate) struct EngineRun {
    model: Arc<ServedModel>,
    metrics: Arc<ModelMetrics>,
    ticket: Arc<Ticket>,
    events: mpsc::Receiver<(usize, Event)>,
    cut: CutSignal,
    /// Sequences that have not told their end.
    open: usize,
    _work: Work,
}

/// What a job consists of.
#[derive(Debug)]
pub(crate) struct Sequences {
    /// One for each prompt; their sequences are numbered through all of them in order.
    pub(crate) submissions: Vec<Submission>,
    /// As in [`Job`].
    pub(crate) at_once: Option<usize>,
    /// Where the prompts stand in the request.
    pub(crate) field: &'static str,
}

impl EngineRun {
    /// Hands a job in, or says why it is refused. Returns when the engine thread has accepted it.
    pub(crate) async fn start(
        app: &App,
        model: Arc<ServedModel>,
        work: Work,
        sequences: Sequences,
    ) -> Result<Self, ApiError> {
        let Sequences { submissions, at_once, field } = sequences;
        let count = submissions.iter().map(|submission| submission.answers().len()).sum();
        let ticket = Arc::new(Ticket::new(count));
        let (events, receiver) = mpsc::channel(EVENTS_PER_REQUEST.max(2 * count).max(at_the_end(&submissions)));
        let (accepted, answer) = oneshot::channel();
        let mut run = Self {
            metrics: Arc::clone(model.metrics()),
            model,
            ticket: Arc::clone(&ticket),
            events: receiver,
            cut: app.shutdown().cut_signal(),
            open: count,
            _work: work,
        };
        let outcome = run.hand_in(Job { submissions, at_once, ticket, events, accepted }, (answer, field)).await;
        if outcome.is_err() {
            run.ticket.leave();
            run.open = 0;
        }
        outcome.map(|()| run)
    }

    async fn hand_in(
        &mut self,
        job: Job,
        (answer, field): (oneshot::Receiver<Result<(), Reject>>, &str),
    ) -> Result<(), ApiError> {
        let status = self.model.engine.status();
        let rejected = |reject| {
            let error = ApiError::rejected(&reject, field, status.retry_after());
            status.metrics().rejected(error.code());
            error
        };
        let sent = self.model.engine.send(job).map_err(|error| match error {
            NotSent::Rejected(reject) => rejected(reject),
            NotSent::EngineGone => ApiError::engine(),
        });
        let heard = async {
            sent?;
            answer.await.map_err(|_| ApiError::engine())?.map_err(rejected)
        };
        tokio::select! {
            biased;
            () = self.cut.raised() => Err(ApiError::shutting_down()),
            heard = heard => heard,
        }
    }

    /// The next event and the number of its sequence, while one is open.
    pub(crate) async fn next(&mut self) -> Result<(usize, Event), ApiError> {
        tokio::select! {
            biased;
            () = self.cut.raised() => Err(self.cut_off()),
            event = self.events.recv() => event.ok_or_else(|| self.lost()),
        }
    }

    /// Sequences that have not told their end.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// A sequence has told its end: `stop` or `length`.
    pub(crate) fn ended(&mut self, reason: &'static str) {
        self.open -= 1;
        self.metrics.choice_ended(reason);
    }

    /// Nothing more is wanted of this sequence.
    pub(crate) fn enough(&self, sequence: usize) {
        self.ticket.enough(sequence);
    }

    /// Nothing more is wanted at all.
    pub(crate) fn give_up(&mut self, reason: &'static str) {
        self.ticket.leave();
        for _ in 0..std::mem::take(&mut self.open) {
            self.metrics.choice_ended(reason);
        }
    }

    /// Counts a failure of this kind.
    pub(crate) fn failed(&self, kind: &'static str, error: ApiError) -> ApiError {
        self.metrics.failed(kind);
        error
    }

    /// The error for an end that is none.
    pub(crate) fn failure(&self, reason: FinishReason) -> ApiError {
        match reason {
            FinishReason::QueueTimeout => {
                self.failed("queue_timeout", ApiError::queue_timeout(self.model.engine.status().retry_after()))
            }
            FinishReason::Timeout => self.failed("timeout", ApiError::ran_too_long()),
            FinishReason::RowFailed(_) => self.failed("logits", ApiError::engine()),
            _ => self.failed("step", ApiError::engine()),
        }
    }

    /// The model that computes it.
    pub(crate) fn model(&self) -> &Arc<ServedModel> {
        &self.model
    }

    /// The engine thread is gone, or has given up on a reader that was too far behind.
    fn lost(&self) -> ApiError {
        self.failed("engine", ApiError::engine())
    }

    fn cut_off(&self) -> ApiError {
        self.metrics.cut_at_shutdown();
        ApiError::shutting_down()
    }
}

/// Most events that come at once: the answers of beam searches are told when they are final.
fn at_the_end(submissions: &[Submission]) -> usize {
    let searches = submissions.iter().filter(|submission| submission.params.beams.is_some());
    searches.map(|search| search.answers().len() * (search.params.max_new + 1)).sum()
}

impl Drop for EngineRun {
    fn drop(&mut self) {
        if self.open > 0 {
            self.metrics.client_left();
            self.give_up("abort");
        }
    }
}

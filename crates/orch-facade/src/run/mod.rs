mod options;
mod replicates;
mod trace_parent;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use orch_core::{
    BoxTool, Budget, CallContext, Deadline, Error, ErrorKind, Event, HasContext, Input, Meter, Redactor, Request, Route,
};
use orch_evidence::BundleOptions;
use serde_json::{Map, Value};
use tokio::time::Instant;
use tower::Service;

use crate::client::Inner;
use crate::{Client, Outcome, RunEvents};

/// A run that has not started: set its options, then `.await` it, or listen with [`events`](Self::events).
///
/// # Cancellation
/// Dropping the future, or the [`RunEvents`], cancels the run; so does the token of [`cancellation`](Self::cancellation).
/// A run with an idempotency key works for everyone who asks with that key: cancelling it, or passing its deadline,
/// ends the waiting, and the answer is kept for the next caller unless
/// [`OnAbandon::Cancel`](orch_reliability::OnAbandon) says otherwise. A time budget ends the work too.
#[must_use = "a run does nothing until it is awaited or listened to"]
pub struct Run {
    client: Client,
    stack: BoxTool,
    /// Whether the stack heeds idempotency keys.
    remembers: bool,
    request: Request,
    budget: Budget,
    deadline: Option<Duration>,
    max_parallel: Option<usize>,
    /// The account that this run's is part of.
    account: Option<Meter>,
    min_confidence: Option<f64>,
    metadata: Map<String, Value>,
    /// In place of the client's.
    redactor: Option<Redactor>,
    /// Options for the replicates of a bundle.
    replicates: Option<Box<BundleOptions>>,
    /// The first option that was wrong; reported when the run starts.
    invalid: Option<Error>,
}

impl Run {
    pub(crate) fn reliable(client: Client, input: Input) -> Self {
        let stack = client.inner().reliable.clone();
        Self::new(client, stack, true, input)
    }

    pub(crate) fn basic(client: Client, input: Input) -> Self {
        let stack = client.inner().basic.clone();
        Self::new(client, stack, false, input)
    }

    fn new(client: Client, stack: BoxTool, remembers: bool, input: Input) -> Self {
        Self {
            client,
            stack,
            remembers,
            request: Request::new(input),
            budget: Budget::new(),
            deadline: None,
            max_parallel: None,
            account: None,
            min_confidence: None,
            metadata: Map::new(),
            redactor: None,
            replicates: None,
            invalid: None,
        }
    }

    /// Starts the run in a task of its own and listens to it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use = "dropping the events cancels the run"]
    pub fn events(mut self) -> RunEvents {
        self.begin();
        let stream = self.request.context_mut().subscribe();
        let cancellation = self.cancellation();
        RunEvents::new(stream, tokio::spawn(self.drive()), cancellation)
    }

    /// Makes this a part of a batch: on its account, within its time, under its key unless the run has one.
    pub(crate) fn in_batch(mut self, account: &Meter, deadline: Option<Deadline>, key: Option<String>) -> Self {
        self.account = Some(account.clone());
        if let Some(deadline) = deadline {
            self.request.context_mut().limit_deadline(deadline);
        }
        match key {
            Some(key) if self.remembers && self.request.context().key().is_none() => self.idempotency_key(key),
            _ => self,
        }
    }

    /// The clock starts; from here on nobody changes who redacts.
    fn begin(&mut self) {
        let redactor = self.redactor.take();
        let redactor = redactor.unwrap_or_else(|| self.client.inner().builder.settings().redactor.clone());
        let context = self.request.context_mut();
        context.restart();
        if !redactor.is_none() {
            context.set_redactor(redactor);
        }
    }

    fn meter(&self) -> Meter {
        let limits = self.budget.limits();
        self.account.as_ref().map_or_else(|| Meter::new(limits), |account| account.child("run", limits))
    }

    fn refuse(&mut self, error: Error) {
        self.invalid.get_or_insert(error);
    }

    fn change(&mut self, change: impl FnOnce(CallContext) -> CallContext) {
        let context = self.request.context_mut();
        *context = change(context.clone());
    }

    async fn drive(mut self) -> Result<Outcome, Error> {
        #[cfg(feature = "metrics")]
        let client = self.client.clone();
        let prepared = self.prepare();
        let context = self.request.context().clone();
        let result = match prepared {
            Ok(()) => self.execute(&context).await,
            Err(error) => Err(error),
        };
        context.emit(|| terminal(&result));
        #[cfg(feature = "metrics")]
        crate::metrics::record(&client, &context, &result);
        result.map_err(|error| context.redactor().error(error))
    }

    async fn execute(mut self, context: &CallContext) -> Result<Outcome, Error> {
        let _place = self.client.in_flight().begin(context)?;
        let result = self.stack.call(self.request).await;
        let outcome = Outcome::conclude(context, self.budget, result)?;
        Ok(outcome.with_min_confidence(self.min_confidence).with_metadata(self.metadata))
    }

    /// Makes the request's context ready. Nobody else has it yet, so it is changed in its place.
    fn prepare(&mut self) -> Result<(), Error> {
        if let Some(error) = self.invalid.take() {
            return Err(error);
        }
        self.budget.check()?;
        self.set_replicate_options()?;
        let Inner { stack, builder, in_flight, .. } = self.client.inner();
        self.budget = self.budget.clone().combine(stack.budget());
        let (meter, now) = (self.meter(), Instant::now());
        let effect = self.client.effect_of(self.request.route().map(Route::tool));
        let context = self.request.context_mut();
        context.limit_deadline(Deadline::after(now, self.deadline.unwrap_or(stack.deadline())));
        if let Some(time) = self.budget.time_limit() {
            context.limit_deadline(Deadline::of_budget(now, time));
        }
        context.set_max_parallel(self.max_parallel.unwrap_or(builder.settings().max_parallel));
        context.set_meter(meter);
        context.set_effect(effect);
        context.set_in_flight(in_flight.clone());
        Ok(())
    }
}

/// What is asked, and the facts that the caller added, are not shown.
impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("tool", &self.request.route().map(Route::tool))
            .field("budget", &self.budget)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

fn terminal(result: &Result<Outcome, Error>) -> Event {
    let error = match result {
        Ok(outcome) => return Event::Completed { usage: outcome.usage().clone(), replayed: outcome.replayed() },
        Err(error) => error.clone(),
    };
    let out_of_time = matches!(error.kind(), ErrorKind::DeadlineExceeded | ErrorKind::Timeout { .. })
        || matches!(error.kind(), ErrorKind::BudgetExceeded { budget: orch_core::BudgetKind::Time, .. });
    match error.kind() {
        ErrorKind::Cancelled => Event::Cancelled {},
        _ if out_of_time => Event::Timeout { error },
        _ => Event::Error { error },
    }
}

impl IntoFuture for Run {
    type Output = Result<Outcome, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            self.begin();
            self.drive().await
        })
    }
}

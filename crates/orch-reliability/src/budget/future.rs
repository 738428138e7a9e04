use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use orch_core::service::{TryReady, try_ready};
use orch_core::{Budget, Deadline, Error, ErrorKind, HasContext, Output};
use pin_project_lite::pin_project;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tower::Service;

use super::above::{Held, Refusal, Reserving};
use super::account::Account;
use super::layer::Mode;
use crate::timer::Timer;

/// How long an answer waits at most until the ledger has heard what was spent.
const LONGEST_TELLING: Duration = Duration::from_secs(1);

/// A call that waits for the levels above it.
pub(super) struct Waiting<S, R> {
    pub(super) inner: S,
    pub(super) request: R,
    pub(super) default: Budget,
    pub(super) mode: Mode,
}

impl<S, R> Waiting<S, R> {
    /// Begins the call; with a soft budget, whatever the ledger says.
    fn begin(mut self, answer: Result<Held, Refusal>) -> Result<(TryReady<S, R>, Option<Account>), Error>
    where
        S: Service<R> + Clone,
        R: HasContext,
    {
        let held = match (answer, self.mode) {
            (Ok(held), _) => held,
            (Err(refusal), Mode::Hard) => return Err(refusal.error),
            (Err(Refusal { held, error }), Mode::Soft) => {
                let error = self.request.context().redactor().error(error);
                tracing::warn!(%error, "a soft budget does not refuse");
                held
            }
        };
        let account = Account::open(&self.default, self.mode, Some(held), self.request.context_mut());
        Ok((try_ready(&mut self.inner, self.request), account))
    }
}

pin_project! {
    /// The future of [`Budgeted`](super::Budgeted).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        state: State<S, R>,
        #[pin]
        timer: Timer,
        deadline: Option<Deadline>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, R>
    where
        S: Service<R>,
    {
        Reserving { answer: JoinHandle<Result<Held, Refusal>>, waiting: Option<Waiting<S, R>> },
        // In this order: what the call books when it is dropped belongs to the account.
        Running { #[pin] future: TryReady<S, R>, account: Option<Account> },
        Settling { told: JoinHandle<()>, until: Instant, result: Option<Result<Output, Error>> },
        Refused { error: Option<Error> },
    }
}

impl<S, R> ResponseFuture<S, R>
where
    S: Service<R>,
{
    pub(super) fn running(future: TryReady<S, R>, account: Option<Account>, deadline: Option<Deadline>) -> Self {
        Self::new(State::Running { future, account }, deadline)
    }

    pub(super) fn reserving(reserving: Reserving, waiting: Waiting<S, R>, deadline: Option<Deadline>) -> Self {
        match reserving {
            Ok(answer) => Self::new(State::Reserving { answer, waiting: Some(waiting) }, deadline),
            Err(error) => Self::refused(error),
        }
    }

    pub(super) fn refused(error: Error) -> Self {
        Self::new(State::Refused { error: Some(error) }, None)
    }

    fn new(state: State<S, R>, deadline: Option<Deadline>) -> Self {
        Self { state, timer: Timer::unset(), deadline }
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R, Response = Output> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Output = Result<Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Reserving { answer, waiting } => {
                    if let Poll::Ready(answer) = Pin::new(answer).poll(cx) {
                        let waiting = waiting.take().expect("taken when the state changes");
                        let (future, account) = waiting.begin(answer.map_err(broken)?)?;
                        this.state.set(State::Running { future, account });
                        continue;
                    }
                }
                StateProj::Running { future, account } => {
                    if let Poll::Ready(result) = future.poll(cx) {
                        let result = result.map_err(Into::into);
                        let Some(account) = account else { return Poll::Ready(result) };
                        let result = account.settle(result);
                        let Some(told) = account.close() else { return Poll::Ready(result) };
                        let until = account.deadline_or(Instant::now() + LONGEST_TELLING);
                        this.state.set(State::Settling { told, until, result: Some(result) });
                        continue;
                    }
                    if let Some(account) = account {
                        account.warn();
                    }
                }
                StateProj::Settling { told, until, result } => {
                    // Whether it succeeded is the task's own matter, and it goes on without the answer: what it
                    // cannot say is kept.
                    if Pin::new(told).poll(cx).is_pending() {
                        ready!(this.timer.poll_by(cx, *until));
                    }
                    return Poll::Ready(result.take().expect("a finished future is not polled again"));
                }
                StateProj::Refused { error } => {
                    return Poll::Ready(Err(error.take().expect("a finished future is not polled again")));
                }
            }
            let Some(deadline) = this.deadline else { return Poll::Pending };
            ready!(this.timer.poll_by(cx, deadline.instant()));
            return Poll::Ready(Err(deadline.error(Instant::now())));
        }
    }
}

/// The task that asked the ledger has panicked, or its runtime is shutting down.
fn broken(error: JoinError) -> Error {
    Error::new(ErrorKind::LedgerUnavailable { reason: error.to_string().into() }).with_source(error)
}

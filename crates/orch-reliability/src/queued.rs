use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use orch_core::service::{TryReady, try_ready};
use orch_core::{AskedBy, CallContext, Error, HasContext};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;

/// Something that a request waits for before it may leave.
pub trait Queue {
    /// What it gets: kept while the call runs.
    type Pass;

    /// Who asks for the wait, in the words of the run's record.
    const ASKED_BY: AskedBy;

    /// When the wait began.
    fn since(&self) -> Instant;

    /// Ready when the request may leave, or has waited too long.
    fn poll_pass(self: Pin<&mut Self>, cx: &mut Context<'_>, context: &CallContext) -> Poll<Result<Self::Pass, Error>>;
}

/// What a running call holds; given back when the call ends or is dropped.
pub trait Pass<T> {
    /// Hears how the call ended.
    fn ended(&mut self, _: &Result<T, Error>) {}
}

pin_project! {
    /// The future of a service whose requests may have to wait for their turn.
    #[must_use = "futures do nothing unless polled"]
    pub struct QueuedFuture<S, R, Q>
    where
        S: Service<R>,
        Q: Queue,
    {
        #[pin]
        state: State<S, R, Q>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, R, Q>
    where
        S: Service<R>,
        Q: Queue,
    {
        Waiting { inner: S, request: Option<R>, #[pin] queue: Q },
        Calling { #[pin] future: TryReady<S, R>, pass: Q::Pass },
        Rejected { error: Option<Error> },
    }
}

impl<S, R, Q> QueuedFuture<S, R, Q>
where
    S: Service<R> + Clone,
    Q: Queue,
{
    pub(crate) fn calling(inner: &mut S, request: R, pass: Q::Pass) -> Self {
        Self { state: State::Calling { future: try_ready(inner, request), pass } }
    }

    pub(crate) fn waiting(inner: S, request: R, queue: Q) -> Self {
        Self { state: State::Waiting { inner, request: Some(request), queue } }
    }

    pub(crate) fn rejected(error: Error) -> Self {
        Self { state: State::Rejected { error: Some(error) } }
    }
}

impl<S, R, Q> Future for QueuedFuture<S, R, Q>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
    Q: Queue,
    Q::Pass: Pass<S::Response>,
{
    type Output = Result<S::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Waiting { inner, request, queue } => {
                    let context = request.as_ref().expect("taken when the state changes").context();
                    let since = queue.since();
                    let pass = ready!(queue.poll_pass(cx, context));
                    context.note_wait(Q::ASKED_BY, since);
                    // Either way it leaves the queue now, not when somebody drops the future.
                    match pass {
                        Ok(pass) => {
                            let request = request.take().expect("checked above");
                            let future = try_ready(inner, request);
                            state.set(State::Calling { future, pass });
                        }
                        Err(error) => state.set(State::Rejected { error: Some(error) }),
                    }
                }
                StateProj::Calling { future, pass } => {
                    let result = ready!(future.poll(cx)).map_err(Into::into);
                    pass.ended(&result);
                    // What the call held is free now too.
                    state.set(State::Rejected { error: None });
                    return Poll::Ready(result);
                }
                StateProj::Rejected { error } => {
                    return Poll::Ready(Err(error.take().expect("a finished future is not polled again")));
                }
            }
        }
    }
}

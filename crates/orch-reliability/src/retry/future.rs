use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use orch_core::{Error, Event, HasContext};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;
use tracing::Span;

use super::session::{Failed, Pause, Session};
use crate::trace::attempt_span;

pin_project! {
    /// The future of [`Retry`](super::Retry).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        attempt: Attempt<S::Future>,
        // Who makes the next attempt, and of what.
        service: S,
        request: R,
        session: Session,
    }
}

pin_project! {
    /// Where the loop stands.
    #[project = AttemptProj]
    enum Attempt<F> {
        // Until the service is ready for the next attempt.
        Waiting,
        // In a span of its own.
        Running { #[pin] future: F, span: Span, started: Instant },
        Pausing { #[pin] pause: Pause },
        // The service was broken before the first attempt.
        Broken { error: Option<Error> },
    }
}

impl<S, R> ResponseFuture<S, R>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext + Clone,
{
    /// Keeps tower's contract as [`try_ready`](orch_core::try_ready) does: what is called is the instance that was ready,
    /// and a fresh one stays with whoever has not been called.
    #[inline]
    pub(super) fn new(service: &mut S, request: R, session: Session) -> Self {
        let fresh = service.clone();
        let (attempt, service) = match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => (Attempt::start(service, request.clone()), fresh),
            Poll::Ready(Err(error)) => (Attempt::Broken { error: Some(error.into()) }, fresh),
            Poll::Pending => (Attempt::Waiting, std::mem::replace(service, fresh)),
        };
        Self { attempt, service, request, session }
    }
}

impl<F> Attempt<F> {
    #[inline]
    fn start<S, R>(service: &mut S, request: R) -> Self
    where
        S: Service<R, Future = F>,
        R: HasContext,
    {
        let (context, started) = (request.context(), Instant::now());
        context.emit(|| Event::AttemptStarted { target: context.target().clone() });
        let span = attempt_span(context);
        let future = span.in_scope(|| service.call(request));
        Self::Running { future, span, started }
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R>,
    S::Error: Into<Error>,
    R: HasContext + Clone,
{
    type Output = Result<S::Response, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.attempt.as_mut().project() {
                AttemptProj::Running { future, span, started } => {
                    let result = {
                        let _entered = span.enter();
                        ready!(future.poll(cx))
                    };
                    let error = match result {
                        Ok(response) => {
                            this.session.after_success(this.request.context());
                            return Poll::Ready(Ok(response));
                        }
                        Err(error) => error.into(),
                    };
                    let failed = Failed { error, started: *started, broken: false };
                    let pause = this.session.after_failure(this.request.context_mut(), failed)?;
                    this.attempt.set(Attempt::Pausing { pause });
                }
                AttemptProj::Pausing { pause } => {
                    ready!(pause.poll(cx));
                    this.attempt.set(Attempt::Waiting);
                }
                AttemptProj::Waiting => match ready!(this.service.poll_ready(cx)) {
                    Ok(()) => this.attempt.set(Attempt::start(this.service, this.request.clone())),
                    Err(error) => return Poll::Ready(Err(broken(this.session, this.request, error.into()))),
                },
                AttemptProj::Broken { error } => {
                    let error = error.take().expect("a finished future is not polled again");
                    return Poll::Ready(Err(broken(this.session, this.request, error)));
                }
            }
        }
    }
}

/// A service that cannot become ready is broken for good.
fn broken<R: HasContext>(session: &mut Session, request: &mut R, error: Error) -> Error {
    let failed = Failed { error, started: Instant::now(), broken: true };
    session.after_failure(request.context_mut(), failed).err().expect("a broken service is not called again")
}

use std::pin::Pin;
use std::task::{Context, Poll};

use orch_core::service::{TryReady, try_ready};
use orch_core::{Deadline, Error, HasContext, Progress};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;

use super::expiry::{Expiry, Running};
use super::future::Watch;
use super::{Attempt, ResponseFuture, Timeout};
use crate::timer::Timer;

impl<S, R> Service<R> for Timeout<S, Attempt>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<TryReady<S, R>, AttemptWatch>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (context, started) = (request.context(), Instant::now());
        if let Err(error) = context.check(started) {
            return ResponseFuture::refused(error);
        }
        let signs =
            Signs { limits: self.limits, started, deadline: context.deadline(), progress: context.progress().clone() };
        ResponseFuture::running(try_ready(&mut self.inner, request), AttemptWatch { timer: Timer::unset(), signs })
    }
}

pin_project! {
    /// What one attempt is watched by: its limits, and the run's deadline.
    #[derive(Debug)]
    pub struct AttemptWatch {
        #[pin]
        timer: Timer,
        signs: Signs,
    }
}

/// What there is to look at while it waits.
#[derive(Debug)]
struct Signs {
    limits: Attempt,
    started: Instant,
    deadline: Option<Deadline>,
    progress: Progress,
}

impl Signs {
    fn running(&self) -> Running {
        Running {
            started: self.started,
            expects_chunks: self.progress.expects_chunks(),
            first_chunk: self.progress.first_at(),
            last_sign: self.progress.last_at(),
            deadline: self.deadline,
        }
    }
}

impl Watch for AttemptWatch {
    fn poll_over(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let mut this = self.project();
        loop {
            let (now, running) = (Instant::now(), this.signs.running());
            let expiry = Expiry::next(&this.signs.limits, &running);
            if expiry.at <= now {
                return Poll::Ready(expiry.error(now));
            }
            let look_again = expiry.look_again(&this.signs.limits, &running, now);
            if this.timer.as_mut().poll_by(cx, look_again).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

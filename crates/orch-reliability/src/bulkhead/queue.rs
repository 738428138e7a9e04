use std::pin::Pin;
use std::task::{Context, Poll, ready};

use orch_core::{AskedBy, CallContext, Error, ErrorKind};
use pin_project_lite::pin_project;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::PollSemaphore;

use crate::queued::{Pass, Queue};
use crate::timer::Timer;

pin_project! {
    /// A place to wait for, until `until` or the run's deadline.
    #[derive(Debug)]
    pub struct PlaceQueue {
        semaphore: PollSemaphore,
        since: Instant,
        until: Instant,
        #[pin]
        timer: Timer,
    }
}

impl PlaceQueue {
    pub(super) fn new(semaphore: PollSemaphore, since: Instant, until: Instant) -> Self {
        Self { semaphore, since, until, timer: Timer::unset() }
    }
}

impl Queue for PlaceQueue {
    type Pass = OwnedSemaphorePermit;

    const ASKED_BY: AskedBy = AskedBy::Queue;

    fn since(&self) -> Instant {
        self.since
    }

    fn poll_pass(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        context: &CallContext,
    ) -> Poll<Result<OwnedSemaphorePermit, Error>> {
        let this = self.project();
        if let Poll::Ready(place) = this.semaphore.poll_acquire(cx) {
            return Poll::Ready(Ok(place.expect("the semaphore is never closed")));
        }
        let deadline = context.deadline().filter(|deadline| deadline.instant() <= *this.until);
        let until = deadline.map_or(*this.until, |deadline| deadline.instant());
        ready!(this.timer.poll_by(cx, until));
        Poll::Ready(Err(match deadline {
            Some(deadline) => deadline.error(Instant::now()),
            None => Error::new(ErrorKind::Overloaded { target: context.target().clone() }),
        }))
    }
}

impl<T> Pass<T> for OwnedSemaphorePermit {}

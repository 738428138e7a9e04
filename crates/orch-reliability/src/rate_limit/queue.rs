use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use orch_core::{AskedBy, CallContext, Error, LimitHint, Output};
use pin_project_lite::pin_project;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::PollSemaphore;

use super::gate::{Gate, Ticket};
use super::layer::limited;
use crate::queued::{Pass, Queue};
use crate::timer::Timer;

pin_project! {
    /// A request in the line, until `until` at the latest.
    #[derive(Debug)]
    pub struct TurnQueue {
        // Before the ticket, so that it is given back first.
        turn: Option<OwnedSemaphorePermit>,
        turns: PollSemaphore,
        ticket: Ticket,
        since: Instant,
        until: Instant,
        #[pin]
        timer: Timer,
    }
}

impl TurnQueue {
    pub(super) fn new(ticket: Ticket, since: Instant, until: Instant) -> Self {
        let turns = PollSemaphore::new(ticket.gate().turn());
        Self { turn: None, turns, ticket, since, until, timer: Timer::unset() }
    }
}

impl Queue for TurnQueue {
    type Pass = Passed;

    const ASKED_BY: AskedBy = AskedBy::RateLimit;

    fn since(&self) -> Instant {
        self.since
    }

    fn poll_pass(self: Pin<&mut Self>, cx: &mut Context<'_>, context: &CallContext) -> Poll<Result<Passed, Error>> {
        let mut this = self.project();
        if this.turn.is_none() {
            match this.turns.poll_acquire(cx) {
                Poll::Ready(turn) => *this.turn = turn,
                Poll::Pending => {
                    ready!(this.timer.poll_by(cx, *this.until));
                    return Poll::Ready(Err(too_late(this.ticket, context)));
                }
            }
        }
        loop {
            let Err(at) = this.ticket.gate().ask(Instant::now()) else {
                return Poll::Ready(Ok(Passed(Some(Arc::clone(this.ticket.gate())))));
            };
            // The provider has lowered the rate meanwhile.
            if at > *this.until {
                return Poll::Ready(Err(too_late(this.ticket, context)));
            }
            ready!(this.timer.as_mut().poll_by(cx, at));
        }
    }
}

fn too_late(ticket: &Ticket, context: &CallContext) -> Error {
    let now = Instant::now();
    match context.deadline() {
        Some(deadline) if deadline.instant() <= now => deadline.error(now),
        _ => limited(context.target(), ticket.wait(now)),
    }
}

/// A request that has passed its target's gate, if there is one.
#[derive(Debug)]
pub struct Passed(pub(super) Option<Arc<Gate>>);

impl<T: 'static> Pass<T> for Passed {
    fn ended(&mut self, result: &Result<T, Error>) {
        if let Self(Some(gate)) = self
            && let Some(hint) = hint(result)
        {
            gate.note(hint);
        }
    }
}

/// What the provider said of its limits. Of answers, only an [`Output`] can tell.
fn hint<T: 'static>(result: &Result<T, Error>) -> Option<LimitHint> {
    match result {
        Ok(response) => (response as &dyn Any).downcast_ref().and_then(Output::limits),
        Err(error) => error.limits(),
    }
}

//! What one listener has not read yet.
//!
//! Lifecycle events queue up without a bound (a run has a bounded number of
//! them); deltas of one replicate that nobody has read are merged. So nothing
//! is lost and no sender ever waits.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use super::{DeltaKind, Envelope, Event};

#[derive(Default)]
pub(super) struct Lane {
    queue: VecDeque<Envelope>,
    /// How many envelopes were taken from the front, so that a position in `open` stays valid.
    taken: u64,
    /// Deltas that may still grow, by replicate and kind.
    open: Vec<(Option<u32>, DeltaKind, u64)>,
    waker: Option<Waker>,
    closed: bool,
}

impl Lane {
    /// Adds an event; the waker is to be woken outside the lock.
    #[must_use]
    pub(super) fn push(&mut self, envelope: Envelope) -> Option<Waker> {
        if self.closed {
            return None;
        }
        if let Event::Delta { kind, text } = &envelope.event {
            let replicate = envelope.source.replicate;
            if let Some(waker) = self.merge(replicate, *kind, text) {
                return waker;
            }
            // A piece of another kind came in between: what follows it must not be read before it.
            self.open.retain(|(other, ..)| *other != replicate);
            let position = self.taken + self.queue.len() as u64;
            self.open.push((replicate, *kind, position));
        } else {
            // What follows another event of the same replicate must not be read before it.
            self.open.retain(|(replicate, ..)| *replicate != envelope.source.replicate);
        }
        self.closed = envelope.event.is_terminal();
        self.queue.push_back(envelope);
        self.waker.take()
    }

    /// Adds to a delta that nobody has read yet, if there is one that may still grow; with the waker to be woken.
    #[must_use]
    pub(super) fn merge(&mut self, replicate: Option<u32>, kind: DeltaKind, text: &str) -> Option<Option<Waker>> {
        if self.closed {
            return None;
        }
        self.pending_text(replicate, kind)?.push_str(text);
        Some(self.waker.take())
    }

    fn pending_text(&mut self, replicate: Option<u32>, kind: DeltaKind) -> Option<&mut String> {
        let (.., position) = self.open.iter().find(|open| open.0 == replicate && open.1 == kind)?;
        let index = usize::try_from(position.checked_sub(self.taken)?).ok()?;
        match &mut self.queue.get_mut(index)?.event {
            Event::Delta { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Envelope>> {
        if let Some(envelope) = self.queue.pop_front() {
            self.taken += 1;
            let taken = self.taken;
            self.open.retain(|(.., position)| *position >= taken);
            return Poll::Ready(Some(envelope));
        }
        if self.closed {
            return Poll::Ready(None);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// No event follows.
    #[must_use]
    pub(super) fn close(&mut self) -> Option<Waker> {
        self.closed = true;
        self.waker.take()
    }
}

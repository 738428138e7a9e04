use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::CallContext;
use crate::{Error, ErrorKind};

/// The work that its owner has in progress, and whether it takes more: what a shutdown needs to know.
///
/// A run takes a [`Place`] for as long as it works; work that outlives its caller (see [`CallContext::detach`]) takes one of
/// its own through [`CallContext::take_place`]. Clones are handles on the same places.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    places: Mutex<Places>,
    /// Told when the last place was given back after the closing.
    idle: Notify,
}

#[derive(Debug, Default)]
struct Places {
    taken: Vec<Option<CallContext>>,
    free: Vec<usize>,
    closed: bool,
    cancelled: bool,
}

impl Places {
    fn is_idle(&self) -> bool {
        self.taken.len() == self.free.len()
    }

    fn take(&mut self, context: CallContext) -> usize {
        match self.free.pop() {
            Some(place) => {
                self.taken[place] = Some(context);
                place
            }
            None => {
                self.taken.push(Some(context));
                self.taken.len() - 1
            }
        }
    }
}

impl InFlight {
    /// Nothing is in progress, and new work is taken.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// New work begins; its place is given back when the guard is dropped.
    ///
    /// # Errors
    /// `Draining` once [`close`](Self::close) was called.
    pub fn begin(&self, context: &CallContext) -> Result<Place, Error> {
        let mut places = self.lock();
        if places.closed {
            return Err(Error::new(ErrorKind::Draining));
        }
        Ok(self.place(places.take(context.clone())))
    }

    /// A part of work that has begun goes on by itself, closed or not. What is cancelled by then is cancelled with it.
    fn go_on(&self, context: &CallContext) -> Place {
        let mut places = self.lock();
        let (place, cancelled) = (places.take(context.clone()), places.cancelled);
        drop(places);
        if cancelled {
            context.cancellation().cancel();
        }
        self.place(place)
    }

    /// Refuses new work from now on, for good.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    /// Whether new work is refused.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How many places are taken.
    #[must_use]
    pub fn len(&self) -> usize {
        let places = self.lock();
        places.taken.len() - places.free.len()
    }

    /// The contexts of what is in progress; of a run with parts that go on by themselves, those too.
    #[must_use]
    pub fn contexts(&self) -> Vec<CallContext> {
        self.lock().taken.iter().flatten().cloned().collect()
    }

    /// Whether nothing is in progress.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_idle()
    }

    /// Ends once nothing is in progress. Call it after [`close`](Self::close): before, it may miss that moment.
    ///
    /// # Cancellation
    /// Dropping the future changes nothing.
    pub async fn idle(&self) {
        loop {
            let told = self.0.idle.notified();
            tokio::pin!(told);
            // From here on nothing is missed.
            told.as_mut().enable();
            if self.is_empty() {
                return;
            }
            told.await;
        }
    }

    /// Closes, cancels everything in progress and what goes on from it, and gives the contexts of what was cancelled.
    #[must_use = "these are the runs that did not end by themselves"]
    pub fn cancel(&self) -> Vec<CallContext> {
        {
            let mut places = self.lock();
            (places.closed, places.cancelled) = (true, true);
        }
        let contexts = self.contexts();
        for context in &contexts {
            context.cancellation().cancel();
        }
        contexts
    }

    fn place(&self, place: usize) -> Place {
        Place { in_flight: self.clone(), place }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of work in progress, given back when dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub struct Place {
    in_flight: InFlight,
    place: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.in_flight.lock();
        let context = places.taken[self.place].take();
        places.free.push(self.place);
        let tell = places.closed && places.is_idle();
        drop(places);
        // It may be the last one to know the run.
        drop(context);
        if tell {
            self.in_flight.0.idle.notify_waiters();
        }
    }
}

impl CallContext {
    /// A place for a part of this run that goes on by itself, in what the run was begun in; `None` where nobody counts.
    #[must_use = "dropping it gives the place back"]
    pub fn take_place(&self) -> Option<Place> {
        self.in_flight().map(|in_flight| in_flight.go_on(self))
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    fn begin(in_flight: &InFlight) -> (CallContext, Place) {
        let mut context = CallContext::new();
        context.set_in_flight(in_flight.clone());
        let place = in_flight.begin(&context).unwrap();
        (context, place)
    }

    #[test]
    fn places_are_counted_and_used_again() {
        let in_flight = InFlight::new();
        let (_, first) = begin(&in_flight);
        let (_, second) = begin(&in_flight);
        drop(first);
        let (_, third) = begin(&in_flight);
        assert_eq!((in_flight.len(), in_flight.lock().taken.len()), (2, 2));
        drop((second, third));
        assert!(in_flight.is_empty());
    }

    #[test]
    fn once_closed_no_work_begins_but_what_had_begun_may_go_on_by_itself() {
        let in_flight = InFlight::new();
        let (context, place) = begin(&in_flight);
        in_flight.close();
        let refused = in_flight.begin(&CallContext::new()).unwrap_err();
        assert!(matches!(refused.kind(), ErrorKind::Draining) && refused.not_executed(), "{refused:?}");
        let detached = context.detach(Duration::from_secs(1));
        let going_on = detached.take_place();
        drop(place);
        assert_eq!(in_flight.len(), 1);
        drop(going_on);
        assert!(in_flight.is_empty() && CallContext::new().take_place().is_none());
    }

    #[test]
    fn cancelling_reaches_what_works_and_what_goes_on_from_it_later() {
        let in_flight = InFlight::new();
        let (context, _place) = begin(&in_flight);
        let detached = context.detach(Duration::from_secs(1));
        assert_eq!(in_flight.cancel().len(), 1);
        assert!(context.cancellation().is_cancelled() && !detached.cancellation().is_cancelled());
        let _late = detached.take_place();
        assert!(detached.cancellation().is_cancelled());
    }

    #[test]
    fn idle_ends_when_the_last_place_is_given_back() {
        let in_flight = InFlight::new();
        let (_, first) = begin(&in_flight);
        let (_, second) = begin(&in_flight);
        in_flight.close();
        let mut idle = pin!(in_flight.idle());
        let mut look = || idle.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!look());
        drop(first);
        assert!(!look());
        drop(second);
        assert!(look());
    }
}

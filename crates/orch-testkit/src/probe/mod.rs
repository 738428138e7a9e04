//! An innermost service that is told how to behave and counts what is done to it.

mod future;
mod state;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use orch_core::{Error, Output, Request};
use tower::Service;

pub use self::future::ProbeFuture;
pub use self::state::Counts;
use self::state::{Id, Readiness, Shared, State};

/// The handle on a [`ProbeService`] and all its clones: says how they behave, tells what was done to them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), orch_core::Error> {
/// use orch_core::{Output, Request};
/// use orch_testkit::Probe;
/// use tower::ServiceExt;
///
/// let (service, probe) = Probe::new();
/// probe.answer(|request| Ok(Output::new(request.input().as_json().clone())));
/// let output = service.oneshot(Request::new("hello")).await?;
/// assert_eq!(output.content().as_text(), Some("hello"));
/// assert_eq!(probe.counts().completed, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Probe {
    shared: Arc<Shared>,
}

impl Probe {
    /// A ready service that answers at once with `null`, and its handle.
    #[must_use]
    pub fn new() -> (ProbeService, Self) {
        Self::with_error()
    }

    /// The same with another error type, such as tower's `BoxError`.
    #[must_use]
    pub fn with_error<E: From<Error>>() -> (ProbeService<E>, Self) {
        let shared = Arc::new(Shared::default());
        (ProbeService::join(&shared), Self { shared })
    }

    /// From now on instances are ready, and those that wait are woken.
    pub fn ready(&self) {
        self.shared.change(|state| state.readiness = Readiness::Ready);
    }

    /// From now on instances are not ready, except those that were found ready and are not called yet.
    pub fn pending(&self) {
        self.shared.change(|state| state.readiness = Readiness::Pending);
    }

    /// From now on instances fail with this error when they are asked whether they are ready.
    pub fn broken(&self, error: Error) {
        self.shared.change(|state| state.readiness = Readiness::Broken(error));
    }

    /// Each instance says so many times that it is not ready before it is; it wakes by itself. Default 0.
    pub fn ready_after(&self, polls: u32) {
        self.shared.change(|state| state.ready_after = polls);
    }

    /// Each call waits so many times before it answers; it wakes by itself. Default 0.
    pub fn answer_after(&self, polls: u32) {
        self.shared.change(|state| state.answer_after = polls);
    }

    /// From now on no call completes.
    pub fn hold(&self) {
        self.shared.change(|state| state.held = true);
    }

    /// Ends [`hold`](Self::hold), and wakes the calls that wait.
    pub fn release(&self) {
        self.shared.change(|state| state.held = false);
    }

    /// What calls answer; made when a call completes.
    pub fn answer(&self, answer: impl Fn(&Request) -> Result<Output, Error> + Send + Sync + 'static) {
        self.shared.change(|state| state.answer = Arc::new(answer));
    }

    /// What was done to the service so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.read(|state| state.counts)
    }

    /// The requests that came, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.read(|state| state.requests.clone())
    }

    /// Which instance got each call: 0 is the first service, clones are numbered as they are made.
    #[must_use]
    pub fn called(&self) -> Vec<u64> {
        self.shared.read(|state| state.called.clone())
    }

    /// Which instances were asked whether they are ready and were not, in order, each once.
    #[must_use]
    pub fn waited(&self) -> Vec<u64> {
        self.shared.read(|state| state.waited.clone())
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Probe").field(&self.counts()).finish()
    }
}

/// The service controlled by a [`Probe`].
///
/// It keeps tower's contract to the letter, so that layers around it must: an instance is called only after
/// it was found ready, readiness is used up by the call and is not cloned.
pub struct ProbeService<E = Error> {
    shared: Arc<Shared>,
    id: Id,
    reserved: bool,
    /// How often it still says that it is not ready.
    left: Option<u32>,
    error: PhantomData<fn() -> E>,
}

impl<E> ProbeService<E> {
    fn join(shared: &Arc<Shared>) -> Self {
        let id = shared.change_quietly(State::enter);
        Self { shared: Arc::clone(shared), id, reserved: false, left: None, error: PhantomData }
    }
}

impl<E: From<Error>> Service<Request> for ProbeService<E> {
    type Response = Output;
    type Error = E;
    type Future = ProbeFuture<E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        if self.reserved {
            return Poll::Ready(Ok(()));
        }
        let (id, left) = (self.id, &mut self.left);
        let answer = self.shared.change_quietly(|state| state.poll_ready(id, left, cx));
        self.reserved = matches!(answer, Poll::Ready(Ok(())));
        answer.map_err(E::from)
    }

    fn call(&mut self, request: Request) -> ProbeFuture<E> {
        let was_ready = std::mem::take(&mut self.reserved);
        self.left = None;
        ProbeFuture::start(&self.shared, self.id, was_ready, request)
    }
}

impl<E> Clone for ProbeService<E> {
    fn clone(&self) -> Self {
        self.shared.change_quietly(|state| state.counts.clones += 1);
        Self::join(&self.shared)
    }
}

impl<E> Drop for ProbeService<E> {
    fn drop(&mut self) {
        self.shared.change_quietly(|state| state.leave(self.id, self.reserved));
    }
}

impl<E> fmt::Debug for ProbeService<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeService").field("instance", &self.id).finish()
    }
}

#[cfg(test)]
mod tests;

//! What every layer must keep to, ours and yours.
//!
//! Each rule is an async method of [`LayerContract`] that panics with the rule's name when a layer breaks it;
//! [`check`](LayerContract::check) runs them all. Use it under paused time:
//!
//! ```
//! use orch_testkit::LayerContract;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! LayerContract::new(orch_core::MeterLayer::new).check().await;
//! # }
//! ```

mod calls;
mod cancellation;
mod errors;
mod readiness;
mod wakers;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use orch_core::{Error, Estimate, HasContext, Output, Request, ToolSpec};
use tower::{BoxError, Layer, Service};

use crate::probe::{Probe, ProbeService};
use crate::rule::Rule;

/// What a layer makes of an inner service: a tower service over [`Request`] and [`Output`] that can be shared.
/// Implemented for everything that fits.
pub trait Stack:
    Service<Request, Response = Output, Error: Into<Error>, Future: Send + 'static> + Clone + Send + Sync + 'static
{
}

impl<S> Stack for S where
    S: Service<Request, Response = Output, Error: Into<Error>, Future: Send + 'static> + Clone + Send + Sync + 'static
{
}

type StackOf<L> = <L as Layer<ProbeService>>::Service;

/// The contract, applied to one layer (or a stack of them: `tower::ServiceBuilder` is a layer too).
///
/// The layer is made anew for every rule. Make it with the smallest capacity it can have, so that
/// one leaked permit is enough to block the next call; see [`concurrency`](Self::concurrency).
///
/// ```
/// use orch_testkit::LayerContract;
/// use tower::limit::ConcurrencyLimitLayer;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// // Plain tower layers pass readiness through.
/// LayerContract::new(|| ConcurrencyLimitLayer::new(1)).always_ready(false).check().await;
/// # }
/// ```
#[must_use = "a contract does nothing until a rule is awaited"]
pub struct LayerContract<L> {
    make: Arc<dyn Fn() -> L + Send + Sync>,
    request: Arc<dyn Fn(u64) -> Request + Send + Sync>,
    requests: AtomicU64,
    always_ready: bool,
    in_place: bool,
    keeps_responses: bool,
    keeps_errors: bool,
    detached: bool,
    concurrency: usize,
}

impl<L> LayerContract<L> {
    /// The whole contract, for an always-ready layer.
    pub fn new(make: impl Fn() -> L + Send + Sync + 'static) -> Self {
        Self {
            make: Arc::new(make),
            request: Arc::new(plain_request),
            requests: AtomicU64::new(0),
            always_ready: true,
            in_place: true,
            keeps_responses: true,
            keeps_errors: true,
            detached: false,
            concurrency: 16,
        }
    }

    /// Whether the layer is always ready (default) or passes on the readiness of its inner service.
    pub fn always_ready(mut self, always_ready: bool) -> Self {
        self.always_ready = always_ready;
        self
    }

    /// Whether a ready inner service is called without a clone (default). `false` for layers that must move a
    /// clone into their future, because they decide, wait or repeat there.
    pub fn in_place(mut self, in_place: bool) -> Self {
        self.in_place = in_place;
        self
    }

    /// Whether responses arrive as the inner service gave them (default). `false` for layers that make their own.
    pub fn keeps_responses(mut self, keeps_responses: bool) -> Self {
        self.keeps_responses = keeps_responses;
        self
    }

    /// Whether errors arrive as the inner service gave them (default). `false` for layers that make their own.
    pub fn keeps_errors(mut self, keeps_errors: bool) -> Self {
        self.keeps_errors = keeps_errors;
        self
    }

    /// Whether the work goes on when its caller is dropped; default: no, dropping the future ends it.
    pub fn detached(mut self, detached: bool) -> Self {
        self.detached = detached;
        self
    }

    /// How many concurrent calls must all succeed, 16 by default. Fewer for layers that reject.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls;
        self
    }

    /// Makes the requests; each gets another number. Default: a text in the scope of a `Pure` tool.
    pub fn request(mut self, request: impl Fn(u64) -> Request + Send + Sync + 'static) -> Self {
        self.request = Arc::new(request);
        self
    }

    fn next_request(&self) -> Request {
        (self.request)(self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// The layer around a fresh probe.
    fn around<E: From<Error>>(&self) -> (<L as Layer<ProbeService<E>>>::Service, Probe)
    where
        L: Layer<ProbeService<E>>,
    {
        let (service, probe) = Probe::with_error();
        ((self.make)().layer(service), probe)
    }
}

impl<L> LayerContract<L>
where
    L: Layer<ProbeService> + Layer<ProbeService<BoxError>>,
    StackOf<L>: Stack,
    <L as Layer<ProbeService<BoxError>>>::Service: Stack,
{
    /// Every rule.
    ///
    /// A layer that fits only an inner service whose error is orch's own cannot be given to this
    /// method; call [`check_typed`](Self::check_typed).
    ///
    /// # Panics
    /// When the layer breaks a rule; the message names it.
    pub async fn check(&self) {
        self.check_typed().await;
        self.boxed_errors_kept().await;
    }
}

impl<L> LayerContract<L>
where
    L: Layer<ProbeService>,
    StackOf<L>: Stack,
{
    /// Every rule but [`boxed_errors_kept`](Self::boxed_errors_kept).
    ///
    /// # Panics
    /// When the layer breaks a rule; the message names it.
    pub async fn check_typed(&self) {
        self.ready_inner_is_called_in_place().await;
        self.waiting_instance_is_called().await;
        self.readiness_is_passed_on().await;
        self.poll_ready_reserves_nothing().await;
        self.readiness_errors_are_delivered().await;
        self.responses_kept().await;
        self.errors_kept().await;
        self.sequential_calls_complete().await;
        self.concurrent_calls_complete().await;
        self.clones_are_independent().await;
        self.drop_before_call_leaks_nothing().await;
        self.drop_in_flight_leaks_nothing().await;
        self.drop_while_failing_leaks_nothing().await;
        self.wakes_only_when_something_happened().await;
    }
}

impl<L> fmt::Debug for LayerContract<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerContract").field("always_ready", &self.always_ready).finish_non_exhaustive()
    }
}

fn plain_request(number: u64) -> Request {
    let mut request = Request::new(format!("request {number}"));
    request.context_mut().enter(&ToolSpec::pure("probe"), Estimate::unknown());
    request
}

impl Rule {
    /// What a call that must succeed answers.
    async fn answer<S: Stack>(self, stack: &mut S, request: Request) -> Output {
        match self.complete(call(stack, request)).await {
            Ok(output) => output,
            Err(error) => self.broken(format!("a call failed although its inner service did not: {error}")),
        }
    }

    async fn succeed<S: Stack>(self, stack: &mut S, request: Request) {
        drop(self.answer(stack, request).await);
    }

    /// What holds after every use of a probe.
    fn tower_kept(self, probe: &Probe) {
        let counts = probe.counts();
        self.hold(counts.called_unready == 0, || {
            format!("`call` on an instance that was not polled ready, {counts:?}")
        });
    }
}

/// Waits until the stack is ready, and calls that very instance.
async fn call<S: Stack>(stack: &mut S, request: Request) -> Result<Output, Error> {
    std::future::poll_fn(|cx| stack.poll_ready(cx)).await.map_err(Into::into)?;
    stack.call(request).await.map_err(Into::into)
}

#[cfg(test)]
mod tests;

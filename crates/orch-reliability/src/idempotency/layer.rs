use std::fmt;
use std::sync::Arc;

use orch_core::store::IdempotencyStore;
use tower::Layer;

use super::flights::Flights;
use super::{Idempotency, IdempotencyConfig};
use crate::MemoryStore;

/// Executes the requests of one idempotency key once, and answers all of them.
///
/// A request whose context has a key is united with every other request of that key: those that come
/// while it is in flight wait for it, those that come later get the stored result. The same key with
/// another request is a `Conflict`. Requests without a key pass straight through.
///
/// The work runs in a task of its own from the first time on that it waits, so no caller's cancellation or deadline ends it
/// for the others; what needs no waiting costs no task. Another task renews its lease from then on, so work that keeps
/// its thread busy in between keeps its claim. Work that blocks a thread before it waits for the first time renews
/// nothing: it belongs into `spawn_blocking`, here as everywhere.
/// Callers that joined, or came later, paid nothing: their response is marked by [`Replay`](super::Replay).
///
/// Failures are not stored: everyone who waits gets the error, the next caller tries anew. Two exceptions:
/// [finished](orch_core::Error::finished) work inside an error (a budget turned out to be overrun) is stored as the
/// success it is, and a tool that must run at most once keeps its key when it may have had its effect although it
/// failed (a timeout, a broken connection, a panic): the next caller gets `OutcomeUnknown` until somebody
/// [resolves](orch_core::store::IdempotencyStore::resolve) it.
///
/// ```
/// use orch_core::store::Key;
/// use orch_core::{CallContext, Error, Output, Request, Tool, ToolService, ToolSpec, tool_fn};
/// use orch_reliability::IdempotencyLayer;
/// use tower::{Layer, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let ask = tool_fn(ToolSpec::pure("ask"), |_: Request| async { Ok::<_, Error>(Output::from("42")) });
/// let service = IdempotencyLayer::in_memory().layer(ToolService::new(ask));
///
/// let context = CallContext::new().with_key(Key::new("question-1")?);
/// let request = Request::new("what is the answer?").with_context(context);
/// let first = service.clone().oneshot(request.clone()).await?;
/// let second = service.oneshot(request).await?;
/// assert!(!first.replayed() && second.replayed());
/// assert_eq!(first.content(), second.content());
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Outside the budget, retry, breaker and limits, inside the total deadline: a stored answer costs nothing and
/// needs no place, one flight covers all attempts, and each caller's own deadline still holds. Inside retry, every
/// attempt would claim the key again, and a waiter would get the error of an attempt that the next one repairs.
///
/// # Errors
/// `Conflict`; `InProgress` when another process works on the key and the caller's time is up; `OutcomeUnknown`;
/// `LeaseLost` when another process took over and its result stands; `StoreUnavailable` when the store fails and
/// the effect is not `Pure` (what is `Pure` runs without it, and the event `idempotency_degraded` says so). A step of the
/// store that takes longer than [`store_timeout`](IdempotencyConfig::store_timeout) has failed. A result is offered to a
/// store that fails four times at most within that time; in the end the caller gets it all the same, the event says
/// that it is not stored, and the key is free again, or in doubt, when its lease has ended.
/// Outside a tokio runtime a request with a key fails.
///
/// The effect that counts is the context's, [`Effect::AtMostOnce`](orch_core::Effect) unless a scope outside this
/// layer says better. Outside a planner, where the tool is not known yet, set the strictest effect of all its tools
/// with [`CallContext::set_effect`](orch_core::CallContext::set_effect).
#[derive(Clone)]
pub struct IdempotencyLayer {
    pub(super) store: Arc<dyn IdempotencyStore>,
    pub(super) config: IdempotencyConfig,
    pub(super) flights: Arc<Flights>,
}

impl IdempotencyLayer {
    /// Results are kept in this process: a [`MemoryStore`] of its default size.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::with_store(Arc::new(MemoryStore::new()))
    }

    /// Results are kept in `store`, which other processes may share.
    #[must_use]
    pub fn with_store(store: Arc<dyn IdempotencyStore>) -> Self {
        let config = IdempotencyConfig::default();
        Self { store, config, flights: Arc::default() }
    }

    /// Replaces the settings.
    #[must_use]
    pub fn config(mut self, config: IdempotencyConfig) -> Self {
        self.config = config;
        self
    }
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = Idempotency<S>;

    fn layer(&self, inner: S) -> Idempotency<S> {
        Idempotency { inner, layer: self.clone() }
    }
}

impl fmt::Debug for IdempotencyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyLayer").field("config", &self.config).finish_non_exhaustive()
    }
}

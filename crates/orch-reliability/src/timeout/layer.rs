use std::time::Duration;

use tower::Layer;

/// Ends calls that take too long: [`total`](Self::total) bounds a whole run, [`attempt`](Self::attempt) one attempt.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::{RetryLayer, TimeoutLayer};
/// use tower::ServiceBuilder;
///
/// let stack = ServiceBuilder::new()
///     .layer(TimeoutLayer::total(Duration::from_secs(300)))
///     .layer(RetryLayer::default())
///     .layer(
///         TimeoutLayer::attempt(Duration::from_secs(60))
///             .first_chunk(Duration::from_secs(30))
///             .idle(Duration::from_secs(30)),
///     );
/// # let _ = stack;
/// ```
///
/// No limit can be wrong, so there is nothing to build: a limit of zero fails every call that is not ready at once.
/// One timer serves all limits of a layer; it is made when the inner service really waits.
///
/// # Errors
/// `total`: `DeadlineExceeded`, or `BudgetExceeded` of time where a time budget set the deadline, and `Cancelled` when
/// [`CallContext::cancellation`](orch_core::CallContext::cancellation) fires. `attempt`: `Timeout` with the limit that
/// was passed; the errors of the deadline when that came first, so that a caller's short deadline is not
/// blamed on the provider. An attempt that times out after a part of its answer was delivered is a `Timeout` here;
/// retry and fallback do not repeat it, and make it `StreamBroken`.
///
/// # Order
/// `total` is outside everything that waits: idempotency, fallback, retry. Inside retry it would begin anew with every
/// attempt. `attempt` is inside retry, breaker, rate limit and bulkhead, around the tool and its panics: outside
/// the breaker, timeouts would never open the circuit; outside the limits, time spent in our own queues would
/// look like a slow provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutLayer<L> {
    limits: L,
}

/// The limit of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    pub(super) total: Duration,
}

/// The limits of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub(super) attempt: Duration,
    pub(super) first_chunk: Option<Duration>,
    pub(super) idle: Option<Duration>,
}

impl TimeoutLayer<Total> {
    /// Ends a run after `total`, counted from the call; a nearer deadline of the request stays.
    ///
    /// The layers inside see the deadline in the context, and start nothing that cannot end before it.
    #[must_use]
    pub const fn total(total: Duration) -> Self {
        Self { limits: Total { total } }
    }
}

impl TimeoutLayer<Attempt> {
    /// Ends an attempt after `attempt`, or at the run's deadline if that comes first.
    #[must_use]
    pub const fn attempt(attempt: Duration) -> Self {
        Self { limits: Attempt { attempt, first_chunk: None, idle: None } }
    }

    /// Ends an attempt whose first chunk has not arrived by then; default: no limit of its own.
    ///
    /// It holds for attempts that announce a stream, as chat providers do
    /// ([`Progress::expect_chunks`](orch_core::Progress::expect_chunks)). One that answers in a single piece has no
    /// first chunk to wait for.
    #[must_use]
    pub const fn first_chunk(mut self, limit: Duration) -> Self {
        self.limits.first_chunk = Some(limit);
        self
    }

    /// Ends an attempt that has shown no sign of life for so long since its first chunk; default: no limit of its own.
    #[must_use]
    pub const fn idle(mut self, limit: Duration) -> Self {
        self.limits.idle = Some(limit);
        self
    }
}

impl<S, L: Copy> Layer<S> for TimeoutLayer<L> {
    type Service = Timeout<S, L>;

    fn layer(&self, inner: S) -> Timeout<S, L> {
        Timeout { inner, limits: self.limits }
    }
}

/// The service made by [`TimeoutLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Timeout<S, L> {
    pub(super) inner: S,
    pub(super) limits: L,
}

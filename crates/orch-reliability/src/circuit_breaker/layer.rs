use std::sync::Arc;

use tower::Layer;

use super::registry::Registry;
use super::{CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerHandle};

/// Stops calling a target that keeps failing, and finds out carefully whether it has recovered.
///
/// A *closed* circuit counts how calls end. Five failures in a row, or half of at least ten calls
/// within a minute, *open* it: calls are rejected at once with `CircuitOpen` and the time after
/// which to come back. After a cooldown, which doubles each time, the circuit is *half-open*: one
/// probe at a time goes through; two that succeed close it, one that fails opens it again.
///
/// What counts as a failure is decided by the [`Class`](orch_core::Class) of the error: a target
/// that answers "your request is wrong" is healthy. One that asks to slow down is left alone for as long
/// as it asked, one whose quota is used up until it says, else for ten minutes; neither for longer than
/// [`max_cooldown`](super::CircuitBreakerConfig::max_cooldown). Those calls are rejected with `RateLimited`.
///
/// There is one circuit for each [`Target`](orch_core::Target), kept in the layer: services made by
/// the same layer, or by its clones, share them. A circuit that nobody has asked about for a quarter of an hour (or the
/// longest cooldown, if that is more) may be forgotten when there are many; one that was forced open is kept.
///
/// ```
/// use std::time::Duration;
/// use orch_core::{Error, IntoTool, Output, Request, ToolSpec, tool_fn};
/// use orch_reliability::{CircuitBreakerConfig, CircuitBreakerLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let breaker = CircuitBreakerLayer::builder()
///     .failure_threshold(3)
///     .for_target("slow-provider", CircuitBreakerConfig::default().cooldown(Duration::from_secs(120)))
///     .build()?;
/// let handle = breaker.handle();
///
/// let ask = tool_fn(ToolSpec::pure("ask").with_target("slow-provider"), |_: Request| async {
///     Ok::<_, Error>(Output::from("42"))
/// });
/// let ask = ask.into_tool().layer(breaker);
///
/// handle.force_open(&"slow-provider".into());
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Inside retry, so that every attempt is seen and an open circuit stops the attempts that follow;
/// outside the rate limit and the bulkhead, so that rejected calls neither wait nor take a place;
/// outside the attempt's timeout and catch-panic, so that a call that hangs or panics is counted.
/// With the timeout outside, a hanging target is only seen as callers that give up. Without a
/// [`ScopeLayer`](orch_core::ScopeLayer) outside, all calls share the circuit of the target `default`.
///
/// # Errors
/// `CircuitOpen`, with `retry_after` unless the circuit was forced open, and `RateLimited`, with `retry_after`:
/// the inner service was not called. Its own errors are passed on unchanged.
#[derive(Clone, Debug)]
pub struct CircuitBreakerLayer {
    pub(super) registry: Arc<Registry>,
}

impl CircuitBreakerLayer {
    /// Changes the settings.
    pub fn builder() -> CircuitBreakerBuilder {
        CircuitBreakerBuilder::default()
    }

    /// Looks at the circuits from outside and overrules them.
    #[must_use]
    pub fn handle(&self) -> CircuitBreakerHandle {
        CircuitBreakerHandle::new(Arc::clone(&self.registry))
    }
}

impl Default for CircuitBreakerLayer {
    fn default() -> Self {
        Self::builder().valid()
    }
}

impl<S> Layer<S> for CircuitBreakerLayer {
    type Service = CircuitBreaker<S>;

    fn layer(&self, inner: S) -> CircuitBreaker<S> {
        CircuitBreaker::new(inner, Arc::clone(&self.registry))
    }
}

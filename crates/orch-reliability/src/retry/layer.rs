use std::fmt;
use std::sync::Arc;

use tower::Layer;

use super::session::Terms;
use super::{Retry, RetryPolicy};
use crate::{ConfigError, RetryBudget};

/// Repeats calls that failed in a way that may pass, and says why it stopped.
///
/// A call is repeated only if all of this holds, asked in this order; the first answer *no* ends the call with the
/// original error, [`Error::stopped`](orch_core::Error::stopped) and
/// [`Error::attempts`](orch_core::Error::attempts):
///
/// 1. nothing of the answer was delivered yet,
/// 2. the [class](orch_core::Class) is `Throttled`, `Transient` or `Timeout`, or it was our own rate limit (or
///    `BadOutput`, if the policy gives it attempts),
/// 3. attempts are left: the class's [own](RetryPolicy::class_attempts), else
///    [`max_attempts`](RetryPolicy::max_attempts),
/// 4. the tool's [effect](orch_core::Effect) allows another execution, or the error proves there was none,
/// 5. the hint of [`Error::retry_after`](orch_core::Error::retry_after) is not above
///    [`retry_after_cap`](RetryPolicy::retry_after_cap),
/// 6. the wait ends before the run's deadline,
/// 7. all waits together stay below [`max_total_delay`](RetryPolicy::max_total_delay),
/// 8. the run's budget can pay for the estimate once more,
/// 9. the [`RetryBudget`] has something left.
///
/// The wait is the larger of hint and backoff, plus up to a tenth of the hint (at most 1 s): never earlier than
/// asked. If a part of the answer was delivered, a failure of the classes above becomes `StreamBroken`, with that part
/// in [`Error::output`](orch_core::Error::output) as far as the tool put it into its error.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::{RetryLayer, RetryPolicy};
///
/// let layer = RetryLayer::default();
/// let patient = RetryLayer::new(RetryPolicy::default().max_attempts(6).initial_delay(Duration::from_secs(1)))?;
/// # let _ = (layer, patient);
/// # Ok::<(), orch_reliability::ConfigError>(())
/// ```
///
/// # Cancellation
/// Dropping the future during a wait cancels the call and gives back what was taken from the retry budget.
/// The wait itself does not look at [`CallContext::cancellation`](orch_core::CallContext::cancellation):
/// [`TimeoutLayer::total`](crate::TimeoutLayer::total) outside does, and drops it.
///
/// # Order
/// Inside `ReplicateLayer`, fallback and idempotency, outside circuit breaker, limits and
/// [`TimeoutLayer::attempt`](crate::TimeoutLayer::attempt). Outside a replicating layer, one failed replicate would
/// repeat all of them. Inside the breaker, one call counts as one failure however often it was tried, so an
/// outage opens the circuit much later. Outside idempotency, every attempt would claim the key anew.
/// A readiness error of the inner service is final.
#[derive(Clone, Default)]
pub struct RetryLayer {
    terms: Arc<Terms>,
}

impl RetryLayer {
    /// A layer with this policy and no retry budget.
    ///
    /// # Errors
    /// When the policy cannot work.
    pub fn new(policy: RetryPolicy) -> Result<Self, ConfigError> {
        policy.check()?;
        Ok(Self { terms: Arc::new(Terms { policy, budget: None }) })
    }

    /// Bounds the repeats of all calls together; default: not bounded.
    ///
    /// A repeat costs one, after throttling half; a wait for our own rate limit is free.
    #[must_use]
    pub fn budget(mut self, budget: Arc<dyn RetryBudget>) -> Self {
        Arc::make_mut(&mut self.terms).budget = Some(budget);
        self
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry::new(inner, Arc::clone(&self.terms))
    }
}

impl fmt::Debug for RetryLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Terms { policy, budget } = self.terms.as_ref();
        f.debug_struct("RetryLayer").field("policy", policy).field("budget", &budget.is_some()).finish()
    }
}

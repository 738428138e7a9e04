//! Faults on purpose, visibly named and the same for every run with one seed.

mod plan;
mod service;

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orch_core::Error;
use tokio::time::Instant;
use tower::Layer;

pub use self::plan::{Fault, FaultKind, Site};
pub use self::service::{Faults, FaultsFuture};

const RETRY_AFTER: RangeInclusive<Duration> = Duration::from_millis(300)..=Duration::from_millis(900);
const DELAY: RangeInclusive<Duration> = Duration::from_millis(200)..=Duration::from_millis(600);

/// Makes a part of the calls fail or take longer, so that one sees what a stack does about it.
///
/// A fault is a 429 with Retry-After, a 500, or a delay before the call. The errors say `injected`, and
/// the calls that fail never reach the inner service. Which call gets which fault depends on the seed and on the
/// call's place in its run alone ([`Site`]), so that two runs with one seed see the same faults however they are
/// scheduled.
///
/// ```
/// # fn main() -> Result<(), orch_core::Error> {
/// use orch_core::{IntoTool, ToolSpec};
/// use orch_testkit::{FaultLayer, ScriptedTool};
///
/// let tool = ScriptedTool::new(ToolSpec::pure("steady")).then_ok("fine");
/// let flaky = tool.into_tool().layer(FaultLayer::new(0.25, 7)?);
/// # let _ = flaky;
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Innermost, right around the tool: in place of the outside party that really fails. Outside of retry, timeout or
/// breaker it would show nothing but itself.
#[derive(Clone, Debug)]
pub struct FaultLayer {
    rate: f64,
    seed: u64,
    kinds: Arc<[FaultKind]>,
    retry_after: RangeInclusive<Duration>,
    delay: RangeInclusive<Duration>,
    /// When there are faults, if not always: how long after this moment.
    window: Option<(Instant, Range<Duration>)>,
    /// Calls that have no place in a run of their own, over all services of this layer.
    calls: Arc<AtomicU64>,
    injected: Arc<AtomicU64>,
}

impl FaultLayer {
    /// Injects a fault into this part of the calls: 0 never, 1 always.
    ///
    /// # Errors
    /// `InvalidRequest` naming the rate, when it is not a number from 0 to 1.
    pub fn new(rate: f64, seed: u64) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::invalid("/faults", format!("{rate}: a fault rate is a number from 0 to 1")));
        }
        Ok(Self {
            rate,
            seed,
            kinds: Arc::new([FaultKind::RateLimit, FaultKind::ServerError, FaultKind::Delay]),
            retry_after: RETRY_AFTER,
            delay: DELAY,
            window: None,
            calls: Arc::default(),
            injected: Arc::default(),
        })
    }

    /// Sets which faults there are, each as likely as the others; none of them means no faults. Default: all.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = FaultKind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Sets the Retry-After of a 429; default 300 to 900 ms. A range that ends before it starts counts as its start.
    #[must_use]
    pub fn retry_after(mut self, range: RangeInclusive<Duration>) -> Self {
        self.retry_after = range;
        self
    }

    /// Sets how long a delay is; default 200 to 600 ms. A range that ends before it starts counts as its start.
    #[must_use]
    pub fn delay(mut self, range: RangeInclusive<Duration>) -> Self {
        self.delay = range;
        self
    }

    /// Injects faults in this stretch of time alone, counted from now on: an outage. An end of
    /// [`Duration::MAX`] is none. Default: always.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use orch_testkit::{FaultKind, FaultLayer};
    /// # fn main() -> Result<(), orch_core::Error> {
    /// let minute = Duration::from_secs(60);
    /// let outage = FaultLayer::new(1.0, 7)?.kinds([FaultKind::ServerError]).during(minute..2 * minute);
    /// # let _ = outage;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn during(mut self, window: Range<Duration>) -> Self {
        self.window = Some((Instant::now(), window));
        self
    }

    /// How many faults were injected so far, by all services of this layer and its clones.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = Faults<S>;
    fn layer(&self, inner: S) -> Faults<S> {
        Faults::new(inner, self.clone())
    }
}

#[cfg(test)]
mod tests;

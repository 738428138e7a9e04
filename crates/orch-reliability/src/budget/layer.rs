use std::sync::Arc;
use std::task::{Context, Poll};

use orch_core::service::try_ready;
use orch_core::store::{BudgetLedger, Level, StoreError};
use orch_core::{Budget, CallContext, Deadline, Error, HasContext, Output};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::ResponseFuture;
use super::above::Above;
use super::account::{Account, limits};
use super::future::Waiting;

/// Keeps every run to a budget of tokens, money and time.
///
/// The layer's budget is a default; a run brings its own as the limits of its [`Meter`](orch_core::Meter) (and a time
/// budget as its [deadline](Deadline::of_budget)). Both hold, so the smaller wins, field by field. Before each attempt
/// the tool reserves its estimate on the run's account, so that concurrent calls cannot pass the same check twice;
/// after the run the layer compares what was really used.
///
/// ```
/// use orch_core::Budget;
/// use orch_reliability::BudgetLayer;
///
/// let layer = BudgetLayer::new(Budget::new().tokens(2_000).cost_usd(0.10))?;
/// # let _ = layer;
/// # Ok::<(), orch_core::Error>(())
/// ```
///
/// [`Event::BudgetWarning`](orch_core::Event::BudgetWarning) is emitted once for each budget of which 80 % is used,
/// while the run works.
///
/// # Errors
/// `BudgetExceeded`: from the tool's reservation, before anything is spent; after the run, with the answer that was
/// paid for in [`Error::output`]; and when the time is up, at once. With a [`ledger`](Self::ledger), before the run begins,
/// when a level above it has too little left: the error names the level. `LedgerUnavailable` when the ledger fails:
/// nothing is spent that cannot be accounted for.
///
/// # Order
/// Inside idempotency, so that a replay costs nothing, outside fallback and retry, so that one account pays for all
/// candidates and attempts. Inside retry every attempt would have the whole budget. The innermost service must
/// be a [`ToolService`](orch_core::ToolService) or stand inside a [`MeterLayer`](orch_core::MeterLayer): they
/// reserve and book. Around anything else only the answer's usage is counted, at the end.
#[derive(Clone, Debug, Default)]
pub struct BudgetLayer {
    default: Budget,
    mode: Mode,
    above: Option<Arc<Above>>,
}

/// What happens when a budget is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing more starts, and an overrun is an error.
    #[default]
    Hard,
    /// It is said, and nothing else.
    Soft,
}

impl BudgetLayer {
    /// A layer whose runs keep to `budget`; [`Budget::new`] limits nothing but what the run brings.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the limit which is zero, negative or not finite.
    pub fn new(budget: Budget) -> Result<Self, Error> {
        budget.check()?;
        Ok(Self { default: budget, mode: Mode::Hard, above: None })
    }

    /// Only warns: nothing is refused or ended, whoever set the limit; a time budget does not become a deadline.
    /// What was used is booked on the run's meter when the call ends.
    #[must_use]
    pub fn soft(mut self) -> Self {
        self.mode = Mode::Soft;
        self
    }

    /// Keeps accounts above single runs, such as a tenant and a day: `levels` names those of a run, with their limits.
    /// A run without levels is not known to the ledger.
    ///
    /// Before a run begins, what it may spend is set aside at all its levels: its own limits (of the layer, or of the
    /// run), else its estimate, else the smallest amount, which is refused once a level is used up. When the run ends,
    /// the hold is replaced by what was spent, however it ended: with an answer or an error (which wait until the ledger has
    /// heard it, a second or until the deadline at most), or dropped (in a task). Holds lapse a minute after the run's
    /// deadline, or after an hour without one.
    ///
    /// What the ledger could not be told, because it failed or there was no runtime, waits in memory until the ledger
    /// has heard the end of another run, or for [`tell_ledger`](Self::tell_ledger). A refused run leaves nothing behind;
    /// when the ledger fails to say whether it holds anything, the hold is cancelled once, and else lapses.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use orch_core::store::Level;
    /// use orch_core::{Budget, Limits, Usd};
    /// use orch_reliability::{BudgetLayer, MemoryLedger};
    ///
    /// let ledger = Arc::new(MemoryLedger::new());
    /// let tenant = Level { name: "tenant:acme".into(), limits: Limits { tokens: None, cost: Usd::from_dollars(25.0) } };
    /// let layer = BudgetLayer::new(Budget::new().cost_usd(0.10))?.ledger(ledger, move |_run| vec![tenant.clone()]);
    /// # let _ = layer;
    /// # Ok::<(), orch_core::Error>(())
    /// ```
    #[must_use]
    pub fn ledger(
        mut self,
        ledger: Arc<dyn BudgetLedger>,
        levels: impl Fn(&CallContext) -> Vec<Level> + Send + Sync + 'static,
    ) -> Self {
        self.above = Some(Arc::new(Above::new(ledger, levels)));
        self
    }

    /// How many ended runs the ledger has not heard of yet.
    #[must_use]
    pub fn untold(&self) -> usize {
        self.above.as_ref().map_or(0, |above| above.unsaid_len())
    }

    /// Tells the ledger of the ended runs that it has not heard of yet; before a process ends, say.
    ///
    /// # Errors
    /// At the first one that the ledger does not take; it and those after it go on waiting.
    pub async fn tell_ledger(&self) -> Result<(), StoreError> {
        match &self.above {
            Some(above) => above.say_all().await,
            None => Ok(()),
        }
    }
}

impl<S> Layer<S> for BudgetLayer {
    type Service = Budgeted<S>;

    fn layer(&self, inner: S) -> Budgeted<S> {
        Budgeted { inner, layer: self.clone() }
    }
}

/// The service made by [`BudgetLayer`].
#[derive(Clone, Debug)]
pub struct Budgeted<S> {
    inner: S,
    layer: BudgetLayer,
}

impl<S, R> Service<R> for Budgeted<S>
where
    S: Service<R, Response = Output> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = Output;
    type Error = Error;
    type Future = ResponseFuture<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        let BudgetLayer { default, mode, above } = &self.layer;
        let context = request.context_mut();
        let time = default.time_limit().filter(|_| *mode == Mode::Hard);
        if let Some(time) = time {
            context.limit_deadline(Deadline::of_budget(context.started(), time));
            if let Err(error) = context.check(Instant::now()) {
                return ResponseFuture::refused(error);
            }
        }
        // Without a time budget of its own, the layer leaves the deadline to those who set it.
        let deadline = time.and_then(|_| context.deadline());
        let reserving = above.as_ref().and_then(|above| above.reserve(context, limits(default, context)));
        if let Some(reserving) = reserving {
            let waiting = Waiting { inner: self.inner.clone(), request, default: default.clone(), mode: *mode };
            return ResponseFuture::reserving(reserving, waiting, deadline);
        }
        let account = Account::open(default, *mode, None, context);
        ResponseFuture::running(try_ready(&mut self.inner, request), account, deadline)
    }
}

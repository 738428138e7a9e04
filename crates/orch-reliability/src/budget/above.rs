use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orch_core::store::{BudgetLedger, Hold, HoldId, Level, StoreError};
use orch_core::{CallContext, Error, ErrorKind, Estimate, Limits, Redactor, Spend, Usd};
use tokio::runtime::Handle;
use tokio::sync::Mutex as Turn;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The accounts above the runs of a layer: where they are, and what is still to be said to them.
pub(super) struct Above {
    ledger: Arc<dyn BudgetLedger>,
    levels: Box<Levels>,
    /// What could not be said, because the ledger failed or there was no runtime to say it in.
    unsaid: Mutex<VecDeque<Ending>>,
    /// Held by the one that says it.
    turn: Turn<()>,
}

/// Names the levels above a run.
type Levels = dyn Fn(&CallContext) -> Vec<Level> + Send + Sync;

/// How a hold ends.
#[derive(Clone, Debug)]
struct Ending {
    levels: Arc<[Level]>,
    hold: HoldId,
    spent: Spend,
    /// Whether it waits when the ledger does not hear it; a hold that may never have been made lapses by itself.
    keep: bool,
    /// That of the run, for what the ledger says of it.
    redactor: Redactor,
}

/// How long a hold outlives the run's deadline, so that a run which ends just then can still be settled.
const SLACK: Duration = Duration::from_secs(60);
/// How long the hold of a run without a deadline lasts.
const UNBOUNDED: Duration = Duration::from_secs(3600);

impl Above {
    pub(super) fn new(
        ledger: Arc<dyn BudgetLedger>,
        levels: impl Fn(&CallContext) -> Vec<Level> + Send + Sync + 'static,
    ) -> Self {
        Self { ledger, levels: Box::new(levels), unsaid: Mutex::default(), turn: Turn::default() }
    }

    /// Sets aside what the run may spend, in a task of its own, so that a grant which comes after the caller has left is
    /// given back. `None` when there is no level above this run.
    pub(super) fn reserve(self: &Arc<Self>, context: &CallContext, limits: Limits) -> Option<Reserving> {
        let levels: Arc<[Level]> = (self.levels)(context).into();
        if levels.is_empty() {
            return None;
        }
        let amount = amount(limits, context.estimate());
        let now = Instant::now();
        let ttl = context.deadline().map_or(UNBOUNDED, |deadline| deadline.remaining(now).saturating_add(SLACK));
        // Made before the question is asked: dropped at any later point, it gives the hold back.
        let (above, hold, redactor) = (Arc::clone(self), HoldId(fastrand::u128(..)), context.redactor().clone());
        let held = Held { above, levels, hold, grant: Grant::Doubtful, redactor };
        Some(match Handle::try_current() {
            Ok(runtime) => Ok(runtime.spawn(held.ask(amount, ttl))),
            Err(_) => Err(Error::new(ErrorKind::LedgerUnavailable { reason: "no runtime to ask it in".into() })),
        })
    }

    /// Says all that is still to be said.
    pub(super) async fn say_all(self: &Arc<Self>) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        self.say_waiting().await
    }

    /// Says what waits, unless that is being done already.
    async fn say_backlog(self: Arc<Self>) {
        let Ok(_turn) = self.turn.try_lock() else { return };
        if let Err(error) = self.say_waiting().await {
            self.failed(&error);
        }
    }

    async fn say_waiting(self: &Arc<Self>) -> Result<(), StoreError> {
        // As many as wait now: what fails is put back at the end.
        let waiting = self.unsaid_len();
        for _ in 0..waiting {
            let next = self.unsaid().pop_front();
            let Some(ending) = next else { break };
            Saying::new(self, ending).say().await?;
        }
        Ok(())
    }

    pub(super) fn unsaid_len(&self) -> usize {
        self.unsaid().len()
    }

    fn unsaid(&self) -> MutexGuard<'_, VecDeque<Ending>> {
        // Nothing under the lock can stop half-way, so a poisoned queue is still right.
        self.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a hold in a task of its own. A ledger that hears it is then told what it did not hear before, in another
    /// task, so that nobody's answer waits for the endings of others.
    fn end(self: &Arc<Self>, ending: Ending) -> Option<JoinHandle<()>> {
        let saying = Saying::new(self, ending);
        // Without a runtime `saying` is dropped here, and waits for the next run.
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(async move {
            let above = Arc::clone(&saying.above);
            match saying.say().await {
                Ok(()) => {
                    let more = above.unsaid().front().is_some();
                    more.then(|| tokio::spawn(above.say_backlog()));
                }
                Err(error) => above.failed(&error),
            }
        }))
    }

    fn failed(&self, error: &StoreError) {
        tracing::warn!(%error, waiting = self.unsaid_len(), "the budget ledger failed; it is told again later");
    }
}

impl fmt::Debug for Above {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Above").field("unsaid", &self.unsaid_len()).finish_non_exhaustive()
    }
}

/// An answer of the ledger that is on its way.
pub(super) type Reserving = Result<JoinHandle<Result<Held, Refusal>>, Error>;

/// Why nothing is held.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    /// Nothing is held, but what is spent all the same can be counted.
    pub(super) held: Held,
}

/// What the run may spend at most: its own limits, else its estimate, else the smallest amount, which is refused once a
/// level is used up.
fn amount(limits: Limits, estimate: &Estimate) -> Spend {
    Spend {
        tokens: limits.tokens.or(estimate.tokens()).unwrap_or(1),
        cost: limits.cost.or(estimate.cost).unwrap_or(Usd::from_nanos(1)),
    }
}

/// Money set aside above a run. Dropped, it is given back.
pub(super) struct Held {
    above: Arc<Above>,
    /// Empty once there is nothing to give back.
    levels: Arc<[Level]>,
    hold: HoldId,
    grant: Grant,
    redactor: Redactor,
}

/// What the ledger has said about a hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grant {
    /// Nothing yet, or it failed: the hold may have been made all the same.
    Doubtful,
    Given,
    Refused,
}

impl Held {
    async fn ask(mut self, amount: Spend, ttl: Duration) -> Result<Self, Refusal> {
        let error = match self.above.ledger.reserve(&self.levels, self.hold, amount, ttl).await {
            Ok(Hold::Granted) => {
                self.grant = Grant::Given;
                return Ok(self);
            }
            Ok(Hold::Refused { level, budget, limit, actual }) => {
                self.grant = Grant::Refused;
                Error::new(ErrorKind::BudgetExceeded { budget, limit, actual, level })
            }
            Err(error) => {
                let reason = error.to_string().into();
                Error::new(ErrorKind::LedgerUnavailable { reason }).with_source(error)
            }
        };
        Err(Refusal { error, held: self })
    }

    /// Ends the hold with what was spent, and says when the ledger knows.
    pub(super) fn settle(mut self, spent: Spend) -> Option<JoinHandle<()>> {
        self.end(spent)
    }

    fn end(&mut self, spent: Spend) -> Option<JoinHandle<()>> {
        let levels = mem::replace(&mut self.levels, Arc::new([]));
        let nothing_to_say = self.grant == Grant::Refused && spent == Spend::ZERO;
        if levels.is_empty() || nothing_to_say {
            return None;
        }
        let keep = self.grant == Grant::Given || spent != Spend::ZERO;
        let redactor = mem::take(&mut self.redactor);
        self.above.end(Ending { levels, hold: self.hold, spent, keep, redactor })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end(Spend::ZERO);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("hold", &self.hold).finish_non_exhaustive()
    }
}

/// An ending that is being said. Dropped before the ledger has heard it, whatever the reason, it waits for the next run
/// if it is to be kept.
struct Saying {
    above: Arc<Above>,
    ending: Option<Ending>,
}

impl Saying {
    fn new(above: &Arc<Above>, ending: Ending) -> Self {
        Self { above: Arc::clone(above), ending: Some(ending) }
    }

    async fn say(mut self) -> Result<(), StoreError> {
        if let Some(Ending { levels, hold, spent, redactor, .. }) = self.ending.clone() {
            let told = match spent {
                Spend::ZERO => self.above.ledger.cancel(&levels, hold).await,
                spent => self.above.ledger.settle(&levels, hold, spent).await,
            };
            told.map_err(|error| redacted(&error, &redactor))?;
        }
        self.ending = None;
        Ok(())
    }
}

/// The error as it may be logged.
fn redacted(error: &StoreError, redactor: &Redactor) -> StoreError {
    match error {
        StoreError::Transient(why) => StoreError::Transient(redactor.text(why).into()),
        StoreError::Fatal(why) => StoreError::Fatal(redactor.text(why).into()),
        other => StoreError::Fatal(redactor.text(&other.to_string()).into()),
    }
}

impl Drop for Saying {
    fn drop(&mut self) {
        if let Some(ending) = self.ending.take().filter(|ending| ending.keep) {
            self.above.unsaid().push_back(ending);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_how_many_endings_wait_and_which_hold_is_which() {
        let above = Arc::new(Above::new(Arc::new(crate::MemoryLedger::new()), |_| Vec::new()));
        let ending = Ending {
            levels: Arc::new([]),
            hold: HoldId(7),
            spent: Spend::ZERO,
            keep: true,
            redactor: Redactor::none(),
        };
        above.unsaid().push_back(ending);
        assert_eq!(format!("{above:?}"), "Above { unsaid: 1, .. }");
        let redactor = Redactor::none();
        let held = Held { above, levels: Arc::new([]), hold: HoldId(7), grant: Grant::Given, redactor };
        assert_eq!(format!("{held:?}"), "Held { hold: HoldId(7), .. }");
    }

    #[test]
    fn a_run_holds_its_limits_else_its_estimate_else_the_smallest_amount() {
        let estimate = Estimate::unknown().output(7).cost(Usd::from_nanos(9));
        let limits = Limits { tokens: Some(100), cost: None };
        assert_eq!(amount(limits, &estimate), Spend { tokens: 100, cost: Usd::from_nanos(9) });
        assert_eq!(amount(Limits::NONE, &estimate), Spend { tokens: 7, cost: Usd::from_nanos(9) });
        assert_eq!(amount(Limits::NONE, &Estimate::unknown()), Spend { tokens: 1, cost: Usd::from_nanos(1) });
    }
}

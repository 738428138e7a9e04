use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::store::{BudgetLedger, Hold, HoldId, Level, Standing, StoreError};
use orch_core::{Deadline, Spend};
use tokio::time::Instant;

/// How long an ended or lapsed hold is remembered, so that it is not counted twice.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// The ledger of one process: what its tenants, days and other levels have spent and set aside.
///
/// Levels are made when they are first named, and kept until [`forget`](Self::forget): a day that is over can be
/// forgotten, a tenant must not be. Their limits come with each reservation. Ended and lapsed holds are remembered for
/// an hour. Nothing survives the process.
///
/// ```
/// use std::time::Duration;
/// use orch_core::store::{BudgetLedger, Hold, HoldId, Level};
/// use orch_core::{Limits, Spend, Usd};
/// use orch_reliability::MemoryLedger;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ledger = MemoryLedger::new();
/// let acme = Level { name: "tenant:acme".into(), limits: Limits { tokens: Some(1_000), cost: None } };
/// let amount = Spend { tokens: 600, cost: Usd::ZERO };
/// let (levels, minute) = ([acme.clone()], Duration::from_secs(60));
/// assert_eq!(ledger.reserve(&levels, HoldId(1), amount, minute).await?, Hold::Granted);
/// assert!(matches!(ledger.reserve(&levels, HoldId(2), amount, minute).await?, Hold::Refused { .. }));
/// ledger.settle(&levels, HoldId(1), Spend { tokens: 250, cost: Usd::ZERO }).await?;
/// assert_eq!(ledger.reserve(&levels, HoldId(3), amount, minute).await?, Hold::Granted);
/// assert_eq!(ledger.read(&acme).await?.settled.tokens, 250);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryLedger {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    levels: HashMap<Arc<str>, Standing>,
    holds: HashMap<HoldId, Entry>,
    /// The holds in the order in which something has to be done about them.
    due: BTreeSet<(Instant, u128)>,
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// When it lapses, or is forgotten.
    due: Instant,
}

#[derive(Debug)]
enum State {
    Held {
        levels: Vec<Arc<str>>,
        amount: Spend,
    },
    /// Its time is over, and its money free; what was spent of it is not known yet.
    Lapsed,
    Ended,
}

impl MemoryLedger {
    /// A ledger in which nothing was spent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what a level has spent, such as a day that is over. What is still held at it is not forgotten.
    pub fn forget(&self, level: &Level) {
        let mut books = self.books();
        if let Some(standing) = books.levels.get_mut(&level.name) {
            standing.settled = Spend::ZERO;
            if standing.held == Spend::ZERO {
                books.levels.remove(&level.name);
            }
        }
    }

    /// The books as they are now.
    fn books(&self) -> MutexGuard<'_, Books> {
        // Every change under the lock is complete before it can panic, so poisoned books are still right.
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.catch_up(Instant::now());
        books
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        let books = self.books();
        assert_eq!(books.holds.len(), books.due.len());
        books.holds.len()
    }
}

impl Books {
    fn catch_up(&mut self, now: Instant) {
        while let Some((due, id)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            let hold = HoldId(id);
            if let Some(State::Held { levels, amount }) = self.take(hold) {
                self.give_back(&levels, amount);
                self.put(hold, State::Lapsed, due + REMEMBERED);
            }
        }
    }

    /// Asked for again, because the answer was lost, a hold is granted once; one that has ended is not begun again.
    fn reserve(&mut self, levels: &[Level], hold: HoldId, amount: Spend, until: Instant) -> Result<Hold, StoreError> {
        match self.holds.get(&hold).map(|entry| &entry.state) {
            Some(State::Held { .. }) => return Ok(Hold::Granted),
            Some(State::Ended) => return Err(StoreError::Fatal(format!("hold {:032x} has ended", hold.0).into())),
            Some(State::Lapsed) | None => {}
        }
        for level in levels {
            let standing = self.levels.get(&level.name).copied().unwrap_or_default();
            if let Some((budget, limit, actual)) = level.limits.exceeded_by(standing.settled + standing.held + amount) {
                return Ok(Hold::Refused { level: Arc::clone(&level.name), budget, limit, actual });
            }
        }
        for level in levels {
            self.levels.entry(Arc::clone(&level.name)).or_default().held += amount;
        }
        let levels = levels.iter().map(|level| Arc::clone(&level.name)).collect();
        self.take(hold);
        self.put(hold, State::Held { levels, amount }, until);
        Ok(Hold::Granted)
    }

    fn settle(&mut self, levels: &[Level], hold: HoldId, actual: Spend, now: Instant) {
        match self.take(hold) {
            Some(State::Held { levels, amount }) => self.give_back(&levels, amount),
            Some(State::Lapsed) | None => {}
            Some(State::Ended) => return self.put(hold, State::Ended, now + REMEMBERED),
        }
        self.put(hold, State::Ended, now + REMEMBERED);
        for level in levels {
            self.levels.entry(Arc::clone(&level.name)).or_default().settled += actual;
        }
    }

    fn cancel(&mut self, hold: HoldId, now: Instant) {
        let Some(state) = self.take(hold) else { return };
        if let State::Held { levels, amount } = state {
            self.give_back(&levels, amount);
        }
        self.put(hold, State::Ended, now + REMEMBERED);
    }

    fn give_back(&mut self, levels: &[Arc<str>], amount: Spend) {
        for level in levels {
            if let Some(standing) = self.levels.get_mut(level) {
                standing.held = standing.held.saturating_sub(amount);
            }
        }
    }

    fn put(&mut self, hold: HoldId, state: State, due: Instant) {
        self.holds.insert(hold, Entry { state, due });
        self.due.insert((due, hold.0));
    }

    fn take(&mut self, hold: HoldId) -> Option<State> {
        let Entry { state, due } = self.holds.remove(&hold)?;
        self.due.remove(&(due, hold.0));
        Some(state)
    }
}

#[async_trait]
impl BudgetLedger for MemoryLedger {
    async fn reserve(&self, levels: &[Level], hold: HoldId, amount: Spend, ttl: Duration) -> Result<Hold, StoreError> {
        let until = Deadline::after(Instant::now(), ttl).instant();
        self.books().reserve(levels, hold, amount, until)
    }

    async fn settle(&self, levels: &[Level], hold: HoldId, actual: Spend) -> Result<(), StoreError> {
        self.books().settle(levels, hold, actual, Instant::now());
        Ok(())
    }

    async fn cancel(&self, _: &[Level], hold: HoldId) -> Result<(), StoreError> {
        self.books().cancel(hold, Instant::now());
        Ok(())
    }

    async fn read(&self, level: &Level) -> Result<Standing, StoreError> {
        Ok(self.books().levels.get(&level.name).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;

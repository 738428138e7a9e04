//! What every [`BudgetLedger`] must keep to, whatever engine is behind it.
//!
//! [`check_budget_ledger`] runs every rule; each is also a function of its own that panics with the rule's name.
//! Rules that let a hold lapse wait with `tokio::time::sleep` for some hundred milliseconds: an in-memory ledger is checked
//! under paused time, one with a clock of its own under real time. Every rule uses levels and holds of its own, so `make`
//! may open the same database each time.

mod holds;
mod levels;

use std::time::Duration;

use orch_core::store::{BudgetLedger, Hold, HoldId, Level, Standing, StoreError};
use orch_core::{Limits, Spend, Usd};

pub use self::holds::{
    a_cancelled_hold_gives_back, a_hold_ends_once, a_hold_lapses, a_late_settlement_counts,
    what_was_spent_replaces_the_hold,
};
pub use self::levels::{
    a_refusal_names_its_level_and_amounts, all_levels_hold_or_none, as_many_as_fit_are_granted, levels_are_apart,
};
use crate::rule::Rule;

/// The time to live in rules that let a hold lapse.
const SHORT: Duration = Duration::from_millis(300);
/// A time to live that is not over meanwhile.
const LONG: Duration = Duration::from_secs(60);

/// Every rule.
///
/// ```no_run
/// # use orch_core::store::BudgetLedger;
/// # async fn check<MyLedger: BudgetLedger + 'static>(new: fn() -> MyLedger) {
/// orch_testkit::check_budget_ledger(|| new()).await;
/// # }
/// ```
///
/// # Panics
/// When the ledger breaks a rule or fails; the message names the rule.
pub async fn check_budget_ledger<L, F>(make: F)
where
    F: Fn() -> L,
    L: BudgetLedger + 'static,
{
    levels_are_apart(make()).await;
    all_levels_hold_or_none(make()).await;
    a_refusal_names_its_level_and_amounts(make()).await;
    as_many_as_fit_are_granted(make()).await;
    what_was_spent_replaces_the_hold(make()).await;
    a_cancelled_hold_gives_back(make()).await;
    a_hold_lapses(make()).await;
    a_late_settlement_counts(make()).await;
    a_hold_ends_once(make()).await;
}

/// A ledger under a rule: every verb, with the answers that the rule cannot go on without.
struct Subject<'a, L> {
    rule: Rule,
    ledger: &'a L,
}

impl<'a, L: BudgetLedger> Subject<'a, L> {
    fn new(name: &'static str, ledger: &'a L) -> Self {
        Self { rule: Rule::of_ledgers(name), ledger }
    }

    fn answer<T>(&self, answer: Result<T, StoreError>) -> T {
        answer.unwrap_or_else(|error| self.rule.broken(error))
    }

    async fn reserve(&self, levels: &[Level], amount: Spend, ttl: Duration) -> (HoldId, Hold) {
        let hold = fresh_hold();
        let answer = self.ledger.reserve(levels, hold, amount, ttl).await;
        (hold, self.answer(answer))
    }

    /// A reservation that must be granted.
    async fn granted(&self, levels: &[Level], amount: Spend, ttl: Duration) -> HoldId {
        match self.reserve(levels, amount, ttl).await {
            (hold, Hold::Granted) => hold,
            (_, refused) => self.rule.broken(format!("{amount:?} fits, but gave {refused:?}")),
        }
    }

    /// A reservation that must be refused.
    async fn refused(&self, levels: &[Level], amount: Spend, when: &str) -> Hold {
        match self.reserve(levels, amount, LONG).await {
            (_, Hold::Granted) => self.rule.broken(format!("{when}, {amount:?} was granted although it does not fit")),
            (_, refused) => refused,
        }
    }

    async fn settle(&self, levels: &[Level], hold: HoldId, actual: Spend) {
        let answer = self.ledger.settle(levels, hold, actual).await;
        self.answer(answer);
    }

    async fn cancel(&self, levels: &[Level], hold: HoldId) {
        let answer = self.ledger.cancel(levels, hold).await;
        self.answer(answer);
    }

    async fn expect(&self, level: &Level, settled: Spend, held: Spend, when: &str) {
        let read = self.ledger.read(level).await;
        let (read, expected) = (self.answer(read), Standing { settled, held });
        self.rule
            .hold(read == expected, || format!("{when}, `{}` stands at {read:?}, not at {expected:?}", level.name));
    }
}

fn fresh_hold() -> HoldId {
    HoldId(fastrand::u128(..))
}

/// A level that nobody else uses, with these limits on tokens and nano-dollars.
fn fresh_level(tokens: Option<u64>, nanos: Option<u64>) -> Level {
    let name = format!("contract:{:032x}", fastrand::u128(..)).into();
    Level { name, limits: Limits { tokens, cost: nanos.map(Usd::from_nanos) } }
}

fn spend(tokens: u64, nanos: u64) -> Spend {
    Spend { tokens, cost: Usd::from_nanos(nanos) }
}

/// Time enough for a hold of [`SHORT`] to lapse.
async fn let_lapse() {
    tokio::time::sleep(SHORT + SHORT / 2).await;
}

#[cfg(test)]
mod tests;

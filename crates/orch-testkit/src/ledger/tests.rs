//! A small right ledger keeps the contract; each way to be wrong is caught by the rule it breaks.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::Spend;
use orch_core::store::{BudgetLedger, Hold, HoldId, Level, Standing, StoreError};
use tokio::time::Instant;

use super::check_budget_ledger;

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    OneAccountForAll,
    HoldsUntilRefused,
    NamesTheFirstLevel,
    ForgetsWhatIsHeld,
    ChecksBeforeItWrites,
    SettlesTheHold,
    KeepsCancelledHolds,
    NeverLapses,
    DropsLateSettlements,
    CountsTwice,
    SettlesTheCancelled,
}

/// All that ever happened, in a list.
struct NaiveLedger {
    flaw: Flaw,
    holds: Mutex<HashMap<HoldId, Entry>>,
}

#[derive(Clone)]
struct Entry {
    levels: Vec<String>,
    amount: Spend,
    until: Instant,
    ended: bool,
    settled: Spend,
}

impl NaiveLedger {
    fn new(flaw: Flaw) -> Self {
        Self { flaw, holds: Mutex::default() }
    }

    fn holds(&self) -> MutexGuard<'_, HashMap<HoldId, Entry>> {
        self.holds.lock().unwrap()
    }

    fn name(&self, level: &Level) -> String {
        if self.flaw == Flaw::OneAccountForAll { String::new() } else { level.name.to_string() }
    }

    fn names(&self, levels: &[Level]) -> Vec<String> {
        levels.iter().map(|level| self.name(level)).collect()
    }

    fn standing(&self, level: &Level) -> Standing {
        let (holds, name, now) = (self.holds(), self.name(level), Instant::now());
        let mut standing = Standing::default();
        for entry in holds.values().filter(|entry| entry.levels.contains(&name)) {
            standing.settled += entry.settled;
            if !entry.ended && (entry.until > now || self.flaw == Flaw::NeverLapses) {
                standing.held += entry.amount;
            }
        }
        standing
    }
}

#[async_trait]
impl BudgetLedger for NaiveLedger {
    async fn reserve(&self, levels: &[Level], hold: HoldId, amount: Spend, ttl: Duration) -> Result<Hold, StoreError> {
        let until = Instant::now() + ttl;
        let entry = |levels| Entry { levels, amount, until, ended: false, settled: Spend::ZERO };
        for (n, level) in levels.iter().enumerate() {
            let standing = self.standing(level);
            let held = if self.flaw == Flaw::ForgetsWhatIsHeld { Spend::ZERO } else { standing.held };
            if let Some((budget, limit, actual)) = level.limits.exceeded_by(standing.settled + held + amount) {
                if self.flaw == Flaw::HoldsUntilRefused {
                    self.holds().insert(hold, entry(self.names(&levels[..n])));
                }
                let refusing = if self.flaw == Flaw::NamesTheFirstLevel { &levels[0] } else { level };
                return Ok(Hold::Refused { level: refusing.name.clone(), budget, limit, actual });
            }
        }
        if self.flaw == Flaw::ChecksBeforeItWrites {
            tokio::task::yield_now().await;
        }
        self.holds().insert(hold, entry(self.names(levels)));
        Ok(Hold::Granted)
    }

    async fn settle(&self, levels: &[Level], hold: HoldId, actual: Spend) -> Result<(), StoreError> {
        let (now, names) = (Instant::now(), self.names(levels));
        let mut holds = self.holds();
        match holds.get_mut(&hold) {
            Some(entry) if entry.ended && self.flaw == Flaw::CountsTwice => entry.settled += actual,
            Some(entry) if entry.ended && entry.settled == Spend::ZERO && self.flaw == Flaw::SettlesTheCancelled => {
                entry.settled = actual;
            }
            Some(entry) if entry.ended => {}
            Some(entry) if entry.until <= now && self.flaw == Flaw::DropsLateSettlements => entry.ended = true,
            Some(entry) => {
                entry.ended = true;
                entry.settled = if self.flaw == Flaw::SettlesTheHold { entry.amount } else { actual };
            }
            None => {
                let late = Entry { levels: names, amount: actual, until: now, ended: true, settled: actual };
                holds.insert(hold, late);
            }
        }
        Ok(())
    }

    async fn cancel(&self, _: &[Level], hold: HoldId) -> Result<(), StoreError> {
        if self.flaw != Flaw::KeepsCancelledHolds
            && let Some(entry) = self.holds().get_mut(&hold)
        {
            entry.ended = true;
        }
        Ok(())
    }

    async fn read(&self, level: &Level) -> Result<Standing, StoreError> {
        Ok(self.standing(level))
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_ledger_keeps_the_contract() {
    check_budget_ledger(|| NaiveLedger::new(Flaw::None)).await;
}

#[tokio::test(start_paused = true)]
async fn each_way_to_be_wrong_is_caught_by_the_rule_it_breaks() {
    let expected = [
        (Flaw::OneAccountForAll, "levels_are_apart"),
        (Flaw::HoldsUntilRefused, "all_levels_hold_or_none"),
        (Flaw::NamesTheFirstLevel, "a_refusal_names_its_level_and_amounts"),
        (Flaw::ForgetsWhatIsHeld, "a_refusal_names_its_level_and_amounts"),
        (Flaw::ChecksBeforeItWrites, "as_many_as_fit_are_granted"),
        (Flaw::SettlesTheHold, "all_levels_hold_or_none"),
        (Flaw::KeepsCancelledHolds, "a_cancelled_hold_gives_back"),
        (Flaw::NeverLapses, "a_hold_lapses"),
        (Flaw::DropsLateSettlements, "a_late_settlement_counts"),
        (Flaw::CountsTwice, "a_hold_ends_once"),
        (Flaw::SettlesTheCancelled, "a_hold_ends_once"),
    ];
    for (flaw, rule) in expected {
        let check = tokio::spawn(async move { check_budget_ledger(|| NaiveLedger::new(flaw)).await });
        let message = check.await.unwrap_err().into_panic().downcast::<String>().unwrap();
        assert!(message.starts_with(&format!("ledger contract broken, rule `{rule}`")), "{flaw:?}: {message}");
    }
}

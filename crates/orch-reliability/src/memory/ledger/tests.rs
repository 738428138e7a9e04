use std::collections::HashMap;
use std::time::Duration;

use orch_core::store::{BudgetLedger, Hold, HoldId, Level, Standing};
use orch_core::{BudgetKind, Limits, Spend, Usd};
use orch_testkit::check_budget_ledger;
use proptest::prelude::*;
use tokio::time::advance;

use super::{MemoryLedger, REMEMBERED};

const MINUTE: Duration = Duration::from_secs(60);

fn level(name: &str, tokens: u64) -> Level {
    Level { name: name.into(), limits: Limits { tokens: Some(tokens), cost: None } }
}

fn tokens(tokens: u64) -> Spend {
    Spend { tokens, cost: Usd::ZERO }
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract_of_ledgers() {
    check_budget_ledger(MemoryLedger::new).await;
}

#[tokio::test(start_paused = true)]
async fn holds_are_forgotten_an_hour_after_they_have_ended_or_lapsed() {
    let ledger = MemoryLedger::new();
    let levels = [level("tenant:acme", 100)];
    for n in 0..3 {
        ledger.reserve(&levels, HoldId(n), tokens(1), MINUTE).await.unwrap();
    }
    ledger.settle(&levels, HoldId(0), tokens(1)).await.unwrap();
    ledger.cancel(&levels, HoldId(1)).await.unwrap();
    ledger.cancel(&levels, HoldId(9)).await.unwrap();
    assert_eq!(ledger.remembered(), 3);
    advance(REMEMBERED).await;
    assert_eq!(ledger.remembered(), 1, "the third lapsed a minute later");
    advance(MINUTE).await;
    assert_eq!(ledger.remembered(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_asked_for_again_is_held_once_and_one_that_has_ended_never_again() {
    let ledger = MemoryLedger::new();
    let levels = [level("tenant:acme", 100)];
    let reserve = async |hold| ledger.reserve(&levels, HoldId(hold), tokens(60), MINUTE).await;
    for _ in 0..3 {
        assert_eq!(reserve(1).await.unwrap(), Hold::Granted);
        assert_eq!(ledger.read(&levels[0]).await.unwrap().held, tokens(60));
    }
    ledger.cancel(&levels, HoldId(1)).await.unwrap();
    assert!(reserve(1).await.unwrap_err().to_string().contains("has ended"));
    assert_eq!(ledger.read(&levels[0]).await.unwrap(), Standing::default());
    assert_eq!(reserve(2).await.unwrap(), Hold::Granted);
    advance(MINUTE).await;
    assert_eq!(reserve(2).await.unwrap(), Hold::Granted, "it had lapsed, and begins anew");
    assert_eq!(ledger.read(&levels[0]).await.unwrap().held, tokens(60));
    assert_eq!(ledger.remembered(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_level_that_is_forgotten_starts_anew_and_keeps_what_is_held() {
    let ledger = MemoryLedger::new();
    let today = level("day:2026-11-20", 100);
    let levels = [today.clone()];
    ledger.reserve(&levels, HoldId(1), tokens(60), MINUTE).await.unwrap();
    ledger.settle(&levels, HoldId(1), tokens(60)).await.unwrap();
    ledger.reserve(&levels, HoldId(2), tokens(40), MINUTE).await.unwrap();
    ledger.forget(&today);
    assert_eq!(ledger.read(&today).await.unwrap(), Standing { settled: Spend::ZERO, held: tokens(40) });
    let refused = ledger.reserve(&levels, HoldId(3), tokens(61), MINUTE).await.unwrap();
    assert!(matches!(refused, Hold::Refused { budget: BudgetKind::Tokens, .. }));
}

/// A way to use a ledger; the numbers are an index of a hold, or an amount.
#[derive(Clone, Debug)]
enum Step {
    Reserve(u64, bool),
    Settle(usize, u64),
    Cancel(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u64..60, any::<bool>()).prop_map(|(amount, both)| Step::Reserve(amount, both)),
        (0usize..20, 0u64..80).prop_map(|(hold, actual)| Step::Settle(hold, actual)),
        (0usize..20).prop_map(Step::Cancel),
        (1u64..40).prop_map(Step::Wait),
    ]
}

/// A hold as the naive model sees it: who holds, how much, until when, and whether it has ended.
struct Naive {
    both: bool,
    amount: u64,
    until: u64,
    ended: bool,
    actual: u64,
}

proptest! {
    #[test]
    fn it_agrees_with_a_list_of_all_that_ever_happened(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (ledger, tenant, day) = (MemoryLedger::new(), level("tenant", 150), level("day", 100));
            let (mut holds, mut now): (HashMap<usize, Naive>, u64) = (HashMap::new(), 0);
            for (id, step) in steps.iter().enumerate() {
                let levels = |both: bool| if both { vec![tenant.clone(), day.clone()] } else { vec![tenant.clone()] };
                let nth = |n: usize| HoldId(n as u128);
                match *step {
                    Step::Reserve(amount, both) => {
                        let hold = ledger.reserve(&levels(both), nth(id), tokens(amount), MINUTE).await.unwrap();
                        let used = |of_day: bool| -> u64 {
                            let counted = holds.values().filter(|hold| hold.both || !of_day);
                            counted.map(|hold| hold.actual + hold.held(now)).sum()
                        };
                        let fits = used(false) + amount <= 150 && (!both || used(true) + amount <= 100);
                        assert_eq!(hold == Hold::Granted, fits, "{step:?}");
                        if fits {
                            holds.insert(id, Naive { both, amount, until: now + 60, ended: false, actual: 0 });
                        }
                    }
                    Step::Settle(n, actual) => {
                        if let Some(hold) = holds.get_mut(&n) {
                            ledger.settle(&levels(hold.both), nth(n), tokens(actual)).await.unwrap();
                            hold.actual = if hold.ended { hold.actual } else { actual };
                            hold.ended = true;
                        }
                    }
                    Step::Cancel(n) => {
                        if let Some(hold) = holds.get_mut(&n) {
                            ledger.cancel(&levels(hold.both), nth(n)).await.unwrap();
                            hold.ended = true;
                        }
                    }
                    Step::Wait(seconds) => {
                        now += seconds;
                        advance(Duration::from_secs(seconds)).await;
                    }
                }
                for (level, of_day) in [(&tenant, false), (&day, true)] {
                    let counted = || holds.values().filter(|hold| hold.both || !of_day);
                    let expected = Standing {
                        settled: tokens(counted().map(|hold| hold.actual).sum()),
                        held: tokens(counted().map(|hold| hold.held(now)).sum()),
                    };
                    assert_eq!(ledger.read(level).await.unwrap(), expected);
                }
            }
        });
    }
}

impl Naive {
    fn held(&self, now: u64) -> u64 {
        if self.ended || self.until <= now { 0 } else { self.amount }
    }
}

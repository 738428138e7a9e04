use std::sync::Arc;

use orch_core::store::{BudgetLedger, Hold};
use orch_core::{Amount, BudgetKind, Spend, Usd};

use super::{LONG, Rule, Subject, fresh_hold, fresh_level, spend};

const RIVALS: usize = 64;
const FIT: usize = 10;

/// What is held at one level is not held at another; a level that was never named stands at nothing; one without limits
/// only counts.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn levels_are_apart<L: BudgetLedger>(ledger: L) {
    let subject = Subject::new("levels_are_apart", &ledger);
    let (one, other, free) = (fresh_level(Some(10), None), fresh_level(Some(10), None), fresh_level(None, None));
    subject.expect(&one, Spend::ZERO, Spend::ZERO, "before it was named").await;
    subject.granted(std::slice::from_ref(&one), spend(10, 0), LONG).await;
    subject.expect(&other, Spend::ZERO, Spend::ZERO, "after another level was reserved at").await;
    subject.granted(std::slice::from_ref(&other), spend(10, 0), LONG).await;
    let much = spend(u64::MAX / 4, u64::MAX / 4);
    subject.granted(std::slice::from_ref(&free), much, LONG).await;
    subject.expect(&free, Spend::ZERO, much, "without limits").await;
}

/// A reservation holds at every level, or, when one refuses, at none.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn all_levels_hold_or_none<L: BudgetLedger>(ledger: L) {
    let subject = Subject::new("all_levels_hold_or_none", &ledger);
    let (wide, narrow) = (fresh_level(Some(100), None), fresh_level(Some(10), None));
    for levels in [[wide.clone(), narrow.clone()], [narrow.clone(), wide.clone()]] {
        subject.refused(&levels, spend(11, 0), "at the narrower of two levels").await;
        subject.expect(&wide, Spend::ZERO, Spend::ZERO, "after a refusal elsewhere").await;
    }
    let hold = subject.granted(&[wide.clone(), narrow.clone()], spend(10, 0), LONG).await;
    subject.expect(&wide, Spend::ZERO, spend(10, 0), "after a grant").await;
    subject.expect(&narrow, Spend::ZERO, spend(10, 0), "after a grant").await;
    subject.settle(&[wide.clone(), narrow.clone()], hold, spend(4, 0)).await;
    subject.expect(&wide, spend(4, 0), Spend::ZERO, "after a settlement").await;
    subject.expect(&narrow, spend(4, 0), Spend::ZERO, "after a settlement").await;
}

/// A refusal names the level, which of its budgets, its limit, and what it would come to.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn a_refusal_names_its_level_and_amounts<L: BudgetLedger>(ledger: L) {
    let subject = Subject::new("a_refusal_names_its_level_and_amounts", &ledger);
    let (tenant, day) = (fresh_level(Some(100), Some(50)), fresh_level(Some(1_000), Some(20)));
    let levels = [tenant.clone(), day.clone()];
    let settled = subject.granted(&levels, spend(60, 5), LONG).await;
    subject.settle(&levels, settled, spend(60, 5)).await;
    subject.granted(&levels, spend(10, 10), LONG).await;
    let nanos = |nanos| Amount::Cost(Usd::from_nanos(nanos));
    for (amount, level, budget, limit, actual) in [
        (spend(31, 0), &tenant, BudgetKind::Tokens, Amount::Tokens(100), Amount::Tokens(101)),
        (spend(0, 6), &day, BudgetKind::Cost, nanos(20), nanos(21)),
    ] {
        let expected = Hold::Refused { level: Arc::clone(&level.name), budget, limit, actual };
        let refused = subject.refused(&levels, amount, "with too little left").await;
        subject.rule.hold(refused == expected, || format!("a refusal was {refused:?} instead of {expected:?}"));
    }
    subject.granted(&levels, spend(30, 5), LONG).await;
}

/// Of 64 tasks that reserve at the same time, with money for 10, exactly 10 are granted.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn as_many_as_fit_are_granted<L: BudgetLedger + 'static>(ledger: L) {
    let rule = Rule::of_ledgers("as_many_as_fit_are_granted");
    let (ledger, level) = (Arc::new(ledger), fresh_level(Some(FIT as u64 * 10 + 9), None));
    let rivals: Vec<_> = (0..RIVALS)
        .map(|_| {
            let (ledger, levels) = (Arc::clone(&ledger), [level.clone()]);
            tokio::spawn(async move { ledger.reserve(&levels, fresh_hold(), spend(10, 0), LONG).await })
        })
        .collect();
    let mut granted = 0;
    for rival in rivals {
        match rival.await {
            Ok(Ok(Hold::Granted)) => granted += 1,
            Ok(Ok(Hold::Refused { .. })) => {}
            other => rule.broken(format!("a rival got {other:?}")),
        }
    }
    rule.hold(granted == FIT, || format!("{granted} of {RIVALS} were granted, there was money for {FIT}"));
}

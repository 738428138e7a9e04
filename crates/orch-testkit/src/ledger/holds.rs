use orch_core::Spend;
use orch_core::store::BudgetLedger;

use super::{LONG, SHORT, Subject, fresh_hold, fresh_level, let_lapse, spend};

/// What was really spent takes the place of what was held, whether it is less or more.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn what_was_spent_replaces_the_hold<L: BudgetLedger>(ledger: L) {
    let subject = Subject::new("what_was_spent_replaces_the_hold", &ledger);
    let level = fresh_level(Some(100), Some(100));
    let levels = [level.clone()];
    let less = subject.granted(&levels, spend(60, 60), LONG).await;
    let more = subject.granted(&levels, spend(40, 40), LONG).await;
    subject.refused(&levels, spend(1, 0), "with everything held").await;
    subject.settle(&levels, less, spend(20, 10)).await;
    subject.expect(&level, spend(20, 10), spend(40, 40), "after less was spent than held").await;
    subject.granted(&levels, spend(40, 50), LONG).await;
    subject.settle(&levels, more, spend(70, 40)).await;
    subject.expect(&level, spend(90, 50), spend(40, 50), "after more was spent than held").await;
    subject.refused(&levels, spend(1, 0), "after an overrun").await;
}

/// A cancelled hold gives everything back.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn a_cancelled_hold_gives_back<L: BudgetLedger>(ledger: L) {
    let subject = Subject::new("a_cancelled_hold_gives_back", &ledger);
    let level = fresh_level(Some(10), None);
    let levels = [level.clone()];
    let hold = subject.granted(&levels, spend(10, 3), LONG).await;
    subject.cancel(&levels, hold).await;
    subject.expect(&level, Spend::ZERO, Spend::ZERO, "after the only hold was cancelled").await;
    subject.granted(&levels, spend(10, 0), LONG).await;
}

/// A hold that nobody ends, because its process died, gives its money back when its time is over, and not before.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn a_hold_lapses<L: BudgetLedger>(ledger: L) {
    let subject = Subject::new("a_hold_lapses", &ledger);
    let level = fresh_level(Some(10), None);
    let levels = [level.clone()];
    subject.granted(&levels, spend(6, 0), SHORT).await;
    subject.granted(&levels, spend(4, 0), LONG).await;
    subject.refused(&levels, spend(1, 0), "before a hold has lapsed").await;
    let_lapse().await;
    subject.expect(&level, Spend::ZERO, spend(4, 0), "after one of two holds has lapsed").await;
    subject.granted(&levels, spend(6, 0), LONG).await;
}

/// What was spent counts even when its hold has lapsed, or was never granted: the money is gone.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn a_late_settlement_counts<L: BudgetLedger>(ledger: L) {
    let subject = Subject::new("a_late_settlement_counts", &ledger);
    let level = fresh_level(Some(10), None);
    let levels = [level.clone()];
    let hold = subject.granted(&levels, spend(10, 0), SHORT).await;
    let_lapse().await;
    subject.settle(&levels, hold, spend(7, 0)).await;
    subject.expect(&level, spend(7, 0), Spend::ZERO, "after a settlement that came late").await;
    subject.settle(&levels, fresh_hold(), spend(2, 0)).await;
    subject.expect(&level, spend(9, 0), Spend::ZERO, "after a settlement without a hold").await;
}

/// A settlement or cancellation that is repeated, because its answer was lost, counts once; after one the other changes
/// nothing; and what never was cannot be cancelled.
///
/// # Panics
/// When the ledger breaks the rule.
pub async fn a_hold_ends_once<L: BudgetLedger>(ledger: L) {
    let subject = Subject::new("a_hold_ends_once", &ledger);
    let level = fresh_level(Some(100), None);
    let levels = [level.clone()];
    let settled = subject.granted(&levels, spend(30, 0), LONG).await;
    let cancelled = subject.granted(&levels, spend(30, 0), LONG).await;
    let kept = subject.granted(&levels, spend(30, 0), LONG).await;
    for _ in 0..2 {
        subject.settle(&levels, settled, spend(5, 0)).await;
        subject.cancel(&levels, cancelled).await;
        subject.expect(&level, spend(5, 0), spend(30, 0), "with one hold settled and one cancelled").await;
    }
    subject.cancel(&levels, settled).await;
    subject.settle(&levels, cancelled, spend(5, 0)).await;
    subject.cancel(&levels, fresh_hold()).await;
    subject.expect(&level, spend(5, 0), spend(30, 0), "after each was ended the other way too").await;
    subject.settle(&levels, kept, spend(1, 0)).await;
    subject.expect(&level, spend(6, 0), Spend::ZERO, "when all holds have ended").await;
}

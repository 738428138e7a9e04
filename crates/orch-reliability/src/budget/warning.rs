//! When most of a budget is used: a pure function.

use std::time::Duration;

use orch_core::{BudgetKind, Limits, Spend};

/// From this part on a budget is worth a warning.
const MOST: f64 = 0.8;

/// What was spent, against what may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) limits: Limits,
    pub(super) time: Option<Duration>,
    pub(super) spent: Spend,
    pub(super) elapsed: Duration,
}

/// The budgets that were warned of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Warned {
    tokens: bool,
    cost: bool,
    time: bool,
}

impl Warned {
    /// The next budget that is mostly used and was not warned of yet, with the used part.
    pub(super) fn next(&mut self, standing: &Standing) -> Option<(BudgetKind, f64)> {
        let Standing { limits, time, spent, elapsed } = standing;
        let parts = [
            (BudgetKind::Tokens, &mut self.tokens, limits.tokens.map(|limit| part(spent.tokens, limit))),
            (BudgetKind::Cost, &mut self.cost, limits.cost.map(|limit| part(spent.cost.nanos(), limit.nanos()))),
            (BudgetKind::Time, &mut self.time, time.map(|limit| elapsed.as_secs_f64() / limit.as_secs_f64())),
        ];
        for (budget, warned, used) in parts {
            if let Some(used) = used.filter(|used| *used >= MOST && !*warned) {
                *warned = true;
                return Some((budget, used));
            }
        }
        None
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn part(spent: u64, limit: u64) -> f64 {
    spent as f64 / limit as f64
}

#[cfg(test)]
mod tests {
    use orch_core::Usd;

    use super::*;

    fn standing(tokens: u64, nanos: u64, millis: u64) -> Standing {
        Standing {
            limits: Limits { tokens: Some(1_000), cost: Some(Usd::from_nanos(1_000)) },
            time: Some(Duration::from_secs(2)),
            spent: Spend { tokens, cost: Usd::from_nanos(nanos) },
            elapsed: 2 * Duration::from_millis(millis),
        }
    }

    #[test]
    fn each_budget_is_warned_of_once_from_80_percent_on() {
        let mut warned = Warned::default();
        assert_eq!(warned.next(&standing(799, 799, 799)), None);
        assert_eq!(warned.next(&standing(800, 799, 799)), Some((BudgetKind::Tokens, 0.8)));
        assert_eq!(warned.next(&standing(2_000, 799, 799)), None);
        assert_eq!(warned.next(&standing(2_000, 2_000, 900)), Some((BudgetKind::Cost, 2.0)));
        assert_eq!(warned.next(&standing(2_000, 2_000, 900)), Some((BudgetKind::Time, 0.9)));
        assert_eq!(warned.next(&standing(2_000, 2_000, 900)), None);
    }

    #[test]
    fn what_is_not_limited_is_not_warned_of() {
        let unlimited = Standing { limits: Limits::NONE, time: None, ..standing(9_000, 9_000, 9_000) };
        assert_eq!(Warned::default().next(&unlimited), None);
    }
}

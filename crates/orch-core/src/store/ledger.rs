use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{Amount, BudgetKind, Limits, Spend, Target};

/// An account above single runs: a tenant, a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Level {
    /// Its name, as in `tenant:acme` or `day:2026-11-20`; errors name it.
    pub name: Arc<str>,
    /// What it may spend.
    pub limits: Limits,
}

/// Names one reservation; chosen by the caller, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HoldId(pub u128);

/// The answer to a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The amount is set aside at every level.
    Granted,
    /// A level would be overdrawn; nothing is held anywhere.
    Refused {
        /// Which level.
        level: Arc<str>,
        /// Which of its budgets.
        budget: BudgetKind,
        /// What it allows.
        limit: Amount,
        /// What it would come to.
        actual: Amount,
    },
}

/// Where a level stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Spent.
    pub settled: Spend,
    /// Set aside.
    pub held: Spend,
}

/// Money and tokens shared by many runs, possibly of many processes. Asked by the budget layer alone.
///
/// A hold ends once: by [`settle`](Self::settle) or [`cancel`](Self::cancel), which may be repeated when their answer was
/// lost, or by lapsing. What was really spent counts even after the hold has lapsed.
#[async_trait]
pub trait BudgetLedger: Send + Sync {
    /// Sets `amount` aside at all `levels` or at none. The hold lapses after `ttl` unless settled. Asked for again while
    /// it is held, because the answer was lost, it is granted and held once, as it was.
    ///
    /// # Errors
    /// When the ledger cannot be asked, or the hold was settled or cancelled before.
    async fn reserve(&self, levels: &[Level], hold: HoldId, amount: Spend, ttl: Duration) -> Result<Hold, StoreError>;

    /// Replaces a hold by what was really spent, more than was held included. A hold that has lapsed, or was never
    /// granted, is counted all the same; one that was settled or cancelled is not counted again.
    ///
    /// # Errors
    /// When the ledger cannot be asked.
    async fn settle(&self, levels: &[Level], hold: HoldId, actual: Spend) -> Result<(), StoreError>;

    /// Gives a hold back unspent; one that was settled, or is unknown, changes nothing.
    ///
    /// # Errors
    /// When the ledger cannot be asked.
    async fn cancel(&self, levels: &[Level], hold: HoldId) -> Result<(), StoreError>;

    /// Where a level stands.
    ///
    /// # Errors
    /// When the ledger cannot be asked.
    async fn read(&self, level: &Level) -> Result<Standing, StoreError>;
}

/// Cooldowns shared by many processes.
#[async_trait]
pub trait CooldownStore: Send + Sync {
    /// Asks everyone to leave `target` alone for this long; a shorter time does not shorten a longer one.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn raise(&self, target: &Target, wait: Duration) -> Result<(), StoreError>;

    /// How long `target` wants to be left alone; `None` when not at all.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn read(&self, target: &Target) -> Result<Option<Duration>, StoreError>;
}

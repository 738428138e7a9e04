use std::time::Duration;

use tokio::time::Instant;

use crate::{Amount, BudgetKind, Error, ErrorKind};

/// When a run must have ended, and which limit set that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    at: Instant,
    /// The time budget that set it, if one did.
    budget: Option<Duration>,
}

impl Deadline {
    /// A deadline at a moment.
    #[must_use]
    pub const fn at(at: Instant) -> Self {
        Self { at, budget: None }
    }

    /// The end of a time budget that began at `started`.
    #[must_use]
    pub fn of_budget(started: Instant, time: Duration) -> Self {
        Self { at: saturating_add(started, time), budget: Some(time) }
    }

    /// A deadline so long after `now`; absurdly long is a century.
    #[must_use]
    pub fn after(now: Instant, time: Duration) -> Self {
        Self::at(saturating_add(now, time))
    }

    /// Whether a time budget set it.
    #[must_use]
    pub const fn is_budget(&self) -> bool {
        self.budget.is_some()
    }

    /// The moment.
    #[must_use]
    pub const fn instant(&self) -> Instant {
        self.at
    }

    /// The same limit at another moment.
    pub(super) const fn moved_to(mut self, at: Instant) -> Self {
        self.at = at;
        self
    }

    /// A little earlier: by a hundredth of the time that is left, at most 100 ms.
    pub(super) fn with_margin(mut self, now: Instant) -> Self {
        let left = self.remaining(now);
        self.at = now + (left - (left / 100).min(Duration::from_millis(100)));
        self
    }

    /// The time left at `now`; zero once it has passed.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Duration {
        self.at.saturating_duration_since(now)
    }

    /// The error of a run that passed it: `BudgetExceeded` of time if a budget set it, else `DeadlineExceeded`.
    #[must_use]
    pub fn error(&self, now: Instant) -> Error {
        let Some(time) = self.budget else {
            return Error::new(ErrorKind::DeadlineExceeded);
        };
        let over = now.saturating_duration_since(self.at);
        Error::new(ErrorKind::BudgetExceeded {
            budget: BudgetKind::Time,
            limit: Amount::Time(time),
            actual: Amount::Time(time.saturating_add(over)),
            level: "run".into(),
        })
    }

    /// The nearer of two deadlines.
    #[must_use]
    pub fn nearer(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.at <= self.at => other,
            _ => self,
        }
    }
}

fn saturating_add(now: Instant, time: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now + time.min(CENTURY)
}

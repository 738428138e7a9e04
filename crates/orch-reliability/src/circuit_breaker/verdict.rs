use std::time::Duration;

use orch_core::{Class, Error};

/// What a call's end says about the target it reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The target answered, if only to refuse the request.
    Success,
    /// The target failed.
    Failure,
    /// The target took too long.
    TimedOut,
    /// The target asked to slow down, perhaps for so long.
    Throttled(Option<Duration>),
    /// The target's quota is used up, perhaps for so long. It says nothing about its health.
    Exhausted(Option<Duration>),
    /// It says nothing about the target.
    Neutral,
    /// The caller gave up: cancelled, out of time, dropped.
    GivenUp,
}

impl Verdict {
    pub(super) fn of<T>(result: &Result<T, Error>) -> Self {
        let Err(error) = result else { return Self::Success };
        match error.class() {
            Class::Permanent | Class::BadOutput => Self::Success,
            Class::Transient | Class::StreamBroken | Class::Panicked => Self::Failure,
            Class::Timeout => Self::TimedOut,
            Class::Throttled => Self::Throttled(error.retry_after()),
            Class::Quota => Self::Exhausted(error.retry_after()),
            Class::Auth | Class::LocalReject | Class::BudgetExceeded | Class::Idempotency => Self::Neutral,
            Class::Cancelled | Class::DeadlineExceeded => Self::GivenUp,
        }
    }
}

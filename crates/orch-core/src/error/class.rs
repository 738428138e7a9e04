use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of failure an error is to the layers. Set once, next to the tool, and obeyed by all.
///
/// | class | retry | breaker | fallback |
/// |---|---|---|---|
/// | `Throttled` | waits the hint | failure of the rate; the consecutive count is untouched | yes |
/// | `Quota` | no | neutral | yes |
/// | `Transient` | yes | failure | yes |
/// | `StreamBroken` | no | failure | no |
/// | `Timeout` | if the effect allows and nothing was delivered | failure | yes |
/// | `Permanent` | no | success: the provider answered | on context overflow only |
/// | `Auth` | no | neutral | yes |
/// | `BadOutput` | no | success | yes |
/// | `LocalReject` | our own rate limit only | neutral | yes |
/// | `BudgetExceeded`, `DeadlineExceeded`, `Cancelled`, `Idempotency` | no | neutral | no |
/// | `Panicked` | no | failure | no |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The provider asked to slow down.
    Throttled,
    /// The provider's quota or credit is used up.
    Quota,
    /// The provider is overloaded or broken, or the connection failed before anything was delivered.
    Transient,
    /// The stream broke after a part of the answer was delivered.
    StreamBroken,
    /// The attempt took too long.
    Timeout,
    /// The request is wrong or was refused: the same call fails again.
    Permanent,
    /// The credentials are wrong.
    Auth,
    /// The answer cannot be used.
    BadOutput,
    /// One of our own layers rejected the call before it left.
    LocalReject,
    /// The run's budget does not allow it.
    BudgetExceeded,
    /// The run's deadline has passed, or would.
    DeadlineExceeded,
    /// The caller gave up.
    Cancelled,
    /// The idempotency layer refused or lost the call.
    Idempotency,
    /// The tool panicked.
    Panicked,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Throttled,
        Self::Quota,
        Self::Transient,
        Self::StreamBroken,
        Self::Timeout,
        Self::Permanent,
        Self::Auth,
        Self::BadOutput,
        Self::LocalReject,
        Self::BudgetExceeded,
        Self::DeadlineExceeded,
        Self::Cancelled,
        Self::Idempotency,
        Self::Panicked,
    ];
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttled => "throttled",
            Self::Quota => "quota",
            Self::Transient => "transient",
            Self::StreamBroken => "stream_broken",
            Self::Timeout => "timeout",
            Self::Permanent => "permanent",
            Self::Auth => "auth",
            Self::BadOutput => "bad_output",
            Self::LocalReject => "local_reject",
            Self::BudgetExceeded => "budget_exceeded",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Cancelled => "cancelled",
            Self::Idempotency => "idempotency",
            Self::Panicked => "panicked",
        })
    }
}

/// Why a failed call was not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stopped {
    /// Its class is not retried.
    Class,
    /// No attempts were left.
    Attempts,
    /// The tool's effect forbids another execution.
    Effect,
    /// The wait and another attempt do not fit before the deadline.
    Deadline,
    /// The waits would add up to more than allowed.
    TotalDelay,
    /// The run's budget cannot afford another attempt.
    Spend,
    /// The retry budget is used up.
    RetryBudget,
    /// The server's hint is longer than the cap.
    RetryAfterTooLong,
    /// A part of the answer was already delivered.
    Committed,
}

impl Stopped {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Class,
        Self::Attempts,
        Self::Effect,
        Self::Deadline,
        Self::TotalDelay,
        Self::Spend,
        Self::RetryBudget,
        Self::RetryAfterTooLong,
        Self::Committed,
    ];
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Class => "this kind of failure is not repeated",
            Self::Attempts => "no attempts left",
            Self::Effect => "the tool's effect forbids another execution",
            Self::Deadline => "another attempt does not fit before the deadline",
            Self::TotalDelay => "the waits would add up to more than allowed",
            Self::Spend => "the budget cannot afford another attempt",
            Self::RetryBudget => "the retry budget is used up",
            Self::RetryAfterTooLong => "the server asked for a longer wait than allowed",
            Self::Committed => "a part of the answer was already delivered",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_all_are_complete() {
        // Neither compiles when one is added, so that the lists are not forgotten.
        let class = |class| match class {
            Class::Throttled => 0,
            Class::Quota => 1,
            Class::Transient => 2,
            Class::StreamBroken => 3,
            Class::Timeout => 4,
            Class::Permanent => 5,
            Class::Auth => 6,
            Class::BadOutput => 7,
            Class::LocalReject => 8,
            Class::BudgetExceeded => 9,
            Class::DeadlineExceeded => 10,
            Class::Cancelled => 11,
            Class::Idempotency => 12,
            Class::Panicked => 13,
        };
        let stopped = |stopped| match stopped {
            Stopped::Class => 0,
            Stopped::Attempts => 1,
            Stopped::Effect => 2,
            Stopped::Deadline => 3,
            Stopped::TotalDelay => 4,
            Stopped::Spend => 5,
            Stopped::RetryBudget => 6,
            Stopped::RetryAfterTooLong => 7,
            Stopped::Committed => 8,
        };
        assert_eq!(Class::ALL.map(class).to_vec(), (0..14).collect::<Vec<_>>());
        assert_eq!(Stopped::ALL.map(stopped).to_vec(), (0..9).collect::<Vec<_>>());
    }
}

//! Time limits: of the whole run, and of one attempt and the silence within it.
//!
//! | limit | from | until | error |
//! |---|---|---|---|
//! | total | the call | the end, readiness, waits and repeats included | `DeadlineExceeded`, or `BudgetExceeded` of time |
//! | attempt | the call of the attempt, readiness included | its end | `Timeout` |
//! | first chunk | the same | the first chunk of the answer; pings do not count | `Timeout` |
//! | idle | the last sign of life after the first chunk | the next one, pings included | `Timeout` |

mod attempt;
mod expiry;
mod future;
mod layer;
mod total;

pub use self::future::ResponseFuture;
pub use self::layer::{Attempt, Timeout, TimeoutLayer, Total};

#[cfg(test)]
mod tests;

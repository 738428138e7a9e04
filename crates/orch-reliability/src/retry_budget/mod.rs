//! How many repeats all calls together may make.

#[cfg(all(test, loom))]
mod loom_tests;
mod ratio;
mod window;

use std::fmt;

pub use self::ratio::{RatioBudget, RatioBudgetBuilder};

/// How many repeats all calls together may make, so that an outage is not answered with a multiple of the load.
///
/// Shared by the retry layers of everything that reaches the same target. [`RatioBudget`] is the
/// implementation to use; implement the trait to keep the account elsewhere.
pub trait RetryBudget: Send + Sync {
    /// Pays in for one call. Called once per call, not per attempt.
    fn deposit(&self);

    /// Takes `cost`, in tenths of a repeat, before the wait for that repeat; `None` when the budget is used up.
    fn withdraw(&self, cost: u32) -> Option<Withdrawal>;
}

/// What was taken from a [`RetryBudget`] for a repeat that has not started yet. Dropping it gives the cost back.
#[must_use = "dropping a withdrawal gives it back"]
pub struct Withdrawal {
    refund: Option<Box<dyn FnOnce() + Send>>,
}

impl Withdrawal {
    /// A withdrawal that `refund` undoes.
    pub fn new(refund: impl FnOnce() + Send + 'static) -> Self {
        Self { refund: Some(Box::new(refund)) }
    }

    /// A withdrawal of nothing.
    pub const fn free() -> Self {
        Self { refund: None }
    }

    /// Keeps the cost: the repeat starts.
    pub fn commit(mut self) {
        self.refund = None;
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        if let Some(refund) = self.refund.take() {
            refund();
        }
    }
}

impl fmt::Debug for Withdrawal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Withdrawal").field("free", &self.refund.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawal_shows_whether_it_is_free() {
        assert_eq!(format!("{:?}", Withdrawal::free()), "Withdrawal { free: true }");
        assert_eq!(format!("{:?}", Withdrawal::new(|| ())), "Withdrawal { free: false }");
    }
}

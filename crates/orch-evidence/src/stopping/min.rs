use orch_core::Error;

use super::{Decision, StopRule, TallyView};

/// Lets another rule stop only from so many valid answers on.
///
/// ```
/// use orch_evidence::stopping::{Min, adaptive};
///
/// let rule = Min::new(3, adaptive()); // never on the word of two
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Min<R> {
    replicates: u32,
    rule: R,
}

impl<R> Min<R> {
    /// The rule, asked only once there are this many valid answers; 0 and 1 change nothing.
    #[must_use]
    pub const fn new(replicates: u32, rule: R) -> Self {
        Self { replicates, rule }
    }
}

impl<R: StopRule> StopRule for Min<R> {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        match self.replicates.saturating_sub(tally.valid()) {
            0 => self.rule.decide(tally),
            missing => Decision::Continue { want: missing },
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.rule.check()
    }
}

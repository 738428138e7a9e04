use orch_core::Error;

use super::{Decision, StopRule, TallyView, check_chance};
use crate::confidence::leads;

/// Stops once the leader is, with the given chance, more probable than the runner-up.
///
/// `P(p > 1/2)` for `p ~ Beta(n1 + 1, n2 + 1)`, as an exact sum. Source: the Beta criterion of
/// Adaptive-Consistency (Aggarwal et al. 2023).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveBeta {
    chance: f64,
}

impl AdaptiveBeta {
    /// The rule with a chance above 0.5 and at most 1.
    #[must_use]
    pub const fn new(chance: f64) -> Self {
        Self { chance }
    }
}

impl StopRule for AdaptiveBeta {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let (first, second) = (tally.leader(), tally.runner_up());
        let chance = leads(first, second, 1.0);
        if chance < self.chance {
            return Decision::go_on();
        }
        let percent = chance * 100.0;
        let reason =
            format!("{first} agree against {second}: with {percent:.1} % chance the leader is the more probable");
        Decision::stop("adaptive_beta", reason).with_p_same(chance)
    }

    fn check(&self) -> Result<(), Error> {
        check_chance("adaptive_beta", self.chance)
    }
}

use orch_core::{Error, Spend};

use super::{Decision, StopRule, TallyView};

/// Stops before one more replicate, of the mean size so far, would use more than this.
///
/// Replicates are spared, none is cut short: the budget of the run and that of a replicate are the hard limits. What
/// nobody counted is not limited. A time limit is refused: a run has its deadline, and rules have no clock.
///
/// ```
/// use orch_evidence::stopping::{Any, Budget, adaptive};
///
/// let rule = Any::new().or(adaptive()).or(Budget::new(orch_core::Budget::new().cost_usd(0.05)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    limit: orch_core::Budget,
}

impl Budget {
    /// The rule with limits on the tokens and the money of all replicates together.
    #[must_use]
    pub const fn new(limit: orch_core::Budget) -> Self {
        Self { limit }
    }
}

impl StopRule for Budget {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let (ended, so_far) = (tally.ended().max(1), tally.spent());
        let mean_more = so_far.cost.nanos() / u64::from(ended);
        let with_one_more = Spend {
            tokens: so_far.tokens.saturating_add(so_far.tokens / u64::from(ended)),
            cost: orch_core::Usd::from_nanos(so_far.cost.nanos().saturating_add(mean_more)),
        };
        match self.limit.limits().exceeded_by(with_one_more) {
            Some((_, limit, actual)) => {
                Decision::stop("stop_budget", format!("one more would make it {actual}, and {limit} are allowed"))
            }
            None => Decision::go_on(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.limit.time_limit().is_some() {
            return Err(Error::invalid("/stop", "budget: a time limit is kept by deadlines, not by stop rules"));
        }
        self.limit.check()
    }
}

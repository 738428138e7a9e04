use orch_core::Error;

use super::{Decision, StopRule, TallyView, check_chance, check_prior};
use crate::confidence::{chance_to_lead, leads};

/// Stops once the leader is, with the given chance, the most probable of all answers.
///
/// `P(p1 is the largest)` for `p ~ Dirichlet(n_i + prior)`. [`AdaptiveBeta`](super::AdaptiveBeta) looks at the runner-up
/// alone; this rule sees many rivals together, and so stops later. Source: the Dirichlet criterion of
/// Adaptive-Consistency (Aggarwal et al. 2023), as an exact integral in the place of drawn samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DirichletMode {
    prior: f64,
    chance: f64,
}

impl DirichletMode {
    /// The rule with a prior above 0 (0.5 is Jeffreys') and a chance above 0.5 and at most 1.
    #[must_use]
    pub const fn new(prior: f64, chance: f64) -> Self {
        Self { prior, chance }
    }
}

impl StopRule for DirichletMode {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let (first, second) = (tally.leader(), tally.runner_up());
        // The chance to beat one rival bounds that to beat all; it is most often low enough to go on.
        let nearest = leads(first, second, self.prior);
        if nearest < self.chance {
            return Decision::go_on();
        }
        let others = tally.counts().get(1..).filter(|others| !others.is_empty()).unwrap_or(&[0]);
        // Chances to lose to each one, added up, bound it from below; only what lies between needs the integral.
        let at_least = 1.0 - others.iter().map(|other| 1.0 - leads(first, *other, self.prior)).sum::<f64>();
        let chance = match others {
            [_] => nearest,
            _ if at_least >= self.chance => at_least,
            _ => chance_to_lead(first, others, self.prior),
        };
        if chance < self.chance {
            return Decision::go_on();
        }
        let (percent, rivals) = (chance * 100.0, tally.counts().len().saturating_sub(1));
        let reason = format!(
            "{first} agree: with at least {percent:.1} % chance theirs is the most probable of {} answers",
            rivals + 1
        );
        Decision::stop("dirichlet_mode", reason).with_p_same(chance)
    }

    fn check(&self) -> Result<(), Error> {
        check_prior("dirichlet_mode", self.prior)?;
        check_chance("dirichlet_mode", self.chance)
    }
}

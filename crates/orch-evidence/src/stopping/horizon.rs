use orch_core::Error;

use super::{Decision, StopRule, TallyView, check_chance, check_prior};

/// Stops once the leader will, with the given chance, still lead when all K have ended.
///
/// All that may still come is given to the leader or the runner-up, each time with a chance that follows
/// Beta(`n1 + prior`, `n2 + prior`): the number that goes to the leader is beta-binomial. A tie counts half.
/// Unlike [`AdaptiveBeta`](super::AdaptiveBeta) it knows how few are left.
/// Source: predictive stopping of a two-armed Beta-Bernoulli trial with a finite horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Horizon {
    prior: f64,
    chance: f64,
}

impl Horizon {
    /// The rule with a prior above 0 (0.5 is Jeffreys') and a chance above 0.5 and at most 1.
    #[must_use]
    pub const fn new(prior: f64, chance: f64) -> Self {
        Self { prior, chance }
    }
}

impl StopRule for Horizon {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let (first, second, rest) = (tally.leader(), tally.runner_up(), tally.remaining());
        if first == second {
            return Decision::go_on();
        }
        let chance = keeps_lead(first, second, rest, self.prior);
        if chance < self.chance {
            return Decision::go_on();
        }
        let percent = chance * 100.0;
        let reason =
            format!("{first} agree against {second}, and with {percent:.1} % chance {rest} more change nothing");
        Decision::stop("horizon", reason).with_p_same(chance)
    }

    fn check(&self) -> Result<(), Error> {
        check_prior("horizon", self.prior)?;
        check_chance("horizon", self.chance)
    }
}

/// `P(n1 + X > n2 + r - X) + P(=) / 2` for `X ~ BetaBinomial(r, n1 + prior, n2 + prior)`.
pub(super) fn keeps_lead(first: u32, second: u32, rest: u32, prior: f64) -> f64 {
    let (a, b, r) = (f64::from(first) + prior, f64::from(second) + prior, f64::from(rest));
    // The chance of X = 0 as a product, and from each X to the next by the ratio of their chances.
    let mut chance_of_x = (0..rest).map(f64::from).map(|i| (b + i) / (a + b + i)).product::<f64>();
    let mut keeps = 0.0;
    for x in 0..=rest {
        keeps += match (first + x).cmp(&(second + rest - x)) {
            std::cmp::Ordering::Greater => chance_of_x,
            std::cmp::Ordering::Equal => chance_of_x / 2.0,
            std::cmp::Ordering::Less => 0.0,
        };
        let x = f64::from(x);
        chance_of_x *= (r - x) / (x + 1.0) * (a + x) / (b + r - x - 1.0);
    }
    keeps.min(1.0)
}

//! When further replicates would not change the answer.

mod adaptive_beta;
mod budget;
mod combine;
mod dirichlet_mode;
mod epsilon;
mod horizon;
mod lock;
mod min;
mod min_confidence;
mod never;
mod replay;
mod window;

use std::sync::Arc;

use orch_core::{Error, Spend};

pub use self::adaptive_beta::AdaptiveBeta;
pub use self::budget::Budget;
pub use self::combine::{All, Any};
pub use self::dirichlet_mode::DirichletMode;
pub use self::epsilon::Epsilon;
pub use self::horizon::Horizon;
pub use self::lock::Lock;
pub use self::min::Min;
pub use self::min_confidence::MinConfidence;
pub use self::never::Never;
pub use self::replay::replay;
pub use self::window::Window;
use crate::confidence::{THETA, agreement};

/// Decides after every replicate whether the answer is settled. A pure function: the same tally, the same decision.
///
/// ```
/// use orch_evidence::stopping::{Decision, StopRule, TallyView};
///
/// /// Enough once five replicates agree.
/// struct Five;
///
/// impl StopRule for Five {
///     fn decide(&self, tally: &TallyView<'_>) -> Decision {
///         match tally.leader() {
///             5.. => Decision::stop("five", "five replicates agree"),
///             _ => Decision::go_on(),
///         }
///     }
/// }
/// ```
pub trait StopRule: Send + Sync {
    /// What to do now.
    fn decide(&self, tally: &TallyView<'_>) -> Decision;

    /// Whether the rule's own numbers make sense.
    ///
    /// # Errors
    /// `InvalidRequest` that names the number and its value.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl<T: StopRule + ?Sized> StopRule for Arc<T> {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        self.as_ref().decide(tally)
    }

    fn check(&self) -> Result<(), Error> {
        self.as_ref().check()
    }
}

/// What a [`StopRule`] says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Decision {
    /// More are needed.
    Continue {
        /// How many may be started at once, because no decision is possible before; at least 1.
        want: u32,
    },
    /// The answer is settled.
    Stop {
        /// The rule's name, as it stands in the stop record.
        rule: &'static str,
        /// Why, in words.
        reason: String,
        /// The chance that the rest would not have changed the answer, if the rule has an idea of it.
        p_same: Option<f64>,
    },
}

impl Decision {
    /// One more.
    #[must_use]
    pub const fn go_on() -> Self {
        Self::Continue { want: 1 }
    }

    /// Stop, for this reason.
    #[must_use]
    pub fn stop(rule: &'static str, reason: impl Into<String>) -> Self {
        Self::Stop { rule, reason: reason.into(), p_same: None }
    }

    /// Sets the chance that the rest would not have changed the answer.
    #[must_use]
    pub fn with_p_same(mut self, chance: f64) -> Self {
        if let Self::Stop { p_same, .. } = &mut self {
            *p_same = Some(chance).filter(|chance| chance.is_finite());
        }
        self
    }
}

/// What a [`StopRule`] sees: how the replicates that have ended are divided.
#[derive(Clone, Copy, Debug)]
pub struct TallyView<'a> {
    counts: &'a [u32],
    ended: u32,
    k: u32,
    epsilon: f64,
    diameter: f64,
    sequence: Option<&'a [u32]>,
    agreement: Option<f64>,
    spent: Spend,
}

impl<'a> TallyView<'a> {
    /// A tally: the sizes of the clusters, the largest first; how many replicates have ended, those without a
    /// valid answer included; and how many there may be in all.
    #[must_use]
    pub fn new(counts: &'a [u32], ended: u32, k: u32) -> Self {
        let spent = Spend::ZERO;
        Self { counts, ended, k, epsilon: 0.0, diameter: 0.0, sequence: None, agreement: None, spent }
    }

    /// Sets the epsilon of the clusters and the largest distance of any two valid answers; default: both 0.
    #[must_use]
    pub fn with_distances(mut self, epsilon: f64, diameter: f64) -> Self {
        (self.epsilon, self.diameter) = (epsilon, diameter);
        self
    }

    /// Sets of each valid answer, in the order in which they are looked at, which cluster it belongs to; any
    /// numbers will do. Default: unknown.
    #[must_use]
    pub fn with_sequence(mut self, sequence: &'a [u32]) -> Self {
        self.sequence = Some(sequence);
        self
    }

    /// Sets the agreement; default: what follows from the sizes of the clusters alone.
    #[must_use]
    pub fn with_agreement(mut self, agreement: f64) -> Self {
        self.agreement = Some(agreement);
        self
    }

    /// Sets what the replicates that have ended used together; default: nothing.
    #[must_use]
    pub fn with_spent(mut self, spent: Spend) -> Self {
        self.spent = spent;
        self
    }

    /// The sizes of the clusters, the largest first.
    #[must_use]
    pub fn counts(&self) -> &'a [u32] {
        self.counts
    }

    /// The size of the largest cluster.
    #[must_use]
    pub fn leader(&self) -> u32 {
        self.counts.first().copied().unwrap_or(0)
    }

    /// The size of the second cluster; 0 if there is none.
    #[must_use]
    pub fn runner_up(&self) -> u32 {
        self.counts.get(1).copied().unwrap_or(0)
    }

    /// How many valid answers there are.
    #[must_use]
    pub fn valid(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// How many replicates have ended.
    #[must_use]
    pub fn ended(&self) -> u32 {
        self.ended
    }

    /// How many replicates there may be.
    #[must_use]
    pub fn k(&self) -> u32 {
        self.k
    }

    /// How many may still come.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.k.saturating_sub(self.ended)
    }

    /// The distance up to which two answers count as the same.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The largest distance of any two valid answers.
    #[must_use]
    pub fn diameter(&self) -> f64 {
        self.diameter
    }

    /// The cluster of each valid answer, in the order in which they are looked at, if that is known.
    #[must_use]
    pub fn sequence(&self) -> Option<&'a [u32]> {
        self.sequence
    }

    /// The [`agreement`](crate::confidence::agreement()) so far.
    #[must_use]
    pub fn agreement(&self) -> f64 {
        self.agreement.unwrap_or_else(|| agreement(f64::from(self.leader()), self.valid(), THETA))
    }

    /// What the replicates that have ended used together, as far as it was counted.
    #[must_use]
    pub fn spent(&self) -> Spend {
        self.spent
    }
}

/// The default rule: [`Lock`], else [`Horizon`] with prior 0.5 and chance 0.99, else [`AdaptiveBeta`] with chance 0.95.
///
/// None of the three alone is best everywhere: the first never loses anything, the second saves most for
/// a small K, the third for a large one.
#[must_use]
pub fn adaptive() -> Any {
    Any::new().or(Lock).or(Horizon::new(0.5, 0.99)).or(AdaptiveBeta::new(0.95))
}

/// Refuses a chance that is not above one half and at most 1.
fn check_chance(rule: &str, chance: f64) -> Result<(), Error> {
    if chance > 0.5 && chance <= 1.0 {
        return Ok(());
    }
    Err(Error::invalid("/stop", format!("{rule}: a chance of {chance}: it must be above 0.5 and at most 1")))
}

/// Refuses a prior that is not a finite number above 0.
fn check_prior(rule: &str, prior: f64) -> Result<(), Error> {
    if prior.is_finite() && prior > 0.0 {
        return Ok(());
    }
    Err(Error::invalid("/stop", format!("{rule}: a prior of {prior}: it must be finite and above 0")))
}

#[cfg(test)]
mod tests;

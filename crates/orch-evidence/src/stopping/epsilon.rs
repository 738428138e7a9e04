use orch_core::Error;

use super::{Decision, StopRule, TallyView};

/// Two first; a third and more only if those two differ by more than epsilon.
///
/// Stops as soon as at least two valid answers (or [`min`](Self::min)) are all within epsilon of each
/// other. Once two are not, all K run. With K = 3 and epsilon 0 it is [`Lock`](super::Lock), and lossless.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epsilon {
    epsilon: Option<f64>,
    min: Option<u32>,
}

impl Epsilon {
    /// The rule with the bundle's own epsilon.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an epsilon of its own, 0 to 1.
    #[must_use]
    pub fn of(mut self, epsilon: f64) -> Self {
        self.epsilon = Some(epsilon);
        self
    }

    /// Sets how many valid answers it needs at least; default 2, and never fewer.
    #[must_use]
    pub fn min(mut self, replicates: u32) -> Self {
        self.min = Some(replicates);
        self
    }
}

impl StopRule for Epsilon {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let epsilon = self.epsilon.unwrap_or(tally.epsilon());
        let (valid, min) = (tally.valid(), self.min.unwrap_or(2).max(2));
        if tally.diameter() > epsilon {
            return Decision::Continue { want: tally.remaining().max(1) };
        }
        if valid < min {
            return Decision::Continue { want: min - valid };
        }
        Decision::stop("epsilon", format!("the first {valid} agree within epsilon {epsilon}"))
    }

    fn check(&self) -> Result<(), Error> {
        match self.epsilon {
            Some(epsilon) if !(0.0..=1.0).contains(&epsilon) => {
                Err(Error::invalid("/stop", format!("epsilon: {epsilon} is not between 0 and 1")))
            }
            _ => Ok(()),
        }
    }
}

use orch_core::Error;

use super::{Decision, StopRule, TallyView};

/// Stops once the [`agreement`](crate::confidence::agreement()) of at least two valid answers is high enough.
///
/// Two that agree reach 0.889, three 0.923, four 0.941. It looks neither at how many are left nor at chance: of
/// the rules here it is the easiest to explain and not the one that saves most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinConfidence {
    agreement: f64,
}

impl MinConfidence {
    /// The rule with an agreement above 0 and below 1.
    #[must_use]
    pub const fn new(agreement: f64) -> Self {
        Self { agreement }
    }
}

impl StopRule for MinConfidence {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let agreement = tally.agreement();
        if tally.valid() < 2 || agreement < self.agreement {
            return Decision::go_on();
        }
        Decision::stop("min_confidence", format!("the agreement of {} answers is {agreement:.3}", tally.valid()))
    }

    fn check(&self) -> Result<(), Error> {
        if self.agreement > 0.0 && self.agreement < 1.0 {
            return Ok(());
        }
        let reason = format!("min_confidence: an agreement of {}: it must be above 0 and below 1", self.agreement);
        Err(Error::invalid("/stop", reason))
    }
}

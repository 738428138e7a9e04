use std::sync::Arc;

use orch_core::Error;

use super::{Decision, StopRule, TallyView};

/// Stops as soon as one of its rules does; the first one that does is recorded. Without rules it never stops.
///
/// ```
/// use orch_evidence::stopping::{Any, Epsilon, Lock};
///
/// let rule = Any::new().or(Lock).or(Epsilon::new());
/// ```
#[derive(Clone, Default)]
pub struct Any(Vec<Arc<dyn StopRule>>);

impl Any {
    /// No rules yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule.
    #[must_use]
    pub fn or(mut self, rule: impl StopRule + 'static) -> Self {
        self.0.push(Arc::new(rule));
        self
    }
}

impl StopRule for Any {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let mut least = None;
        for rule in &self.0 {
            match rule.decide(tally) {
                Decision::Continue { want } => least = Some(least.map_or(want, |least: u32| least.min(want))),
                stop @ Decision::Stop { .. } => return stop,
            }
        }
        Decision::Continue { want: least.unwrap_or(1) }
    }

    fn check(&self) -> Result<(), Error> {
        self.0.iter().try_for_each(StopRule::check)
    }
}

/// Stops once all of its rules do. Without rules it never stops.
#[derive(Clone, Default)]
pub struct All(Vec<Arc<dyn StopRule>>);

impl All {
    /// No rules yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule.
    #[must_use]
    pub fn and(mut self, rule: impl StopRule + 'static) -> Self {
        self.0.push(Arc::new(rule));
        self
    }
}

impl StopRule for All {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let (mut reasons, mut chances, mut most) = (Vec::new(), Vec::new(), None);
        for rule in &self.0 {
            match rule.decide(tally) {
                Decision::Continue { want } => most = Some(most.map_or(want, |most: u32| most.max(want))),
                Decision::Stop { reason, p_same, .. } => {
                    reasons.push(reason);
                    chances.extend(p_same);
                }
            }
        }
        match most {
            Some(want) => Decision::Continue { want },
            None if reasons.is_empty() => Decision::go_on(),
            None => {
                let p_same = chances.into_iter().reduce(f64::max);
                Decision::Stop { rule: "all", reason: reasons.join("; "), p_same }
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.0.iter().try_for_each(StopRule::check)
    }
}

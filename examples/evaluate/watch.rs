//! Many stop rules asked about one run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orch_evidence::StopRule;
use orch_evidence::stopping::{Decision, TallyView};

/// A rule that never stops, and notes after how many replicates each of some rules would have.
pub(crate) struct Watch {
    rules: Vec<Arc<dyn StopRule>>,
    stopped_at: Mutex<Vec<Option<u32>>>,
}

impl Watch {
    pub(crate) fn new(rules: &[Arc<dyn StopRule>]) -> Self {
        Self { rules: rules.to_vec(), stopped_at: Mutex::new(vec![None; rules.len()]) }
    }

    /// After how many replicates each rule would have stopped; `None`: all of them were needed.
    pub(crate) fn stopped_at(&self) -> Vec<Option<u32>> {
        self.notes().clone()
    }

    fn notes(&self) -> MutexGuard<'_, Vec<Option<u32>>> {
        self.stopped_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StopRule for Watch {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        for (rule, stopped_at) in self.rules.iter().zip(self.notes().iter_mut()) {
            if stopped_at.is_none() && matches!(rule.decide(tally), Decision::Stop { .. }) {
                *stopped_at = Some(tally.ended());
            }
        }
        Decision::go_on()
    }
}

#[cfg(test)]
mod tests {
    use orch_evidence::stopping::{Epsilon, Lock, Window};
    use orch_evidence::{Distance, TokenLevenshtein};
    use serde_json::{Value, json};

    use super::*;
    use crate::bundles::bundle;

    #[test]
    fn rules_are_seen_to_stop_where_they_do_stop() {
        let metric: Arc<dyn Distance> = Arc::new(TokenLevenshtein);
        let rules: Vec<Arc<dyn StopRule>> = vec![Arc::new(Lock), Arc::new(Epsilon::new()), Arc::new(Window::new(2))];
        for answers in [json!(["a", "a", "a", "b", "a"]), json!(["a", "b", "b", "c", "a"]), json!(["a", "b", "c"])] {
            let answers: Vec<&Value> = answers.as_array().unwrap().iter().collect();
            let watch = Arc::new(Watch::new(&rules));
            let whole: Arc<dyn StopRule> = Arc::clone(&watch) as _;
            assert_eq!(bundle(&answers, &whole, &metric).unwrap().unwrap().meta.k_started as usize, answers.len());
            let alone = rules.iter().map(|rule| bundle(&answers, rule, &metric).unwrap().unwrap().meta.k_started);
            let k = u32::try_from(answers.len()).unwrap();
            let seen: Vec<u32> = watch.stopped_at().into_iter().map(|at| at.unwrap_or(k)).collect();
            assert_eq!(seen, alone.collect::<Vec<_>>(), "{answers:?}");
        }
    }
}

use serde::{Deserialize, Serialize};

use super::{Decision, Score, Threshold};
use crate::bundle::Bundle;

/// What a policy can promise at a moment: from which score on answers are accepted, and what that is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Promise {
    /// The score from which on answers are accepted; `None`: nothing can be promised.
    pub accept_from: Option<Threshold>,
    /// The score up to which answers are escalated, because most of them were wrong.
    pub escalate_to: Option<Threshold>,
    /// The score that is meant.
    pub score: Score,
    /// What is promised, or why nothing can be: then it begins with `cannot promise`.
    pub reason: String,
}

impl Promise {
    /// Whether no answer at all is accepted.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.accept_from.is_none()
    }

    /// The decision on a bundle of the policy's own kind.
    #[must_use]
    pub fn decide(&self, bundle: &Bundle) -> Decision {
        let score = self.score.of(&bundle.summary);
        if let Some(accept) = self.accept_from.filter(|accept| score >= accept.score) {
            let Threshold { labels, wrong, .. } = accept;
            let reason = format!("{}: of {labels} answers with a score this high {wrong} were wrong", self.reason);
            return Decision::Accept { reason };
        }
        if let Some(escalate) = self.escalate_to.filter(|escalate| score <= escalate.score) {
            let Threshold { labels, wrong, .. } = escalate;
            let reason = format!("of {labels} answers with a score this low ({score:.3}) {wrong} were wrong");
            return Decision::Escalate { reason };
        }
        let reason = match self.accept_from {
            Some(accept) => {
                format!("a score of {score:.3} is below {:.2}, from which on {}", accept.score, self.reason)
            }
            None => self.reason.clone(),
        };
        Decision::review(bundle, reason)
    }
}

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orch_core::Error;

use super::{Decision, Drift, Policy, Promise, Verdict};
use crate::bundle::Bundle;

/// A [`Policy`] that a layer decides with while verdicts come in from elsewhere. Clones are the same policy.
#[derive(Clone, Debug)]
#[must_use]
pub struct SharedPolicy(Arc<Mutex<Policy>>);

impl SharedPolicy {
    /// Shares a policy.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(Mutex::new(policy)))
    }

    /// Records a run and decides on it. A bundle of another kind than the policy's is not recorded, and reviewed.
    #[must_use]
    pub fn decide(&self, run_id: &str, bundle: &Bundle, now: Duration) -> Decision {
        self.with(|policy| {
            // What cannot be recorded is of another kind, and the decision says so.
            let _ = policy.record(run_id, bundle, now);
            policy.decide(bundle, now)
        })
    }

    /// See [`Policy::check`].
    ///
    /// # Errors
    /// As there.
    pub fn check(&self) -> Result<(), Error> {
        self.with(|policy| policy.check())
    }

    /// See [`Policy::feedback`].
    ///
    /// # Errors
    /// As there.
    pub fn feedback(&self, run_id: &str, verdict: Verdict) -> Result<(), Error> {
        self.with(|policy| policy.feedback(run_id, verdict))
    }

    /// See [`Policy::promise`].
    #[must_use]
    pub fn promise(&self, now: Duration) -> Promise {
        self.with(|policy| policy.promise(now))
    }

    /// See [`Policy::drift`].
    #[must_use]
    pub fn drift(&self, now: Duration) -> Drift {
        self.with(|policy| policy.drift(now))
    }

    /// The policy as it is, to be saved.
    pub fn snapshot(&self) -> Policy {
        self.with(|policy| policy.clone())
    }

    /// Each change is complete before the lock is given back, so a panic elsewhere spoils nothing.
    fn with<T>(&self, use_it: impl FnOnce(&mut Policy) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Policy> for SharedPolicy {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orch_core::Error;

use super::learnt::Learnt;
use super::{Decision, Drift, Policy, Promise, Verdict};
use crate::bundle::Bundle;

/// A [`Policy`] that a layer decides with while verdicts come in from elsewhere. Clones are the same policy.
///
/// What its labels say is found once and kept until a verdict comes in or a label expires, so a decision does not look at
/// them. Where it has to be found, a layer does so beside the caller's task.
#[derive(Clone, Debug)]
#[must_use]
pub struct SharedPolicy(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    policy: Policy,
    /// Until a verdict comes in.
    learnt: Option<Learnt>,
}

impl Shared {
    /// What the labels say now, and the policy.
    fn learnt(&mut self, now: Duration) -> (&Learnt, &mut Policy) {
        if self.learnt.as_ref().is_some_and(|learnt| !learnt.holds(now)) {
            self.learnt = None;
        }
        let learnt = self.learnt.get_or_insert_with(|| Learnt::of(&self.policy, now));
        (learnt, &mut self.policy)
    }
}

impl SharedPolicy {
    /// Shares a policy.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(Mutex::new(Shared { policy, learnt: None })))
    }

    /// Records a run and decides on it. A bundle of another kind than the policy's is not recorded, and reviewed.
    #[must_use]
    pub fn decide(&self, run_id: &str, bundle: &Bundle, now: Duration) -> Decision {
        self.with(|shared| {
            let (learnt, policy) = shared.learnt(now);
            // What cannot be recorded is of another kind, and the decision says so.
            let _ = policy.record(run_id, bundle, now);
            policy.decide_by(|| policy.promise_by(learnt), bundle)
        })
    }

    /// About how many instructions a decision takes now.
    pub(crate) fn work(&self, now: Duration) -> u64 {
        const DECIDE: u64 = 20_000;
        const LABEL: u64 = 400;
        self.with(|shared| match &shared.learnt {
            Some(learnt) if learnt.holds(now) => DECIDE,
            _ => DECIDE + LABEL * shared.policy.labels.len() as u64,
        })
    }

    /// See [`Policy::check`].
    ///
    /// # Errors
    /// As there.
    pub fn check(&self) -> Result<(), Error> {
        self.with(|shared| shared.policy.check())
    }

    /// See [`Policy::feedback`].
    ///
    /// # Errors
    /// As there.
    pub fn feedback(&self, run_id: &str, verdict: Verdict) -> Result<(), Error> {
        self.with(|shared| {
            shared.learnt = None;
            shared.policy.feedback(run_id, verdict)
        })
    }

    /// See [`Policy::promise`].
    #[must_use]
    pub fn promise(&self, now: Duration) -> Promise {
        self.with(|shared| {
            let (learnt, policy) = shared.learnt(now);
            policy.promise_by(learnt)
        })
    }

    /// See [`Policy::drift`].
    #[must_use]
    pub fn drift(&self, now: Duration) -> Drift {
        self.with(|shared| {
            let (learnt, policy) = shared.learnt(now);
            policy.drift_by(learnt)
        })
    }

    /// The policy as it is, to be saved.
    pub fn snapshot(&self) -> Policy {
        self.with(|shared| shared.policy.clone())
    }

    /// Each change is complete before the lock is given back, so a panic elsewhere spoils nothing.
    fn with<T>(&self, use_it: impl FnOnce(&mut Shared) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Policy> for SharedPolicy {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}

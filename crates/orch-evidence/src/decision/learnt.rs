use std::time::Duration;

use super::drift::histogram;
use super::threshold::{accept_from, enough_for_one_error, escalate_to};
use super::{Policy, Threshold, Verdict};

/// What the labels that count at a moment say. Finding it takes a look at all of them and some hundred binomial tails, so it
/// is found once for as long as it holds.
#[derive(Clone, Debug)]
pub(super) struct Learnt {
    pub(super) labels: u32,
    pub(super) wrong: u32,
    pub(super) expired: u32,
    /// With how many labels something can be promised.
    pub(super) enough: u32,
    /// How many labelled scores lie in each tenth from 0 to 1.
    pub(super) scores: Vec<u32>,
    /// `None` also while there are too few labels.
    pub(super) accept_from: Option<Threshold>,
    pub(super) escalate_to: Option<Threshold>,
    /// After the first moment and up to the second the same labels count.
    since: Option<Duration>,
    until: Duration,
}

impl Learnt {
    pub(super) fn of(policy: &Policy, now: Duration) -> Self {
        let (mut fresh, mut since, mut until) = (Vec::new(), None, Duration::MAX);
        for label in &policy.labels {
            let end = label.of.at.saturating_add(policy.valid_for);
            if now <= end {
                fresh.push((label.of.score, label.verdict == Verdict::Right));
                until = until.min(end);
            } else {
                since = since.max(Some(end));
            }
        }
        let sound = policy.check().is_ok();
        let enough = if sound { enough_for_one_error(policy.target, policy.risk) } else { u32::MAX };
        let is_enough = sound && fresh.len() >= enough as usize;
        Self {
            labels: crate::count(fresh.len()),
            wrong: crate::count(fresh.iter().filter(|(_, right)| !right).count()),
            expired: crate::count(policy.labels.len() - fresh.len()),
            enough,
            scores: histogram(fresh.iter().map(|(score, _)| *score)),
            accept_from: is_enough.then(|| accept_from(&fresh, policy.target, policy.risk)).flatten(),
            escalate_to: is_enough.then(|| escalate_to(&fresh, policy.risk)).flatten(),
            since,
            until,
        }
    }

    /// Whether the same labels count at this moment.
    pub(super) fn holds(&self, now: Duration) -> bool {
        self.since.is_none_or(|since| now > since) && now <= self.until
    }
}

use std::collections::VecDeque;
use std::time::Duration;

use orch_core::Error;
use serde::{Deserialize, Serialize};

use super::label::{Awaited, Label};
use super::{Policy, Score};
use crate::confidence::CalibrationKey;

const VERSION: u32 = 1;

/// A policy as it is saved.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    version: u32,
    target_error: f64,
    risk: f64,
    score: Score,
    #[serde(rename = "valid_for_ms", with = "orch_core::serde_ms")]
    valid_for: Duration,
    key: Option<CalibrationKey>,
    awaited: VecDeque<Awaited>,
    labels: VecDeque<Label>,
    recent: VecDeque<f64>,
}

impl From<Policy> for Stored {
    fn from(policy: Policy) -> Self {
        let Policy { target, risk, score, valid_for, key, awaited, labels, recent } = policy;
        Self { version: VERSION, target_error: target, risk, score, valid_for, key, awaited, labels, recent }
    }
}

impl TryFrom<Stored> for Policy {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let Stored { version, target_error, risk, score, valid_for, key, awaited, labels, recent } = stored;
        if version != VERSION {
            return Err(Error::invalid("/version", format!("{version}: only version {VERSION} can be read")));
        }
        let scores = awaited.iter().chain(labels.iter().map(|label| &label.of)).map(|run| run.score);
        if let Some(score) = scores.chain(recent.iter().copied()).find(|score| !(0.0..=1.0).contains(score)) {
            return Err(Error::invalid("/labels", format!("a score of {score} is not between 0 and 1")));
        }
        let policy = Self { target: target_error, risk, score, valid_for, key, awaited, labels, recent };
        policy.check().map(|()| policy)
    }
}

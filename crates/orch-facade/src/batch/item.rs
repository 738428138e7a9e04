use std::time::Duration;

use orch_core::{Error, Usage};
use serde::Serialize;

use crate::Outcome;

/// What became of one run of a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchItem {
    /// Which run it was, counted from 0 in the order in which they were given.
    pub index: usize,
    /// The outcome, or why there is none. One failure ends nothing but its own run.
    pub result: Result<Outcome, Error>,
}

/// What a batch did so far, and what was bought.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BatchSummary {
    /// Runs that began.
    pub started: usize,
    /// Runs that gave an answer, replayed ones included.
    pub succeeded: usize,
    /// Those among them whose answer was remembered from an earlier batch: they cost nothing now.
    pub replayed: usize,
    /// Runs that failed.
    pub failed: usize,
    /// What all runs used, failed ones included.
    pub usage: Usage,
    /// How long the batch has been at work.
    #[serde(rename = "elapsed_ms", with = "orch_core::serde_ms")]
    pub elapsed: Duration,
}

impl BatchSummary {
    pub(super) fn count(&mut self, result: &Result<Outcome, Error>) {
        match result {
            Ok(outcome) => {
                self.succeeded += 1;
                self.replayed += usize::from(outcome.replayed());
            }
            Err(_) => self.failed += 1,
        }
    }

    /// Runs that ended, one way or the other.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.succeeded + self.failed
    }
}

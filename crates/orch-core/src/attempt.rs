use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Class, Stopped, Stretch, Target, Usage};

/// Who asked for the wait before an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AskedBy {
    /// Our own backoff.
    Backoff,
    /// The provider's Retry-After.
    RetryAfter,
    /// Our own rate limit.
    RateLimit,
    /// Our own bulkhead, in whose queue the call stood.
    Queue,
    /// Another run with the same idempotency key, in this process or elsewhere.
    Flight,
    /// The planner, while it chose the tool.
    Planner,
}

impl AskedBy {
    /// All of them. A circuit breaker is not among them: it rejects at once and asks nobody to wait.
    pub const ALL: [Self; 6] =
        [Self::RetryAfter, Self::Backoff, Self::RateLimit, Self::Queue, Self::Flight, Self::Planner];
}

impl fmt::Display for AskedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backoff => "our backoff",
            Self::RetryAfter => "the server's Retry-After",
            Self::RateLimit => "our rate limit",
            Self::Queue => "our queue",
            Self::Flight => "another run with the same key",
            Self::Planner => "the planner",
        })
    }
}

/// A wait between two attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// How long.
    #[serde(rename = "duration_ms", with = "crate::serde_ms")]
    pub duration: Duration,
    /// Who asked for it.
    pub asked_by: AskedBy,
}

/// What became of an attempt: a closed list of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It gave the answer. Recorded only after an attempt that failed.
    Succeeded,
    /// It failed and was repeated.
    Repeated,
    /// It failed and was not repeated, for this reason.
    Stopped(Stopped),
    /// It failed and the next candidate took over.
    FellBack,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Repeated => f.write_str("repeated"),
            Self::Stopped(why) => write!(f, "stopped: {why}"),
            Self::FellBack => f.write_str("fell back"),
        }
    }
}

/// One attempt at a call, kept on every outcome and every error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<str>>,
    /// Whom it called.
    pub target: Target,
    /// Which replicate it served, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicate: Option<u32>,
    /// Which attempt of its call it was, counted from 1.
    pub attempt: u32,
    /// When it started, since the run began.
    #[serde(rename = "started_ms", with = "crate::serde_ms")]
    pub started: Duration,
    /// How long it ran.
    #[serde(rename = "elapsed_ms", with = "crate::serde_ms")]
    pub elapsed: Duration,
    /// The class of its failure; `None` when it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Its failure in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Arc<str>>,
    /// What it used, as far as known.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
    /// The wait that followed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// What became of it.
    pub verdict: Verdict,
}

/// The attempts of one run, and what else took time, shared by all its parts. Empty, and without an
/// allocation of its own, when every call succeeded at its first attempt and nothing waited.
#[derive(Clone, Debug, Default)]
pub struct AttemptLog(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    kept: Vec<AttemptRecord>,
    dropped: usize,
    stretches: Vec<Stretch>,
}

impl AttemptLog {
    /// How many records a log keeps; later ones are only counted.
    pub const CAPACITY: usize = 1024;

    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record, unless [`CAPACITY`](Self::CAPACITY) is reached.
    pub fn push(&self, record: AttemptRecord) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if records.kept.len() < Self::CAPACITY {
            records.kept.push(record);
        } else {
            records.dropped += 1;
        }
    }

    /// Adds a stretch of time, unless [`CAPACITY`](Self::CAPACITY) is reached.
    pub fn push_stretch(&self, stretch: Stretch) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if records.stretches.len() < Self::CAPACITY {
            records.stretches.push(stretch);
        }
    }

    /// The waits and lives so far, in the order in which they ended.
    #[must_use]
    pub fn stretches(&self) -> Vec<Stretch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stretches.clone()
    }

    /// The records so far, in the order in which the attempts ended.
    #[must_use]
    pub fn snapshot(&self) -> Vec<AttemptRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).kept.clone()
    }

    /// The records of one replicate (`None`: those of no replicate).
    #[must_use]
    pub fn of(&self, replicate: Option<u32>) -> Vec<AttemptRecord> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.kept.iter().filter(|record| record.replicate == replicate).cloned().collect()
    }

    /// How many records did not fit.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_can_ask_for_a_wait_are_listed() {
        for asked_by in AskedBy::ALL {
            // Does not compile when somebody is added, so that the list is not forgotten.
            let place = match asked_by {
                AskedBy::RetryAfter => 0,
                AskedBy::Backoff => 1,
                AskedBy::RateLimit => 2,
                AskedBy::Queue => 3,
                AskedBy::Flight => 4,
                AskedBy::Planner => 5,
            };
            assert_eq!(AskedBy::ALL[place], asked_by);
        }
        assert_eq!(AskedBy::ALL.len(), 6);
    }
}

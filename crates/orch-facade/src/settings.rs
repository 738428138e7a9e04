use std::time::Duration;

use orch_core::Budget;

/// The client's defaults: safe in production, each changed by the builder's method of the same name.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The whole run.
    pub(crate) deadline: Duration,
    /// One attempt.
    pub(crate) attempt_timeout: Duration,
    /// The first chunk of an answer.
    pub(crate) first_chunk_timeout: Duration,
    /// Between two chunks of an answer.
    pub(crate) idle_timeout: Duration,
    /// Calls in flight per target.
    pub(crate) max_in_flight: usize,
    /// How long a call waits for a free place.
    pub(crate) max_wait: Duration,
    /// Parts of one run that work at the same time.
    pub(crate) max_parallel: usize,
    /// Combined with the run's own: the smaller wins, field by field.
    pub(crate) budget: Budget,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(300),
            attempt_timeout: Duration::from_secs(60),
            first_chunk_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            max_in_flight: 64,
            max_wait: Duration::from_secs(5),
            max_parallel: 10,
            budget: Budget::new(),
        }
    }
}

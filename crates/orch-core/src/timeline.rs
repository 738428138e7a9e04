//! Where the time of a run goes.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{AskedBy, CallContext};

/// A stretch of a run's time that one part of it waited, or a replicate worked.
///
/// The waits between two attempts are not among them: those are in their [`AttemptRecord`](crate::AttemptRecord)s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<str>>,
    /// The replicate, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicate: Option<u32>,
    /// Who asked for the wait; `None`: it is the whole life of a replicate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<AskedBy>,
    /// When it began, since the run began.
    #[serde(rename = "started_ms", with = "crate::serde_ms")]
    pub started: Duration,
    /// How long it was.
    #[serde(rename = "elapsed_ms", with = "crate::serde_ms")]
    pub elapsed: Duration,
}

impl Stretch {
    /// Shorter ones are not kept, so that a run in which nothing waits costs nothing.
    pub const SHORTEST: Duration = Duration::from_millis(1);
}

impl CallContext {
    /// Keeps that this part of the run waited from `since` until now, and who asked for it.
    pub fn note_wait(&self, asked_by: AskedBy, since: Instant) {
        self.note_stretch(Some(asked_by), since);
    }

    /// Keeps that this part of the run, a replicate, lived from `since` until now.
    pub fn note_life(&self, since: Instant) {
        self.note_stretch(None, since);
    }

    fn note_stretch(&self, asked_by: Option<AskedBy>, since: Instant) {
        let elapsed = Instant::now().saturating_duration_since(since);
        if elapsed >= Stretch::SHORTEST {
            self.attempts().push_stretch(Stretch {
                tool: self.tool().cloned(),
                replicate: self.replicate(),
                asked_by,
                started: since.saturating_duration_since(self.started()),
                elapsed,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_kept_with_its_place_and_what_is_too_short_is_not() {
        let run = CallContext::new();
        tokio::time::advance(Duration::from_secs(1)).await;
        let (replicate, since) = (run.child(Part::Replicate(2, 0)), Instant::now());
        replicate.note_wait(AskedBy::Queue, since);
        assert!(run.attempts().stretches().is_empty());
        tokio::time::advance(Duration::from_secs(2)).await;
        replicate.note_wait(AskedBy::Queue, since);
        let kept = run.attempts().stretches();
        assert_eq!((kept.len(), kept[0].replicate, kept[0].asked_by), (1, Some(2), Some(AskedBy::Queue)));
        assert_eq!((kept[0].started, kept[0].elapsed), (Duration::from_secs(1), Duration::from_secs(2)));
    }
}

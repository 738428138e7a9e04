use std::sync::Arc;
use std::time::Duration;

use orch_core::{Class, Error, Event, Output, ReplicateStatus, Usage};
use serde_json::Value;

use crate::bundle::{Quality, Replicate};
use crate::consensus::id;
use crate::tree::Tree;

/// Where a replicate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Valid,
    Invalid,
    Failed,
    Cancelled,
}

impl State {
    pub(super) const fn status(self) -> ReplicateStatus {
        match self {
            Self::Valid => ReplicateStatus::Valid,
            Self::Invalid => ReplicateStatus::Invalid,
            Self::Failed => ReplicateStatus::Failed,
            Self::Running | Self::Cancelled => ReplicateStatus::Cancelled,
        }
    }
}

/// One replicate that was started.
#[derive(Debug)]
pub(super) struct Slot {
    seed: u64,
    pub(super) state: State,
    pub(super) output: Option<Output>,
    pub(super) value: Arc<Value>,
    /// Set once it is measured.
    pub(super) tree: Option<Arc<Tree>>,
    pub(super) error: Option<Error>,
    pub(super) usage: Usage,
    elapsed: Option<Duration>,
}

impl Slot {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            state: State::Running,
            output: None,
            value: Arc::default(),
            tree: None,
            error: None,
            usage: Usage::new(),
            elapsed: None,
        }
    }

    pub(super) fn finish(
        &mut self,
        result: Result<Output, Error>,
        usage: Usage,
        elapsed: Duration,
        empty_is_valid: bool,
    ) {
        (self.usage, self.elapsed) = (usage, Some(elapsed));
        match result.and_then(|output| accept(output, empty_is_valid)) {
            Ok((output, value)) => {
                (self.state, self.output, self.value) = (State::Valid, Some(output), value);
            }
            Err(error) => {
                self.state = if error.class() == Class::BadOutput { State::Invalid } else { State::Failed };
                self.output = error.output().cloned();
                self.error = Some(error);
            }
        }
    }

    pub(super) fn cancel(&mut self, usage: Usage) {
        (self.state, self.usage) = (State::Cancelled, usage);
    }

    /// The event that tells of its end; `None` while it runs.
    pub(super) fn done_event(&self) -> Option<Event> {
        let message = self.error.as_ref().map(ToString::to_string);
        let status = self.state.status();
        (self.state != State::Running).then(|| Event::ReplicateDone { status, message, usage: self.usage.clone() })
    }

    pub(super) fn into_replicate(self, at: usize, counted: bool) -> Replicate {
        let mut quality = Quality { valid: self.state == State::Valid, ..Quality::default() };
        quality.errors.extend(self.error.as_ref().map(ToString::to_string));
        quality.class = self.error.as_ref().map(Error::class);
        Replicate {
            id: id(at),
            model: self.output.as_ref().and_then(Output::model).map(Arc::from),
            output: self.output.map(Output::into_content),
            quality,
            usage: self.usage,
            elapsed: self.elapsed,
            seed: self.seed,
            status: self.state.status(),
            counted,
        }
    }
}

/// The answer as JSON, if it can be used.
fn accept(output: Output, empty_is_valid: bool) -> Result<(Output, Arc<Value>), Error> {
    let value = output.content().to_json()?;
    let empty = match value.as_ref() {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    };
    if empty && !empty_is_valid {
        return Err(Error::bad_output("", "the answer is empty").with_output(output));
    }
    Ok((output, value))
}

use std::sync::Arc;
use std::time::Duration;

use orch_core::{Class, Error, Event, Output, ReplicateStatus, Usage};
use serde_json::Value;

use crate::bundle::{Quality, Replicate};
use crate::consensus::id;
use crate::json;
use crate::options::Variation;
use crate::tree::{Comparer, Tree};
use crate::validate::Validator;

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

/// How a replicate has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) result: Result<Output, Error>,
    pub(super) usage: Usage,
    pub(super) elapsed: Duration,
}

/// What an answer must be to be valid.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) empty_is_valid: bool,
    /// Whether texts that are JSON are read.
    pub(super) reads_json: bool,
    pub(super) validator: Option<&'a dyn Validator>,
    pub(super) comparer: &'a Comparer,
}

impl Terms<'_> {
    /// The answer as JSON, if it can be used; what is odd about it goes to the warnings.
    fn accept(self, output: Output, warnings: &mut Vec<String>) -> Result<(Output, Arc<Value>), Error> {
        let value = match output.content().to_json()? {
            value if self.reads_json => read_json(value, warnings),
            value => value,
        };
        let empty = match value.as_ref() {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            _ => false,
        };
        if empty && !self.empty_is_valid {
            return Err(Error::bad_output("", "the answer is empty").with_output(output));
        }
        match self.validator.map_or(Ok(()), |validator| validator.check(&value)) {
            Ok(()) => Ok((output, self.comparer.renamed(value))),
            Err(error) => Err(error.with_output(output)),
        }
    }
}

/// What a text says that is JSON; any other answer as it is.
fn read_json(value: Arc<Value>, warnings: &mut Vec<String>) -> Arc<Value> {
    let Value::String(text) = value.as_ref() else { return value };
    match json::read(text) {
        Ok((read, twice)) => {
            warnings.extend(twice.into_iter().map(|at| format!("the key at `{at}` comes twice: the last one counts")));
            Arc::new(read)
        }
        Err(why) => {
            warnings.push(format!("the answer is not JSON and is compared as a text: {why}"));
            value
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
    pub(super) leaves: u64,
    /// Of all its texts, and a few for everything else.
    pub(super) bytes: u64,
    /// About how many instructions it takes to compare its fields with those of another one.
    pub(super) fields: u64,
    pub(super) error: Option<Error>,
    pub(super) usage: Usage,
    elapsed: Option<Duration>,
    variation: Option<Variation>,
    warnings: Vec<String>,
    /// What the answer was checked against.
    schema: Option<Arc<str>>,
}

impl Slot {
    pub(super) fn new(seed: u64, variation: Option<Variation>) -> Self {
        Self {
            seed,
            state: State::Running,
            output: None,
            value: Arc::default(),
            tree: None,
            leaves: 0,
            bytes: 0,
            fields: 0,
            error: None,
            usage: Usage::new(),
            elapsed: None,
            variation,
            warnings: Vec::new(),
            schema: None,
        }
    }

    pub(super) fn finish(&mut self, ended: Ended, terms: Terms<'_>) {
        (self.usage, self.elapsed) = (ended.usage, Some(ended.elapsed));
        if ended.result.is_ok() {
            self.schema = terms.validator.and_then(Validator::name).map(Arc::from);
        }
        let warnings = &mut self.warnings;
        match ended.result.and_then(|output| terms.accept(output, warnings)) {
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
        quality.warnings = self.warnings;
        quality.schema_version = self.schema;
        quality.class = self.error.as_ref().map(Error::class);
        let mut replicate = Replicate {
            id: id(at),
            model: self.output.as_ref().and_then(Output::model).map(Arc::from),
            output: self.output.map(Output::into_content),
            quality,
            usage: self.usage,
            elapsed: self.elapsed,
            seed: self.seed,
            variation: self.variation,
            status: self.state.status(),
            counted,
        };
        replicate.forget_null();
        replicate
    }
}

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Class, Error, ErrorKind, Stopped};
use crate::{AttemptRecord, Effect, LimitHint, Output};

/// An [`Error`] as it is stored and sent: everything but its source, whose text is in the message.
///
/// `Error` serialises as this, and an error that was read back answers every question as before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// What went wrong.
    #[serde(rename = "error")]
    pub kind: ErrorKind,
    /// The error in words.
    #[serde(default)]
    pub message: String,
    /// How layers treat it.
    pub class: Class,
    /// How long to wait.
    #[serde(default, rename = "retry_after_ms", with = "crate::serde_ms::option")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// The tool that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<str>>,
    /// What another execution would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Why it was not repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Whether the tool was certainly not executed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_executed: bool,
    /// The failed attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptRecord>,
    /// What the provider said of its limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitHint>,
    /// Work that was done and paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// Whether that is the tool's whole answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished: bool,
}

impl From<&Error> for ErrorRecord {
    fn from(error: &Error) -> Self {
        let inner = error.0.as_ref();
        Self {
            kind: inner.kind.clone(),
            message: error.to_string(),
            class: inner.class,
            retry_after: inner.retry_after,
            tool: inner.tool.clone(),
            effect: inner.effect,
            stopped: inner.stopped,
            not_executed: inner.not_executed,
            attempts: inner.attempts.clone(),
            limits: inner.limits,
            output: inner.output.clone(),
            finished: inner.finished,
        }
    }
}

impl From<ErrorRecord> for Error {
    fn from(record: ErrorRecord) -> Self {
        Error::new(record.kind).edit(|inner| {
            inner.class = record.class;
            inner.retry_after = record.retry_after;
            inner.tool = record.tool;
            inner.effect = record.effect;
            inner.stopped = record.stopped;
            inner.not_executed = record.not_executed;
            inner.attempts = record.attempts;
            inner.limits = record.limits;
            inner.output = record.output;
            inner.finished = record.finished;
        })
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ErrorRecord::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ErrorRecord::deserialize(deserializer).map(Self::from)
    }
}

//! The one error that crosses crate borders.

mod class;
mod from;
mod kind;
mod record;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::class::{Class, Stopped};
pub use self::kind::{ErrorKind, ProviderFailure, TimeoutPhase};
pub use self::record::ErrorRecord;
use crate::{Amount, AttemptRecord, BudgetKind, Effect, LimitHint, Output};

/// What went wrong, how every layer should treat it, and the work that was paid for.
///
/// One pointer in size and cheap to clone: a single flight hands the same error
/// to all its waiters. Match on [`kind`](Self::kind); ask [`class`](Self::class),
/// [`retry_after`](Self::retry_after) and the other questions of any error.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    class: Class,
    not_executed: bool,
    retry_after: Option<Duration>,
    tool: Option<Arc<str>>,
    effect: Option<Effect>,
    stopped: Option<Stopped>,
    attempts: Vec<AttemptRecord>,
    limits: Option<LimitHint>,
    output: Option<Output>,
    /// Whether the output is the whole answer.
    finished: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind, with the kind's own class.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        let (class, not_executed) = (kind.default_class(), kind.never_executed());
        Self(Arc::new(Inner {
            kind,
            class,
            not_executed,
            retry_after: None,
            tool: None,
            effect: None,
            stopped: None,
            attempts: Vec::new(),
            limits: None,
            output: None,
            finished: false,
            source: None,
        }))
    }

    /// A failure of the tool itself, class `Permanent` unless changed.
    pub fn tool_execution(message: impl Into<Arc<str>>) -> Self {
        Self::new(ErrorKind::ToolExecution { message: message.into() })
    }

    /// A wrong request: where, as a JSON Pointer, and why, with the value.
    pub fn invalid(pointer: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self::new(ErrorKind::InvalidRequest { pointer: pointer.into(), reason: reason.into() })
    }

    /// An unusable answer: where, as a JSON Pointer, and why.
    pub fn bad_output(pointer: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self::new(ErrorKind::BadOutput { pointer: pointer.into(), reason: reason.into() })
    }

    pub(crate) fn budget_exceeded((budget, limit, actual): (BudgetKind, Amount, Amount), level: &Arc<str>) -> Self {
        Self::new(ErrorKind::BudgetExceeded { budget, limit, actual, level: Arc::clone(level) })
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What went wrong in words, the same as `Display` writes; a message that is there already is shared.
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        match &self.0.kind {
            ErrorKind::ToolExecution { message } => Arc::clone(message),
            kind => kind.to_string().into(),
        }
    }

    /// How layers treat it.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// How long the server, or our own layer, asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The tool that failed, once known.
    #[must_use]
    pub fn tool(&self) -> Option<&str> {
        self.0.tool.as_deref()
    }

    /// What another execution of the failed call would do, once known: what lies outside the tool's
    /// scope, such as a fallback layer, learns it here.
    #[must_use]
    pub fn effect(&self) -> Option<Effect> {
        self.0.effect
    }

    /// Why the call was not repeated (again), once a retry layer has decided.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        self.0.stopped
    }

    /// The failed attempts of the call.
    #[must_use]
    pub fn attempts(&self) -> &[AttemptRecord] {
        &self.0.attempts
    }

    /// What the provider said is left of its limits.
    #[must_use]
    pub fn limits(&self) -> Option<LimitHint> {
        self.0.limits
    }

    /// Work that was done and paid for: a partial answer, or a finished one that broke a limit.
    #[must_use]
    pub fn output(&self) -> Option<&Output> {
        self.0.output.as_ref()
    }

    /// The [`output`](Self::output), if it is the tool's whole answer and only a limit that it broke made an error of it.
    /// An idempotency layer stores it as the success that it is.
    #[must_use]
    pub fn finished(&self) -> Option<&Output> {
        self.output().filter(|_| self.0.finished)
    }

    /// Whether it is certain that the tool was not executed: the connection was refused, the
    /// provider rejected the call (429, 503, 529), or one of our layers did.
    #[must_use]
    pub fn not_executed(&self) -> bool {
        self.0.not_executed
    }

    /// Whether the input was longer than the model's context.
    #[must_use]
    pub fn context_overflow(&self) -> bool {
        matches!(&self.0.kind, ErrorKind::Provider(failure) if failure.context_overflow)
    }

    /// Sets the class.
    #[must_use]
    pub fn with_class(self, class: Class) -> Self {
        self.edit(|inner| inner.class = class)
    }

    /// Sets how long to wait.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        self.edit(|inner| inner.retry_after = Some(wait))
    }

    /// Names the tool, unless one is named already.
    #[must_use]
    pub fn with_tool(self, tool: impl Into<Arc<str>>) -> Self {
        if self.0.tool.is_some() {
            return self;
        }
        self.edit(|inner| inner.tool = Some(tool.into()))
    }

    /// Notes what another execution would do, unless it is known already.
    #[must_use]
    pub fn with_effect(self, effect: Effect) -> Self {
        if self.0.effect.is_some() {
            return self;
        }
        self.edit(|inner| inner.effect = Some(effect))
    }

    /// Notes why the call was not repeated.
    #[must_use]
    pub fn with_stopped(self, stopped: Stopped) -> Self {
        self.edit(|inner| inner.stopped = Some(stopped))
    }

    /// Replaces the attempts.
    #[must_use]
    pub fn with_attempts(self, attempts: Vec<AttemptRecord>) -> Self {
        self.edit(|inner| inner.attempts = attempts)
    }

    /// Adds what the provider said of its limits.
    #[must_use]
    pub fn with_limits(self, limits: LimitHint) -> Self {
        self.edit(|inner| inner.limits = Some(limits))
    }

    /// Adds work that was done and paid for, as much of it as there is.
    #[must_use]
    pub fn with_output(self, output: Output) -> Self {
        self.edit(|inner| (inner.output, inner.finished) = (Some(output), false))
    }

    /// Adds the tool's whole answer: it [stands](Self::finished), although it broke a limit.
    #[must_use]
    pub fn with_finished(self, output: Output) -> Self {
        self.edit(|inner| (inner.output, inner.finished) = (Some(output), true))
    }

    /// Notes that the tool was certainly not executed.
    #[must_use]
    pub fn with_not_executed(self) -> Self {
        self.edit(|inner| inner.not_executed = true)
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = Arc::from(source.into());
        self.edit(|inner| inner.source = Some(source))
    }

    /// Replaces every text, those of attempts included, and drops the source, which may repeat them.
    pub(crate) fn with_messages(
        self,
        kind: &dyn Fn(&ErrorKind) -> ErrorKind,
        text: &dyn Fn(&Arc<str>) -> Arc<str>,
    ) -> Self {
        self.edit(|inner| {
            inner.kind = kind(&inner.kind);
            inner.source = None;
            for attempt in &mut inner.attempts {
                attempt.message = attempt.message.as_ref().map(text);
            }
        })
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

/// Equal in everything that is stored: see [`ErrorRecord`].
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        let json = |error: &Self| serde_json::to_value(error).ok();
        Arc::ptr_eq(&self.0, &other.0) || json(self).is_some_and(|ours| Some(ours) == json(other))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("class", &inner.class)
            .field("tool", &inner.tool)
            .field("retry_after", &inner.retry_after)
            .field("stopped", &inner.stopped)
            .field("attempts", &inner.attempts.len())
            .field("has_output", &inner.output.is_some())
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match (&self.0.source, &self.0.kind) {
            (Some(source), _) => Some(source.as_ref()),
            (None, ErrorKind::ReplicatesFailed { causes } | ErrorKind::FallbacksFailed { causes }) => {
                causes.first().map(|cause| cause as &(dyn StdError + 'static))
            }
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests;

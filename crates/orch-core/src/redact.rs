//! What must not leave the process.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{AttemptRecord, Content, Error, ErrorKind, Event, Output, ProviderFailure};

/// Takes out of a text what must not leave the process: names, numbers of cards, keys.
///
/// One hook, used wherever texts leave: events, the messages of errors, explanations, outcomes as JSON, and the few texts
/// that are logged. Spans and metrics hold no texts of requests or answers in the first place. What a caller gets in the process
/// ([`Output`], [`Content`]) stays as it is, and so do [stores](crate::store), unless they are wrapped on purpose:
/// what they replay must be the original.
///
/// ```
/// use std::borrow::Cow;
/// use orch_core::Redact;
///
/// struct NoDigits;
///
/// impl Redact for NoDigits {
///     fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
///         text.replace(|c: char| c.is_ascii_digit(), "#").into()
///     }
/// }
/// assert_eq!(NoDigits.redact("call 555-0100"), "call ###-####");
/// ```
pub trait Redact: Send + Sync + 'static {
    /// The text as it may leave. It is called for each text by itself, in any order, and must be quick.
    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str>;

    /// Whether pieces of an answer may be judged one by one, although what must be hidden may begin in one and end in the
    /// next. Default: no, so listeners get no [`Delta`](Event::Delta) at all.
    fn judges_pieces(&self) -> bool {
        false
    }
}

/// A redactor that is shared, or none.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<dyn Redact>>);

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Redactor" } else { "None" })
    }
}

impl<R: Redact> From<R> for Redactor {
    fn from(redact: R) -> Self {
        Self(Some(Arc::new(redact)))
    }
}

impl From<Arc<dyn Redact>> for Redactor {
    fn from(redact: Arc<dyn Redact>) -> Self {
        Self(Some(redact))
    }
}

impl Redactor {
    /// Everything may leave.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether everything may leave.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The text as it may leave.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.as_ref().map_or(Cow::Borrowed(text), |redact| redact.redact(text))
    }

    fn shared(&self, text: &Arc<str>) -> Arc<str> {
        match self.text(text) {
            Cow::Borrowed(same) if std::ptr::eq(same, &**text) => Arc::clone(text),
            other => other.into(),
        }
    }

    fn owned(&self, text: String) -> String {
        match self.0 {
            Some(_) => self.text(&text).into_owned(),
            None => text,
        }
    }

    /// The value with every text in it as it may leave, the names of fields included.
    #[must_use]
    pub fn json(&self, value: Value) -> Value {
        match value {
            _ if self.is_none() => value,
            Value::String(text) => self.owned(text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (self.owned(name), self.json(value)))
                .collect::<Map<_, _>>()
                .into(),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
        }
    }

    /// The content as it may leave; as JSON, if there is a redactor.
    #[must_use]
    pub fn content(&self, content: &Content) -> Content {
        if self.is_none() {
            return content.clone();
        }
        let json = content.to_json().map_or_else(|error| Value::String(error.to_string()), Arc::unwrap_or_clone);
        Content::json(self.json(json))
    }

    /// The event as it may leave; `None`: not at all.
    #[must_use]
    pub fn event(&self, event: Event) -> Option<Event> {
        let Some(redact) = &self.0 else { return Some(event) };
        let content = |content: Content| self.content(&content);
        let message = |message: Option<String>| message.map(|text| self.owned(text));
        Some(match event {
            Event::Delta { .. } if !redact.judges_pieces() => return None,
            Event::Delta { kind, text } => Event::Delta { kind, text: self.owned(text) },
            Event::PlanSelected { tool, reason } => Event::PlanSelected { tool, reason: self.shared(&reason) },
            Event::AttemptFailed { class, message } => Event::AttemptFailed { class, message: self.owned(message) },
            Event::CircuitChanged { target, from, to, reason } => {
                Event::CircuitChanged { target, from, to, reason: self.shared(&reason) }
            }
            Event::ReplicatesReduced { from, to, reason } => {
                Event::ReplicatesReduced { from, to, reason: self.shared(&reason) }
            }
            Event::IdempotencyDegraded { reason } => Event::IdempotencyDegraded { reason: self.shared(&reason) },
            Event::ReplicateDone { status, message: why, usage } => {
                Event::ReplicateDone { status, message: message(why), usage }
            }
            Event::PartialSummary { summary } => Event::PartialSummary { summary: content(summary) },
            Event::Provisional { answer } => Event::Provisional { answer: content(answer) },
            Event::Revised { answer, agreement } => Event::Revised { answer: content(answer), agreement },
            Event::Settled { answer, agreement } => Event::Settled { answer: content(answer), agreement },
            Event::BundleReady { bundle } => Event::BundleReady { bundle: content(bundle) },
            Event::Error { error } => Event::Error { error: self.whole_error(&error) },
            Event::Timeout { error } => Event::Timeout { error: self.whole_error(&error) },
            other @ (Event::ToolStarted { .. }
            | Event::AttemptStarted { .. }
            | Event::RetryScheduled { .. }
            | Event::FallbackStarted { .. }
            | Event::BudgetWarning { .. }
            | Event::ReplicateStarted { .. }
            | Event::Confirmed { .. }
            | Event::Completed { .. }
            | Event::Cancelled {}) => other,
        })
    }

    /// The error with its messages, and those of its attempts and causes, as they may leave, and without its source. What was
    /// paid for, [`Error::output`], stays as it is: it is the answer itself.
    #[must_use]
    pub fn error(&self, error: Error) -> Error {
        if self.is_none() { error } else { error.with_messages(&|kind| self.kind(kind), &|text| self.shared(text)) }
    }

    /// The same, with what was paid for as it may leave.
    fn whole_error(&self, error: &Error) -> Error {
        let redacted = self.error(error.clone());
        match error.output().map(|output| self.output(output)) {
            Some(output) if error.finished().is_some() => redacted.with_finished(output),
            Some(output) => redacted.with_output(output),
            None => redacted,
        }
    }

    fn output(&self, output: &Output) -> Output {
        let content = self.content(output.content());
        let redacted = output.clone().with_content(content).with_metadata_of(|metadata| {
            match self.json(Value::Object(metadata)) {
                Value::Object(metadata) => metadata,
                _ => Map::new(),
            }
        });
        // Why the tool was chosen may quote the request.
        match output.reason().map(|reason| self.text(reason).into_owned()) {
            Some(reason) => redacted.with_reason(reason),
            None => redacted,
        }
    }

    /// The record with its message as it may leave.
    #[must_use]
    pub fn attempt(&self, record: AttemptRecord) -> AttemptRecord {
        AttemptRecord { message: record.message.as_ref().map(|text| self.shared(text)), ..record }
    }

    fn kind(&self, kind: &ErrorKind) -> ErrorKind {
        use ErrorKind::{
            BadOutput, Conflict, FallbacksFailed, InProgress, InvalidRequest, LeaseLost, LedgerUnavailable, NoPlan,
            OutcomeUnknown, Panicked, Provider, ReplicatesFailed, StoreUnavailable, StreamBroken, ToolExecution,
            UnknownTool,
        };
        let text = |text: &Arc<str>| self.shared(text);
        let causes = |causes: &[Error]| causes.iter().map(|cause| self.whole_error(cause)).collect();
        match kind {
            ToolExecution { message } => ToolExecution { message: text(message) },
            Conflict { key } => Conflict { key: text(key) },
            InProgress { key } => InProgress { key: text(key) },
            OutcomeUnknown { key } => OutcomeUnknown { key: text(key) },
            LeaseLost { key } => LeaseLost { key: text(key) },
            StoreUnavailable { reason } => StoreUnavailable { reason: text(reason) },
            LedgerUnavailable { reason } => LedgerUnavailable { reason: text(reason) },
            UnknownTool { name, did_you_mean } => UnknownTool { name: text(name), did_you_mean: did_you_mean.clone() },
            InvalidRequest { pointer, reason } => InvalidRequest { pointer: text(pointer), reason: text(reason) },
            BadOutput { pointer, reason } => BadOutput { pointer: text(pointer), reason: text(reason) },
            NoPlan { reasons } => NoPlan { reasons: reasons.iter().map(|reason| self.owned(reason.clone())).collect() },
            ReplicatesFailed { causes: all } => ReplicatesFailed { causes: causes(all) },
            FallbacksFailed { causes: all } => FallbacksFailed { causes: causes(all) },
            StreamBroken { reason } => StreamBroken { reason: text(reason) },
            Provider(failure) => Provider(ProviderFailure {
                message: text(&failure.message),
                code: failure.code.as_ref().map(text),
                ..failure.clone()
            }),
            Panicked { message } => Panicked { message: text(message) },
            // Words and numbers of ours alone.
            other @ (ErrorKind::BudgetExceeded { .. }
            | ErrorKind::CircuitOpen { .. }
            | ErrorKind::RateLimited { .. }
            | ErrorKind::Overloaded { .. }
            | ErrorKind::Timeout { .. }
            | ErrorKind::Draining
            | ErrorKind::DeadlineExceeded
            | ErrorKind::Cancelled
            | ErrorKind::Unpriced { .. }) => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::{CallContext, Class, DeltaKind};

    const SECRET: &str = "hunter2";

    struct Hide {
        pieces: bool,
    }

    impl Redact for Hide {
        fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
            text.replace(SECRET, "***").into()
        }

        fn judges_pieces(&self) -> bool {
            self.pieces
        }
    }

    fn hide() -> Redactor {
        Hide { pieces: false }.into()
    }

    #[test]
    fn every_text_of_a_value_is_redacted_names_included() {
        let value = json!({ SECRET: [SECRET, 7, { "a": format!("x {SECRET}") }], "b": null });
        assert_eq!(hide().json(value.clone()), json!({ "***": ["***", 7, { "a": "x ***" }], "b": null }));
        assert_eq!(Redactor::none().json(value.clone()), value);
    }

    #[test]
    fn messages_of_an_error_its_attempts_and_causes_are_redacted_and_its_output_stays() {
        let cause = Error::tool_execution(SECRET).with_class(Class::Transient).with_output(Output::from(SECRET));
        let error = Error::new(ErrorKind::FallbacksFailed { causes: vec![cause] })
            .with_source(std::io::Error::other(SECRET))
            .with_output(Output::from(SECRET));
        let redacted = hide().error(error.clone());
        assert_eq!(redacted.to_string(), "all 1 candidates failed; the first: ***");
        assert!(std::error::Error::source(&redacted).is_none_or(|source| !source.to_string().contains(SECRET)));
        assert_eq!(redacted.output(), error.output());
        assert_eq!(redacted.class(), error.class());
        assert!(!format!("{redacted:?}").contains(SECRET));
        let ErrorKind::FallbacksFailed { causes } = redacted.kind() else { panic!("{redacted:?}") };
        assert_eq!(causes[0].output(), Some(&Output::from("***")), "causes are for people");
    }

    #[test]
    fn what_a_provider_said_is_redacted_its_code_included() {
        let failure = ProviderFailure::new("openai", SECRET).code(format!("bad {SECRET}")).request_id("req-1");
        let redacted = hide().error(Error::new(ErrorKind::Provider(failure)));
        let ErrorKind::Provider(failure) = redacted.kind() else { panic!("{redacted:?}") };
        assert_eq!(failure, &ProviderFailure::new("openai", "***").code("bad ***").request_id("req-1"));
    }

    #[test]
    fn an_event_holds_no_secret_in_any_form() {
        let output = || Output::from(SECRET).with_metadata("note", SECRET).with_reason(SECRET);
        let error = || Error::tool_execution(SECRET).with_output(output());
        let content = || Content::json(json!([SECRET]));
        for event in [
            Event::PlanSelected { tool: "t".into(), reason: SECRET.into() },
            Event::AttemptFailed { class: Class::Transient, message: SECRET.into() },
            Event::IdempotencyDegraded { reason: SECRET.into() },
            Event::PartialSummary { summary: content() },
            Event::Provisional { answer: content() },
            Event::Revised { answer: content(), agreement: 0.5 },
            Event::Settled { answer: content(), agreement: 0.5 },
            Event::BundleReady { bundle: content() },
            Event::Error { error: error() },
            Event::Timeout { error: error() },
        ] {
            let redacted = hide().event(event.clone()).unwrap();
            let text = serde_json::to_string(&redacted).unwrap();
            assert!(!text.contains(SECRET) && text.contains("***"), "{text}");
            assert_eq!(Redactor::none().event(event.clone()), Some(event));
        }
    }

    #[test]
    fn pieces_of_an_answer_are_told_only_by_a_redactor_that_says_it_can_judge_them() {
        let delta = || Event::Delta { kind: DeltaKind::Text, text: format!("a {SECRET}") };
        assert_eq!(hide().event(delta()), None);
        let told = Redactor::from(Hide { pieces: true }).event(delta());
        assert_eq!(told, Some(Event::Delta { kind: DeltaKind::Text, text: "a ***".into() }));
    }

    #[tokio::test]
    async fn a_piece_that_joins_an_unread_one_is_redacted_too() {
        let mut run = CallContext::new();
        run.set_redactor(Hide { pieces: true }.into());
        let mut events = run.subscribe();
        for piece in ["a ", SECRET, " b"] {
            run.deliver(Instant::now(), DeltaKind::Text, piece);
        }
        let told = events.next().await.map(|envelope| envelope.event);
        assert_eq!(told, Some(Event::Delta { kind: DeltaKind::Text, text: "a *** b".into() }));
    }

    #[test]
    fn a_whole_answer_is_one_after_redaction_too() {
        let cause = Error::tool_execution("over budget").with_finished(Output::from(SECRET));
        let all = hide().error(Error::new(ErrorKind::FallbacksFailed { causes: vec![cause.clone()] }));
        let ErrorKind::FallbacksFailed { causes } = all.kind() else { panic!("{all:?}") };
        assert_eq!(causes[0].finished(), Some(&Output::from("***")));
        let Some(Event::Error { error }) = hide().event(Event::Error { error: cause }) else { panic!("it is told") };
        assert_eq!(error.finished(), Some(&Output::from("***")));
    }
}

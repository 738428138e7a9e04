use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orch_core::{CallContext, Class, DeltaKind, Error, ErrorKind, HasContext, Output, Usage};
use tokio::time::Instant;

use super::collected::Collected;
use super::{ChatEvent, ChatRequest, ChatResponse, ToolCallPiece};
use crate::Provider;
use crate::pricing::Price;
use crate::tokens;

/// Where a provider puts what arrives: each event is one call, which notes the progress, emits the delta,
/// keeps the usage up to date and collects the answer.
///
/// Clones share the answer, so whoever started the call still has what arrived when the provider fails.
#[derive(Clone)]
pub struct ChatSink(Arc<Inner>);

struct Inner {
    context: CallContext,
    tally: Arc<Tally>,
}

/// The answer as far as it has come, and what is needed to say what it used.
struct Tally {
    input_tokens: u64,
    price: Option<Price>,
    collected: Mutex<Collected>,
}

impl ChatSink {
    /// A sink for one call of `request`, at a price if it is known.
    #[must_use]
    pub fn new(request: &ChatRequest, price: Option<Price>) -> Self {
        if request.stream() {
            request.context().progress().expect_chunks();
        }
        let tally = Tally { input_tokens: tokens::in_request(request), price, collected: Mutex::default() };
        Self(Arc::new(Inner { context: request.context().clone(), tally: Arc::new(tally) }))
    }

    /// A sink for one call of `request` to `provider`, at the provider's price.
    #[must_use]
    pub fn of<P: Provider + ?Sized>(provider: &P, request: &ChatRequest) -> Self {
        Self::new(request, provider.price(provider.info().model_for(request)))
    }

    /// Takes what arrived at `now`.
    ///
    /// Text, refusals, reasoning and tool calls go to the listeners, and all but reasoning commit the attempt. An
    /// empty piece is only a sign of life, like [`ChatEvent::Heartbeat`].
    pub fn event(&self, now: Instant, event: ChatEvent) {
        if matches!(event, ChatEvent::Heartbeat) {
            return self.0.context.progress().heartbeat(now);
        }
        self.deliver(now, &event);
        let begins = {
            let mut collected = self.lock();
            let begun = collected.has_begun();
            collected.apply(event);
            !begun && collected.has_begun()
        };
        if begins {
            let tally = Arc::clone(&self.0.tally);
            self.0.context.progress().tell_usage(Arc::new(move || tally.usage()));
        }
    }

    fn deliver(&self, now: Instant, event: &ChatEvent) {
        let context = &self.0.context;
        match event {
            ChatEvent::Text(text) if !text.is_empty() => context.deliver(now, DeltaKind::Text, text),
            ChatEvent::Refusal(text) if !text.is_empty() => context.deliver(now, DeltaKind::Refusal, text),
            ChatEvent::Reasoning(text) if !text.is_empty() => context.deliver(now, DeltaKind::Reasoning, text),
            ChatEvent::ToolCall(ToolCallPiece { arguments, .. }) if !arguments.is_empty() => {
                context.deliver(now, DeltaKind::ToolCall, arguments);
            }
            _ => context.progress().heartbeat(now),
        }
    }

    /// The whole answer.
    ///
    /// # Errors
    /// `BadOutput` when the answer has more than 1,024 tool calls; `StreamBroken` when no [`ChatEvent::End`] has
    /// arrived: an answer without its terminal event is not whole.
    pub fn finish(&self) -> Result<ChatResponse, Error> {
        self.check()?;
        if self.lock().has_ended() {
            return Ok(self.partial());
        }
        Err(Error::new(ErrorKind::StreamBroken { reason: "the answer ended before its terminal event".into() }))
    }

    /// Why the answer cannot be used, however it goes on.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.lock().check()
    }

    /// What has arrived so far, and what it used.
    #[must_use]
    pub fn partial(&self) -> ChatResponse {
        self.lock().response(self.0.tally.input_tokens, self.0.tally.price.as_ref())
    }

    /// The error of a call that failed with `error`: what had arrived is its output, and a failure that could have
    /// been retried is `StreamBroken` once anything was delivered.
    #[must_use]
    pub fn fail(&self, error: Error) -> Error {
        if !self.lock().has_begun() {
            return error;
        }
        let error = if error.class() == Class::Transient && self.0.context.progress().committed() {
            broken(error)
        } else {
            error
        };
        match error.output() {
            Some(_) => error,
            None => error.with_output(Output::from(self.partial())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.tally.lock()
    }
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usage(&self) -> Usage {
        self.lock().usage(self.input_tokens, self.price.as_ref())
    }
}

/// A stream that broke by `error`.
pub(crate) fn broken(error: Error) -> Error {
    let broken = Error::new(ErrorKind::StreamBroken { reason: error.to_string().into() });
    let broken = error.limits().map_or(broken.clone(), |limits| broken.with_limits(limits));
    broken.with_source(error)
}

impl fmt::Debug for ChatSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatSink")
            .field("price", &self.0.tally.price)
            .field("collected", &*self.lock())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use orch_core::{Counted, Event};

    use super::*;
    use crate::chat::FinishReason;

    fn text(piece: &str) -> ChatEvent {
        ChatEvent::Text(piece.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn only_content_commits_and_only_content_is_the_first_chunk() {
        let request = ChatRequest::user("?");
        let (sink, progress) = (ChatSink::new(&request, None), request.context().progress().clone());
        for event in [
            ChatEvent::Start { model: None, request_id: None },
            ChatEvent::Heartbeat,
            ChatEvent::Limits(orch_core::LimitHint::default()),
            text(""),
        ] {
            sink.event(Instant::now(), event);
        }
        assert!(progress.last_at().is_some() && progress.first_at().is_none());
        sink.event(Instant::now(), ChatEvent::Reasoning("hm".into()));
        assert!(progress.first_at().is_some() && !progress.committed());
        sink.event(Instant::now(), text("so"));
        assert!(progress.committed());
    }

    #[tokio::test]
    async fn deltas_of_each_kind_add_up_to_the_response() {
        let mut request = ChatRequest::user("?");
        let mut events = request.context_mut().subscribe();
        let sink = ChatSink::new(&request, None);
        let call = ToolCallPiece { id: Some("1".into()), name: Some("f".into()), arguments: "{}".into(), index: 0 };
        for event in [
            ChatEvent::Reasoning("let me ".into()),
            ChatEvent::Reasoning("see".into()),
            text("yes"),
            text(", but"),
            ChatEvent::Refusal("no".into()),
            ChatEvent::ToolCall(call),
            ChatEvent::End { reason: FinishReason::ToolCalls },
            ChatEvent::End { reason: FinishReason::Stop },
        ] {
            sink.event(Instant::now(), event);
        }
        let response = sink.finish().unwrap();
        assert_eq!(response.finish, Some(FinishReason::ToolCalls));
        drop((sink, request));
        let mut said = std::collections::HashMap::<DeltaKind, String>::new();
        while let Some(envelope) = events.next().await {
            if let Event::Delta { kind, text } = envelope.event {
                said.entry(kind).or_default().push_str(&text);
            }
        }
        assert_eq!(said[&DeltaKind::Text], response.text);
        assert_eq!(Some(&said[&DeltaKind::Reasoning]), response.reasoning.as_ref());
        assert_eq!(Some(&said[&DeltaKind::Refusal]), response.refusal.as_ref());
        assert_eq!(said[&DeltaKind::ToolCall], response.tool_calls[0].arguments);
    }

    #[test]
    fn usage_after_the_end_still_counts() {
        let sink = ChatSink::new(&ChatRequest::user("?"), None);
        sink.event(Instant::now(), ChatEvent::End { reason: FinishReason::Stop });
        let usage = Usage::new().input(Counted::reported(9)).output(Counted::reported(0));
        sink.event(Instant::now(), ChatEvent::Usage(usage.clone()));
        assert_eq!(sink.finish().unwrap().usage, usage);
    }

    #[test]
    fn an_answer_with_too_many_calls_is_unusable_and_what_it_used_is_kept() {
        let sink = ChatSink::new(&ChatRequest::user("?"), None);
        for index in 0..2_000 {
            let (id, name) = (None, Some("f".into()));
            sink.event(Instant::now(), ChatEvent::ToolCall(ToolCallPiece { index, id, name, arguments: "{}".into() }));
        }
        sink.event(Instant::now(), ChatEvent::End { reason: FinishReason::ToolCalls });
        let error = sink.fail(sink.finish().unwrap_err());
        assert_eq!(error.class(), Class::BadOutput);
        assert!(error.output().unwrap().usage().output_tokens.is_some_and(|tokens| tokens.value > 0));
    }

    #[test]
    fn a_permanent_failure_after_text_keeps_its_kind() {
        let sink = ChatSink::new(&ChatRequest::user("?"), None);
        sink.event(Instant::now(), text("half"));
        let error = sink.fail(Error::tool_execution("no more"));
        assert_eq!((error.class(), error.to_string().as_str()), (Class::Permanent, "no more"));
        assert_eq!(error.output().unwrap().content().as_text(), Some("half"));
    }
}

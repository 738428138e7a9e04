use orch_core::{CallContext, Counted, DeltaKind, Event, EventStream, HasContext, Source, Usage};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

use tower::ServiceExt;

use crate::chat::{ChatRequest, ChatResponse};
use crate::provider::Provider;
use crate::service::ProviderService;

/// A call that succeeded, with what was seen of it from outside.
pub(super) struct Heard {
    pub(super) response: ChatResponse,
    /// What listeners were told of the text.
    text: String,
    /// What the context's progress knows when the call is over.
    usage: Usage,
    committed: bool,
    began: bool,
}

impl Heard {
    /// Makes a call and listens.
    pub(super) async fn of(provider: &Arc<dyn Provider>, request: ChatRequest) -> Result<Self, String> {
        let (call, mut events) = listened(request);
        let progress = call.context().progress().clone();
        let answered = ProviderService::shared(Arc::clone(provider)).oneshot(call).await;
        let response = answered.map_err(|error| format!("{} ({error})", error.class()))?;
        let text = said(&mut events).await;
        let (usage, committed) = (progress.usage(), progress.committed());
        Ok(Self { response, text, usage, committed, began: progress.first_at().is_some() })
    }

    /// Whether it is an answer, and what was told on the way is the same.
    pub(super) fn is_an_answer(&self) -> Result<(), String> {
        let ChatResponse { text, refusal, reasoning, tool_calls, finish, usage, .. } = &self.response;
        if finish.is_none() {
            return Err("the answer does not say why it ended".to_owned());
        }
        if text.is_empty() && refusal.is_none() && reasoning.is_none() && tool_calls.is_empty() {
            return Err("the answer says nothing".to_owned());
        }
        if self.text != *text {
            return Err(format!("listeners were told {:?}, and the answer says {text:?}", self.text));
        }
        if !self.began || self.committed == (text.is_empty() && refusal.is_none() && tool_calls.is_empty()) {
            return Err("the progress does not show what was delivered".to_owned());
        }
        if self.usage != *usage {
            return Err("the progress and the answer tell different usages".to_owned());
        }
        Ok(())
    }

    /// How it ended and what it used, for the report.
    pub(super) fn remark(&self) -> String {
        let finish = self.response.finish.as_ref().map(|finish| format!("{finish:?}")).unwrap_or_default();
        let Usage { input_tokens, output_tokens, .. } = &self.response.usage;
        format!("{}, tokens: {} in, {} out", finish.to_lowercase(), count(*input_tokens), count(*output_tokens))
    }
}

/// The request, with somebody who listens to its events.
pub(super) fn listened(mut request: ChatRequest) -> (ChatRequest, EventStream) {
    let mut context = CallContext::new();
    let events = context.subscribe();
    *request.context_mut() = context;
    (request, events)
}

/// The text of the events that are there.
async fn said(events: &mut EventStream) -> String {
    let mut text = String::new();
    while let Ok(Some(envelope)) = timeout(Duration::ZERO, events.next()).await {
        if let Event::Delta { kind: DeltaKind::Text, text: piece } = envelope.event {
            text.push_str(&piece);
        }
    }
    text
}

fn count(tokens: Option<Counted<u64>>) -> String {
    match tokens {
        None => "unknown".to_owned(),
        Some(Counted { value, source: Source::Reported }) => value.to_string(),
        Some(Counted { value, .. }) => format!("about {value} (not reported)"),
    }
}

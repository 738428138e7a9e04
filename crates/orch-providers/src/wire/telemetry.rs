//! The names under which a call appears in traces: those of [`orch_core::telemetry`]. What is
//! asked and answered is not recorded.

use orch_core::{HasContext, Usage, telemetry as names};
use tracing::Span;
use tracing::field::Empty;

use crate::chat::{ChatRequest, ChatResponse, FinishReason};
use crate::provider::ProviderInfo;

/// The span of one attempt; `seed` is the one that is sent.
pub(super) fn attempt(info: &ProviderInfo, request: &ChatRequest, seed: Option<u64>) -> Span {
    tracing::info_span!(
        "chat",
        { names::OPERATION } = names::CHAT,
        { names::PROVIDER } = info.name(),
        { names::REQUEST_MODEL } = info.model_for(request),
        { names::REQUEST_SEED } = seed,
        { names::REQUEST_TEMPERATURE } = request.temperature(),
        { names::REQUEST_MAX_TOKENS } = request.max_tokens(),
        { names::RESPONSE_MODEL } = Empty,
        { names::RESPONSE_ID } = Empty,
        { names::RESPONSE_FINISH } = Empty,
        { names::USAGE_INPUT } = Empty,
        { names::USAGE_OUTPUT } = Empty,
        { names::ATTEMPT } = request.context().attempt(),
    )
}

/// What is known once the answer is there.
pub(super) fn record(span: &Span, response: &ChatResponse) {
    let Usage { input_tokens, output_tokens, .. } = &response.usage;
    span.record(names::RESPONSE_MODEL, response.model.as_deref());
    span.record(names::RESPONSE_ID, response.request_id.as_deref());
    span.record(names::RESPONSE_FINISH, response.finish.as_ref().map(finish));
    span.record(names::USAGE_INPUT, input_tokens.map(|tokens| tokens.value));
    span.record(names::USAGE_OUTPUT, output_tokens.map(|tokens| tokens.value));
}

fn finish(reason: &FinishReason) -> &str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Paused => "paused",
        FinishReason::Other(other) => other,
    }
}

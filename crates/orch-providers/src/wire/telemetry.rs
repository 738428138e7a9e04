//! The names under which a call appears in traces: those of OpenTelemetry's GenAI conventions, in one place. What is
//! asked and answered is not recorded.

use orch_core::{HasContext, Usage};
use tracing::Span;
use tracing::field::Empty;

use crate::chat::{ChatRequest, ChatResponse, FinishReason};
use crate::provider::ProviderInfo;

/// The span of one attempt; `seed` is the one that is sent.
pub(super) fn attempt(info: &ProviderInfo, request: &ChatRequest, seed: Option<u64>) -> Span {
    tracing::info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = info.name(),
        gen_ai.request.model = info.model_for(request),
        gen_ai.request.seed = seed,
        gen_ai.request.temperature = request.temperature(),
        gen_ai.request.max_tokens = request.max_tokens(),
        gen_ai.response.model = Empty,
        gen_ai.response.id = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        attempt = request.context().attempt(),
    )
}

/// What is known once the answer is there.
pub(super) fn record(span: &Span, response: &ChatResponse) {
    let Usage { input_tokens, output_tokens, .. } = &response.usage;
    span.record("gen_ai.response.model", response.model.as_deref());
    span.record("gen_ai.response.id", response.request_id.as_deref());
    span.record("gen_ai.response.finish_reasons", response.finish.as_ref().map(finish));
    span.record("gen_ai.usage.input_tokens", input_tokens.map(|tokens| tokens.value));
    span.record("gen_ai.usage.output_tokens", output_tokens.map(|tokens| tokens.value));
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

use orch_core::{CallContext, Error, telemetry as names};
use tracing::field::{Empty, display};
use tracing::{Span, debug_span, info_span};

/// The span of a call. Nothing is read from the context, ids included, unless somebody listens.
pub(super) fn call_span(context: &CallContext) -> Span {
    info_span!(
        "call",
        { names::OPERATION } = names::EXECUTE_TOOL,
        { names::TOOL } = context.tool().map(AsRef::<str>::as_ref),
        { names::REQUEST_ID } = context.request_id().as_ref(),
        { names::TRACE_ID } = context.trace_id().as_ref(),
        { names::TARGET } = context.is_scoped().then(|| context.target().as_str()),
        { names::REPLICATE } = context.replicate(),
        { names::OUTCOME } = Empty,
        { names::ERROR } = Empty,
        { names::STOPPED } = Empty,
    )
}

/// The span of one attempt.
pub(crate) fn attempt_span(context: &CallContext) -> Span {
    debug_span!(
        "attempt",
        { names::TOOL } = context.tool().map(AsRef::<str>::as_ref),
        { names::TARGET } = context.target().as_str(),
        { names::REPLICATE } = context.replicate(),
        { names::ATTEMPT } = context.attempt(),
    )
}

/// Notes how a call ended.
pub(super) fn record<T>(span: &Span, result: &Result<T, Error>) {
    match result {
        Ok(_) => {
            span.record(names::OUTCOME, "ok");
        }
        Err(error) => {
            span.record(names::OUTCOME, "error").record(names::ERROR, display(error.class()));
            if let Some(stopped) = error.stopped() {
                span.record(names::STOPPED, display(stopped));
            }
        }
    }
}

use orch_core::{Class, Error, ErrorKind, Progress};

/// `error`, unless a part of the answer was delivered before it: then whatever broke the call broke its stream,
/// and no layer may say the beginning of the answer twice.
///
/// The new error keeps what the old one knew (the partial output, the hint, the tool) and has it as its source.
pub(crate) fn unless_committed(error: Error, progress: &Progress) -> Error {
    let breaks_off = matches!(error.class(), Class::Throttled | Class::Transient | Class::Timeout);
    if !breaks_off || !progress.committed() {
        return error;
    }
    let mut broken = Error::new(ErrorKind::StreamBroken { reason: error.to_string().into() });
    if let Some(tool) = error.tool() {
        broken = broken.with_tool(tool);
    }
    if let Some(effect) = error.effect() {
        broken = broken.with_effect(effect);
    }
    if let Some(wait) = error.retry_after() {
        broken = broken.with_retry_after(wait);
    }
    if let Some(limits) = error.limits() {
        broken = broken.with_limits(limits);
    }
    if let Some(output) = error.output() {
        broken = broken.with_output(output.clone());
    }
    broken.with_attempts(error.attempts().to_vec()).with_source(error)
}

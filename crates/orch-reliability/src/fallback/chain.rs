use orch_core::{
    AttemptRecord, CallContext, Error, ErrorKind, Event, HasContext, Output, Request, Route, Stopped, Target, Verdict,
};
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::policy::moves_on;
use crate::commit::unless_committed;

/// Tries the candidates one after the other.
pub(super) async fn run<S>(mut inner: S, mut request: Request) -> Result<Output, Error>
where
    S: Service<Request, Response = Output>,
    S::Error: Into<Error>,
{
    let mut causes: Vec<Error> = Vec::new();
    loop {
        let started = Instant::now();
        let result = match inner.ready().await {
            Ok(ready) => ready.call(request.clone()).await,
            Err(error) => Err(error),
        };
        let error = match result {
            Ok(output) => return Ok(output),
            Err(error) => error.into(),
        };
        let now = Instant::now();
        let context = request.context();
        let progress = context.progress();
        let committed = progress.committed() || error.stopped() == Some(Stopped::Committed);
        let next = request.route().and_then(Route::next);
        let moves_on = moves_on(&error, committed) && context.check(now).is_ok();
        match next {
            Some(next) if moves_on => {
                let from = request.route().map(Route::tool).unwrap_or_default();
                causes.push(moved(context, from, next.tool(), error, started, now));
                request = request.with_route(next);
                request.context_mut().begin_attempt(1, now);
            }
            None if moves_on && !causes.is_empty() => {
                causes.push(error);
                return Err(all_failed(causes));
            }
            _ => return Err(after(&causes, unless_committed(error, progress))),
        }
    }
}

/// Tells of the move, and keeps a record of the failed attempt unless a retry layer inside has kept its own.
fn moved(context: &CallContext, from: &str, to: &str, error: Error, started: Instant, now: Instant) -> Error {
    context.emit(|| Event::FallbackStarted { from: from.into(), to: to.into(), class: error.class() });
    if !error.attempts().is_empty() {
        return error;
    }
    let record = AttemptRecord {
        tool: Some(from.into()),
        // Whom the tool reaches is known in its scope alone; by default that is its name.
        target: Target::new(from),
        replicate: context.replicate(),
        attempt: 1,
        started: started.saturating_duration_since(context.started()),
        elapsed: now.saturating_duration_since(started),
        class: Some(error.class()),
        message: Some(error.to_string().into()),
        usage: error.output().map_or_else(|| context.progress().usage(), |output| output.usage().clone()),
        wait: None,
        verdict: Verdict::FellBack,
    };
    context.attempts().push(record.clone());
    error.with_attempts(vec![record])
}

fn all_failed(causes: Vec<Error>) -> Error {
    let hint = causes.iter().filter_map(Error::retry_after).min();
    let attempts = causes.iter().flat_map(|cause| cause.attempts().iter().cloned()).collect();
    let untouched = causes.iter().all(Error::not_executed);
    let mut error = Error::new(ErrorKind::FallbacksFailed { causes }).with_attempts(attempts);
    if let Some(hint) = hint {
        error = error.with_retry_after(hint);
    }
    if untouched { error.with_not_executed() } else { error }
}

/// The error that ended the chain, with the attempts of the candidates before it.
fn after(causes: &[Error], error: Error) -> Error {
    if causes.is_empty() {
        return error;
    }
    let attempts = causes.iter().chain([&error]).flat_map(|cause| cause.attempts().iter().cloned()).collect();
    error.with_attempts(attempts)
}

//! One replicate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use orch_core::{
    Amount, BudgetKind, Deadline, Error, ErrorKind, Event, HasContext, Meter, Output, Request, Usage, try_ready,
};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tower::Service;

/// How a replicate ended.
pub(super) struct Ended {
    pub(super) index: u32,
    pub(super) result: Result<Output, Error>,
    pub(super) elapsed: Duration,
}

/// On which terms it runs.
pub(super) struct Terms {
    /// Whose permit it needs.
    pub(super) parallel: Option<Arc<Semaphore>>,
    /// How long it may take.
    pub(super) limit: Option<Duration>,
    /// Set when it begins.
    pub(super) begun: Arc<AtomicBool>,
}

/// Calls the service once there is a permit. Its time counts from then on.
pub(super) async fn replicate<S>(
    mut service: S,
    mut request: Request,
    index: u32,
    Terms { parallel, limit, begun }: Terms,
) -> Ended
where
    S: Service<Request, Response = Output> + Clone,
    S::Error: Into<Error>,
{
    // A closed semaphore limits nothing.
    let _permit = match parallel {
        Some(parallel) => parallel.acquire_owned().await.ok(),
        None => None,
    };
    begun.store(true, Ordering::Relaxed);
    let started = Instant::now();
    let context = request.context_mut();
    context.begin_attempt(1, started);
    if let Some(limit) = limit {
        context.limit_deadline(Deadline::of_budget(started, limit));
    }
    let seed = context.seed();
    context.emit(|| Event::ReplicateStarted { seed });
    let context = context.clone();
    let call = try_ready(&mut service, request);
    let result = match limit {
        Some(limit) => match timeout(limit, call).await {
            Ok(result) => result.map_err(Into::into),
            Err(_) => Err(too_long(index, limit, started.elapsed())),
        },
        None => call.await.map_err(Into::into),
    };
    context.note_life(started);
    Ended { index, result, elapsed: started.elapsed() }
}

fn too_long(index: u32, limit: Duration, actual: Duration) -> Error {
    let (limit, actual) = (Amount::Time(limit), Amount::Time(actual));
    Error::new(ErrorKind::BudgetExceeded { budget: BudgetKind::Time, limit, actual, level: level(index).into() })
}

/// The name of a replicate's own account.
fn level(index: u32) -> String {
    format!("replicate {index}")
}

/// Whether the money of the run, whose account this is, is gone, and not only what a part of it may spend: this
/// replicate, or a bundle or a plan inside it. A limit that no account of this process has is shared with others.
pub(super) fn out_of_money(error: &Error, run: &Meter) -> bool {
    match error.kind() {
        ErrorKind::BudgetExceeded { budget: BudgetKind::Time, .. } => false,
        ErrorKind::BudgetExceeded { level, .. } => run.is_limited_by(level) || !is_of_a_part(level),
        _ => false,
    }
}

/// Whether it is what accounts of parts of a run are called.
fn is_of_a_part(level: &str) -> bool {
    level == "bundle" || level.starts_with("replicate ") || level.starts_with("step ")
}

/// What a replicate used: what was booked for it, all attempts included, else what its answer says.
pub(super) fn spent(meter: &Meter, result: &Result<Output, Error>) -> Usage {
    if meter.has_bookings() {
        return meter.usage();
    }
    let output = match result {
        Ok(output) => Some(output),
        Err(error) => error.output(),
    };
    output.map(|output| output.usage().clone()).unwrap_or_default()
}

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use orch_core::{
    AttemptRecord, CallContext, Deadline, Error, Event, HasContext, Limits, Stopped, Usage, Usd, Verdict, Wait,
};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::retry::Policy;

use super::RetryPolicy;
use super::attempt::Failed;
use super::decision::{Situation, decide};
use crate::commit::unless_committed;
use crate::{RetryBudget, Withdrawal};

/// One call: how often it was tried, how long it waited, and what it left in the log.
///
/// [`tower::retry::Retry`] clones it for every call, so what the service holds is always at the beginning.
#[derive(Clone)]
pub(super) struct Session {
    policy: Arc<RetryPolicy>,
    budget: Option<Arc<dyn RetryBudget>>,
    attempt: u32,
    waited: Duration,
    records: Vec<AttemptRecord>,
}

impl Session {
    pub(super) fn new(policy: Arc<RetryPolicy>, budget: Option<Arc<dyn RetryBudget>>) -> Self {
        Self { policy, budget, attempt: 1, waited: Duration::ZERO, records: Vec::new() }
    }

    fn after_failure(&mut self, context: &mut CallContext, failed: &mut Failed) -> Option<Pause> {
        let now = Instant::now();
        context.emit(|| Event::AttemptFailed { class: failed.error.class(), message: failed.error.to_string() });
        match self.plan(context, failed, now) {
            Ok((wait, withdrawal)) => {
                self.keep(context, failed, now, Some(wait), Verdict::Repeated);
                context.emit(|| Event::RetryScheduled { wait: wait.duration, asked_by: wait.asked_by });
                let next = Deadline::after(now, wait.duration).instant();
                self.attempt += 1;
                self.waited = self.waited.saturating_add(wait.duration);
                // The copy that the loop keeps shares the new attempt's progress with the one it sends.
                context.begin_attempt(self.attempt, next);
                Some(Pause { sleep: sleep_until(next), withdrawal: Some(withdrawal) })
            }
            Err(stopped) => {
                self.keep(context, failed, now, None, Verdict::Stopped(stopped));
                let error = unless_committed(failed.error.clone(), context.progress());
                failed.error = error.with_stopped(stopped).with_attempts(self.records.clone());
                None
            }
        }
    }

    fn plan(&self, context: &CallContext, failed: &Failed, now: Instant) -> Result<(Wait, Withdrawal), Stopped> {
        if failed.broken {
            return Err(Stopped::Class);
        }
        let situation = Situation {
            attempt: self.attempt,
            effect: context.effect(),
            committed: context.progress().committed(),
            waited: self.waited,
            deadline: context.deadline().map(|deadline| deadline.instant()),
            chance: self.policy.chance(context.replicate(), self.attempt),
        };
        let planned = decide(&self.policy, &failed.error, &situation, now)?;
        if !affordable(context) {
            return Err(Stopped::Spend);
        }
        let withdrawal = match &self.budget {
            Some(budget) if planned.cost > 0 => budget.withdraw(planned.cost).ok_or(Stopped::RetryBudget)?,
            _ => Withdrawal::free(),
        };
        Ok((planned.wait, withdrawal))
    }

    fn keep(&mut self, context: &CallContext, failed: &Failed, now: Instant, wait: Option<Wait>, verdict: Verdict) {
        let error = &failed.error;
        let usage = error.output().map_or_else(|| context.progress().usage(), |output| output.usage().clone());
        let record = AttemptRecord {
            class: Some(error.class()),
            message: Some(error.to_string().into()),
            usage,
            wait,
            ..self.record(context, failed.started, now, verdict)
        };
        context.attempts().push(record.clone());
        self.records.push(record);
    }

    fn after_success(&self, context: &CallContext) {
        if self.attempt > 1 {
            let (progress, now) = (context.progress(), Instant::now());
            let usage = progress.usage();
            let record = self.record(context, progress.started(), now, Verdict::Succeeded);
            context.attempts().push(AttemptRecord { usage, ..record });
        }
    }

    fn record(&self, context: &CallContext, started: Instant, now: Instant, verdict: Verdict) -> AttemptRecord {
        AttemptRecord {
            tool: context.tool().cloned(),
            target: context.target().clone(),
            replicate: context.replicate(),
            attempt: self.attempt,
            started: started.saturating_duration_since(context.started()),
            elapsed: now.saturating_duration_since(started),
            class: None,
            message: None,
            usage: Usage::new(),
            wait: None,
            verdict,
        }
    }
}

/// Whether what is left pays for one more estimate; of an unknown amount, the smallest.
fn affordable(context: &CallContext) -> bool {
    let (Limits { tokens, cost }, estimate) = (context.meter().remaining(), context.estimate());
    tokens.is_none_or(|left| left >= estimate.tokens().unwrap_or(1))
        && cost.is_none_or(|left| left >= estimate.cost.unwrap_or(Usd::from_nanos(1)))
}

impl<R, T> Policy<R, T, Failed> for Session
where
    R: HasContext + Clone,
{
    type Future = Pause;

    fn retry(&mut self, request: &mut R, result: &mut Result<T, Failed>) -> Option<Pause> {
        match result {
            Ok(_) => {
                self.after_success(request.context());
                None
            }
            Err(failed) => self.after_failure(request.context_mut(), failed),
        }
    }

    fn clone_request(&mut self, request: &R) -> Option<R> {
        Some(request.clone())
    }
}

/// The error of an attempt whose fate is decided.
impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

pin_project! {
    /// The wait before a repeat. Dropped early, it gives back what was taken from the retry budget.
    pub(super) struct Pause {
        #[pin]
        sleep: Sleep,
        withdrawal: Option<Withdrawal>,
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        ready!(this.sleep.poll(cx));
        if let Some(withdrawal) = this.withdrawal.take() {
            withdrawal.commit();
        }
        Poll::Ready(())
    }
}

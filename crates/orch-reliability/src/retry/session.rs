use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use orch_core::{AttemptRecord, CallContext, Deadline, Error, Event, Limits, Stopped, Usage, Usd, Verdict, Wait};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::RetryPolicy;
use super::decision::{Situation, decide};
use crate::commit::unless_committed;
use crate::{RetryBudget, Withdrawal};

/// What all calls of a layer go by.
#[derive(Clone, Default)]
pub(super) struct Terms {
    pub(super) policy: RetryPolicy,
    pub(super) budget: Option<Arc<dyn RetryBudget>>,
}

impl Terms {
    /// A call begins.
    pub(super) fn deposit(&self) {
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms").field("policy", &self.policy).field("budget", &self.budget.is_some()).finish()
    }
}

/// One call: how often it was tried, how long it waited, and what it left in the log.
pub(super) struct Session {
    terms: Arc<Terms>,
    attempt: u32,
    waited: Duration,
    records: Vec<AttemptRecord>,
}

/// How an attempt failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) started: Instant,
    /// The service below is broken for good.
    pub(super) broken: bool,
}

impl Session {
    pub(super) const fn new(terms: Arc<Terms>) -> Self {
        Self { terms, attempt: 1, waited: Duration::ZERO, records: Vec::new() }
    }

    /// The wait before the next attempt, which the context is made ready for, or the error that the call ends with.
    pub(super) fn after_failure(&mut self, context: &mut CallContext, failed: Failed) -> Result<Pause, Error> {
        let now = Instant::now();
        context.emit(|| Event::AttemptFailed { class: failed.error.class(), message: failed.error.to_string() });
        match self.plan(context, &failed, now) {
            Ok((wait, withdrawal)) => {
                self.keep(context, &failed, now, Some(wait), Verdict::Repeated);
                context.emit(|| Event::RetryScheduled { wait: wait.duration, asked_by: wait.asked_by });
                let next = Deadline::after(now, wait.duration).instant();
                self.attempt += 1;
                self.waited = self.waited.saturating_add(wait.duration);
                // The copy that the loop keeps shares the new attempt's progress with the one it sends.
                context.begin_attempt(self.attempt, next);
                Ok(Pause { sleep: sleep_until(next), withdrawal: Some(withdrawal) })
            }
            Err(stopped) => {
                self.keep(context, &failed, now, None, Verdict::Stopped(stopped));
                let error = unless_committed(failed.error, context.progress());
                Err(error.with_stopped(stopped).with_attempts(std::mem::take(&mut self.records)))
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
            chance: self.terms.policy.chance(context.replicate(), self.attempt),
        };
        let planned = decide(&self.terms.policy, &failed.error, &situation, now)?;
        if !affordable(context) {
            return Err(Stopped::Spend);
        }
        let withdrawal = match &self.terms.budget {
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
            message: Some(error.text()),
            usage,
            wait,
            ..self.record(context, failed.started, now, verdict)
        };
        context.attempts().push(record.clone());
        self.records.push(record);
    }

    pub(super) fn after_success(&self, context: &CallContext) {
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

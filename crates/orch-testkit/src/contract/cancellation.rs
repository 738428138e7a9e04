//! Dropping is cancellation, wherever it happens, and nothing stays behind.

use std::time::Duration;

use orch_core::{Class, Error};
use tower::{Layer, Service};

use super::calls::nothing_left;
use super::{LayerContract, Stack, StackOf, call};
use crate::probe::{Probe, ProbeService};
use crate::rule::Rule;
use crate::time::{poll_n_then_drop, settle};

/// More polls than any layer needs for one call of the probe.
const MAX_POLLS: usize = 1_000;

impl<L> LayerContract<L>
where
    L: Layer<ProbeService>,
    StackOf<L>: Stack,
{
    /// A service that was found ready and is dropped uncalled, and a call whose future is never polled, hold nothing.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn drop_before_call_leaks_nothing(&self) {
        let rule = Rule::of_layers("drop_before_call_leaks_nothing");
        let (stack, probe) = self.around::<Error>();
        for _ in 0..self.concurrency.max(2) {
            drop(ready_clone(rule, &stack).await);
            let mut called = ready_clone(rule, &stack).await;
            drop(called.call(self.next_request()));
            self.at_rest(rule, &probe, "a call that was never polled").await;
        }
        self.as_before(rule, &stack).await;
        nothing_left(rule, &probe, stack).await;
    }

    /// A call is dropped after k polls, for every k until it completes, first while the inner service is not ready and
    /// then while it works. Afterwards the inner service is at rest, and the next call succeeds.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn drop_in_flight_leaks_nothing(&self) {
        let rule = Rule::of_layers("drop_in_flight_leaks_nothing");
        let (stack, probe) = self.around::<Error>();
        probe.ready_after(2);
        probe.answer_after(3);
        for polls in 0.. {
            let completed = self.drop_after(rule, &stack, &probe, polls).await;
            self.as_before(rule, &stack).await;
            if completed {
                break;
            }
        }
        nothing_left(rule, &probe, stack).await;
    }

    /// As [`drop_in_flight_leaks_nothing`](Self::drop_in_flight_leaks_nothing) over an inner service that fails, so
    /// that calls are also dropped while a layer waits to repeat them.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn drop_while_failing_leaks_nothing(&self) {
        let rule = Rule::of_layers("drop_while_failing_leaks_nothing");
        for polls in 0.. {
            // A fresh layer each time: a breaker is right to remember failures.
            let (stack, probe) = self.around::<Error>();
            probe.answer_after(1);
            probe.answer(|_| Err(Error::tool_execution("failing").with_class(Class::Transient).with_not_executed()));
            let completed = self.drop_after(rule, &stack, &probe, polls).await;
            nothing_left(rule, &probe, stack).await;
            if completed {
                break;
            }
        }
    }

    /// Polls a call so many times, drops it, and sees that the inner service is at rest.
    async fn drop_after<S: Stack>(&self, rule: Rule, stack: &S, probe: &Probe, polls: usize) -> bool {
        rule.hold(polls < MAX_POLLS, || format!("a call did not complete within {MAX_POLLS} polls"));
        let (mut clone, request) = (stack.clone(), self.next_request());
        let completed = poll_n_then_drop(async move { call(&mut clone, request).await }, polls).await.is_some();
        self.at_rest(rule, probe, &format!("a call dropped after {polls} polls")).await;
        completed
    }

    /// After a call was dropped, nothing runs in the inner service: at once, or when the detached work has ended.
    async fn at_rest(&self, rule: Rule, probe: &Probe, dropped: &str) {
        if self.detached {
            settle().await;
            let ended = async {
                while probe.counts().in_flight > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            rule.complete(ended).await;
        } else {
            // Work that goes on cannot end now, so it is seen.
            probe.hold();
            settle().await;
        }
        let counts = probe.counts();
        rule.hold(counts.in_flight == 0 && counts.reserved == 0, || {
            format!("{dropped} left something behind, {counts:?}")
        });
        rule.tower_kept(probe);
        probe.release();
    }

    /// As many calls as before fit in at the same time.
    async fn as_before<S: Stack>(&self, rule: Rule, stack: &S) {
        let calls: Vec<_> = (0..self.concurrency)
            .map(|_| {
                let (mut stack, request) = (stack.clone(), self.next_request());
                tokio::spawn(async move { rule.succeed(&mut stack, request).await })
            })
            .collect();
        for task in calls {
            if let Err(panicked) = task.await {
                std::panic::resume_unwind(panicked.into_panic());
            }
        }
    }
}

async fn ready_clone<S: Stack>(rule: Rule, stack: &S) -> S {
    let mut clone = stack.clone();
    let ready = rule.complete(std::future::poll_fn(|cx| clone.poll_ready(cx))).await;
    rule.hold(ready.is_ok(), || "the service failed to become ready".into());
    clone
}

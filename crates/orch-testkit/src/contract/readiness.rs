//! `call` goes to the instance that was found ready, whichever way it became so.

use std::task::{Context, Poll, Waker};

use orch_core::{Error, Output};
use tower::Layer;

use super::{LayerContract, Stack, StackOf, call};
use crate::probe::{Probe, ProbeService};
use crate::rule::Rule;
use crate::time::{Stepper, settle};

impl<L> LayerContract<L>
where
    L: Layer<ProbeService>,
    StackOf<L>: Stack,
{
    /// A ready inner service is called itself, not a clone of it. Not asked of layers that are not
    /// [`in_place`](Self::in_place).
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn ready_inner_is_called_in_place(&self) {
        let rule = Rule::of_layers("ready_inner_is_called_in_place");
        let (mut stack, probe) = self.around::<Error>();
        let before = probe.counts().clones;
        let _ = rule.complete(call(&mut stack, self.next_request())).await;
        rule.tower_kept(&probe);
        let (clones, called) = (probe.counts().clones - before, probe.called());
        rule.hold(!called.is_empty(), || "the inner service was not called".into());
        if self.in_place {
            rule.hold(clones == 0 && called == [0], || {
                format!("{clones} clones were made for one call of a ready service, and it went to instance {called:?}")
            });
        }
    }

    /// While the inner service is not ready, an always-ready layer takes calls all the same. Each parks
    /// the instance that waits and leaves a fresh one in place; when the inner service becomes ready, the parked instance is called.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn waiting_instance_is_called(&self) {
        if !self.always_ready {
            return;
        }
        let rule = Rule::of_layers("waiting_instance_is_called");
        let (mut stack, probe) = self.around::<Error>();
        probe.pending();
        let mut first = self.park(rule, &mut stack, &probe).await;
        let mut second = self.park(rule, &mut stack, &probe).await;
        let waited = probe.waited();
        probe.ready();
        for call in [&mut first, &mut second] {
            settle().await;
            rule.hold(call.wakes() > 0, || "a parked call was not woken when the inner service became ready".into());
        }
        for call in [first, second] {
            let result = rule.complete(call.finish()).await;
            rule.hold(result.is_ok(), || format!("a parked call failed: {result:?}"));
        }
        rule.tower_kept(&probe);
        if self.in_place {
            let called = probe.called();
            rule.hold(called.len() == 2 && called.contains(&0) && called.iter().all(|id| waited.contains(id)), || {
                format!(
                    "instances {waited:?} waited, the first of them must be 0, but instances {called:?} were called"
                )
            });
        }
    }

    /// Calls while the inner service is not ready: a parked call.
    async fn park<S: Stack>(
        &self,
        rule: Rule,
        stack: &mut S,
        probe: &Probe,
    ) -> Stepper<impl Future<Output = Result<Output, Error>> + use<L, S>> {
        let ready = poll_ready(stack);
        rule.hold(ready == Some(true), || format!("the layer is not ready while its inner service is not: {ready:?}"));
        let future = stack.call(self.next_request());
        let mut parked = Stepper::new(async move { future.await.map_err(Into::into) });
        let answered = parked.poll().is_ready();
        settle().await;
        rule.hold(!answered && probe.counts().calls == 0, || "a call did not wait for its inner service".into());
        parked
    }

    /// A layer that is not [`always_ready`](Self::always_ready) is ready exactly when its inner service is, and wakes
    /// whoever waits for it.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn readiness_is_passed_on(&self) {
        if self.always_ready {
            return;
        }
        let rule = Rule::of_layers("readiness_is_passed_on");
        let (mut stack, probe) = self.around::<Error>();
        probe.pending();
        let ready = poll_ready(&mut stack);
        rule.hold(ready.is_none(), || format!("the layer does not wait for its inner service: {ready:?}"));
        let request = self.next_request();
        let mut waiting = Stepper::new(async move { call(&mut stack, request).await });
        rule.hold(waiting.poll().is_pending(), || "a call did not wait for its inner service".into());
        probe.ready();
        settle().await;
        rule.hold(waiting.wakes() > 0, || "nobody was woken when the inner service became ready".into());
        let result = rule.complete(waiting.finish()).await;
        rule.hold(result.is_ok(), || format!("the call failed: {result:?}"));
        rule.tower_kept(&probe);
    }

    /// `poll_ready` of an always-ready layer says that it is ready and holds no place in its inner service.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn poll_ready_reserves_nothing(&self) {
        if !self.always_ready {
            return;
        }
        let rule = Rule::of_layers("poll_ready_reserves_nothing");
        let (mut stack, probe) = self.around::<Error>();
        let ready = poll_ready(&mut stack);
        settle().await;
        rule.hold(ready == Some(true), || format!("the layer is not ready: {ready:?}"));
        let counts = probe.counts();
        rule.hold(counts.reserved == 0, || format!("a place in the inner service is held before any call, {counts:?}"));
    }

    /// When the inner service says that it is broken, the caller gets that error.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn readiness_errors_are_delivered(&self) {
        let rule = Rule::of_layers("readiness_errors_are_delivered");
        let (mut stack, probe) = self.around::<Error>();
        probe.broken(Error::tool_execution("the inner service is broken"));
        if self.always_ready {
            let ready = poll_ready(&mut stack);
            rule.hold(ready == Some(true), || format!("the layer is not ready over a broken service: {ready:?}"));
        }
        let result = rule.complete(call(&mut stack, self.next_request())).await;
        let told = matches!(&result, Err(error) if error.to_string().contains("the inner service is broken"));
        rule.hold(told, || format!("the caller got {result:?}"));
        rule.hold(probe.counts().calls == 0, || "a broken service was called".into());
    }
}

/// One `poll_ready`: ready, failed, or (`None`) pending.
fn poll_ready<S: Stack>(stack: &mut S) -> Option<bool> {
    match stack.poll_ready(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result.is_ok()),
        Poll::Pending => None,
    }
}

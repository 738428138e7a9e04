//! A call that waits is woken by what it waits for, and by nothing else.

use orch_core::Error;
use tower::Layer;

use super::{LayerContract, Stack, StackOf, call};
use crate::probe::ProbeService;
use crate::rule::Rule;
use crate::time::{Stepper, settle, wakes_while_idle};

/// Fruitless polls that are no busy loop yet: a layer that spawns may be woken a few times by its own task.
const FEW: usize = 16;

impl<L> LayerContract<L>
where
    L: Layer<ProbeService>,
    StackOf<L>: Stack,
{
    /// A call that is pending has registered its waker: it sleeps while nothing happens, and wakes when the inner
    /// service goes on.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn wakes_only_when_something_happened(&self) {
        let rule = Rule::of_layers("wakes_only_when_something_happened");
        let (mut stack, probe) = self.around::<Error>();
        probe.pending();
        probe.hold();
        let request = self.next_request();
        let mut waiting = Stepper::new(async move { call(&mut stack, request).await });
        for what in ["becomes ready", "answers"] {
            let wakes = wakes_while_idle(&mut waiting, FEW).await;
            rule.hold(wakes < FEW, || format!("a call wakes itself while it waits until its inner service {what}"));
            let before = waiting.wakes();
            match what {
                "answers" => probe.release(),
                _ => probe.ready(),
            }
            settle().await;
            // A layer with a task of its own goes on there, and wakes its caller only at the end.
            let went_on = waiting.wakes() > before || (what != "answers" && probe.counts().calls > 0);
            rule.hold(went_on, || format!("a call was not woken when its inner service {what}"));
        }
        let result = rule.complete(waiting.finish()).await;
        rule.hold(result.is_ok(), || format!("the call failed: {result:?}"));
    }
}

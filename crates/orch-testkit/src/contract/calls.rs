//! Calls and clones do what they would do without the layer.

use orch_core::{Counted, Error, Output, Usage};
use serde_json::json;
use tower::Layer;

use super::{LayerContract, Stack, StackOf, call};
use crate::probe::{Probe, ProbeService};
use crate::rule::Rule;
use crate::time::{Stepper, settle};

const SEQUENTIAL: usize = 100;

impl<L> LayerContract<L>
where
    L: Layer<ProbeService>,
    StackOf<L>: Stack,
{
    /// Content, usage, model and metadata arrive as the inner service gave them.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn responses_kept(&self) {
        if !self.keeps_responses {
            return;
        }
        let rule = Rule::of_layers("responses_kept");
        let (mut stack, probe) = self.around::<Error>();
        probe.answer(|_| Ok(sample()));
        let output = rule.answer(&mut stack, self.next_request()).await;
        let sample = sample();
        let kept = output.content() == sample.content()
            && output.usage() == sample.usage()
            && output.model() == sample.model()
            && sample.metadata().iter().all(|(key, value)| output.metadata().get(key) == Some(value));
        rule.hold(kept, || format!("{sample:?} became {output:?}"));
    }

    /// A hundred calls after each other succeed, each on an instance that was ready.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn sequential_calls_complete(&self) {
        let rule = Rule::of_layers("sequential_calls_complete");
        let (mut stack, probe) = self.around::<Error>();
        probe.ready_after(1);
        probe.answer_after(1);
        for _ in 0..SEQUENTIAL {
            rule.succeed(&mut stack, self.next_request()).await;
        }
        rule.tower_kept(&probe);
        nothing_left(rule, &probe, stack).await;
    }

    /// So many calls at the same time, as [`concurrency`](Self::concurrency) says, succeed.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn concurrent_calls_complete(&self) {
        let rule = Rule::of_layers("concurrent_calls_complete");
        let (stack, probe) = self.around::<Error>();
        probe.ready_after(1);
        probe.answer_after(2);
        let calls: Vec<_> = (0..self.concurrency)
            .map(|_| {
                let (mut stack, request) = (stack.clone(), self.next_request());
                tokio::spawn(async move { call(&mut stack, request).await })
            })
            .collect();
        for task in calls {
            match rule.complete(task).await {
                Ok(result) => rule.hold(result.is_ok(), || format!("a call failed: {result:?}")),
                Err(panicked) => rule.broken(panicked),
            }
        }
        rule.tower_kept(&probe);
        nothing_left(rule, &probe, stack).await;
    }

    /// A clone works beside the service it came from, and goes on when that was dropped in the middle of a call.
    ///
    /// # Panics
    /// When the layer breaks the rule.
    pub async fn clones_are_independent(&self) {
        let rule = Rule::of_layers("clones_are_independent");
        let (mut original, probe) = self.around::<Error>();
        let mut clone = original.clone();
        rule.succeed(&mut clone, self.next_request()).await;
        rule.succeed(&mut original, self.next_request()).await;
        probe.hold();
        let request = self.next_request();
        let mut held = Stepper::new(async move { call(&mut original, request).await });
        rule.hold(held.poll().is_pending(), || "a call answered before its inner service did".into());
        settle().await;
        probe.release();
        drop(held);
        rule.succeed(&mut clone, self.next_request()).await;
        rule.tower_kept(&probe);
        nothing_left(rule, &probe, clone).await;
    }
}

/// After everything that used it is gone, no instance of the inner service and no call is left.
pub(super) async fn nothing_left<S: Stack>(rule: Rule, probe: &Probe, stack: S) {
    drop(stack);
    settle().await;
    let counts = probe.counts();
    rule.hold(counts.in_flight == 0 && counts.alive == 0, || {
        format!("calls or instances are left although the service was dropped, {counts:?}")
    });
}

fn sample() -> Output {
    Output::new(json!({ "answer": [1, "two", null] }))
        .with_usage(Usage::new().input(Counted::reported(7)).output(Counted::estimated(3)))
        .with_model("probe-1")
        .with_metadata("finish_reason", "stop")
}

use std::sync::Arc;

use orch_core::{BoxTool, CallContext, Deadline, Effect, Error, HasContext, Request};
use tokio::time::Instant;
use tower::{Service, service_fn};

use crate::Client;
use crate::client::Inner;

impl Client {
    /// One of this client's tools with everything that stands around it, as a plain tool: for stacks, workflows and other
    /// clients that know nothing of this one.
    ///
    /// Each call is a run with the tool named, so keys are remembered, and retry, circuit breakers and limits hold. The
    /// call's own context counts: its ids, events, key, account and deadline. The client's deadline is set when it has none,
    /// and the client's budget caps what one call takes from its account.
    ///
    /// In another client, a run with a key is remembered by both. The two must not share one store, where the inner run would wait
    /// for the outer one that waits for it: give one of them a store of its own, or switch its idempotency off with
    /// [`IdempotencyConfig::enabled`](orch_reliability::IdempotencyConfig::enabled).
    ///
    /// # Errors
    /// `UnknownTool`, with the nearest name.
    pub fn into_tool(self, name: &str) -> Result<BoxTool, Error> {
        let tool = self.inner().registry.find(name)?.clone();
        let (spec, effect, name) = (tool.spec().clone(), tool.spec().effect(), Arc::<str>::from(name));
        let run = service_fn(move |request: Request| {
            let (inner, name) = (self.inner(), Arc::clone(&name));
            let (context, mut stack) = (inner.nested(request.context(), effect), inner.reliable.clone());
            let place = inner.in_flight.begin(&context);
            async move {
                let _place = place?;
                // The options of the route it came by are those that were chosen for it.
                let options = request.options().clone();
                stack.call(request.with_options(options).with_tool(name).with_context(context)).await
            }
        });
        Ok(BoxTool::new(spec, run).estimator(move |request| tool.estimate(request)))
    }
}

impl Inner {
    /// The context of a run inside another one.
    fn nested(&self, context: &CallContext, effect: Effect) -> CallContext {
        let now = Instant::now();
        // This client's drain must not cancel the whole run that this one is a part of.
        let mut context = context.clone().with_cancellation(context.cancellation().child_token());
        context.set_in_flight(self.in_flight.clone());
        let (stack, budget) = (&self.stack, self.stack.budget());
        if context.deadline().is_none() {
            context.limit_deadline(Deadline::after(now, stack.deadline()));
        }
        if let Some(time) = budget.time_limit() {
            context.limit_deadline(Deadline::of_budget(now, time));
        }
        if context.parallel().is_none() {
            context = context.with_max_parallel(self.builder.settings().max_parallel);
        }
        context.set_meter(context.meter().child("run", budget.limits()));
        context.set_effect(effect);
        context
    }
}

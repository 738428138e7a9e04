//! Tools, catalogs and requests for tests.

use std::sync::Arc;
use std::time::Duration;

use orch_core::{
    BoxTool, CallContext, Circuit, Deadline, Error, Estimate, HealthBoard, IntoTool, Limits, Meter, Registry,
    RegistryBuilder, Request, Target, ToolSpec, Usd, tool_fn,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Catalog, Plan, Rule, RulePlanner};

/// A tool that answers with its own name and the options it was called with.
pub(crate) fn tool(name: &'static str) -> BoxTool {
    tool_fn(ToolSpec::pure(name), move |request: Request| async move {
        Ok::<_, Error>(json!({ "tool": name, "options": request.options() }))
    })
    .into_tool()
}

pub(crate) fn costing(name: &'static str, estimate: Estimate) -> BoxTool {
    tool(name).estimator(move |_| Ok(estimate))
}

pub(crate) fn tokens(tokens: u64) -> Estimate {
    Estimate::unknown().output(tokens)
}

pub(crate) fn dollars(dollars: f64) -> Estimate {
    Estimate::unknown().cost(Usd::from_dollars(dollars))
}

pub(crate) fn lasting(duration: Duration) -> Estimate {
    Estimate::unknown().duration(duration)
}

/// A catalog that can be made ill, and its moment.
pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) registry: Arc<Registry>,
    pub(crate) health: HealthBoard,
    pub(crate) now: Instant,
}

impl World {
    pub(crate) fn of(tools: impl IntoIterator<Item = BoxTool>) -> Self {
        let builder = tools.into_iter().fold(Registry::builder(), RegistryBuilder::tool);
        let registry = Arc::new(builder.build().unwrap());
        let health = HealthBoard::new();
        Self { catalog: Catalog::new(Arc::clone(&registry), health.clone()), registry, health, now: Instant::now() }
    }

    pub(crate) fn named(names: impl IntoIterator<Item = &'static str>) -> Self {
        Self::of(names.into_iter().map(tool))
    }

    pub(crate) fn open_circuit(self, target: &str, seconds: u64) -> Self {
        let until = self.now + Duration::from_secs(seconds);
        self.health.update(&Target::from(target), |health| health.circuit = Circuit::Open { until });
        self
    }

    pub(crate) fn plan(
        &self,
        rules: impl IntoIterator<Item = Rule>,
        request: impl Into<Request>,
    ) -> Result<Plan, Error> {
        RulePlanner::new(rules).unwrap().plan_at(&self.catalog, &request.into(), self.now)
    }

    /// The tool that is chosen.
    pub(crate) fn choice(&self, rules: impl IntoIterator<Item = Rule>, request: impl Into<Request>) -> String {
        self.plan(rules, request).unwrap().route().tool().to_owned()
    }

    /// A request that must have ended so long after now.
    pub(crate) fn within(&self, input: Value, time: Duration) -> Request {
        Request::new(input).with_context(CallContext::new().with_deadline(Deadline::after(self.now, time)))
    }
}

pub(crate) fn with_limits(input: Value, limits: Limits) -> Request {
    Request::new(input).with_context(CallContext::new().with_meter(Meter::new(limits)))
}

use std::sync::Arc;

use orch_core::{
    Amount, BoxTool, Circuit, Error, Estimate, HasContext, Health, HealthBoard, Registry, Request, Route, ToolSpec,
    did_you_mean,
};
use tokio::time::Instant;

use crate::{Basis, BlockedBy, Capability, Considered, Skip};

/// What a planner may choose from: the registered tools, and how their targets are.
///
/// A clone shows the same tools and the same, living health.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    registry: Arc<Registry>,
    health: HealthBoard,
}

impl Catalog {
    /// The tools of a registry and the board that breakers write their targets' health on.
    pub fn new(registry: impl Into<Arc<Registry>>, health: HealthBoard) -> Self {
        Self { registry: registry.into(), health }
    }

    /// The tools.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What every tool is called, expects and does, in order of registration.
    #[must_use]
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &ToolSpec> {
        self.registry.specs()
    }

    /// The tool of this name.
    ///
    /// # Errors
    /// `UnknownTool` with the nearest name.
    pub fn find(&self, tool: &str) -> Result<&BoxTool, Error> {
        self.registry.find(tool)
    }

    /// The health of a tool's target.
    #[must_use]
    pub fn health(&self, spec: &ToolSpec) -> Health {
        self.health.read(spec.target())
    }

    /// What one call along `route` is expected to use. The tool sees the request as it would be called: with the
    /// route's options, and those of the caller over them.
    ///
    /// # Errors
    /// `UnknownTool`, or the tool's own reason why it cannot be called.
    pub fn estimate(&self, route: &Route, request: &Request) -> Result<Estimate, Error> {
        let tool = self.find(route.tool())?;
        tool.estimate(&along(route, request))
    }

    /// What speaks for and against calling a route's tool at `now`: whether it is registered, what it is expected
    /// to use, whether that fits what the run has left, and whether its target may be called.
    ///
    /// Unknown parts of an estimate fit. A blocked target is named only when nothing else speaks against the tool.
    #[must_use]
    pub fn consider(&self, route: &Route, request: &Request, basis: Basis, now: Instant) -> Considered {
        let (estimate, skipped) = match self.registry.get(route.tool()) {
            None => {
                let nearest = did_you_mean(route.tool(), self.specs().map(ToolSpec::name));
                (None, Some(Skip::Unregistered { did_you_mean: nearest.map(Into::into) }))
            }
            Some(tool) => match tool.estimate(&along(route, request)) {
                Err(error) => (None, Some(Skip::Refused { message: error.to_string() })),
                Ok(estimate) => {
                    let too_much = too_much(&estimate, request, now);
                    (Some(estimate), too_much.or_else(|| self.blocked(tool.spec(), now)))
                }
            },
        };
        let capability = self.registry.get(route.tool()).filter(|_| basis == Basis::Default);
        let capability = capability.map(|tool| Capability::of(tool.spec(), request.input().as_json()));
        Considered { tool: route.tool().into(), basis, chosen: false, capability, estimate, skipped }
    }

    fn blocked(&self, spec: &ToolSpec, now: Instant) -> Option<Skip> {
        let health = self.health(spec);
        let until = health.blocked_until(now)?;
        let by = match health.circuit {
            Circuit::Open { until: open } if open == until => BlockedBy::Circuit,
            _ if health.quota_until == Some(until) => BlockedBy::Quota,
            _ => BlockedBy::Cooldown,
        };
        Some(Skip::Blocked { target: spec.target().clone(), by, wait: until - now })
    }
}

/// `request` as it would be called along `route`.
pub(crate) fn along(route: &Route, request: &Request) -> Request {
    let options = request.merged_options(route.options());
    request.clone().with_route(route.clone().with_options(options))
}

/// The first part of an estimate that exceeds what the run has left.
fn too_much(estimate: &Estimate, request: &Request, now: Instant) -> Option<Skip> {
    let left = request.context().meter().remaining();
    let time = request.context().deadline().map(|deadline| deadline.remaining(now));
    let amounts = [
        (estimate.tokens().map(Amount::Tokens), left.tokens.map(Amount::Tokens)),
        (estimate.cost.map(Amount::Cost), left.cost.map(Amount::Cost)),
        (estimate.duration.map(Amount::Time), time.map(Amount::Time)),
    ];
    amounts.into_iter().find_map(|amounts| match amounts {
        (Some(needed), Some(left)) if above(needed, left) => Some(Skip::TooMuch { needed, left }),
        _ => None,
    })
}

fn above(needed: Amount, left: Amount) -> bool {
    match (needed, left) {
        (Amount::Tokens(needed), Amount::Tokens(left)) => needed > left,
        (Amount::Cost(needed), Amount::Cost(left)) => needed > left,
        (Amount::Time(needed), Amount::Time(left)) => needed > left,
        _ => false,
    }
}

use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{Error, Registry, Request};
use tokio::time::Instant;

use crate::compiled::Compiled;
use crate::decide::decide;
use crate::explain::Trace;
use crate::{Catalog, Plan, Planner, PlanningError, Rule};

/// Chooses by rules; without rules, or when none fits, by health and cost.
///
/// 1. The rules that fit the request, by priority, ties in order of definition: the first whose tool can be used.
/// 2. If none of their tools can be used, their fallbacks in the same order: the first that can.
/// 3. If none of those can either: the one whose target is blocked for the shortest time, if blocked is all it is.
/// 4. If no rule fits: of all tools that can be used the one with the lowest known estimated cost; those without a
///    known cost after it, in order of registration. If none can be used, as in 3.
///
/// A tool can be used when it is registered, its target is not blocked (circuit open, cooldown, quota used up), and
/// what it is expected to use fits the run's remaining tokens, money and time. What an estimate leaves open counts
/// as fitting.
///
/// ```
/// use orch_planning::{Op, Rule, RulePlanner};
///
/// # fn main() -> Result<(), orch_planning::PlanningError> {
/// let planner = RulePlanner::new([
///     Rule::keywords(["deep", "comprehensive"]).on("query").tool("deep_analysis_tool").priority(20),
///     Rule::request_type("validation").tool("validation_tool").priority(10),
/// ])?;
///
/// let error = RulePlanner::new([Rule::named("long").when("length", Op::Gt, "100").tool("x")]).unwrap_err();
/// assert_eq!(error.to_string(), "rule `long`: on `length`, `gt` takes a number, not \"100\"");
/// # let _ = planner;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RulePlanner {
    rules: Arc<[Compiled]>,
}

impl RulePlanner {
    /// A planner over these rules.
    ///
    /// # Errors
    /// A rule that cannot work; see [`PlanningError`]. Whether its tools exist is for [`check`](Planner::check) to say.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, PlanningError> {
        Ok(Self { rules: Compiled::all(rules.into_iter().collect())?.into() })
    }

    /// The plan for a request at `now`: the same for the same rules, catalog, request, budget and moment.
    ///
    /// # Errors
    /// `NoPlan` with every reason when no tool can be used.
    pub fn plan_at(&self, catalog: &Catalog, request: &Request, now: Instant) -> Result<Plan, Error> {
        decide(Trace::of(&self.rules, request), catalog, request, now)
    }
}

#[async_trait]
impl Planner for RulePlanner {
    async fn plan(&self, catalog: &Catalog, request: &Request) -> Result<Plan, Error> {
        self.plan_at(catalog, request, Instant::now())
    }

    fn check(&self, registry: &Registry) -> Result<(), PlanningError> {
        self.rules.iter().try_for_each(|rule| rule.check(registry))
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

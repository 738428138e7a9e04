use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{Error, Request};
use tokio::time::Instant;

use crate::decide::decide;
use crate::findings::findings;
use crate::rules::Rules;
use crate::{Catalog, Finding, Plan, Planner, PlanningError, Rule, ScanLimits};

/// Chooses by rules; without rules, or when none fits, by health and cost.
///
/// 1. The rules that fit the request, by priority, ties in order of definition: the first whose tool can be used.
/// 2. If none of their tools can be used, their fallbacks in the same order: the first that can.
/// 3. If none of those can either: the one whose target is blocked for the shortest time, if blocked is all it is.
/// 4. If no rule fits: of all tools that can be used, those first whose declared input schema the input has the form
///    of, then those that declare none, then the others; among them the one with the lowest known estimated cost,
///    those without a known cost after it; then by order of registration. A bundle gets the options
///    that it says of itself ([`ToolSpec::default_options`](orch_core::ToolSpec::default_options)), else
///    `{"k": 3, "epsilon": 0.2}`, with fewer replicates when the budget is low. If none can be used, as in 3.
///
/// Rules are compiled once, and a request is compared only with those that an index finds for it: a plan costs about
/// the same for ten rules and for a hundred thousand, as long as they can be told apart by values, words, texts,
/// patterns or comparisons. Rules that ask only for presence or absence, inequality, lengths, groups, fuzzy words or code are asked
/// one by one. The outcome is that of asking all rules in order.
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
/// assert_eq!(error.to_string(), "rule `long`: on `length`, `gt` takes a number or a date such as 2026-11-20, not \"100\"");
/// # let _ = planner;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RulePlanner {
    rules: Arc<Rules>,
}

impl From<Rules> for RulePlanner {
    fn from(rules: Rules) -> Self {
        Self { rules: Arc::new(rules) }
    }
}

impl RulePlanner {
    /// A planner over these rules.
    ///
    /// # Errors
    /// A rule that cannot work; see [`PlanningError`]. Whether its tools exist is for [`check`](Planner::check) to say.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, PlanningError> {
        let rules = Rules::new(rules.into_iter().collect()).map_err(|misfit| misfit.error)?;
        Ok(Self { rules: Arc::new(rules) })
    }

    /// Sets how much of a request the rules look through; see [`ScanLimits`].
    #[must_use]
    pub fn scan_limits(self, limits: ScanLimits) -> Self {
        Self { rules: Arc::new(Arc::unwrap_or_clone(self.rules).with_limits(limits)) }
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.all().len()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.all().is_empty()
    }

    /// What is doubtful about the rules, for people: rules that can never match, rules that another always comes
    /// before, tools and fallbacks that are not registered. In order of definition.
    #[must_use]
    pub fn findings(&self, catalog: &Catalog) -> Vec<Finding> {
        findings(self.rules.all(), catalog)
    }

    /// The plan for a request at `now`: the same for the same rules, catalog, request, budget and moment.
    ///
    /// # Errors
    /// `NoPlan` with every reason when no tool can be used; `InvalidRequest` when the input is larger than the
    /// [`ScanLimits`] of the rules.
    pub fn plan_at(&self, catalog: &Catalog, request: &Request, now: Instant) -> Result<Plan, Error> {
        decide(self.rules.trace(request)?, catalog, request, now)
    }
}

#[async_trait]
impl Planner for RulePlanner {
    async fn plan(&self, catalog: &Catalog, request: &Request) -> Result<Plan, Error> {
        self.plan_at(catalog, request, Instant::now())
    }

    fn check(&self, catalog: &Catalog) -> Result<(), PlanningError> {
        self.rules.check(catalog).map_err(|misfit| misfit.error)
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

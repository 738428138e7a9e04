use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{Error, Request, Route};

use crate::replicates::Reduced;
use crate::{Basis, Catalog, Explanation, PlanningError};

/// Decides which tool serves a request.
///
/// A planner only decides: it calls no tool. [`RulePlanner`](crate::RulePlanner) goes by rules; implement the trait
/// to go by anything else:
///
/// ```
/// use orch_core::{Error, Request, Route};
/// use orch_planning::{Basis, Catalog, Plan, Planner};
///
/// /// Always the tool that was registered first.
/// struct First;
///
/// #[async_trait::async_trait]
/// impl Planner for First {
///     async fn plan(&self, catalog: &Catalog, _: &Request) -> Result<Plan, Error> {
///         let spec = catalog.specs().next().ok_or_else(|| Error::invalid("/tool", "no tool is registered"))?;
///         Ok(Plan::new(Route::new(spec.name(), "registered first"), Basis::Judgement.confidence()))
///     }
/// }
/// ```
#[async_trait]
pub trait Planner: Send + Sync + 'static {
    /// Chooses a tool, its options and what to try after it.
    ///
    /// # Errors
    /// `NoPlan` with every reason when no tool can be used.
    ///
    /// # Cancellation
    /// Dropping the future must lose nothing.
    async fn plan(&self, catalog: &Catalog, request: &Request) -> Result<Plan, Error>;

    /// Whether every tool that the planner may choose by name is registered; asked before the first request.
    ///
    /// # Errors
    /// The first name that is not registered, with the nearest that is. Unless overridden there is none.
    fn check(&self, _catalog: &Catalog) -> Result<(), PlanningError> {
        Ok(())
    }
}

#[async_trait]
impl<P: Planner + ?Sized> Planner for Arc<P> {
    async fn plan(&self, catalog: &Catalog, request: &Request) -> Result<Plan, Error> {
        self.as_ref().plan(catalog, request).await
    }

    fn check(&self, catalog: &Catalog) -> Result<(), PlanningError> {
        self.as_ref().check(catalog)
    }
}

/// Which tool to call, with which options, what to try when it fails, and why. Nothing has run yet.
#[derive(Clone, Debug)]
#[must_use]
pub struct Plan {
    route: Route,
    confidence: f64,
    explanation: Explanation,
    reduced: Option<Reduced>,
}

impl Plan {
    /// A plan along `route`, which gives its reason. `confidence` is brought into 0..=1; NaN is 0.
    pub fn new(route: Route, confidence: f64) -> Self {
        let explanation = Explanation::new(route.tool(), route.reason());
        // NaN passes `clamp`; `max` prefers a number to it.
        Self { route, confidence: confidence.clamp(0.0, 1.0).max(0.0), explanation, reduced: None }
    }

    /// Replaces the explanation; by default it says no more than the route's reason.
    pub fn with_explanation(mut self, explanation: Explanation) -> Self {
        self.explanation = explanation;
        self
    }

    /// The tool, its options and its fallbacks as planned: the caller's own options are not in it yet.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// How well the choice is founded, 0 to 1. It orders plans and is no measured probability; rules go by
    /// [`Basis::confidence`], other planners by their own.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        self.confidence
    }

    /// How the plan came about.
    #[must_use]
    pub fn explain(&self) -> &Explanation {
        &self.explanation
    }

    /// The plan of a proposal made on `basis`.
    pub(crate) fn on(basis: &Basis, route: Route, explanation: Explanation, reduced: Option<Reduced>) -> Self {
        Self { reduced, ..Self::new(route, basis.confidence()).with_explanation(explanation) }
    }

    /// What became of the number of replicates, if it was reduced.
    pub(crate) fn reduced(&self) -> Option<&Reduced> {
        self.reduced.as_ref()
    }
}

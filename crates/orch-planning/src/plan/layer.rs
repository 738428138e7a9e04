use std::fmt;
use std::sync::Arc;

use orch_core::CallContext;
use tower::Layer;

use super::Planned;
use crate::{Catalog, Plan, Planner};

/// Is told of every plan before its tool is called.
pub type PlanObserver = Arc<dyn Fn(&CallContext, &Plan) + Send + Sync>;

/// Asks a planner which tool serves a request that names none.
///
/// A request with a route passes through untouched. For any other the planner's route is set, with the caller's own
/// options laid over the planned ones field by field, also over those of each fallback, and the event
/// `plan_selected` is emitted, with `replicates_reduced` after it when the budget is too low for as many replicates
/// as the rule asks for. The layer calls the inner service once: it neither repeats a call nor tries a fallback.
///
/// ```
/// use orch_core::{Dispatch, Error, HealthBoard, Registry, Request, ToolSpec, tool_fn};
/// use orch_planning::{Catalog, PlanLayer, RulePlanner};
/// use std::sync::Arc;
/// use tower::{ServiceBuilder, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let echo = tool_fn(ToolSpec::pure("echo"), |request: Request| async move {
///     Ok::<_, Error>(request.input().as_json().clone())
/// });
/// let registry = Arc::new(Registry::builder().tool(echo).build()?);
/// let catalog = Catalog::new(Arc::clone(&registry), HealthBoard::new());
/// let stack = ServiceBuilder::new()
///     .layer(PlanLayer::new(RulePlanner::default(), catalog))
///     .service(Dispatch::new(registry));
/// assert_eq!(stack.oneshot("hello".into()).await?.served_by(), Some("echo"));
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Outside whatever goes by the route: a fallback layer, then [`Dispatch`](orch_core::Dispatch). Inside trace, total
/// deadline, idempotency and budget: outside the idempotency layer every replay would be planned again, and its
/// fingerprint would cover the planned tool, so that a change of health looked like a different request; outside the
/// budget layer the planner would not see what the run has left. Inside a retry layer every attempt would be planned anew.
pub struct PlanLayer<P> {
    planner: Arc<P>,
    catalog: Catalog,
    observer: Option<PlanObserver>,
}

impl<P: Planner> PlanLayer<P> {
    /// A layer that asks `planner` for a tool of `catalog`.
    pub fn new(planner: P, catalog: Catalog) -> Self {
        Self { planner: Arc::new(planner), catalog, observer: None }
    }

    /// Sets who is told of every plan, with the context of its run, before the tool is called; it must not block.
    /// Default: nobody.
    #[must_use]
    pub fn on_plan(mut self, observer: PlanObserver) -> Self {
        self.observer = Some(observer);
        self
    }
}

impl<P> PlanLayer<P> {
    pub(super) fn planner(&self) -> &P {
        &self.planner
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(super) fn observe(&self, context: &CallContext, plan: &Plan) {
        if let Some(observer) = &self.observer {
            observer(context, plan);
        }
    }
}

impl<P, S> Layer<S> for PlanLayer<P> {
    type Service = Planned<P, S>;
    fn layer(&self, inner: S) -> Planned<P, S> {
        Planned::new(inner, self.clone())
    }
}

impl<P> Clone for PlanLayer<P> {
    fn clone(&self) -> Self {
        Self { planner: Arc::clone(&self.planner), catalog: self.catalog.clone(), observer: self.observer.clone() }
    }
}

impl<P> fmt::Debug for PlanLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanLayer")
            .field("planner", &std::any::type_name::<P>())
            .field("catalog", &self.catalog)
            .field("observed", &self.observer.is_some())
            .finish()
    }
}

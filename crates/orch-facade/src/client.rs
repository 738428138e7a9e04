use std::sync::Arc;

use orch_core::{BoxTool, Effect, Error, Health, HealthBoard, InFlight, Input, Registry, Request, Target, ToolSpec};
use orch_planning::{Catalog, Plan, Planner};
use orch_reliability::{CircuitBreakerHandle, ReliabilityStack};

use crate::builder::ClientBuilder;
use crate::drain::Cancelled;
use crate::orchestrator::{Orchestrator, ReliableOrchestrator};
use crate::run::Run;

/// The one door: registered tools, a planner, and a stack that makes their calls dependable. Cloning it is a count.
///
/// ```
/// use orch_facade::{Client, Error, Output, Request, ToolSpec, tool_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shout = tool_fn(ToolSpec::pure("shout"), |request: Request| async move {
///     let text = request.input().as_text().ok_or_else(|| Error::invalid("", "expected a string"))?;
///     Ok::<_, Error>(Output::from(text.to_uppercase()))
/// });
/// let client = Client::builder().tool(shout).build()?;
/// let outcome = client.run("hello").tool("shout").await?;
/// assert_eq!(outcome.typed::<String>()?, "HELLO");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) reliable: BoxTool,
    pub(crate) basic: BoxTool,
    /// Who chooses the tools of `reliable`, and among which.
    pub(crate) planner: Arc<dyn Planner>,
    pub(crate) catalog: Catalog,
    /// The tools inside `reliable`.
    pub(crate) registry: Arc<Registry>,
    /// The strictest effect of all tools.
    pub(crate) strictest: Effect,
    pub(crate) stack: ReliabilityStack,
    pub(crate) builder: ClientBuilder,
    pub(crate) in_flight: InFlight,
    pub(crate) cancelled: Cancelled,
}

impl Client {
    /// Starts a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// A run of the reliable orchestrator: planned unless a tool is named, retried, remembered under its key.
    pub fn run(&self, input: impl Into<Input>) -> Run {
        Run::reliable(self.clone(), input.into())
    }

    /// Which tool a run with this input would get, with which options, and why not the others. Nothing is executed, and
    /// nothing is remembered; a planner that asks a model does ask it.
    ///
    /// # Errors
    /// Those of planning: `NoPlan`, with why each tool was passed over.
    pub async fn plan(&self, input: impl Into<Input>) -> Result<Plan, Error> {
        let request = Request::new(input);
        self.0.planner.plan(&self.0.catalog, &request).await
    }

    /// The orchestrator that calls the tool it is told to call, once: no planner, no retries, no idempotency.
    #[must_use]
    pub fn orchestrator(&self) -> Orchestrator {
        Orchestrator::new(self.clone())
    }

    /// The orchestrator that [`run`](Self::run) uses.
    #[must_use]
    pub fn reliable_orchestrator(&self) -> ReliableOrchestrator {
        ReliableOrchestrator::new(self.clone())
    }

    /// Every registered tool, in order of registration.
    #[must_use]
    pub fn list_tools(&self) -> Vec<&ToolSpec> {
        self.0.registry.specs().collect()
    }

    /// The condition of every target somebody learnt something about.
    #[must_use]
    pub fn health(&self) -> Vec<(Target, Health)> {
        self.health_board().snapshot()
    }

    /// The board itself, to be shared with planners and stacks of one's own.
    #[must_use]
    pub fn health_board(&self) -> &HealthBoard {
        self.0.stack.health()
    }

    /// Looks at the circuits of all targets and overrules them.
    #[must_use]
    pub fn circuit_breakers(&self) -> CircuitBreakerHandle {
        self.0.stack.circuit_breakers()
    }

    /// A builder with the same tools and settings; the new client shares stores, circuit breakers, limits and health
    /// with this one. What gets other settings begins anew, circuit breakers with their targets' health.
    pub fn to_builder(&self) -> ClientBuilder {
        self.0.builder.clone()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.0.in_flight
    }

    /// The effect of the named tool, else the strictest one registered: what a run may do before its tool is known.
    pub(crate) fn effect_of(&self, tool: Option<&str>) -> Effect {
        let named = tool.and_then(|name| self.0.registry.get(name));
        named.map_or(self.0.strictest, |tool| tool.spec().effect())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.0.builder).finish()
    }
}

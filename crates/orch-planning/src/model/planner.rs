use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use orch_core::{Content, Error, HasContext, Output, Part, Request, Route, ToolSpec, did_you_mean};
use serde_json::Value;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::answer::{Answer, checked};
use super::ask::question;
use super::limits::{Allowed, OptionLimit};
use crate::matching::Path;
use crate::{Basis, Catalog, Explanation, Plan, Planner, PlanningError, RulePlanner};

/// How well a checked choice of a model is founded: above the default choice, below a rule.
const CONFIDENCE: f64 = 0.6;
/// The number of the step that asks, far from those that tools number themselves.
const STEP: u32 = 1_000_000_000;

/// Asks a model which tool serves a request, checks what it answers, and goes by rules when that cannot be used.
///
/// The model is any `Service<Request>` that answers JSON, or text that is JSON: a chat tool, or a stack around one. It
/// is told the names and descriptions of the tools, the JSON Schema of the answer, and of the request only the
/// attributes that it [may be shown](Self::show) (by default `query`, which is also what plain text is). It never gets
/// the context, the options, the route or the ids of the call.
///
/// Its answer is data, not an order. It may name a registered tool, give options within
/// [limits](Self::allow) that the owner set (none by default), and a reason. Anything else is refused: the model is told
/// what was wrong and asked once more, and then the rules decide. They decide also when the model fails, is late, or
/// chooses a tool that cannot be used now. So no text in a request can name a tool that is not registered, raise a
/// limit, or set an option that nobody allowed; what it can do is to move the model between the tools there are. Where
/// that matters, let rules decide.
///
/// The question is a step of the run: what it uses is booked on the run's account. Its progress is not delivered.
///
/// ```
/// use std::sync::Arc;
///
/// use orch_core::{Error, HealthBoard, Output, Registry, Request, ToolSpec, tool_fn};
/// use orch_planning::{Catalog, ModelPlanner, OptionLimit, Planner, RulePlanner};
/// use serde_json::json;
/// use tower::service_fn;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let echo = tool_fn(ToolSpec::pure("echo"), |request: Request| async move {
///     Ok::<_, Error>(request.input().as_json().clone())
/// });
/// let catalog = Catalog::new(Registry::builder().tool(echo).build()?, HealthBoard::new());
/// let model = service_fn(|_: Request| async {
///     Ok::<_, Error>(Output::new(json!({ "tool": "echo", "options": { "k": 2 }, "reason": "it fits" })))
/// });
/// let planner = ModelPlanner::new(model, RulePlanner::default()).allow("echo", "k", OptionLimit::Whole(1..=3));
/// let plan = planner.plan(&catalog, &"hello".into()).await?;
/// assert_eq!(plan.route().reason(), "the model chose it: it fits");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ModelPlanner<S> {
    model: S,
    rules: RulePlanner,
    allowed: Allowed,
    shown: Vec<Arc<Path>>,
    timeout: Duration,
}

impl<S> ModelPlanner<S> {
    /// A planner that asks `model` first and then goes by `rules`.
    pub fn new(model: S, rules: RulePlanner) -> Self {
        let query = Path::parse("query").map(Arc::new);
        let shown = query.into_iter().collect();
        Self { model, rules, allowed: Allowed::default(), shown, timeout: Duration::from_secs(10) }
    }

    /// Lets the model set an option of a tool, within a limit; default: none. That the tool is registered is for
    /// [`check`](Planner::check) to say.
    pub fn allow(mut self, tool: impl Into<Arc<str>>, option: impl Into<String>, limit: OptionLimit) -> Self {
        self.allowed.add(tool.into(), option.into(), limit);
        self
    }

    /// Shows the model one more attribute of requests: text (its first 2 000 characters), a number or a truth value.
    /// Lists and objects are not shown.
    ///
    /// # Errors
    /// When `attribute` is no path.
    pub fn show(mut self, attribute: &str) -> Result<Self, Error> {
        let path = Path::parse(attribute).map_err(|reason| Error::invalid("/planner/show", reason))?;
        self.shown.push(Arc::new(path));
        Ok(self)
    }

    /// Sets how long the model has for its answers, both together; default: 10 s. The deadline of the run holds too.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<S> ModelPlanner<S>
where
    S: Service<Request, Response = Output> + Clone + Send + Sync + 'static,
    S::Error: Into<Error>,
    S::Future: Send,
{
    /// A choice that may be followed; or why there is none.
    async fn choice(&self, catalog: &Catalog, request: &Request) -> Result<Answer, String> {
        if catalog.specs().len() == 0 {
            return Err("no tool is registered".to_owned());
        }
        let first = self.ask(catalog, request, None, 0).await?;
        let fault = match checked(&first, catalog, &self.allowed) {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        let second = self.ask(catalog, request, Some(&fault), 1).await?;
        checked(&second, catalog, &self.allowed).map_err(|again| format!("{fault}; then: {again}"))
    }

    async fn ask(
        &self,
        catalog: &Catalog,
        request: &Request,
        fault: Option<&str>,
        round: u32,
    ) -> Result<Content, String> {
        let question = question(catalog, &self.allowed, &self.shown, request, fault);
        let context = request.context().child(Part::Step(STEP + round)).detach(self.patience(request, Instant::now()));
        let asked = self.model.clone().oneshot(Request::new(question).with_context(context));
        let output = asked.await.map_err(|error| error.into().to_string())?;
        Ok(output.content().clone())
    }

    /// How long the model may take.
    fn patience(&self, request: &Request, now: Instant) -> Duration {
        let left = request.context().deadline().map(|deadline| deadline.remaining(now));
        left.map_or(self.timeout, |left| left.min(self.timeout))
    }

    /// The plan along the model's choice; or why the tool cannot be used.
    fn follow(answer: Answer, catalog: &Catalog, request: &Request, now: Instant) -> Result<Plan, String> {
        let options = if answer.options.is_empty() { Value::Null } else { Value::Object(answer.options) };
        let reason = format!("the model chose it: {}", answer.reason);
        let route = Route::new(answer.tool, reason).with_options(options);
        let mut considered = catalog.consider(&route, request, Basis::Judgement, now);
        if let Some(skip) = &considered.skipped {
            return Err(format!("it chose `{}`, but {skip}", route.tool()));
        }
        considered.chosen = true;
        let explanation = Explanation::new(route.tool(), route.reason()).with_considered([considered]);
        Ok(Plan::new(route, CONFIDENCE).with_explanation(explanation))
    }
}

#[async_trait]
impl<S> Planner for ModelPlanner<S>
where
    S: Service<Request, Response = Output> + Clone + Send + Sync + 'static,
    S::Error: Into<Error>,
    S::Future: Send,
{
    async fn plan(&self, catalog: &Catalog, request: &Request) -> Result<Plan, Error> {
        let patience = self.patience(request, Instant::now());
        let choice = tokio::time::timeout(patience, self.choice(catalog, request)).await;
        let choice = choice.unwrap_or_else(|_| Err(format!("it did not answer within {patience:?}")));
        let now = Instant::now();
        match choice.and_then(|answer| Self::follow(answer, catalog, request, now)) {
            Ok(plan) => Ok(plan),
            Err(reason) => {
                let plan = self.rules.plan_at(catalog, request, now)?;
                let note = format!("the model was asked, and not followed: {reason}");
                let explanation = plan.explain().clone().with_note(note);
                Ok(plan.with_explanation(explanation))
            }
        }
    }

    fn check(&self, catalog: &Catalog) -> Result<(), PlanningError> {
        let registry = catalog.registry();
        if let Some(tool) = self.allowed.tools().find(|tool| registry.get(tool).is_none()) {
            let did_you_mean = did_you_mean(tool, catalog.specs().map(ToolSpec::name)).map(Into::into);
            return Err(PlanningError::UnknownAllowed { tool: Arc::clone(tool), did_you_mean });
        }
        self.rules.check(catalog)
    }
}

impl<S> fmt::Debug for ModelPlanner<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelPlanner")
            .field("model", &std::any::type_name::<S>())
            .field("allowed", &self.allowed)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_test::mock;

use super::{Call, ContextLayer, Dispatch, ScopeLayer, ToolService, try_ready};
use crate::{
    BoxTool, Budget, CallContext, Counted, DeltaKind, Effect, Error, ErrorKind, Estimate, Event, HasContext, IntoTool,
    Meter, MeterLayer, Output, Registry, RegistryError, Request, Spend, Tool, ToolSpec, Usage, tool_fn,
};

type Answers = mock::Handle<Request, Output>;

/// A mock whose clones are counted.
struct Counting {
    inner: mock::Mock<Request, Output>,
    clones: Arc<AtomicUsize>,
}

impl Counting {
    fn new() -> (Self, Answers, Arc<AtomicUsize>) {
        let (inner, answers) = mock::pair();
        let clones = Arc::new(AtomicUsize::new(0));
        (Self { inner, clones: Arc::clone(&clones) }, answers, clones)
    }
}

impl Clone for Counting {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::SeqCst);
        Self { inner: self.inner.clone(), clones: Arc::clone(&self.clones) }
    }
}

impl Service<Request> for Counting {
    type Response = Output;
    type Error = BoxError;
    type Future = mock::future::ResponseFuture<Output>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // Panics when this very instance was not found ready.
        self.inner.call(request)
    }
}

fn text(output: &Output) -> &str {
    output.content().as_text().unwrap_or_default()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn a_ready_service_is_called_itself_without_a_clone() {
    let (mut service, mut answers, clones) = Counting::new();
    answers.allow(1);
    let call = tokio::spawn(try_ready(&mut service, Request::new("a")));
    let (request, answer) = answers.next_request().await.unwrap();
    assert_eq!(request.input().as_text(), Some("a"));
    answer.send_response("b".into());
    assert_eq!(text(&call.await.unwrap().unwrap()), "b");
    assert_eq!(clones.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_service_moves_into_the_future_and_leaves_one_fresh_clone() {
    let (mut service, mut answers, clones) = Counting::new();
    answers.allow(0);
    let mut first = pin!(try_ready(&mut service, Request::new("a")));
    let mut second = pin!(try_ready(&mut service, Request::new("b")));
    assert_eq!(clones.load(Ordering::SeqCst), 2);
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    answers.allow(2);
    for (mut call, name) in [(first, "a"), (second, "b")] {
        assert!(poll(call.as_mut()).is_pending());
        let (request, answer) = answers.next_request().await.unwrap();
        assert_eq!(request.input().as_text(), Some(name));
        answer.send_response(name.into());
        assert_eq!(text(&call.await.unwrap()), name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_service_gives_its_error_to_the_caller() {
    let (mut service, mut answers, _) = Counting::new();
    answers.send_error("gone");
    let error = try_ready(&mut service, Request::new("a")).await.unwrap_err();
    assert_eq!(error.to_string(), "gone");
}

#[tokio::test(start_paused = true)]
async fn a_parked_call_gets_the_error_of_a_service_that_breaks_meanwhile() {
    let (mut service, mut answers, _) = Counting::new();
    answers.allow(0);
    let mut call = pin!(try_ready(&mut service, Request::new("a")));
    assert!(poll(call.as_mut()).is_pending());
    answers.send_error("gone");
    assert_eq!(call.await.unwrap_err().to_string(), "gone");
}

/// A tool that answers each call with the next of these, and keeps what it was asked.
struct Prepared {
    spec: ToolSpec,
    estimate: Result<Estimate, Error>,
    answers: Mutex<VecDeque<Result<Output, Error>>>,
    asked: Mutex<Vec<Request>>,
}

impl Prepared {
    fn new(name: &str, answers: impl IntoIterator<Item = Result<Output, Error>>) -> Self {
        Self {
            spec: ToolSpec::pure(name).with_version("2.1.0").with_target("openai"),
            estimate: Ok(tokens_expected(10)),
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        }
    }

    fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Tool for Prepared {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn estimate(&self, _: &Request) -> Result<Estimate, Error> {
        self.estimate.clone()
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        self.asked.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(Output::default()))
    }
}

fn tokens_expected(tokens: u64) -> Estimate {
    Estimate::unknown().output(tokens)
}

fn tokens_used(tokens: u64) -> Usage {
    Usage::new().output(Counted::reported(tokens))
}

fn metered(limit: u64) -> (Request, Meter) {
    let meter = Meter::new(Budget::new().tokens(limit).limits());
    (Request::new("x").with_context(CallContext::new().with_meter(meter.clone())), meter)
}

/// What stands in the books after one call of `service`: settled and held.
async fn booked<S>(service: S) -> (u64, u64)
where
    S: Service<Request, Response = Output>,
{
    let (request, meter) = metered(100);
    drop(service.oneshot(request).await);
    (meter.settled().tokens, meter.held().tokens)
}

#[tokio::test(start_paused = true)]
async fn a_tool_service_books_what_the_output_says_once() {
    let answer = Output::from("a").with_usage(tokens_used(7));
    assert_eq!(booked(ToolService::new(Prepared::new("t", [Ok(answer)]))).await, (7, 0));
}

#[tokio::test(start_paused = true)]
async fn a_tool_service_books_work_inside_an_error() {
    let paid = Output::from("half").with_usage(tokens_used(4));
    let error = Error::new(ErrorKind::StreamBroken { reason: "reset".into() }).with_output(paid);
    assert_eq!(booked(ToolService::new(Prepared::new("t", [Err(error)]))).await, (4, 0));
    let error = Error::tool_execution("nothing was done");
    assert_eq!(booked(ToolService::new(Prepared::new("t", [Err(error)]))).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_books_for_itself_is_not_booked_twice() {
    let tool = tool_fn(ToolSpec::pure("t"), |request: Request| async move {
        request.context().meter().book(&tokens_used(3));
        request.context().meter().book(&tokens_used(2));
        Ok::<_, Error>(Output::from("a").with_usage(tokens_used(9)))
    });
    assert_eq!(booked(ToolService::new(tool)).await, (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_or_is_dropped_books_what_its_progress_had_seen() {
    let streaming = |then: fn() -> Option<Result<Output, Error>>| {
        ToolService::new(tool_fn(ToolSpec::pure("t"), move |request: Request| async move {
            request.context().progress().set_usage(Usage::new().output(Counted::lower_bound(6)));
            match then() {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }))
    };
    assert_eq!(booked(streaming(|| Some(Err(Error::tool_execution("no"))))).await, (6, 0));

    let (request, meter) = metered(100);
    let mut call = Box::pin(streaming(|| None).oneshot(request));
    assert!(poll(call.as_mut()).is_pending());
    assert_eq!(meter.settled().tokens, 0);
    drop(call);
    assert_eq!((meter.settled().tokens, meter.held()), (6, Spend::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_estimate_is_held_while_the_tool_works_and_refused_when_it_does_not_fit() {
    let tool = || {
        let mut tool = Prepared::new("t", []);
        tool.estimate = Ok(tokens_expected(60));
        Arc::new(tool)
    };
    let (request, meter) = metered(100);
    let working = ToolService::shared(tool()).call(request.clone());
    assert_eq!(meter.held().tokens, 60);

    let refused = tool();
    let error = ToolService::shared(Arc::clone(&refused)).oneshot(request).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }));
    assert_eq!((error.tool(), refused.asked().len()), (Some("t"), 0));
    drop(working);
    assert_eq!(meter.held().tokens, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tool_service_enters_its_scope_only_where_nothing_outside_has() {
    let tool = Arc::new(Prepared::new("inner", []));
    let service = ToolService::shared(Arc::clone(&tool));
    drop(service.clone().oneshot(Request::new("x")).await);
    let outer = ToolSpec::at_most_once("outer");
    drop(ScopeLayer::of(&outer).layer(service).oneshot(Request::new("x")).await);
    let scopes: Vec<(String, Effect)> = tool
        .asked()
        .iter()
        .map(|request| (request.context().target().to_string(), request.context().effect()))
        .collect();
    assert_eq!(scopes, [("openai".into(), Effect::Pure), ("outer".into(), Effect::AtMostOnce)]);
}

#[tokio::test(start_paused = true)]
async fn a_meter_layer_books_for_any_service_and_takes_tower_layers_inside() {
    let answer = tower::service_fn(|request: Request| async move {
        request.context().deliver(tokio::time::Instant::now(), DeltaKind::Text, "a");
        Ok::<_, Error>(Output::from("a").with_usage(tokens_used(8)))
    });
    let stack = ServiceBuilder::new()
        .layer(MeterLayer::new())
        .layer(tower::timeout::TimeoutLayer::new(std::time::Duration::from_secs(1)))
        .service(answer);
    assert_eq!(booked(stack).await, (8, 0));
}

#[tokio::test(start_paused = true)]
async fn a_meter_layer_refuses_before_it_asks_its_inner_service() {
    let (service, mut answers, _) = Counting::new();
    let (mut request, _meter) = metered(5);
    request.context_mut().set_estimate(tokens_expected(6));
    let error = MeterLayer::new().layer(service).oneshot(request).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }));
    // The service is gone without a request.
    assert!(answers.next_request().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_scope_layer_says_which_tool_it_is() {
    let spec = ToolSpec::idempotent("charge").with_version("3.0.0").with_target("bank");
    let estimate = tokens_expected(5);
    let seen = tower::service_fn(move |request: Request| async move {
        let context = request.context();
        assert_eq!((context.target().as_str(), context.effect()), ("bank", Effect::IdempotentDownstream));
        assert_eq!((context.estimate(), context.tool().map(AsRef::as_ref)), (&estimate, Some("charge")));
        assert!(context.is_scoped());
        Ok::<_, Error>(Output::default())
    });
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    let stack = ScopeLayer::of(&spec).estimate(estimate).layer(seen);
    drop(stack.oneshot(Request::new("x").with_context(context)).await.unwrap());
    let started = Event::ToolStarted { tool: "charge".into(), version: "3.0.0".into() };
    assert_eq!(events.next().await.map(|envelope| envelope.event), Some(started));
}

#[tokio::test(start_paused = true)]
async fn a_context_layer_carries_the_context_around_a_foreign_request() {
    let bare = tower::service_fn(|text: String| async move { Ok::<_, std::io::Error>(text + "!") });
    let stack = ScopeLayer::of(&ToolSpec::pure("shout")).layer(ContextLayer::new().layer(bare));
    let call = Call::new("hey".to_string()).with_context(CallContext::new().with_request_id("r-1"));
    assert_eq!((call.request().as_str(), call.context().request_id().as_ref()), ("hey", "r-1"));
    assert_eq!(stack.oneshot(call).await.unwrap(), "hey!");
}

fn registry(tools: impl IntoIterator<Item = BoxTool>) -> Result<Registry, RegistryError> {
    let mut builder = Registry::builder();
    for tool in tools {
        builder = builder.tool(tool);
    }
    builder.build()
}

fn named(name: &str) -> BoxTool {
    Prepared::new(name, []).into_tool()
}

#[test]
fn two_tools_of_one_name_and_a_tool_without_one_are_refused() {
    let duplicate = registry([named("a"), named("b"), named("a")]).unwrap_err();
    assert_eq!(duplicate, RegistryError::Duplicate { name: "a".into() });
    assert_eq!(duplicate.to_string(), "two tools are named `a`");
    assert_eq!(registry([named("")]).unwrap_err(), RegistryError::Unnamed);
}

#[test]
fn a_registry_lists_its_tools_in_order_of_registration() {
    let registry = registry([named("z"), named("a"), named("m")]).unwrap();
    let names: Vec<&str> = registry.specs().map(ToolSpec::name).collect();
    assert_eq!(names, ["z", "a", "m"]);
    assert_eq!(registry.get("a").map(|tool| tool.spec().name()), Some("a"));
    assert!(registry.get("A").is_none());
    assert_eq!(registry.tools().len(), 3);
}

async fn dispatch(tools: impl IntoIterator<Item = BoxTool>, request: Request) -> Result<Output, Error> {
    Dispatch::new(registry(tools).unwrap()).oneshot(request).await
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tool_is_an_error_with_the_nearest_name() {
    let ask = |name: &str| dispatch([named("summarize"), named("translate")], Request::new("x").with_tool(name));
    assert_eq!(ask("sumarize").await.unwrap_err().to_string(), "no tool named `sumarize`, did you mean `summarize`?");
    assert_eq!(ask("xyz").await.unwrap_err().to_string(), "no tool named `xyz`");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_route_is_invalid() {
    let error = dispatch([named("a")], Request::new("x")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { pointer, .. } if pointer.as_ref() == "/tool"));
}

#[tokio::test(start_paused = true)]
async fn an_estimate_that_fails_stops_the_call_and_names_the_tool() {
    let mut tool = Prepared::new("dear", []);
    tool.estimate = Err(Error::new(ErrorKind::Unpriced { model: "m-1".into() }));
    let tool = Arc::new(tool);
    let error = dispatch([Arc::clone(&tool).into_tool()], Request::new("x").with_tool("dear")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unpriced { .. }));
    assert_eq!((error.tool(), tool.asked().len()), (Some("dear"), 0));
}

#[tokio::test(start_paused = true)]
async fn dispatch_enters_the_tools_scope_and_says_who_answered() {
    let elsewhere = Ok(Output::from("b").with_served_by("elsewhere"));
    let failed = Err(Error::tool_execution("no"));
    let tool = Arc::new(Prepared::new("answer", [Ok(Output::from("a")), elsewhere, failed]));
    let registry = Arc::new(registry([Arc::clone(&tool).into_tool()]).unwrap());
    let dispatch = Dispatch::new(Arc::clone(&registry));
    let ask = || dispatch.clone().oneshot(Request::new("x").with_tool("answer"));
    assert_eq!(ask().await.unwrap().served_by(), Some("answer"));
    assert_eq!(ask().await.unwrap().served_by(), Some("elsewhere"));
    let error = ask().await.unwrap_err();
    assert_eq!((error.tool(), error.effect()), (Some("answer"), Some(Effect::Pure)));
    let request = &tool.asked()[0];
    assert_eq!((request.context().target().as_str(), request.context().effect()), ("openai", Effect::Pure));
    assert_eq!(request.context().estimate(), &tokens_expected(10));
    assert_eq!(dispatch.registry().tools().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn options_of_the_route_reach_the_tool() {
    let tool = Arc::new(Prepared::new("answer", []));
    let request = Request::new("x").with_tool("answer").with_options(serde_json::json!({ "k": 7 }));
    drop(dispatch([Arc::clone(&tool).into_tool()], request).await.unwrap());
    assert_eq!(tool.asked()[0].options()["k"], 7);
}

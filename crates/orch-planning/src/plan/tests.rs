use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use async_trait::async_trait;
use orch_core::{
    Candidate, Class, Dispatch, Effect, Error, ErrorKind, Event, HasContext, Output, Request, Route, check,
};
use orch_testkit::LayerContract;
use serde_json::{Value, json};
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::testing::{World, costing, tokens, tool, with_limits};
use crate::{Plan, Planner, Rule, RulePlanner};

/// A service that answers with the route that it was given.
fn mirror() -> impl Service<Request, Response = Output, Error = Error, Future: Send> + Clone + Send + 'static {
    service_fn(|request: Request| async move {
        let route = request.route().cloned();
        Ok(Output::typed((route, request.options().clone())))
    })
}

fn seen(output: &Output) -> (Route, Value) {
    output.content().get::<(Option<Route>, Value)>().map(|(route, options)| (route.unwrap(), options)).unwrap()
}

fn rule() -> Rule {
    Rule::named("x")
        .tool("a")
        .tool_options(json!({ "k": 3, "epsilon": 0.2 }))
        .fallback(Candidate::new("b").with_options(json!({ "k": 5, "mode": "fast" })))
        .fallback("c")
}

fn layer(world: &World) -> PlanLayer<RulePlanner> {
    PlanLayer::new(RulePlanner::new([rule()]).unwrap(), world.catalog.clone())
}

/// A planner that answers after being polled so many times.
struct Slow(u32);

#[async_trait]
impl Planner for Slow {
    async fn plan(&self, _: &crate::Catalog, _: &Request) -> Result<Plan, Error> {
        for _ in 0..self.0 {
            tokio::task::yield_now().await;
        }
        Ok(Plan::new(Route::new("a", "slowly"), 1.0))
    }
}

#[tokio::test]
async fn a_request_without_a_route_gets_the_planned_one() {
    let world = World::named(["a", "b", "c"]);
    let output = layer(&world).layer(mirror()).oneshot("q".into()).await.unwrap();
    let (route, options) = seen(&output);
    assert_eq!((route.tool(), route.reason()), ("a", "rule `x` matched (priority 0)"));
    assert_eq!(options, json!({ "k": 3, "epsilon": 0.2 }));
    assert_eq!(route.fallbacks().len(), 2);
}

#[tokio::test]
async fn a_request_that_names_its_tool_passes_through_untouched() {
    let world = World::named(["a", "b", "c"]);
    let observed = Arc::new(Mutex::new(0));
    let count = Arc::clone(&observed);
    let layer = layer(&world).on_plan(Arc::new(move |_, _| *count.lock().unwrap() += 1));
    let mut request = Request::new("q").with_tool("c").with_options(json!({ "k": 9 }));
    let mut events = request.context_mut().subscribe();
    let route = request.route().cloned().unwrap();
    let output = layer.layer(mirror()).oneshot(request).await.unwrap();
    assert_eq!(seen(&output), (route, json!({ "k": 9 })));
    assert_eq!(*observed.lock().unwrap(), 0);
    drop(output);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn explicit_options_win_over_planned_ones_also_after_a_fallback() {
    let world = World::named(["a", "b", "c"]);
    let request = Request::new("q").with_options(json!({ "k": 9, "seed": 1 }));
    let output = layer(&world).layer(mirror()).oneshot(request).await.unwrap();
    let (route, options) = seen(&output);
    assert_eq!(options, json!({ "k": 9, "epsilon": 0.2, "seed": 1 }));
    let second = route.next().unwrap();
    assert_eq!(**second.options(), json!({ "k": 9, "epsilon": 0.2, "seed": 1, "mode": "fast" }));
    assert_eq!(second.next().unwrap().options()["k"], 9);
}

#[tokio::test]
async fn the_plan_is_told_as_an_event_and_to_the_observer_before_the_call() {
    let world = World::named(["a", "b", "c"]);
    let plans = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&plans);
    let layer = layer(&world).on_plan(Arc::new(move |context, plan| {
        kept.lock().unwrap().push((context.request_id().to_string(), plan.explain().to_string()));
    }));
    let before = Arc::clone(&plans);
    let inner = service_fn(move |_: Request| {
        assert_eq!(before.lock().unwrap().len(), 1, "the plan comes first");
        std::future::ready(Ok::<_, Error>(Output::from("done")))
    });
    let mut request = Request::new("q");
    let mut events = request.context_mut().subscribe();
    let id = request.context().request_id().to_string();
    let _ = layer.layer(inner).oneshot(request).await.unwrap();

    let event = events.next().await.unwrap().event;
    let expected = Event::PlanSelected { tool: "a".into(), reason: "rule `x` matched (priority 0)".into() };
    assert_eq!(event, expected);
    assert!(events.next().await.is_none());
    let plans = plans.lock().unwrap();
    assert_eq!(plans[0].0, id);
    assert!(plans[0].1.starts_with("`a`: rule `x` matched"));
}

#[tokio::test]
async fn fewer_replicates_are_told_as_an_event() {
    let world = World::of([costing("a", tokens(100))]);
    let rule = Rule::named("x").tool("a").tool_options(json!({ "k": 3 })).budget_aware(true);
    let layer = PlanLayer::new(RulePlanner::new([rule]).unwrap(), world.catalog.clone());
    let mut request = with_limits(json!("q"), orch_core::Limits { tokens: Some(250), cost: None });
    let mut events = request.context_mut().subscribe();
    let (_, options) = seen(&layer.layer(mirror()).oneshot(request).await.unwrap());
    assert_eq!(options, json!({ "k": 2 }));
    assert!(matches!(events.next().await.unwrap().event, Event::PlanSelected { .. }));
    let reason = "3 calls do not fit the 250 tokens that the run has left".into();
    assert_eq!(events.next().await.unwrap().event, Event::ReplicatesReduced { from: 3, to: 2, reason });
}

#[tokio::test]
async fn no_plan_means_no_call() {
    let world = World::named([]);
    let inner = service_fn(|_: Request| async { panic!("called") as Result<Output, Error> });
    let error = layer(&world).layer(inner).oneshot("q".into()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoPlan { reasons } if reasons.len() == 3), "{error}");
    assert!(error.not_executed());
}

#[tokio::test]
async fn an_error_of_the_tool_comes_back_as_it_is_after_one_call() {
    let world = World::named(["a", "b", "c"]);
    let calls = Arc::new(Mutex::new(0));
    let count = Arc::clone(&calls);
    let inner = service_fn(move |_: Request| {
        *count.lock().unwrap() += 1;
        std::future::ready(Err::<Output, _>(Error::tool_execution("broken").with_class(Class::Transient)))
    });
    let error = layer(&world).layer(inner).oneshot("q".into()).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.class()), ("broken", Class::Transient));
    assert_eq!(*calls.lock().unwrap(), 1);
}

#[tokio::test]
async fn foreign_errors_become_ours() {
    let world = World::named(["a", "b", "c"]);
    let inner = service_fn(|_: Request| async { Err::<Output, tower::BoxError>("boom".into()) });
    let service = layer(&world).layer(inner);
    for request in [Request::new("q"), Request::new("q").with_tool("a")] {
        assert_eq!(service.clone().oneshot(request).await.unwrap_err().to_string(), "boom");
    }
}

#[tokio::test]
async fn the_layer_stands_over_dispatch_and_the_tool_runs_in_its_scope() {
    let scope = tool("a").layer(tower::layer::layer_fn(|inner: orch_core::BoxTool| {
        service_fn(move |request: Request| {
            assert_eq!(request.context().effect(), Effect::Pure);
            inner.clone().oneshot(request)
        })
    }));
    let world = World::of([scope, tool("b"), tool("c")]);
    let stack = layer(&world).layer(Dispatch::new(Arc::clone(&world.registry)));
    let output = check::service::<Request, _>(stack).oneshot("q".into()).await.unwrap();
    assert_eq!(output.served_by(), Some("a"));
}

#[tokio::test]
async fn it_is_always_ready_and_waits_for_the_inner_service_in_the_call() {
    let world = World::named(["a", "b", "c"]);
    for request in [|| Request::new("q"), || Request::new("q").with_tool("a")] {
        let (inner, mut handle) = tower_test::mock::pair::<Request, Output>();
        handle.allow(0);
        let mut service = layer(&world).layer(inner);
        std::future::poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
        let mut call = Box::pin(service.call(request()));
        assert!(call.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())).is_pending());
        handle.allow(1);
        let answer = async {
            let (request, respond) = handle.next_request().await.unwrap();
            assert_eq!(request.route().unwrap().tool(), "a");
            respond.send_response(Output::from("done"));
        };
        let (output, ()) = tokio::join!(call, answer);
        assert_eq!(output.unwrap().content().as_text(), Some("done"));
    }
}

#[tokio::test]
async fn dropping_the_future_at_any_poll_frees_what_it_held() {
    let world = World::named(["a"]);
    let yielding = service_fn(|_: Request| async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        Ok::<_, Error>(Output::from("done"))
    });
    // One call at a time: a permit that is not given back blocks the last call for ever.
    let mut service = PlanLayer::new(Slow(3), world.catalog.clone()).layer(ConcurrencyLimit::new(yielding, 1));
    let mut polls_to_end = None;
    for polls in 0..10 {
        let mut call = Box::pin(service.call("q".into()));
        for poll in 1..=polls {
            if call.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())).is_ready() {
                polls_to_end.get_or_insert(poll);
                break;
            }
        }
        drop(call);
    }
    assert_eq!(polls_to_end, Some(7), "three of the planner, three of the tool, and the last");
    assert_eq!(service.call("q".into()).await.unwrap().content().as_text(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn the_layer_keeps_the_contract_with_and_without_a_route() {
    let catalog = World::named(["a"]).catalog;
    for (routed, slow) in [(true, 0), (false, 0), (false, 2)] {
        let catalog = catalog.clone();
        LayerContract::new(move || PlanLayer::new(Slow(slow), catalog.clone()))
            .in_place(routed)
            .request(move |n| if routed { Request::new(n.to_string()).with_tool("a") } else { n.to_string().into() })
            .check()
            .await;
    }
}

#[tokio::test]
async fn clones_plan_for_themselves_at_the_same_time() {
    let world = World::named(["a"]);
    let service = PlanLayer::new(Arc::new(Slow(2)) as Arc<dyn Planner>, world.catalog.clone()).layer(mirror());
    let (mut one, mut two) = (service.clone(), service);
    let (one, two) = tokio::join!(one.call("q".into()), two.call("q".into()));
    assert_eq!(seen(&one.unwrap()).0.tool(), seen(&two.unwrap()).0.tool());
}

#[test]
fn layer_service_and_future_can_be_sent_shared_and_printed() {
    fn sent<T: Send>(_: &T) {}
    fn shared<T: Send + Sync + Clone + std::fmt::Debug>(_: &T) {}
    let world = World::named(["a"]);
    let layer = layer(&world);
    shared(&layer);
    let mut service = layer.layer(Dispatch::new(Arc::clone(&world.registry)));
    shared(&service);
    sent(&service.call("q".into()));
}

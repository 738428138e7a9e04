use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orch_core::{
    Candidate, Class, Counted, Deadline, DeltaKind, Dispatch, Effect, Error, ErrorKind, Event, HasContext, IntoTool,
    Output, Registry, Request, Route, Stopped, ToolSpec, Usage, Verdict, tool_fn,
};
use orch_testkit::time::sweep;
use serde_json::json;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

use super::{Fallback, FallbackLayer};
use crate::testing::{events, provider, throttled};
use crate::{RetryLayer, RetryPolicy};

type Behaviour = fn(&Request) -> Result<Output, Error>;

fn over(tools: &[(ToolSpec, Behaviour)]) -> Fallback<Dispatch> {
    let mut registry = Registry::builder();
    for (spec, behaviour) in tools.iter().cloned() {
        registry = registry.tool(tool_fn(spec, move |request: Request| std::future::ready(behaviour(&request))));
    }
    FallbackLayer::new().layer(Dispatch::new(registry.build().unwrap()))
}

fn pure(name: &str) -> ToolSpec {
    ToolSpec::pure(name.to_owned())
}

fn request(fallbacks: &[&str]) -> Request {
    let fallbacks: Vec<_> = fallbacks.iter().map(|name| Candidate::new(*name)).collect();
    Request::new("hello").with_route(Route::new("a", "by a rule").with_fallbacks(fallbacks))
}

fn down(_: &Request) -> Result<Output, Error> {
    Err(provider(Class::Transient))
}

fn busy(_: &Request) -> Result<Output, Error> {
    Err(throttled(9))
}

fn wrong(_: &Request) -> Result<Output, Error> {
    Err(provider(Class::Permanent))
}

fn works(_: &Request) -> Result<Output, Error> {
    Ok(Output::from("fine"))
}

#[tokio::test(start_paused = true)]
async fn the_next_candidate_answers_and_is_named() {
    let service = over(&[(pure("a"), down), (pure("b"), busy), (pure("c"), works)]);
    let mut request = request(&["b", "c"]);
    let (log, mut stream) = (request.context().attempts().clone(), request.context_mut().subscribe());
    let output = service.oneshot(request).await.unwrap();
    assert_eq!(output.served_by(), Some("c"));

    let records: Vec<_> =
        log.snapshot().into_iter().map(|record| (record.tool, record.class, record.verdict)).collect();
    assert_eq!(
        records,
        [
            (Some("a".into()), Some(Class::Transient), Verdict::FellBack),
            (Some("b".into()), Some(Class::Throttled), Verdict::FellBack),
        ]
    );
    let moves: Vec<_> = events(&mut stream)
        .await
        .into_iter()
        .filter_map(|(_, event)| match event {
            Event::FallbackStarted { from, to, class } => Some(format!("{from} {to} {class}")),
            _ => None,
        })
        .collect();
    assert_eq!(moves, ["a b transient", "b c throttled"]);
}

#[tokio::test]
async fn a_candidate_is_called_with_its_options_over_the_routes() {
    let echo: Behaviour = |request| Ok(Output::from(request.options().clone()));
    let service = over(&[(pure("a"), down), (pure("b"), echo)]);
    let route = Route::new("a", "by a rule")
        .with_options(json!({ "k": 3, "epsilon": 0.2 }))
        .with_fallbacks([Candidate::new("b").with_options(json!({ "k": 1 }))]);
    let output = service.oneshot(Request::new("hello").with_route(route)).await.unwrap();
    assert_eq!(*output.content().to_json().unwrap(), json!({ "k": 1, "epsilon": 0.2 }));
}

#[tokio::test]
async fn when_all_fail_every_error_is_kept_in_order() {
    let service = over(&[(pure("a"), busy), (pure("b"), down)]);
    let error = service.oneshot(request(&["b"])).await.unwrap_err();
    let ErrorKind::FallbacksFailed { causes } = error.kind() else { panic!("{error:?}") };
    let tools: Vec<_> = causes.iter().map(|cause| (cause.tool().unwrap(), cause.class())).collect();
    assert_eq!(tools, [("a", Class::Throttled), ("b", Class::Transient)]);
    assert_eq!((error.class(), error.retry_after()), (Class::Transient, Some(Duration::from_secs(9))));
    assert!(!error.not_executed());
}

#[tokio::test]
async fn the_shortest_hint_of_candidates_that_were_never_asked_comes_back() {
    let open: Behaviour = |request| {
        let wait = if request.route().unwrap().tool() == "a" { 40 } else { 10 };
        let kind = ErrorKind::CircuitOpen { target: request.context().target().clone() };
        Err(Error::new(kind).with_retry_after(Duration::from_secs(wait)))
    };
    let service = over(&[(pure("a"), open), (pure("b"), open)]);
    let error = service.oneshot(request(&["b"])).await.unwrap_err();
    assert_eq!((error.class(), error.retry_after()), (Class::LocalReject, Some(Duration::from_secs(10))));
    assert!(error.not_executed());
}

#[tokio::test]
async fn a_single_candidate_fails_with_its_own_error() {
    let error = over(&[(pure("a"), down)]).oneshot(request(&[])).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Provider(_)));
}

#[tokio::test]
async fn an_error_that_ends_the_chain_comes_back_itself_after_the_attempts_before_it() {
    let service = over(&[(pure("a"), down), (pure("b"), wrong), (pure("c"), works)]);
    let error = service.oneshot(request(&["b", "c"])).await.unwrap_err();
    assert_eq!((error.class(), error.tool()), (Class::Permanent, Some("b")));
    let attempts: Vec<_> = error.attempts().iter().map(|record| record.tool.as_deref().unwrap()).collect();
    assert_eq!(attempts, ["a"]);
}

#[tokio::test]
async fn a_tool_that_must_not_run_twice_falls_back_only_if_it_did_not_run() {
    let at_most_once = ToolSpec::at_most_once("a");
    let service = over(&[(at_most_once.clone(), down), (pure("b"), works)]);
    let error = service.oneshot(request(&["b"])).await.unwrap_err();
    assert_eq!(error.effect(), Some(Effect::AtMostOnce));
    let service = over(&[(at_most_once, busy), (pure("b"), works)]);
    assert_eq!(service.oneshot(request(&["b"])).await.unwrap().served_by(), Some("b"));
}

#[tokio::test]
async fn nothing_follows_a_part_of_an_answer() {
    let breaks: Behaviour = |request| {
        request.context().deliver(Instant::now(), DeltaKind::Text, "Once upon");
        Err(provider(Class::Transient).with_output(Output::from("Once upon")))
    };
    let service = over(&[(pure("a"), breaks), (pure("b"), works)]);
    let error = service.clone().oneshot(request(&["b"])).await.unwrap_err();
    assert_eq!(error.class(), Class::StreamBroken);
    assert!(error.output().is_some());
    // Without anything to fall back to, the error is the tool's own.
    assert_eq!(service.oneshot(request(&[])).await.unwrap_err().class(), Class::Transient);
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_a_part_of_an_answer_that_a_later_attempt_gave() {
    let breaks = tool_fn(pure("a"), |request: Request| async move {
        if request.context().attempt() < 2 {
            return Err(provider(Class::Transient));
        }
        request.context().deliver(Instant::now(), DeltaKind::Text, "Once upon");
        Err::<Output, _>(Error::bad_output("", "not JSON"))
    });
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let other = tool_fn(pure("b"), move |_: Request| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Error>(Output::from("fine")) }
    });
    let registry = Registry::builder().tool(breaks.into_tool().layer(RetryLayer::default())).tool(other);
    let service = FallbackLayer::new().layer(Dispatch::new(registry.build().unwrap()));
    let error = service.oneshot(request(&["b"])).await.unwrap_err();
    assert_eq!((error.class(), error.stopped()), (Class::BadOutput, Some(Stopped::Committed)));
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn attempts_of_a_retry_layer_inside_are_recorded_once() {
    let retry = RetryLayer::new(RetryPolicy::default().max_attempts(2)).unwrap();
    let failing = tool_fn(pure("a"), |_: Request| async { Err::<Output, _>(provider(Class::Transient)) });
    let working = tool_fn(pure("b"), |_: Request| async { Ok::<_, Error>(Output::from("fine")) });
    let registry = Registry::builder().tool(failing.into_tool().layer(retry)).tool(working).build().unwrap();
    let request = request(&["b"]);
    let log = request.context().attempts().clone();
    assert!(FallbackLayer::new().layer(Dispatch::new(registry)).oneshot(request).await.is_ok());
    let verdicts: Vec<_> = log.snapshot().iter().map(|record| record.verdict).collect();
    assert_eq!(verdicts, [Verdict::Repeated, Verdict::Stopped(Stopped::Attempts)]);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_starts_with_a_progress_of_its_own() {
    let leaves_usage: Behaviour = |request| {
        request.context().progress().set_usage(Usage::new().output(Counted::reported(5)));
        Err(provider(Class::Transient))
    };
    let looks: Behaviour = |request| {
        assert!(request.context().progress().usage().is_unknown());
        assert_eq!(request.context().attempt(), 1);
        Ok(Output::from("fine"))
    };
    let service = over(&[(pure("a"), leaves_usage), (pure("b"), looks)]);
    let request = request(&["b"]);
    let log = request.context().attempts().clone();
    assert!(service.oneshot(request).await.is_ok());
    assert_eq!(log.snapshot()[0].usage.tokens(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_late_tries_nobody_else() {
    let slow = tool_fn(pure("a"), |_: Request| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Err::<Output, _>(provider(Class::Transient))
    });
    let registry = Registry::builder()
        .tool(slow)
        .tool(tool_fn(pure("b"), |_: Request| async { Ok::<_, Error>(Output::from("too late")) }));
    let mut request = request(&["b"]);
    request.context_mut().limit_deadline(Deadline::after(Instant::now(), Duration::from_secs(1)));
    let service = FallbackLayer::new().layer(Dispatch::new(registry.build().unwrap()));
    assert_eq!(service.oneshot(request).await.unwrap_err().class(), Class::Transient);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_drops_the_candidate_at_work() {
    struct Working(Arc<AtomicU32>);
    impl Drop for Working {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let working = Arc::new(AtomicU32::new(0));
    let tool = |name: &str, result: Result<Output, Error>| {
        let working = Arc::clone(&working);
        tool_fn(pure(name), move |_: Request| {
            working.fetch_add(1, Ordering::Relaxed);
            let (guard, result) = (Working(Arc::clone(&working)), result.clone());
            async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                drop(guard);
                result
            }
        })
    };
    let registry = Registry::builder().tool(tool("a", Err(throttled(1)))).tool(tool("b", Ok(Output::from("fine"))));
    let service = FallbackLayer::new().layer(Dispatch::new(registry.build().unwrap()));
    let polls =
        sweep(|| service.clone().oneshot(request(&["b"])), |_| assert_eq!(working.load(Ordering::Relaxed), 0)).await;
    assert_eq!(polls, 3);
}

#[tokio::test(start_paused = true)]
async fn tr_17_the_next_candidate_is_asked_as_soon_as_the_one_before_has_failed() {
    let service = over(&[(pure("a"), down), (pure("b"), busy), (pure("c"), works)]);
    let start = Instant::now();
    let _ = service.oneshot(request(&["b", "c"])).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

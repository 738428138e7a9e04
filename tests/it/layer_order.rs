//! `docs/layer-order.md` as programs: for each rule the right order, the wrong one, and what the wrong one breaks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use orch_core::{
    BoxTool, Budget, Class, Counted, Error, ErrorKind, HasContext, IntoTool, Output, Request, ScopeLayer, ToolSpec,
    Usage, tool_fn,
};
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CircuitBreakerLayer, RateLimitConfig, RateLimitLayer, RetryLayer, RetryPolicy,
    TimeoutLayer,
};
use tokio::time::{Instant, sleep};
use tower::{ServiceBuilder, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

/// When a tool was called.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Instant>>>);

impl Calls {
    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn note(&self) {
        self.0.lock().unwrap().push(Instant::now());
    }

    /// The time between the first call and the last.
    fn span(&self) -> Duration {
        let calls = self.0.lock().unwrap();
        *calls.last().unwrap() - calls[0]
    }
}

type Answer = Result<Output, Error>;

/// A pure tool that notes its calls and then does this.
fn tool<F>(calls: &Calls, work: impl Fn(Request) -> F + Send + Sync + 'static) -> BoxTool
where
    F: Future<Output = Answer> + Send + 'static,
{
    let calls = calls.clone();
    let tool = tool_fn(ToolSpec::pure("tool"), move |request: Request| {
        calls.note();
        work(request)
    });
    tool.into_tool()
}

fn down() -> Error {
    Error::tool_execution("down").with_class(Class::Transient).with_not_executed()
}

fn scope() -> ScopeLayer {
    ScopeLayer::of(&ToolSpec::pure("tool"))
}

fn retry(attempts: u32, delay: Duration) -> RetryLayer {
    let policy = RetryPolicy::default().max_attempts(attempts).initial_delay(delay).max_delay(delay).seed(1);
    RetryLayer::new(policy).unwrap()
}

#[tokio::test(start_paused = true)]
async fn retry_inside_the_breaker_notices_an_outage_only_after_all_attempts_of_a_call() {
    let breaker = || CircuitBreakerLayer::builder().failure_threshold(4).build().unwrap();
    let attempts = || retry(4, Duration::from_millis(1));
    let (seen, hidden) = (Calls::default(), Calls::default());
    let right = ServiceBuilder::new().layer(scope()).layer(attempts()).layer(breaker());
    let right = right.service(tool(&seen, |_| async { Err(down()) }));
    let wrong = ServiceBuilder::new().layer(scope()).layer(breaker()).layer(attempts());
    let wrong = wrong.service(tool(&hidden, |_| async { Err(down()) }));
    for _ in 0..4 {
        right.clone().oneshot(Request::new("x")).await.unwrap_err();
        wrong.clone().oneshot(Request::new("x")).await.unwrap_err();
    }
    assert_eq!((seen.count(), hidden.count()), (4, 16));
}

#[tokio::test(start_paused = true)]
async fn the_attempt_timeout_outside_the_breaker_leaves_the_circuit_of_a_hanging_target_closed() {
    let breaker = || CircuitBreakerLayer::builder().failure_threshold(3).build().unwrap();
    let timeout = || TimeoutLayer::attempt(SECOND);
    let (seen, hidden) = (Calls::default(), Calls::default());
    let right = ServiceBuilder::new().layer(scope()).layer(breaker()).layer(timeout());
    let right = right.service(tool(&seen, |_| std::future::pending()));
    let wrong = ServiceBuilder::new().layer(scope()).layer(timeout()).layer(breaker());
    let wrong = wrong.service(tool(&hidden, |_| std::future::pending()));
    for _ in 0..10 {
        right.clone().oneshot(Request::new("x")).await.unwrap_err();
        wrong.clone().oneshot(Request::new("x")).await.unwrap_err();
    }
    assert_eq!((seen.count(), hidden.count()), (3, 10));
}

#[tokio::test(start_paused = true)]
async fn a_budget_inside_retry_gives_every_attempt_the_whole_of_it() {
    let budget = || BudgetLayer::new(Budget::new().tokens(100)).unwrap();
    let attempts = || retry(3, Duration::from_millis(1));
    let costly = |request: Request| async move {
        request.context().meter().book(&Usage::new().output(Counted::reported(60)));
        Err(down())
    };
    let (one, each) = (Calls::default(), Calls::default());
    let right = ServiceBuilder::new().layer(scope()).layer(budget()).layer(attempts()).service(tool(&one, costly));
    let wrong = ServiceBuilder::new().layer(scope()).layer(attempts()).layer(budget()).service(tool(&each, costly));
    right.oneshot(Request::new("x")).await.unwrap_err();
    wrong.oneshot(Request::new("x")).await.unwrap_err();
    // 180 of 100 tokens, against 120: the attempt that went over, and none after it.
    assert_eq!((one.count(), each.count()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_outside_retry_keeps_its_place_while_a_call_waits_to_be_repeated() {
    let bulkhead = || BulkheadLayer::builder().max_in_flight(1).max_wait(SECOND).build().unwrap();
    let attempts = || retry(2, SECOND * 60);
    let first_fails = |request: Request| async move {
        let fails = request.input().as_json() == "first" && request.context().attempt() == 1;
        if fails { Err(down().with_retry_after(SECOND * 30)) } else { Ok(Output::from("fine")) }
    };
    let calls = Calls::default();
    let right = ServiceBuilder::new().layer(scope()).layer(attempts()).layer(bulkhead());
    let right = right.service(tool(&calls, first_fails));
    let wrong = ServiceBuilder::new().layer(scope()).layer(bulkhead()).layer(attempts());
    let wrong = wrong.service(tool(&calls, first_fails));
    let (first, second) =
        tokio::join!(right.clone().oneshot(Request::new("first")), right.oneshot(Request::new("second")));
    assert!(first.is_ok() && second.is_ok());
    let (first, second) =
        tokio::join!(wrong.clone().oneshot(Request::new("first")), wrong.oneshot(Request::new("second")));
    assert!(first.is_ok());
    assert!(matches!(second.unwrap_err().kind(), ErrorKind::Overloaded { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_outside_retry_counts_only_the_first_attempt_of_a_call() {
    let limit = || RateLimitLayer::new(RateLimitConfig::per_minute(60).burst(1)).unwrap();
    let attempts = || retry(3, Duration::from_millis(1));
    let (kept, broken) = (Calls::default(), Calls::default());
    let right = ServiceBuilder::new().layer(scope()).layer(attempts()).layer(limit());
    let right = right.service(tool(&kept, |_| async { Err(down()) }));
    let wrong = ServiceBuilder::new().layer(scope()).layer(limit()).layer(attempts());
    let wrong = wrong.service(tool(&broken, |_| async { Err(down()) }));
    right.oneshot(Request::new("x")).await.unwrap_err();
    wrong.oneshot(Request::new("x")).await.unwrap_err();
    assert_eq!((kept.count(), broken.count()), (3, 3));
    assert!(kept.span() >= SECOND * 2 && broken.span() < SECOND / 10, "{:?} {:?}", kept.span(), broken.span());
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_inside_the_attempt_timeout_makes_a_full_queue_look_like_a_slow_target() {
    let bulkhead = || BulkheadLayer::builder().max_in_flight(1).max_wait(SECOND * 10).build().unwrap();
    let timeout = || TimeoutLayer::attempt(SECOND * 2);
    let work = |_: Request| async {
        sleep(SECOND * 3 / 2).await;
        Ok(Output::from("fine"))
    };
    let calls = Calls::default();
    let right = ServiceBuilder::new().layer(scope()).layer(bulkhead()).layer(timeout()).service(tool(&calls, work));
    let wrong = ServiceBuilder::new().layer(scope()).layer(timeout()).layer(bulkhead()).service(tool(&calls, work));
    let (first, second) = tokio::join!(right.clone().oneshot(Request::new("1")), right.oneshot(Request::new("2")));
    assert!(first.is_ok() && second.is_ok());
    let (first, second) = tokio::join!(wrong.clone().oneshot(Request::new("1")), wrong.oneshot(Request::new("2")));
    assert_eq!((first.is_ok(), second.unwrap_err().class()), (true, Class::Timeout));
}

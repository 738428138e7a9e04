use std::sync::Arc;
use std::time::Duration;

use orch_core::store::{HasFingerprint, Key};
use orch_core::{
    Budget, CallContext, Circuit, Class, Counted, Deadline, Error, ErrorKind, HasContext, HealthBoard, Output, Request,
    Target, ToolSpec, Usage,
};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{ReliabilityConfig, ReliabilityStack};
use crate::testing::{Ask, Script, provider};
use crate::{CircuitBreakerConfig, IdempotencyConfig, MemoryStore, RateLimitConfig, RetryPolicy};

const SECOND: Duration = Duration::from_secs(1);

fn read(json: &str) -> Result<ReliabilityConfig, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn quick() -> ReliabilityConfig {
    ReliabilityConfig::default().retry(RetryPolicy::default().initial_delay(Duration::from_millis(1)))
}

#[test]
fn the_familiar_names_are_read_in_their_units() {
    let json = r#"{
        "retry_policy": { "max_attempts": 4, "initial_delay": 1.0 },
        "circuit_breaker_configs": {
            "openai": { "failure_threshold": 5, "timeout": 60.0, "window_size": 300.0 },
            "anthropic": { "failure_threshold": 3, "timeout": 120.0 }
        },
        "rate_limits": { "openai": { "requests_per_minute": 500 } },
        "idempotency_enabled": true, "idempotency_ttl_ms": 60000, "conflict_detection": false,
        "budget": { "tokens": 2000, "time_ms": 30000 },
        "deadline": 120, "attempt_timeout": "20s", "max_in_flight": 8, "max_wait": "500ms"
    }"#;
    let breaker = CircuitBreakerConfig::default;
    let expected = ReliabilityConfig::default()
        .retry(RetryPolicy::default().max_attempts(4).initial_delay(SECOND))
        .circuit_breaker_of("openai", breaker().failure_threshold(5).cooldown(SECOND * 60).window(SECOND * 300))
        .circuit_breaker_of("anthropic", breaker().failure_threshold(3).cooldown(SECOND * 120))
        .rate_limit_of("openai", RateLimitConfig::per_minute(500))
        .idempotency(IdempotencyConfig::default().ttl(SECOND * 60).conflict_detection(false))
        .budget(Budget::new().tokens(2_000).time(SECOND * 30))
        .deadline(SECOND * 120)
        .attempt_timeout(SECOND * 20)
        .max_in_flight(8)
        .max_wait(SECOND / 2);
    assert_eq!(read(json), Ok(expected.clone()));
    assert_eq!(read(&serde_json::to_string(&expected).unwrap()), Ok(expected));
    assert_eq!(read("{}"), Ok(ReliabilityConfig::default()));
}

#[test]
fn both_spellings_of_one_setting_are_an_error_that_names_both() {
    for (json, names) in [
        (r#"{ "retry": {}, "retry_policy": {} }"#, ["`retry`", "`retry_policy`"]),
        (
            r#"{ "circuit_breakers": {}, "circuit_breaker_configs": {} }"#,
            ["`circuit_breakers`", "`circuit_breaker_configs`"],
        ),
        (r#"{ "idempotency": {}, "idempotency_enabled": true }"#, ["`idempotency`", "`idempotency_enabled`"]),
        (r#"{ "idempotency": {}, "idempotency_ttl_ms": 1 }"#, ["`idempotency`", "`idempotency_ttl_ms`"]),
        (r#"{ "idempotency": {}, "conflict_detection": true }"#, ["`idempotency`", "`conflict_detection`"]),
    ] {
        let error = read(json).unwrap_err();
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
    }
}

#[test]
fn unknown_settings_and_wrong_values_are_refused_by_name() {
    for (json, name) in [
        (r#"{ "retries": 3 }"#, "retries"),
        (r#"{ "retry_policy": { "max_attempts": 0 } }"#, "max_attempts"),
        (r#"{ "circuit_breaker_configs": { "openai": { "failure_rate": 2.0 } } }"#, "failure_rate"),
        (r#"{ "rate_limits": { "openai": { "requests_per_minute": 0 } } }"#, "requests_per_minute"),
        (r#"{ "max_in_flight": 0 }"#, "max_in_flight"),
        (r#"{ "deadline": 0 }"#, "deadline"),
        (r#"{ "attempt_timeout": "soon" }"#, "attempt_timeout"),
        (r#"{ "budget": { "tokens": 0 } }"#, "tokens"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(name), "{json}: {error}");
    }
    let error = ReliabilityConfig::default().idle_timeout(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.field(), "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn every_attempt_of_the_tool_stack_is_seen_by_the_breaker_of_its_own_target() {
    let config = quick().circuit_breaker_of("tool", CircuitBreakerConfig::default().failure_threshold(3));
    let health = HealthBoard::new();
    let stack = config.stack().health(health.clone()).store(Arc::new(MemoryStore::new())).build().unwrap();
    let script = Script::new([Err(provider(Class::Transient))]);
    let mut tool = stack.tool().layer(script.clone());
    assert!(tool.call(Ask::pure()).await.is_err());
    let error = tool.call(Ask::pure()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::CircuitOpen { .. }), "{error:?}");
    assert_eq!(script.calls(), 3);
    assert!(matches!(health.read(&Target::new("tool")).circuit, Circuit::Open { .. }));
    // The same layer around another tool: the circuit is the target's.
    let error = stack.tool().layer(Script::new([Ok(Output::from("fine"))])).oneshot(Ask::pure()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::CircuitOpen { .. }), "{error:?}");
    assert!(stack.tool().layer(script).oneshot(Ask::of(&ToolSpec::pure("other"))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_tool_stack_limits_times_and_catches() {
    let config = quick()
        .retry(RetryPolicy::default().max_attempts(1))
        .rate_limit_of("limited", RateLimitConfig::per_minute(1).max_wait(Duration::ZERO))
        .attempt_timeout(SECOND);
    let stack = config.build().unwrap();
    let limited = stack.tool().layer(Script::new([Ok(Output::from("fine"))]));
    let ask = || Ask::of(&ToolSpec::pure("limited"));
    assert!(limited.clone().oneshot(ask()).await.is_ok());
    let error = limited.oneshot(ask()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(SECOND * 60));
    let slow = service_fn(|_: Ask| async {
        sleep(SECOND * 2).await;
        Ok::<_, Error>(Output::from("late"))
    });
    let start = Instant::now();
    let error = stack.tool().layer(slow).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!((error.class(), start.elapsed()), (Class::Timeout, SECOND));
    let broken = service_fn(|_: Ask| async { panic!("on purpose") as Result<Output, Error> });
    let error = stack.tool().layer(broken).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(error.class(), Class::Panicked);
}

#[tokio::test(start_paused = true)]
async fn the_run_stack_ends_in_time_runs_a_key_once_and_keeps_the_budget() {
    let config = ReliabilityConfig::default().deadline(SECOND).budget(Budget::new().tokens(10));
    let stack = config.build().unwrap();
    let keyed = |key: &str| {
        let mut context = CallContext::new().with_key(Key::new(key).unwrap());
        context.set_effect(orch_core::Effect::Pure);
        let request = Request::new("hello").with_context(context);
        let _ = request.fingerprint();
        request
    };
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let run = service_fn(move |request: Request| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            let slow = request.context().key().is_some_and(|key| key.as_str() == "slow");
            sleep(if slow { SECOND * 5 } else { SECOND / 10 }).await;
            Ok::<_, Error>(Output::from("fine").with_usage(Usage::new().output(Counted::reported(11))))
        }
    });
    let run = stack.run().layer(run);
    let error = run.clone().oneshot(keyed("once")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }), "{error:?}");
    let replayed = run.clone().oneshot(keyed("once")).await.unwrap();
    assert!(replayed.replayed());
    assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 1);
    let error = run.oneshot(keyed("slow")).await.unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_stack_with_other_settings_shares_what_did_not_change() {
    let first = quick().build().unwrap();
    first.circuit_breakers().force_open(&Target::new("tool"));
    let refused = |stack: &ReliabilityStack| {
        let script = Script::new([Ok(Output::from("fine"))]);
        let tool = stack.tool().layer(script);
        async move { tool.oneshot(Ask::pure()).await.is_err() }
    };
    let other_retry = quick().retry(RetryPolicy::default().max_attempts(7)).stack().share(&first).build().unwrap();
    assert!(refused(&other_retry).await, "the circuits are the same");
    assert!(matches!(other_retry.health().read(&Target::new("tool")).circuit, Circuit::Open { .. }));
    let breaker = CircuitBreakerConfig::default().failure_threshold(9);
    let other_circuits = quick().circuit_breaker(breaker).stack().share(&first).build().unwrap();
    assert!(!refused(&other_circuits).await, "they begin anew");
    let own_health = quick().stack().share(&first).health(HealthBoard::new()).build().unwrap();
    assert!(!refused(&own_health).await, "circuits that write elsewhere begin anew");
    assert_eq!(other_circuits.config(), &quick().circuit_breaker(CircuitBreakerConfig::default().failure_threshold(9)));
}

#[tokio::test(start_paused = true)]
async fn limits_and_memory_are_shared_too() {
    let limited = |config: ReliabilityConfig| {
        let config = config.retry(RetryPolicy::default().max_attempts(1));
        config.rate_limit_of("tool", RateLimitConfig::per_minute(1).max_wait(Duration::ZERO))
    };
    let first = limited(quick()).build().unwrap();
    let call =
        |stack: &ReliabilityStack| stack.tool().layer(Script::new([Ok(Output::from("fine"))])).oneshot(Ask::pure());
    assert!(call(&first).await.is_ok());
    let second = limited(quick().deadline(SECOND)).stack().share(&first).build().unwrap();
    assert!(call(&second).await.is_err(), "the minute's request was spent in the first stack");
    let keyed = || {
        let mut context = CallContext::new().with_key(Key::new("once").unwrap());
        context.set_effect(orch_core::Effect::Pure);
        Request::new("hello").with_context(context)
    };
    let run = |stack: &ReliabilityStack| {
        stack.run().layer(service_fn(|_: Request| async { Ok::<_, Error>(Output::from("fine")) })).oneshot(keyed())
    };
    assert!(!run(&first).await.unwrap().replayed());
    assert!(run(&second).await.unwrap().replayed());
    let elsewhere = quick().stack().share(&second).store(Arc::new(MemoryStore::new())).build().unwrap();
    assert!(!run(&elsewhere).await.unwrap().replayed(), "a store of its own wins");
}

#[tokio::test(start_paused = true)]
async fn a_panic_outside_of_tools_is_an_error_of_the_run() {
    let stack = ReliabilityConfig::default().build().unwrap();
    let broken = service_fn(|_: Request| async { panic!("on purpose") as Result<Output, Error> });
    let error = stack.run().layer(broken).oneshot(Request::new("hello")).await.unwrap_err();
    assert_eq!(error.class(), Class::Panicked);
}

#[tokio::test(start_paused = true)]
async fn a_run_stack_without_limits_keeps_to_what_the_run_brings() {
    let config = ReliabilityConfig::default().deadline(SECOND).budget(Budget::new().tokens(10));
    let stack = config.build().unwrap();
    assert_eq!((stack.deadline(), stack.budget().limits().tokens), (SECOND, Some(10)));
    let slow = service_fn(|_: Request| async {
        sleep(SECOND * 5).await;
        Ok::<_, Error>(Output::from("fine").with_usage(Usage::new().output(Counted::reported(11))))
    });
    let run = stack.run().without_limits().layer(slow);
    assert!(run.clone().oneshot(Request::new("hello")).await.is_ok());
    let context = CallContext::new().with_deadline(Deadline::after(Instant::now(), SECOND * 2));
    let error = run.oneshot(Request::new("hello").with_context(context)).await.unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
}

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orch_core::{
    AskedBy, Class, Counted, Deadline, DeltaKind, Error, ErrorKind, Estimate, Event, HasContext, Limits, Meter, Output,
    Part, Stopped, Target, ToolSpec, Usage, Verdict,
};
use orch_testkit::time::sweep;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use super::{RetryLayer, RetryPolicy};
use crate::testing::{Ask, Script, events, provider, throttled};
use crate::{RatioBudget, RetryBudget, Withdrawal};

fn ok() -> Result<Output, Error> {
    Ok(Output::from("fine"))
}

fn seeded() -> RetryPolicy {
    RetryPolicy::default().seed(7)
}

async fn run(policy: RetryPolicy, script: &Script, ask: Ask) -> Result<Output, Error> {
    RetryLayer::new(policy).unwrap().layer(script.clone()).oneshot(ask).await
}

#[tokio::test(start_paused = true)]
async fn two_hints_of_7_s_are_waited_for_exactly_and_up_to_a_tenth_longer() {
    let script = Script::new([Err(throttled(7)), Err(throttled(7)), ok()]);
    let _ = run(seeded(), &script, Ask::pure()).await.unwrap();
    assert_eq!(script.calls(), 3);
    for gap in script.gaps() {
        assert!((Duration::from_secs(7)..=Duration::from_millis(7_701)).contains(&gap), "{gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn five_attempts_for_throttling_and_two_for_timeouts() {
    let policy = || seeded().class_attempts(Class::Throttled, 5).class_attempts(Class::Timeout, 2);
    for (errors, calls) in [
        (vec![throttled(1)], 5),
        (vec![provider(Class::Timeout)], 2),
        (vec![provider(Class::Transient)], 3),
        // The second failure is a timeout, and two attempts were made: no third.
        (vec![throttled(1), provider(Class::Timeout), throttled(1)], 2),
        (vec![provider(Class::Timeout), throttled(1)], 5),
    ] {
        let script = Script::new(errors.into_iter().map(Err));
        let error = run(policy(), &script, Ask::pure()).await.unwrap_err();
        assert_eq!((script.calls(), error.stopped()), (calls, Some(Stopped::Attempts)));
    }
}

#[tokio::test(start_paused = true)]
async fn two_calls_of_one_request_do_not_take_each_others_chunks_for_their_own() {
    let calls = Arc::new(AtomicU32::new(0));
    let tool = service_fn(move |ask: Ask| {
        let number = calls.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if number == 0 {
                ask.context().deliver(Instant::now(), DeltaKind::Text, "x");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            if number == 1 { Err(provider(Class::Transient)) } else { ok() }
        }
    });
    let stack = RetryLayer::new(seeded()).unwrap().layer(tool);
    let ask = Ask::pure();
    let (first, second) = tokio::join!(stack.clone().oneshot(ask.clone()), stack.oneshot(ask));
    assert!(first.is_ok());
    // Only the first had delivered a part of its answer: the second is repeated.
    assert!(second.is_ok(), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hint_above_max_delay_is_not_shortened() {
    let script = Script::new([Err(throttled(90)), ok()]);
    let _ = run(seeded().max_delay(Duration::from_secs(30)), &script, Ask::pure()).await.unwrap();
    assert!(script.gaps()[0] >= Duration::from_secs(90), "{:?}", script.gaps());
}

#[tokio::test(start_paused = true)]
async fn a_hint_past_the_deadline_stops_after_0_ns_with_1_call() {
    let script = Script::new([Err(throttled(7))]);
    let start = Instant::now();
    let deadline = Deadline::after(start, Duration::from_secs(5));
    let error = run(seeded(), &script, Ask::pure().with(|context| context.with_deadline(deadline))).await.unwrap_err();
    assert_eq!((start.elapsed(), script.calls()), (Duration::ZERO, 1));
    assert_eq!(error.stopped(), Some(Stopped::Deadline));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test(start_paused = true)]
async fn a_hint_above_the_cap_stops_at_once_and_is_returned() {
    let script = Script::new([Err(throttled(121))]);
    let start = Instant::now();
    let error = run(seeded(), &script, Ask::pure()).await.unwrap_err();
    assert_eq!((start.elapsed(), script.calls()), (Duration::ZERO, 1));
    assert_eq!(error.stopped(), Some(Stopped::RetryAfterTooLong));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(121)));
}

#[tokio::test(start_paused = true)]
async fn an_absurd_hint_that_is_allowed_is_waited_for_without_overflow() {
    let forever = throttled(0).with_retry_after(Duration::MAX);
    let script = Script::new([Err(forever)]);
    let policy = seeded().retry_after_cap(Duration::MAX);
    let mut call = Box::pin(run(policy, &script, Ask::pure()));
    assert!(crate::testing::poll_once(call.as_mut()).await.is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_is_not_respected_leaves_the_backoff() {
    let script = Script::new([Err(throttled(7)), ok()]);
    let _ = run(seeded().respect_retry_after(false), &script, Ask::pure()).await.unwrap();
    assert!(script.gaps()[0] <= Duration::from_millis(501), "{:?}", script.gaps());
}

#[tokio::test(start_paused = true)]
async fn the_original_error_comes_back_with_the_reason_and_every_attempt() {
    let script = Script::new([Err(provider(Class::Transient)), Err(throttled(2)), Err(provider(Class::Timeout))]);
    let ask = Ask::pure();
    let log = ask.context().attempts().clone();
    let error = run(seeded(), &script, ask).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Provider(_)));
    assert_eq!((error.class(), error.stopped()), (Class::Timeout, Some(Stopped::Attempts)));

    let records = error.attempts();
    assert_eq!(records, log.snapshot());
    let verdicts: Vec<_> = records.iter().map(|record| record.verdict).collect();
    assert_eq!(verdicts, [Verdict::Repeated, Verdict::Repeated, Verdict::Stopped(Stopped::Attempts)]);
    let classes: Vec<_> = records.iter().map(|record| record.class).collect();
    assert_eq!(classes, [Some(Class::Transient), Some(Class::Throttled), Some(Class::Timeout)]);
    let asked_by: Vec<_> = records.iter().map(|record| record.wait.map(|wait| wait.asked_by)).collect();
    assert_eq!(asked_by, [Some(AskedBy::Backoff), Some(AskedBy::RetryAfter), None]);
    let attempts: Vec<_> = records.iter().map(|record| record.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert_eq!(records[0].tool.as_deref(), Some("tool"));
    let gap = |n: usize| records[n + 1].started - records[n].started;
    for (n, measured) in script.gaps().into_iter().enumerate() {
        assert_eq!(gap(n), measured);
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_is_recorded_only_after_a_failure() {
    let ask = Ask::pure();
    let log = ask.context().attempts().clone();
    let _ = run(seeded(), &Script::new([ok()]), ask).await.unwrap();
    assert!(log.snapshot().is_empty());

    let ask = Ask::pure();
    let log = ask.context().attempts().clone();
    let _ = run(seeded(), &Script::new([Err(throttled(1)), ok()]), ask).await.unwrap();
    let verdicts: Vec<_> = log.snapshot().iter().map(|record| (record.attempt, record.verdict)).collect();
    assert_eq!(verdicts, [(1, Verdict::Repeated), (2, Verdict::Succeeded)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_repeated_comes_back_at_once() {
    let at_most_once = Ask::of(&ToolSpec::at_most_once("charge"));
    for (error, ask, stopped) in [
        (provider(Class::Permanent), Ask::pure(), Stopped::Class),
        (provider(Class::Transient), at_most_once.clone(), Stopped::Effect),
        (provider(Class::Transient), Ask::default(), Stopped::Effect),
        (Error::new(ErrorKind::CircuitOpen { target: Target::default() }), Ask::pure(), Stopped::Class),
    ] {
        let script = Script::new([Err(error)]);
        let error = run(seeded(), &script, ask).await.unwrap_err();
        assert_eq!((error.stopped(), script.calls()), (Some(stopped), 1));
    }
    let script = Script::new([Err(throttled(1)), ok()]);
    let _ = run(seeded(), &script, at_most_once).await.unwrap();
    assert_eq!(script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_delivered_part_nothing_is_repeated_and_the_stream_is_broken() {
    for class in [Class::Transient, Class::Timeout, Class::Throttled] {
        let calls = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&calls);
        let tool = service_fn(move |ask: Ask| {
            count.fetch_add(1, Ordering::Relaxed);
            ask.context().deliver(Instant::now(), DeltaKind::Text, "Once upon");
            std::future::ready(Err::<Output, _>(provider(class).with_output(Output::from("Once upon"))))
        });
        let error = RetryLayer::new(seeded()).unwrap().layer(tool).oneshot(Ask::pure()).await.unwrap_err();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!((error.class(), error.stopped()), (Class::StreamBroken, Some(Stopped::Committed)));
        assert_eq!(error.output().unwrap().content().get::<String>().unwrap(), "Once upon");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("busy"));
        assert_eq!(error.attempts().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn reasoning_does_not_commit() {
    let tool = service_fn(|ask: Ask| async move {
        ask.context().deliver(Instant::now(), DeltaKind::Reasoning, "hm");
        if ask.context().attempt() == 1 { Err(provider(Class::Transient)) } else { ok() }
    });
    let _ = RetryLayer::new(seeded()).unwrap().layer(tool).oneshot(Ask::pure()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_attempt_has_its_number_and_a_progress_of_its_own() {
    let script = Script::new([Err(throttled(1)), Err(throttled(1)), ok()]);
    let mut used = Ask::pure();
    used.context_mut().begin_attempt(9, Instant::now());
    used.context().deliver(Instant::now(), DeltaKind::Text, "from before");
    let _ = run(seeded(), &script, used).await.unwrap();
    let contexts = script.contexts();
    let numbers: Vec<_> = contexts.iter().map(orch_core::CallContext::attempt).collect();
    assert_eq!(numbers, [1, 2, 3]);
    contexts[0].progress().heartbeat(Instant::now());
    assert!(contexts[1..].iter().all(|context| context.progress().last_at().is_none()));
    assert!(contexts.iter().all(|context| !context.progress().committed()));
}

#[tokio::test(start_paused = true)]
async fn the_usage_of_a_failed_attempt_is_kept() {
    let usage = |tokens| Usage::new().output(Counted::reported(tokens));
    let tool = service_fn(move |ask: Ask| {
        let error = provider(Class::Transient);
        std::future::ready(Err::<Output, _>(match ask.context().attempt() {
            1 => error.with_output(Output::from("part").with_usage(usage(11))),
            2 => {
                ask.context().progress().set_usage(usage(22));
                error
            }
            _ => error,
        }))
    });
    let error = RetryLayer::new(seeded()).unwrap().layer(tool).oneshot(Ask::pure()).await.unwrap_err();
    let used: Vec<_> = error.attempts().iter().map(|record| record.usage.tokens()).collect();
    assert_eq!(used, [11, 22, 0]);
}

#[tokio::test(start_paused = true)]
async fn waits_may_not_add_up_to_more_than_allowed() {
    let script = Script::new([Err(throttled(4))]);
    let policy = seeded().max_attempts(10).max_total_delay(Duration::from_secs(10));
    let error = run(policy, &script, Ask::pure()).await.unwrap_err();
    assert_eq!((error.stopped(), script.calls()), (Some(Stopped::TotalDelay), 3));
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_cannot_be_paid_for_is_not_started() {
    let estimate = Estimate::unknown().output(60);
    for (limit, calls) in [(100, 1), (120, 2)] {
        let meter = Meter::new(Limits { tokens: Some(limit), cost: None });
        let spent = meter.clone();
        let mut ask = Ask::pure().with(|context| context.with_meter(meter));
        ask.context_mut().set_estimate(estimate);
        let script = Script::new([Err(throttled(1))]);
        let tool = script.clone().map_result(move |result: Result<Output, Error>| {
            spent.book(&Usage::new().output(Counted::reported(60)));
            result
        });
        let error = RetryLayer::new(seeded()).unwrap().layer(tool).oneshot(ask).await.unwrap_err();
        assert_eq!((error.stopped(), script.calls()), (Some(Stopped::Spend), calls));
    }
}

#[tokio::test(start_paused = true)]
async fn events_tell_of_every_attempt_failure_and_wait() {
    let script = Script::new([Err(throttled(7)), ok()]);
    let mut ask = Ask::pure();
    let mut stream = ask.context_mut().subscribe();
    let _ = run(seeded(), &script, ask).await.unwrap();
    let events = events(&mut stream).await;
    let target = Target::new("tool");
    assert_eq!(events[0], (Some(1), Event::AttemptStarted { target: target.clone() }));
    assert!(matches!(&events[1], (Some(1), Event::AttemptFailed { class: Class::Throttled, .. })));
    let (Some(1), Event::RetryScheduled { wait, asked_by: AskedBy::RetryAfter }) = &events[2] else {
        panic!("{:?}", events[2]);
    };
    assert!(*wait >= Duration::from_secs(7));
    assert_eq!(events[3], (Some(2), Event::AttemptStarted { target }));
    assert_eq!(events.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_the_same_waits_in_whatever_order_replicates_run() {
    async fn gaps(order: [u32; 3]) -> Vec<(u32, Vec<Duration>)> {
        let layer = RetryLayer::new(seeded()).unwrap();
        let run = Ask::pure();
        let mut gaps = Vec::new();
        for replicate in order {
            let script = Script::new([Err(provider(Class::Transient))]);
            let ask = run.clone().with(|context| context.child(Part::Replicate(replicate, 0)));
            let _ = layer.layer(script.clone()).oneshot(ask).await;
            gaps.push((replicate, script.gaps()));
        }
        gaps.sort();
        gaps
    }
    let first = gaps([1, 2, 3]).await;
    assert_eq!(first, gaps([3, 1, 2]).await);
    assert_ne!(first[0].1, first[1].1);
}

#[tokio::test(start_paused = true)]
async fn the_retry_budget_is_paid_into_once_per_call_and_stops_repeats_when_empty() {
    let budget = RatioBudget::builder().ratio(0.5).min_per_sec(0).build().unwrap();
    let layer = RetryLayer::new(seeded()).unwrap().budget(Arc::new(budget.clone()));
    let failing = Script::new([Err(provider(Class::Transient))]);
    let mut service = layer.layer(failing.clone());
    let error = service.call(Ask::pure()).await.unwrap_err();
    assert_eq!((error.stopped(), failing.calls()), (Some(Stopped::RetryBudget), 1));
    // Two calls have paid for one repeat.
    let error = service.call(Ask::pure()).await.unwrap_err();
    assert_eq!((error.stopped(), failing.calls()), (Some(Stopped::RetryBudget), 3));

    // After throttling a repeat costs half.
    let script = Script::new([Err(throttled(1)), ok()]);
    let _ = layer.layer(script.clone()).oneshot(Ask::pure()).await.unwrap();
    assert_eq!((script.calls(), budget.available()), (2, 0));
    // And for our own rate limit nothing.
    let limited = Error::new(ErrorKind::RateLimited { target: Target::default() });
    let script = Script::new([Err(limited.with_retry_after(Duration::from_secs(1))), ok()]);
    let _ = layer.layer(script.clone()).oneshot(Ask::pure()).await.unwrap();
    assert_eq!(script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_gives_its_repeat_back() {
    /// Counts what is taken and not given back while it has not been committed.
    #[derive(Default)]
    struct Counting(Arc<AtomicU32>);
    impl RetryBudget for Counting {
        fn deposit(&self) {}
        fn withdraw(&self, cost: u32) -> Option<Withdrawal> {
            self.0.fetch_add(cost, Ordering::Relaxed);
            let taken = Arc::clone(&self.0);
            Some(Withdrawal::new(move || {
                taken.fetch_sub(cost, Ordering::Relaxed);
            }))
        }
    }
    let taken = Arc::new(AtomicU32::new(0));
    let mut seen = Vec::new();
    let started = std::cell::RefCell::new(Script::new([ok()]));
    let polls = sweep(
        || {
            taken.store(0, Ordering::Relaxed);
            let script = Script::new([Err(provider(Class::Transient)), Err(provider(Class::Transient)), ok()]);
            *started.borrow_mut() = script.clone();
            let layer = RetryLayer::new(seeded()).unwrap().budget(Arc::new(Counting(Arc::clone(&taken))));
            layer.layer(script).oneshot(Ask::pure())
        },
        |_| {
            // Kept is exactly the cost of the repeats that started.
            let repeats = u32::try_from(started.borrow().calls().saturating_sub(1)).unwrap();
            seen.push(repeats);
            assert_eq!(taken.load(Ordering::Relaxed), 10 * repeats);
        },
    )
    .await;
    assert_eq!((polls, seen), (3, vec![0, 0, 1, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_readiness_error_is_final_and_keeps_the_attempts_before_it() {
    /// Works once, and never gets ready again.
    #[derive(Clone)]
    struct Breaks(Arc<AtomicU32>);
    impl Service<Ask> for Breaks {
        type Response = Output;
        type Error = Error;
        type Future = std::future::Ready<Result<Output, Error>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
            std::task::Poll::Ready(match self.0.load(Ordering::Relaxed) {
                0 => Ok(()),
                _ => Err(Error::transient("the connection is gone")),
            })
        }
        fn call(&mut self, _: Ask) -> Self::Future {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err(throttled(1)))
        }
    }
    let calls = Arc::new(AtomicU32::new(0));
    let service = RetryLayer::new(seeded()).unwrap().layer(Breaks(Arc::clone(&calls)));
    let error = service.clone().oneshot(Ask::pure()).await.unwrap_err();
    assert!(error.to_string().contains("the connection is gone"));
    assert_eq!((error.stopped(), error.attempts().len()), (Some(Stopped::Class), 2));
    let error = service.oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!((error.attempts().len(), calls.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_over_a_full_service_waits_for_it_and_takes_plain_tower_layers_in() {
    let script = Script::new([Err(throttled(1)), ok()]);
    let inner = tower::ServiceBuilder::new()
        .map_err(|error: BoxError| error)
        .layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(60)))
        .layer(tower::limit::ConcurrencyLimitLayer::new(1))
        .service(script.clone());
    let mut busy = inner.clone();
    let _place = busy.ready().await.unwrap();
    let mut service = RetryLayer::default().layer(inner);
    assert!(service.ready().await.is_ok());
    let mut call = Box::pin(service.call(Ask::pure()));
    assert!(crate::testing::poll_once(call.as_mut()).await.is_pending());
    assert_eq!(script.calls(), 0);
    drop(busy);
    let _ = call.await.unwrap();
    assert_eq!(script.calls(), 2);
}

#[test]
fn a_policy_that_cannot_work_makes_no_layer() {
    let error = RetryLayer::new(RetryPolicy::default().max_attempts(0)).unwrap_err();
    assert_eq!(error.field(), "max_attempts");
}

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orch_core::{
    Budget, BudgetKind, Class, Deadline, DeltaKind, Error, ErrorKind, HasContext, Output, Stopped, TimeoutPhase,
};
use orch_testkit::time::sweep;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

use super::TimeoutLayer;
use crate::RetryLayer;
use crate::testing::{Ask, Script, poll_once};

const SECOND: Duration = Duration::from_secs(1);

fn deadline(seconds: u64) -> Ask {
    Ask::pure().with(|context| {
        context.with_deadline(Deadline::after(Instant::now(), SECOND * u32::try_from(seconds).unwrap()))
    })
}

/// A tool that delivers at these moments (seconds since it was called) and never ends.
fn delivers(
    chunks: &'static [(f64, Option<DeltaKind>)],
) -> impl Service<Ask, Response = Output, Error = Error, Future: Send> + Clone {
    service_fn(move |ask: Ask| async move {
        ask.context().progress().expect_chunks();
        let start = Instant::now();
        for (at, kind) in chunks {
            tokio::time::sleep_until(start + Duration::from_secs_f64(*at)).await;
            match kind {
                Some(kind) => ask.context().deliver(Instant::now(), *kind, "x"),
                None => ask.context().progress().heartbeat(Instant::now()),
            }
        }
        pending::<Result<Output, Error>>().await
    })
}

fn phase(error: &Error) -> (TimeoutPhase, Duration) {
    let ErrorKind::Timeout { phase, after } = error.kind() else { panic!("{error:?}") };
    (*phase, after.unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_run_covers_readiness() {
    let (inner, mut handle) = mock::pair::<Ask, Output>();
    handle.allow(0);
    let start = Instant::now();
    let error = TimeoutLayer::total(Duration::from_millis(50)).layer(inner).oneshot(Ask::pure()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded));
    assert_eq!(start.elapsed(), Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_an_attempt_covers_readiness() {
    let (inner, mut handle) = mock::pair::<Ask, Output>();
    handle.allow(0);
    let start = Instant::now();
    let error = TimeoutLayer::attempt(Duration::from_millis(50)).layer(inner).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(phase(&error), (TimeoutPhase::Attempt, Duration::from_millis(50)));
    assert_eq!((error.class(), start.elapsed()), (Class::Timeout, Duration::from_millis(50)));
}

#[tokio::test(start_paused = true)]
async fn total_covers_waits_and_repeats_and_shows_the_deadline_inside() {
    let script = Script::new([Err(crate::testing::throttled(40))]);
    let stack = TimeoutLayer::total(SECOND * 100).layer(RetryLayer::default().layer(script.clone()));
    let start = Instant::now();
    let error = stack.oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(error.stopped(), Some(Stopped::Attempts));
    assert!(start.elapsed() < SECOND * 100);
    let seen = script.contexts()[0].deadline().unwrap();
    assert_eq!(seen, Deadline::after(start, SECOND * 100));
}

#[tokio::test(start_paused = true)]
async fn the_nearer_deadline_wins_and_a_time_budget_is_named() {
    let stuck = service_fn(|_: Ask| pending::<Result<Output, Error>>());
    let start = Instant::now();
    let error = TimeoutLayer::total(SECOND * 9).layer(stuck).oneshot(deadline(3)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded));
    assert_eq!(start.elapsed(), SECOND * 3);

    let time = Budget::new().time(SECOND * 2).time_limit().unwrap();
    let ask = Ask::pure().with(|context| {
        let started = context.started();
        context.with_deadline(Deadline::of_budget(started, time))
    });
    let error = TimeoutLayer::total(SECOND * 9).layer(stuck).oneshot(ask).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { budget: BudgetKind::Time, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_fails_before_the_inner_service_is_asked() {
    let script = Script::new([Ok(Output::from("fine"))]);
    let error = TimeoutLayer::total(Duration::ZERO).layer(script.clone()).oneshot(Ask::pure()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded));
    assert_eq!(script.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn cancellation_ends_a_run_that_waits_and_refuses_one_that_has_not_begun() {
    let token = CancellationToken::new();
    let ask = Ask::pure().with(|context| context.with_cancellation(token.clone()));
    let mut stack = TimeoutLayer::total(SECOND * 9).layer(service_fn(|_: Ask| pending::<Result<Output, Error>>()));
    let call = tokio::spawn(stack.call(ask.clone()));
    sleep(SECOND).await;
    token.cancel();
    let start = Instant::now();
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cancelled));
    assert_eq!(start.elapsed(), Duration::ZERO);

    let script = Script::new([Ok(Output::from("fine"))]);
    for error in [
        TimeoutLayer::total(SECOND).layer(script.clone()).oneshot(ask.clone()).await.unwrap_err(),
        TimeoutLayer::attempt(SECOND).layer(script.clone()).oneshot(ask).await.unwrap_err(),
    ] {
        assert!(matches!(error.kind(), ErrorKind::Cancelled));
    }
    assert_eq!(script.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_at_the_very_moment_still_counts() {
    let slow = service_fn(|_: Ask| async {
        sleep(SECOND).await;
        Ok::<_, Error>(Output::from("just in time"))
    });
    let stack = TimeoutLayer::total(SECOND).layer(TimeoutLayer::attempt(SECOND).layer(slow));
    assert!(stack.oneshot(Ask::pure()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_cut_short_by_the_deadline_is_not_the_providers_fault() {
    let stuck = service_fn(|_: Ask| pending::<Result<Output, Error>>());
    for (seconds, limit, class) in
        [(3, 5, Class::DeadlineExceeded), (5, 5, Class::DeadlineExceeded), (5, 3, Class::Timeout)]
    {
        let start = Instant::now();
        let error = TimeoutLayer::attempt(SECOND * limit).layer(stuck).oneshot(deadline(seconds)).await.unwrap_err();
        assert_eq!(error.class(), class);
        assert_eq!(start.elapsed(), SECOND * limit.min(u32::try_from(seconds).unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_chunk_has_a_limit_that_pings_do_not_extend() {
    let layer = TimeoutLayer::attempt(SECOND * 60).first_chunk(SECOND * 4).idle(SECOND * 2);
    let start = Instant::now();
    let error = layer.layer(delivers(&[(1.0, None), (2.0, None), (3.0, None)])).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(phase(&error), (TimeoutPhase::FirstChunk, SECOND * 4));
    assert_eq!(start.elapsed(), SECOND * 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_one_piece_has_no_first_chunk_to_miss() {
    let whole = service_fn(|_: Ask| async {
        sleep(SECOND * 45).await;
        Ok::<_, Error>(Output::from("long thought"))
    });
    let layer = TimeoutLayer::attempt(SECOND * 60).first_chunk(SECOND * 30).idle(SECOND * 30);
    assert!(layer.layer(whole).oneshot(Ask::pure()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn idle_begins_with_the_first_chunk_and_any_sign_of_life_extends_it() {
    const REASONING: Option<DeltaKind> = Some(DeltaKind::Reasoning);
    let layer = TimeoutLayer::attempt(SECOND * 60).idle(SECOND * 2);
    // Silence before the first chunk is not idleness.
    let tool = delivers(&[(5.0, REASONING), (6.5, None), (8.0, None), (9.5, REASONING)]);
    let start = Instant::now();
    let error = layer.layer(tool).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(phase(&error), (TimeoutPhase::Idle, SECOND * 2));
    assert_eq!(start.elapsed(), Duration::from_millis(11_500));
}

#[tokio::test(start_paused = true)]
async fn the_whole_attempt_is_limited_however_lively_it_is() {
    let tool = delivers(&[(0.5, None), (1.0, Some(DeltaKind::Text)), (1.5, None), (2.0, None), (2.5, None)]);
    let layer = TimeoutLayer::attempt(SECOND * 2).first_chunk(SECOND * 2).idle(SECOND);
    let start = Instant::now();
    let error = layer.layer(tool).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(phase(&error), (TimeoutPhase::Attempt, SECOND * 2));
    assert_eq!(start.elapsed(), SECOND * 2);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_another_task_delivers_starts_the_idle_limit_too() {
    // The attempt itself is never woken; the limit is kept to the millisecond all the same.
    let tool = service_fn(|ask: Ask| async move {
        tokio::spawn(async move {
            sleep(Duration::from_millis(700)).await;
            ask.context().deliver(Instant::now(), DeltaKind::Text, "x");
        });
        pending::<Result<Output, Error>>().await
    });
    let start = Instant::now();
    let layer = TimeoutLayer::attempt(SECOND * 60).first_chunk(SECOND * 30).idle(SECOND);
    let error = layer.layer(tool).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(phase(&error), (TimeoutPhase::Idle, SECOND));
    assert_eq!(start.elapsed(), Duration::from_millis(1_700));
}

#[tokio::test(start_paused = true)]
async fn limits_of_zero_and_for_ever_neither_spin_nor_overflow() {
    let layer = TimeoutLayer::attempt(Duration::MAX).first_chunk(Duration::MAX).idle(Duration::ZERO);
    let mut call = Box::pin(layer.layer(delivers(&[])).oneshot(Ask::pure()));
    assert!(poll_once(call.as_mut()).await.is_pending());
    let error = layer.layer(delivers(&[(0.0, Some(DeltaKind::Text))])).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(phase(&error), (TimeoutPhase::Idle, Duration::ZERO));
    let mut call = Box::pin(TimeoutLayer::total(Duration::MAX).layer(delivers(&[])).oneshot(Ask::pure()));
    assert!(poll_once(call.as_mut()).await.is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_before_anything_was_delivered_is_repeated_and_one_after_breaks_the_stream() {
    let stack = |chunks| RetryLayer::default().layer(TimeoutLayer::attempt(SECOND).layer(delivers(chunks)));
    let error = stack(&[]).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!((error.class(), error.attempts().len()), (Class::Timeout, 3));
    let error = stack(&[(0.5, Some(DeltaKind::Text))]).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!((error.class(), error.attempts().len()), (Class::StreamBroken, 1));
}

#[tokio::test(start_paused = true)]
async fn errors_and_answers_of_the_inner_service_pass_unchanged() {
    let script = Script::new([Err(crate::testing::throttled(3)), Ok(Output::from("fine"))]);
    let mut stack = TimeoutLayer::total(SECOND).layer(TimeoutLayer::attempt(SECOND).layer(script));
    let error = stack.call(Ask::pure()).await.unwrap_err();
    assert_eq!((error.class(), error.retry_after()), (Class::Throttled, Some(SECOND * 3)));
    assert_eq!(stack.call(Ask::pure()).await.unwrap(), Output::from("fine"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_dropped_even_while_the_future_is_kept() {
    let running = Arc::new(());
    let held = Arc::clone(&running);
    let tool = service_fn(move |_: Ask| {
        let held = Arc::clone(&held);
        async move {
            pending::<()>().await;
            drop(held);
            Ok::<_, Error>(Output::from("never"))
        }
    });
    let idle = Arc::strong_count(&running);
    let mut attempt = Box::pin(TimeoutLayer::attempt(SECOND).layer(tool.clone()).call(Ask::pure()));
    let mut total = Box::pin(TimeoutLayer::total(SECOND).layer(tool).call(Ask::pure()));
    assert!(attempt.as_mut().await.is_err());
    assert!(total.as_mut().await.is_err());
    // Both clones of the tool are gone with their services.
    assert!(Arc::strong_count(&running) <= idle, "{}", Arc::strong_count(&running));
    drop((attempt, total));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_drops_the_inner_call() {
    struct Guard(Arc<AtomicU32>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let running = Arc::new(AtomicU32::new(0));
    let inner = Arc::clone(&running);
    let tool = service_fn(move |_: Ask| {
        inner.fetch_add(1, Ordering::Relaxed);
        let guard = Guard(Arc::clone(&inner));
        async move {
            sleep(Duration::from_millis(500)).await;
            drop(guard);
            Ok::<_, Error>(Output::from("fine"))
        }
    });
    let stack = TimeoutLayer::total(SECOND).layer(TimeoutLayer::attempt(SECOND).layer(tool));
    let polls = sweep(|| stack.clone().oneshot(Ask::pure()), |_| assert_eq!(running.load(Ordering::Relaxed), 0)).await;
    assert_eq!(polls, 2);
}

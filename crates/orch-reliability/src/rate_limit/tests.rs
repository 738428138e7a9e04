use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::join_all;
use orch_core::{AskedBy, Class, Deadline, Error, ErrorKind, HasContext, LimitHint, Output, Target};
use orch_testkit::time::sweep;
use proptest::prelude::*;
use tokio::time::{Instant, advance, sleep};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use super::{RateLimitConfig, RateLimitLayer};
use crate::testing::{Ask, Script, poll_once, provider};
use crate::{RetryLayer, RetryPolicy};

const SECOND: Duration = Duration::from_secs(1);

fn layer(config: RateLimitConfig) -> RateLimitLayer {
    RateLimitLayer::new(config).unwrap()
}

/// One request a second.
fn every_second() -> RateLimitConfig {
    RateLimitConfig::per_minute(60).burst(1).max_wait(SECOND * 60)
}

fn fine() -> Script {
    Script::new([Ok(Output::from("fine"))])
}

fn within(time: Duration) -> Ask {
    Ask::pure().with(|context| context.with_deadline(Deadline::after(Instant::now(), time)))
}

/// The rejection's `retry_after`.
fn rejected(result: Result<Output, Error>) -> Duration {
    let error = result.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RateLimited { target } if target.as_str() == "tool"), "{error:?}");
    assert_eq!((error.class(), error.not_executed()), (Class::LocalReject, true));
    error.retry_after().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_burst_leaves_at_once_and_then_one_request_per_interval_in_order() {
    let script = fine();
    let service = layer(RateLimitConfig::per_minute(120).burst(3).max_wait(SECOND * 60)).layer(script.clone());
    let start = Instant::now();
    let calls = (0..7).map(|n| {
        let ask = Ask::pure().with(|context| context.with_seed(n));
        service.clone().oneshot(ask)
    });
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(start.elapsed(), SECOND * 2);
    let half = SECOND / 2;
    assert_eq!(script.gaps(), [Duration::ZERO, Duration::ZERO, half, half, half, half]);
    let order: Vec<_> = script.contexts().iter().map(|context| context.seed().unwrap()).collect();
    assert_eq!(order, [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_rejected_at_once_with_the_exact_wait() {
    let script = fine();
    let mut service = layer(every_second().max_wait(Duration::ZERO)).layer(script.clone());
    let _ = service.call(Ask::pure()).await.unwrap();
    let start = Instant::now();
    assert_eq!(rejected(service.call(Ask::pure()).await), SECOND);
    advance(Duration::from_millis(400)).await;
    assert_eq!(rejected(service.call(Ask::pure()).await), Duration::from_millis(600));
    assert_eq!((start.elapsed(), script.calls()), (Duration::from_millis(400), 1));
    advance(Duration::from_millis(600)).await;
    assert!(service.call(Ask::pure()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_wait_of_a_rejection_counts_those_who_wait_already() {
    let mut service = layer(every_second().max_wait(SECOND * 3)).layer(fine());
    let _ = service.call(Ask::pure()).await.unwrap();
    let waiting = tokio::spawn(join_all((0..3).map(|_| service.call(Ask::pure())).collect::<Vec<_>>()));
    let start = Instant::now();
    assert_eq!(rejected(service.call(Ask::pure()).await), SECOND * 4);
    assert_eq!(start.elapsed(), Duration::ZERO);
    advance(Duration::from_millis(250)).await;
    assert_eq!(rejected(service.call(Ask::pure()).await), Duration::from_millis(3_750));
    assert!(waiting.await.unwrap().iter().all(Result::is_ok));
    assert_eq!(start.elapsed(), SECOND * 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_could_leave_only_after_its_deadline_is_told_so_at_once() {
    let mut service = layer(every_second()).layer(fine());
    let _ = service.call(Ask::pure()).await.unwrap();
    let start = Instant::now();
    assert_eq!(rejected(service.call(within(SECOND / 2)).await), SECOND);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(service.call(within(SECOND * 2)).await.is_ok());
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_retry_outside_waits_just_as_long_as_the_limit_asks() {
    let policy = RetryPolicy::default().initial_delay(Duration::from_millis(1)).seed(7);
    let limit = layer(every_second().max_wait(Duration::ZERO));
    let service = ServiceBuilder::new().layer(RetryLayer::new(policy).unwrap()).layer(limit).service(fine());
    let _ = service.clone().oneshot(Ask::pure()).await.unwrap();
    let (ask, start) = (Ask::pure(), Instant::now());
    let log = ask.context().attempts().clone();
    assert!(service.oneshot(ask).await.is_ok());
    // A tenth more at most, so that not all who were rejected come back at the same moment.
    assert!((SECOND..SECOND + SECOND / 10).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(log.snapshot()[0].wait.unwrap().asked_by, AskedBy::RateLimit);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_everything_passes_whatever_providers_say() {
    let none_left = LimitHint::new().requests_left(0).reset_in(SECOND);
    let script = Script::new([Ok(Output::from("fine").with_limits(none_left))]);
    let elsewhere = RateLimitLayer::builder().for_target("openai", every_second()).build().unwrap();
    for layer in [RateLimitLayer::default(), elsewhere] {
        let start = Instant::now();
        for _ in 0..100 {
            assert!(layer.layer(script.clone()).oneshot(Ask::pure()).await.is_ok());
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn targets_have_limits_of_their_own_and_services_of_one_layer_share_them() {
    let limits = RateLimitLayer::builder()
        .config(every_second().max_wait(Duration::ZERO))
        .for_target("fast", RateLimitConfig::per_minute(600).burst(10).max_wait(Duration::ZERO))
        .build()
        .unwrap();
    let ask = |target: &str| {
        let mut ask = Ask::pure();
        ask.context_mut().set_target(Target::new(target));
        limits.clone().layer(fine()).oneshot(ask)
    };
    assert!(ask("a").await.is_ok());
    assert!(ask("a").await.is_err());
    assert!(ask("b").await.is_ok());
    for n in 0..11 {
        assert_eq!(ask("fast").await.is_ok(), n < 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_providers_hint_lowers_the_rate_until_its_window_starts_anew() {
    let hint = |left| LimitHint::new().requests_left(left).reset_in(SECOND * 10);
    let answer = Ok(Output::from("fine").with_limits(hint(2)));
    let error = Err(provider(Class::Throttled).with_limits(hint(2)));
    for first in [answer, error] {
        let script = Script::new([first, Ok(Output::from("fine"))]);
        let config = RateLimitConfig::per_minute(600).burst(100).max_wait(Duration::ZERO);
        let mut service = layer(config).layer(script);
        let _ = service.call(Ask::pure()).await;
        assert!(service.call(Ask::pure()).await.is_ok());
        assert!(service.call(Ask::pure()).await.is_ok());
        assert_eq!(rejected(service.call(Ask::pure()).await), SECOND * 10);
        advance(SECOND * 10).await;
        assert!(service.call(Ask::pure()).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_providers_hint_never_raises_the_rate() {
    let plenty = LimitHint::new().requests_left(10_000).reset_in(SECOND);
    let script = Script::new([Ok(Output::from("fine").with_limits(plenty))]);
    let mut service = layer(every_second().max_wait(Duration::ZERO)).layer(script);
    let _ = service.call(Ask::pure()).await.unwrap();
    assert_eq!(rejected(service.call(Ask::pure()).await), SECOND);
}

#[tokio::test(start_paused = true)]
async fn who_waits_while_the_provider_lowers_the_rate_waits_on_or_is_told_how_long() {
    let none_left = LimitHint::new().requests_left(0).reset_in(SECOND * 10);
    let slow = service_fn(move |_: Ask| async move {
        sleep(SECOND / 2).await;
        Ok::<_, Error>(Output::from("fine").with_limits(none_left))
    });
    let mut service = layer(every_second().max_wait(SECOND * 3)).layer(slow);
    let start = Instant::now();
    let (first, patient, second) = tokio::join!(
        service.call(Ask::pure()),
        layer(every_second()).layer(slow).call(Ask::pure()),
        service.call(Ask::pure())
    );
    assert!(first.is_ok() && patient.is_ok());
    // At 1 s it was its turn; the provider's window starts anew at 10.5 s.
    assert_eq!((rejected(second), start.elapsed()), (Duration::from_millis(9_500), SECOND));

    let mut service = layer(every_second()).layer(slow);
    let start = Instant::now();
    let (first, second, third) =
        tokio::join!(service.call(Ask::pure()), service.call(Ask::pure()), service.call(within(SECOND * 5)));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(third.unwrap_err().class(), Class::DeadlineExceeded);
    assert_eq!(start.elapsed(), SECOND * 11);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_takes_nothing_and_those_behind_move_up() {
    let script = fine();
    let layer = layer(every_second());
    let mut service = layer.layer(script.clone());
    let _ = service.call(Ask::pure()).await.unwrap();
    let start = Instant::now();
    let mut waiting: VecDeque<_> = (0..3).map(|_| Box::pin(service.call(Ask::pure()))).collect();
    for call in &mut waiting {
        assert!(poll_once(call.as_mut()).await.is_pending());
    }
    drop(waiting.pop_front());
    drop(waiting.pop_front());
    let last = waiting.pop_front().unwrap().await;
    assert_eq!((last.is_ok(), start.elapsed(), script.calls()), (true, SECOND, 2));
    assert!(layer.is_empty(&Target::new("tool")));
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_those_who_wait() {
    let script = fine();
    let mut service = layer(every_second()).layer(script.clone());
    let _ = service.call(Ask::pure()).await.unwrap();
    let mut waiting = Box::pin(service.call(Ask::pure().with(|context| context.with_seed(1))));
    assert!(poll_once(waiting.as_mut()).await.is_pending());
    // Its turn has come, though it was not polled since.
    advance(SECOND * 2).await;
    let newcomer = service.call(Ask::pure().with(|context| context.with_seed(2)));
    let (newcomer, waiting) = tokio::join!(newcomer, waiting);
    assert!(newcomer.is_ok() && waiting.is_ok());
    let order: Vec<_> = script.contexts().iter().skip(1).map(orch_core::CallContext::seed).collect();
    assert_eq!(order, [Some(1), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_no_one_in_the_line() {
    let limits = layer(every_second());
    let slow = service_fn(|_: Ask| async {
        sleep(SECOND / 2).await;
        Ok::<_, Error>(Output::from("fine"))
    });
    let service = limits.layer(slow);
    let polls = sweep(
        || {
            let mut service = service.clone();
            async move {
                let calls = (service.call(Ask::pure()), service.call(Ask::pure()), service.call(Ask::pure()));
                let (a, b, c) = tokio::join!(calls.0, calls.1, calls.2);
                a.and(b).and(c)
            }
        },
        |_| assert!(limits.is_empty(&Target::new("tool"))),
    )
    .await;
    assert!(polls >= 4, "{polls}");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    for (config, field) in [(RateLimitConfig::per_minute(0), "requests_per_minute"), (every_second().burst(0), "burst")]
    {
        assert_eq!(RateLimitLayer::new(config.clone()).unwrap_err().field(), field);
        assert_eq!(RateLimitLayer::builder().for_target("x", config).build().unwrap_err().field(), field);
    }
}

/// When each request leaves, by the book: one token each, at most `burst`, one more per interval, first come.
fn by_the_book(arrivals: &[u64], interval: u64, burst: u64) -> Vec<u64> {
    // `full` is when the bucket is full again.
    let (mut full, mut before) = (0, 0);
    let leave = |arrival: &u64| {
        let leaves = (*arrival).max(before).max(full.max(interval * (burst - 1)) - interval * (burst - 1));
        full = full.max(leaves) + interval;
        before = leaves;
        leaves
    };
    arrivals.iter().map(leave).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_request_leaves_when_it_should_and_no_span_sees_more_than_burst_and_rate(
        gaps in proptest::collection::vec(0u64..3_000, 1..40), per_second in 1u32..5, burst in 1u32..6,
    ) {
        let per_minute = 60 * [1, 2, 4, 5, 10][per_second as usize];
        let interval = u64::from(60_000 / per_minute);
        let arrivals: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let left: Vec<u64> = runtime.block_on(async {
            let config = RateLimitConfig::per_minute(per_minute).burst(burst).max_wait(SECOND * 3600);
            let start = Instant::now();
            let service = layer(config).layer(service_fn(move |_: Ask| async move { Ok::<_, Error>(start.elapsed()) }));
            let calls = arrivals.iter().map(|at| {
                let (service, at) = (service.clone(), start + Duration::from_millis(*at));
                async move {
                    tokio::time::sleep_until(at).await;
                    let left = service.oneshot(Ask::pure()).await.unwrap();
                    u64::try_from(left.as_millis()).unwrap()
                }
            });
            join_all(calls).await
        });
        prop_assert_eq!(&left, &by_the_book(&arrivals, interval, burst.into()));
        for (first, from) in left.iter().enumerate() {
            for (last, to) in left.iter().enumerate().skip(first) {
                let seen = (last - first + 1) as u64;
                prop_assert!(seen <= u64::from(burst) + (to - from) / interval);
            }
        }
    }
}

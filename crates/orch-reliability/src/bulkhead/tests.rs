use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use orch_core::{Class, Deadline, Error, ErrorKind, HasContext, Output, Target};
use orch_testkit::time::sweep;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

use super::BulkheadLayer;
use crate::testing::{Ask, poll_once};

const SECOND: Duration = Duration::from_secs(1);

fn layer(max_in_flight: usize, max_wait: Duration) -> BulkheadLayer {
    BulkheadLayer::builder().max_in_flight(max_in_flight).max_wait(max_wait).build().unwrap()
}

/// Works for a second; counts how many do so at the same time, now and at most.
#[derive(Clone, Default)]
struct Gauge {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct Working(Arc<AtomicUsize>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gauge {
    fn tool(&self) -> impl Service<Ask, Response = Output, Error = Error, Future: Send + 'static> + Clone + use<> {
        let Self { now, most } = self.clone();
        service_fn(move |_: Ask| {
            let working = Working(Arc::clone(&now));
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            async move {
                sleep(SECOND).await;
                drop(working);
                Ok(Output::from("fine"))
            }
        })
    }
}

fn is_overloaded(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Overloaded { target } if target.as_str() == "tool")
}

#[tokio::test(start_paused = true)]
async fn never_more_than_allowed_work_at_once_and_the_others_wait_their_turn() {
    let gauge = Gauge::default();
    let service = layer(3, SECOND * 60).layer(gauge.tool());
    let start = Instant::now();
    let results = join_all((0..12).map(|_| service.clone().oneshot(Ask::pure()))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((gauge.most.load(Ordering::Relaxed), start.elapsed()), (3, SECOND * 4));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_too_long_is_rejected_and_names_its_target() {
    let gauge = Gauge::default();
    let mut service = layer(1, Duration::from_millis(400)).layer(gauge.tool());
    let first = tokio::spawn(service.call(Ask::pure()));
    tokio::task::yield_now().await;
    let start = Instant::now();
    let error = service.call(Ask::pure()).await.unwrap_err();
    assert!(is_overloaded(&error), "{error:?}");
    assert_eq!((error.class(), error.not_executed()), (Class::LocalReject, true));
    assert_eq!(start.elapsed(), Duration::from_millis(400));
    assert!(first.await.unwrap().is_ok());
    assert!(service.call(Ask::pure()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_zero_rejects_at_once() {
    let mut service = layer(1, Duration::ZERO).layer(Gauge::default().tool());
    let _first = service.call(Ask::pure());
    let start = Instant::now();
    assert!(is_overloaded(&service.call(Ask::pure()).await.unwrap_err()));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_runs_deadline_ends_the_wait_with_its_own_error() {
    let mut service = layer(1, SECOND * 5).layer(Gauge::default().tool());
    let _first = service.call(Ask::pure());
    let deadline = Deadline::after(Instant::now(), SECOND);
    let start = Instant::now();
    let error = service.call(Ask::pure().with(|context| context.with_deadline(deadline))).await.unwrap_err();
    assert_eq!((error.class(), start.elapsed()), (Class::DeadlineExceeded, SECOND));
}

#[tokio::test(start_paused = true)]
async fn targets_do_not_take_each_others_places() {
    let mut service = layer(1, Duration::ZERO).layer(Gauge::default().tool());
    let _openai = service.call(Ask::pure());
    let mut other = Ask::pure();
    other.context_mut().set_target(Target::new("anthropic"));
    assert!(service.call(other).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_share_their_places() {
    let layer = layer(1, Duration::ZERO);
    let _first = layer.layer(Gauge::default().tool()).call(Ask::pure());
    assert!(is_overloaded(&layer.clone().layer(Gauge::default().tool()).call(Ask::pure()).await.unwrap_err()));
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_those_who_wait() {
    let (inner, mut handle) = mock::pair::<Ask, Output>();
    handle.allow(100);
    let mut service = layer(1, SECOND * 60).layer(inner);
    let first = service.call(Ask::pure());
    let mut second = Box::pin(service.call(Ask::pure()));
    assert!(poll_once(second.as_mut()).await.is_pending());
    drop(first);
    // The place is the second's now, though it was not polled since.
    let mut third = Box::pin(service.call(Ask::pure()));
    assert!(poll_once(third.as_mut()).await.is_pending());
    drop(second);
    assert!(poll_once(third.as_mut()).await.is_pending());
    let (_, first_answer) = handle.next_request().await.unwrap();
    drop(first_answer);
    let (_, answer) = handle.next_request().await.unwrap();
    answer.send_response(Output::from("third"));
    assert_eq!(third.await.unwrap(), Output::from("third"));
}

#[tokio::test(start_paused = true)]
async fn an_idle_or_ready_clone_holds_no_place() {
    let service = layer(1, Duration::ZERO).layer(Gauge::default().tool());
    let mut ready = service.clone();
    ready.ready().await.unwrap();
    assert!(service.oneshot(Ask::pure()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_place_is_free_when_the_call_ends_not_when_its_future_is_dropped() {
    let mut service = layer(1, Duration::ZERO).layer(Gauge::default().tool());
    let mut first = Box::pin(service.call(Ask::pure()));
    assert!(first.as_mut().await.is_ok());
    assert!(service.call(Ask::pure()).await.is_ok());
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_rejected_has_left_the_queue_even_while_its_future_is_kept() {
    let service = layer(1, SECOND / 2).layer(Gauge::default().tool());
    let first = tokio::spawn(service.clone().oneshot(Ask::pure()));
    tokio::task::yield_now().await;
    let mut second = Box::pin(service.clone().call(Ask::pure()));
    assert!(is_overloaded(&second.as_mut().await.unwrap_err()));
    assert!(first.await.unwrap().is_ok());
    assert!(service.oneshot(Ask::pure()).await.is_ok());
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_every_place_free() {
    // Waits behind another call for 500 ms, then works.
    let gauge = Gauge::default();
    let layer = layer(1, SECOND * 2);
    let service = layer.layer(gauge.tool());
    let polls = sweep(
        || {
            let mut service = service.clone();
            async move {
                let mut ahead = service.clone();
                let first = ahead.call(Ask::pure());
                let second = service.call(Ask::pure());
                let (first, second) = tokio::join!(first, second);
                first.and(second)
            }
        },
        |_| {
            assert_eq!(gauge.now.load(Ordering::Relaxed), 0);
            assert_eq!(layer.free_places(&Target::new("tool")), 1);
        },
    )
    .await;
    assert_eq!(polls, 4);
    assert_eq!(gauge.most.load(Ordering::Relaxed), 1);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    for calls in [0, usize::MAX] {
        let error = BulkheadLayer::builder().max_in_flight(calls).build().unwrap_err();
        assert_eq!((error.field(), error.value()), ("max_in_flight", calls.to_string().as_str()));
    }
}

//! The layer driven from outside, and the failures that others' breakers were shown to have.

use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use orch_core::{Call, CallContext, Circuit, Class, Error, ErrorKind, Event, HasContext, Health, HealthBoard, Target};
use orch_testkit::LayerContract;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;

type Answer = Pin<Box<dyn Future<Output = Result<&'static str, Error>> + Send>>;

/// What the inner service does with a call.
#[derive(Clone, Copy, Debug)]
enum Does {
    Succeed,
    Fail(Class),
    FailWith(Class, Duration),
    Hang,
    Panic,
    PanicInCall,
    SucceedAfter(Duration),
}

fn answer(does: Does) -> Answer {
    match does {
        Does::Succeed => Box::pin(ready(Ok("fine"))),
        Does::Fail(class) => Box::pin(ready(Err(failure(class)))),
        Does::FailWith(class, hint) => Box::pin(ready(Err(failure(class).with_retry_after(hint)))),
        Does::Hang => Box::pin(pending()),
        Does::Panic => Box::pin(async { panic!("inside the future") }),
        Does::PanicInCall => panic!("inside `call`"),
        Does::SucceedAfter(time) => Box::pin(async move {
            tokio::time::sleep(time).await;
            Ok("fine")
        }),
    }
}

fn failure(class: Class) -> Error {
    Error::tool_execution("it failed").with_class(class)
}

/// A layer whose jitter is off, over a service that does as the request says and counts its calls.
struct Bench {
    layer: CircuitBreakerLayer,
    calls: Arc<AtomicU32>,
    target: Target,
}

impl Bench {
    fn new() -> Self {
        Self::of(CircuitBreakerLayer::builder())
    }

    fn of(builder: CircuitBreakerBuilder) -> Self {
        Self { layer: builder.jitter(0.0).build().unwrap(), calls: Arc::default(), target: Target::default() }
    }

    fn at(&self, target: &str) -> Self {
        Self { layer: self.layer.clone(), calls: Arc::default(), target: target.into() }
    }

    fn start(&self, does: Does) -> impl Future<Output = Result<&'static str, Error>> + Send + 'static {
        self.start_in(CallContext::new(), does)
    }

    fn start_in(
        &self,
        mut context: CallContext,
        does: Does,
    ) -> impl Future<Output = Result<&'static str, Error>> + Send + 'static {
        context.set_target(self.target.clone());
        let calls = Arc::clone(&self.calls);
        let inner = service_fn(move |call: Call<Does>| {
            calls.fetch_add(1, Ordering::Relaxed);
            answer(*call.request())
        });
        self.layer.layer(inner).call(Call::new(does).with_context(context))
    }

    async fn call(&self, does: Does) -> Result<&'static str, Error> {
        self.start(does).await
    }

    async fn trip(&self) {
        for _ in 0..5 {
            let _ = self.call(Does::Fail(Class::Transient)).await;
        }
        assert!(matches!(self.circuit(), Circuit::Open { .. }));
    }

    fn circuit(&self) -> Circuit {
        self.layer.handle().snapshot(&self.target).circuit
    }

    fn is_open(&self) -> bool {
        matches!(self.circuit(), Circuit::Open { .. })
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

async fn advance(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_rejects_without_asking_the_inner_service_and_says_when_to_come_back() {
    let bench = Bench::new();
    bench.trip().await;
    advance(10).await;
    let error = bench.call(Does::Succeed).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::CircuitOpen { target } if *target == bench.target));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
    assert!(error.not_executed());
    assert_eq!(bench.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn two_successful_probes_close_the_circuit() {
    let bench = Bench::new();
    bench.trip().await;
    advance(30).await;
    bench.call(Does::Succeed).await.unwrap();
    assert_eq!(bench.circuit(), Circuit::HalfOpen);
    bench.call(Does::Succeed).await.unwrap();
    assert_eq!(bench.circuit(), Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_share_circuits_however_often_it_is_applied() {
    // Every call of the bench applies the layer anew.
    let bench = Bench::new();
    bench.trip().await;
    assert!(bench.call(Does::Succeed).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn refused_requests_never_open_the_circuit() {
    let bench = Bench::new();
    for class in [Class::Permanent, Class::BadOutput] {
        for _ in 0..100 {
            let _ = bench.call(Does::Fail(class)).await;
        }
    }
    assert_eq!((bench.circuit(), bench.calls()), (Circuit::Closed, 200));
}

#[tokio::test(start_paused = true)]
async fn what_our_own_layers_refuse_says_nothing_about_the_target() {
    let neutral = [
        Class::Auth,
        Class::LocalReject,
        Class::BudgetExceeded,
        Class::DeadlineExceeded,
        Class::Cancelled,
        Class::Idempotency,
    ];
    let bench = Bench::new();
    for class in neutral {
        for _ in 0..20 {
            let _ = bench.call(Does::Fail(class)).await;
        }
    }
    assert_eq!(bench.layer.handle().snapshot(&bench.target), CircuitSnapshot::default());
}

#[tokio::test(start_paused = true)]
async fn every_class_that_blames_the_target_opens_the_circuit() {
    for class in [Class::Transient, Class::StreamBroken, Class::Timeout, Class::Panicked] {
        let bench = Bench::new();
        for _ in 0..5 {
            let _ = bench.call(Does::Fail(class)).await;
        }
        assert!(bench.is_open(), "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn tr_1_five_failures_open_whatever_came_before() {
    for successes in [0, 10, 100, 1_000, 10_000] {
        let bench = Bench::new();
        for _ in 0..successes {
            bench.call(Does::Succeed).await.unwrap();
        }
        bench.trip().await;
    }
}

#[tokio::test(start_paused = true)]
async fn tr_2_a_hung_probe_ends_with_its_lease_and_the_circuit_recovers() {
    let bench = Bench::new();
    bench.trip().await;
    advance(30).await;
    let hung = tokio::spawn(bench.start(Does::Hang));
    tokio::task::yield_now().await;
    assert_eq!(bench.call(Does::Succeed).await.unwrap_err().retry_after(), Some(Duration::from_secs(65)));
    advance(65).await;
    assert_eq!(bench.call(Does::Succeed).await.unwrap_err().retry_after(), Some(Duration::from_secs(60)));
    advance(60).await;
    for _ in 0..2 {
        bench.call(Does::Succeed).await.unwrap();
    }
    assert_eq!(bench.circuit(), Circuit::Closed);
    hung.abort();
    let _ = hung.await;
    assert_eq!(bench.circuit(), Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn tr_3_and_py_1_aborted_probes_give_their_place_back() {
    let bench = Bench::new();
    bench.trip().await;
    advance(30).await;
    for _ in 0..4 {
        let mut probe = Box::pin(bench.start(Does::Hang));
        assert!(poll_once(probe.as_mut()).is_pending());
        assert!(bench.call(Does::Succeed).await.is_err(), "the only place is taken");
        drop(probe);
    }
    for _ in 0..2 {
        bench.call(Does::Succeed).await.unwrap();
    }
    assert_eq!(bench.circuit(), Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn tr_4_a_success_from_before_the_trip_does_not_close_the_circuit() {
    let bench = Bench::new();
    let late: Vec<_> = (0..3).map(|_| bench.start(Does::Succeed)).collect();
    bench.trip().await;
    advance(30).await;
    let mut probe = Box::pin(bench.start(Does::SucceedAfter(Duration::from_secs(5))));
    assert!(poll_once(probe.as_mut()).is_pending());
    for success in late {
        success.await.unwrap();
    }
    assert_eq!(bench.circuit(), Circuit::HalfOpen);
    probe.await.unwrap();
    assert_eq!(bench.circuit(), Circuit::HalfOpen, "one of two");
}

#[tokio::test(start_paused = true)]
async fn tr_5_a_failure_from_before_the_trip_does_not_open_a_half_open_circuit() {
    let bench = Bench::new();
    let late: Vec<_> = (0..3).map(|_| bench.start(Does::Fail(Class::Transient))).collect();
    bench.trip().await;
    advance(30).await;
    bench.call(Does::Succeed).await.unwrap();
    for failure in late {
        failure.await.unwrap_err();
    }
    bench.call(Does::Succeed).await.unwrap();
    assert_eq!(bench.circuit(), Circuit::Closed);
}

#[tokio::test(start_paused = true)]
async fn tr_6_slow_probes_do_not_close_a_circuit_that_opened_by_slowness() {
    let bench = Bench::of(CircuitBreakerLayer::builder().slow_after(Duration::from_secs(5)));
    let slow = Does::SucceedAfter(Duration::from_secs(5));
    for _ in 0..10 {
        bench.call(slow).await.unwrap();
    }
    assert!(bench.is_open());
    advance(30).await;
    bench.call(slow).await.unwrap();
    assert!(bench.is_open());
}

#[tokio::test(start_paused = true)]
async fn tr_7_hanging_calls_open_the_circuit_when_the_timeout_is_inside() {
    let layer = CircuitBreakerLayer::default();
    let hanging = tower::timeout::TimeoutLayer::new(Duration::from_secs(1))
        .layer(service_fn(|call: Call<Does>| answer(*call.request())));
    for _ in 0..5 {
        let error = layer.layer(hanging.clone()).oneshot(Call::new(Does::Hang)).await.unwrap_err();
        assert_eq!(error.class(), Class::Timeout);
    }
    assert!(matches!(layer.handle().snapshot(&Target::default()).circuit, Circuit::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn tr_13_the_cooldown_follows_the_clock_of_the_runtime() {
    let bench = Bench::new();
    bench.trip().await;
    advance(3600).await;
    bench.call(Does::Succeed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tr_19_panics_are_failures() {
    for does in [Does::Panic, Does::PanicInCall] {
        let bench = Bench::new();
        for _ in 0..5 {
            let call = std::panic::AssertUnwindSafe(async { bench.call(does).await });
            assert!(call.catch_unwind().await.is_err());
        }
        assert!(bench.is_open(), "{does:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tr_20_a_broken_target_does_not_lock_a_healthy_one_out() {
    let broken = Bench::new().at("broken");
    let healthy = broken.at("healthy");
    broken.trip().await;
    assert!(broken.call(Does::Succeed).await.is_err());
    assert!(healthy.call(Does::Succeed).await.is_ok());
    assert_eq!(broken.layer.handle().targets(), ["broken".into(), "healthy".into()]);
}

#[tokio::test(start_paused = true)]
async fn fs_3_fifty_cancelled_calls_are_seen_once_they_have_taken_too_long() {
    let hang_for = async |bench: &Bench, time: Duration| {
        let hanging: Vec<_> = (0..50).map(|_| tokio::spawn(bench.start(Does::Hang))).collect();
        tokio::time::sleep(time).await;
        hanging.iter().for_each(tokio::task::JoinHandle::abort);
        for call in hanging {
            assert!(call.await.unwrap_err().is_cancelled());
        }
    };
    let watches = || CircuitBreakerLayer::builder().slow_after(Duration::from_secs(10));
    let bench = Bench::of(watches());
    hang_for(&bench, Duration::from_secs(10)).await;
    assert!(bench.is_open(), "given up after ten seconds: slow");
    assert!(matches!(bench.call(Does::Succeed).await.unwrap_err().kind(), ErrorKind::CircuitOpen { .. }));

    let bench = Bench::of(watches());
    hang_for(&bench, Duration::from_secs(9)).await;
    assert!(!bench.is_open(), "who leaves early says nothing about the target");
}

#[tokio::test(start_paused = true)]
async fn a_target_may_have_settings_of_its_own() {
    let touchy = CircuitBreakerConfig::default().failure_threshold(1).jitter(0.0);
    let bench = Bench::of(CircuitBreakerLayer::builder().for_target("touchy", touchy));
    for (target, open) in [("touchy", true), ("other", false)] {
        let bench = bench.at(target);
        let _ = bench.call(Does::Fail(Class::Transient)).await;
        assert_eq!(bench.is_open(), open, "{target}");
    }
    let wrong = CircuitBreakerConfig::default().probes(0);
    let error = CircuitBreakerLayer::builder().for_target("x", wrong).build().unwrap_err();
    assert_eq!(error.field(), "probes");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_asks_to_slow_down_is_left_alone_for_as_long() {
    let bench = Bench::new();
    let _ = bench.call(Does::FailWith(Class::Throttled, Duration::from_secs(7))).await;
    let error = bench.call(Does::Succeed).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RateLimited { .. }));
    assert_eq!((error.retry_after(), bench.calls()), (Some(Duration::from_secs(7)), 1));
    advance(7).await;
    bench.call(Does::Succeed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_board_shows_the_circuit_the_cooldown_and_the_quota() {
    let board = HealthBoard::new();
    let bench = Bench::of(CircuitBreakerLayer::builder().health(board.clone()));
    let now = tokio::time::Instant::now();
    let after = |seconds| now + Duration::from_secs(seconds);
    bench.trip().await;
    assert_eq!(board.read(&bench.target).circuit, Circuit::Open { until: after(30) });
    bench.layer.handle().force_open(&bench.target);
    assert!(board.read(&bench.target).blocked_until(now) > Some(after(365 * 24 * 3600)));
    bench.layer.handle().force_closed(&bench.target);
    assert_eq!(board.read(&bench.target), Health::default());

    let _ = bench.call(Does::FailWith(Class::Throttled, Duration::from_secs(7))).await;
    assert_eq!(board.read(&bench.target).cooldown_until, Some(after(7)));
    bench.layer.handle().force_closed(&bench.target);
    assert_eq!(board.read(&bench.target).cooldown_until, Some(after(7)), "only a reset forgets it");

    let other = bench.at("other");
    let _ = other.call(Does::Fail(Class::Quota)).await;
    assert_eq!(board.read(&other.target).quota_until, Some(after(600)));
    other.layer.handle().reset(&other.target);
    assert_eq!(board.read(&other.target), Health::default());
    assert!(other.call(Does::Succeed).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_of_every_change() {
    let bench = Bench::new();
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    for _ in 0..5 {
        let _ = bench.start_in(context.clone(), Does::Fail(Class::Transient)).await;
    }
    advance(30).await;
    for _ in 0..2 {
        bench.start_in(context.clone(), Does::Succeed).await.unwrap();
    }
    drop(context);
    let mut changes = Vec::new();
    while let Some(envelope) = events.next().await {
        let Event::CircuitChanged { from, to, reason, .. } = envelope.event else { panic!("{envelope:?}") };
        changes.push(format!("{from} to {to}: {reason}"));
    }
    assert_eq!(
        changes,
        [
            "closed to open: 5 failures in a row",
            "open to half_open: the cooldown is over",
            "half_open to closed: the probes succeeded"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_for_readiness_is_called_once_it_is_ready() {
    let (inner, mut handle) = tower_test::mock::pair::<Call<()>, &'static str>();
    handle.allow(0);
    let mut breaker = CircuitBreakerLayer::default().layer(inner);
    assert!(breaker.ready().now_or_never().unwrap().is_ok(), "always ready itself");
    let mut call = pin!(breaker.call(Call::new(())));
    assert!(poll_once(call.as_mut()).is_pending());
    handle.allow(1);
    assert!(poll_once(call.as_mut()).is_pending());
    handle.next_request().await.unwrap().1.send_response("late");
    assert_eq!(call.await.unwrap(), "late");
}

/// Yields so many times, then succeeds.
async fn yielding(times: usize) -> Result<&'static str, Error> {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
    Ok("fine")
}

#[tokio::test(start_paused = true)]
async fn dropping_a_probe_at_any_poll_leaves_nothing_taken() {
    let layer = CircuitBreakerLayer::default();
    let target = Target::default();
    let failing = || layer.layer(service_fn(|_: Call<()>| ready(Err::<&'static str, _>(failure(Class::Transient)))));
    for _ in 0..5 {
        let _ = failing().oneshot(Call::new(())).await;
    }
    advance(40).await;
    for polls in 0..=5 {
        let mut probe = Box::pin(layer.layer(service_fn(|_: Call<()>| yielding(5))).call(Call::new(())));
        for _ in 0..polls {
            assert!(poll_once(probe.as_mut()).is_pending());
        }
        let rival = layer.layer(service_fn(|_: Call<()>| yielding(0))).oneshot(Call::new(())).await;
        assert!(rival.is_err(), "the only place is taken after {polls} polls");
        drop(probe);
        assert_eq!(layer.handle().snapshot(&target).circuit, Circuit::HalfOpen);
    }
    for _ in 0..2 {
        layer.layer(service_fn(|_: Call<()>| yielding(5))).oneshot(Call::new(())).await.unwrap();
    }
    assert_eq!(layer.handle().snapshot(&target).circuit, Circuit::Closed);
}

#[test]
fn the_context_of_the_request_reaches_the_inner_service_unchanged() {
    let call = Call::new(()).with_context(CallContext::new().with_request_id("r-1"));
    let inner = service_fn(|call: Call<()>| ready(Ok::<_, Error>(call.context().request_id().to_string())));
    let answer = CircuitBreakerLayer::default().layer(inner).call(call).now_or_never();
    assert_eq!(answer.unwrap().unwrap(), "r-1");
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract_of_layers() {
    LayerContract::new(CircuitBreakerLayer::default).check().await;
}

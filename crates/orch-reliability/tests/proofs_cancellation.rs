//! A call that is dropped after any number of polls leaves nothing behind: no place, no probe, no repeat, no money, no
//! lease and no entry in a map.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use orch_core::store::Key;
use orch_core::{
    Budget, CallContext, Circuit, Error, Estimate, IntoTool, Limits, Meter, Output, Request, ScopeLayer, Spend, Target,
    ToolSpec,
};
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CatchPanicLayer, CircuitBreakerHandle, CircuitBreakerLayer, IdempotencyConfig,
    IdempotencyLayer, MemoryStore, OnAbandon, RatioBudget, RetryLayer, RetryPolicy, TimeoutLayer, TraceLayer,
};
use orch_testkit::ScriptedTool;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

/// The whole stack over a tool, and everything in it that can be taken.
struct Bench {
    stack: BoxCloneSyncService<Request, Output, Error>,
    store: Arc<MemoryStore>,
    repeats: RatioBudget,
    circuits: CircuitBreakerHandle,
    meter: Meter,
}

impl Bench {
    fn new(tool: ScriptedTool) -> Self {
        let store = Arc::new(MemoryStore::new());
        let repeats = RatioBudget::builder().ratio(0.0).min_per_sec(1).build().expect("valid settings");
        let breaker = CircuitBreakerLayer::builder()
            .failure_threshold(3)
            .min_calls(1_000)
            .successes_to_close(1)
            .build()
            .expect("valid settings");
        let circuits = breaker.handle();
        let spec = ToolSpec::pure("tool");
        let stack = ServiceBuilder::new()
            .layer(ScopeLayer::of(&spec))
            .layer(TraceLayer::new())
            .layer(TimeoutLayer::total(300 * SECOND))
            .layer(
                IdempotencyLayer::with_store(Arc::clone(&store) as Arc<_>)
                    .config(IdempotencyConfig::default().on_abandon(OnAbandon::Cancel)),
            )
            .layer(BudgetLayer::new(Budget::new().tokens(1_000)).expect("a valid budget"))
            .layer(
                RetryLayer::new(RetryPolicy::default().seed(1))
                    .expect("a valid policy")
                    .budget(Arc::new(repeats.clone())),
            )
            .layer(breaker)
            // One place, and nobody waits for it: whoever leaks it locks everyone out.
            .layer(BulkheadLayer::builder().max_in_flight(1).max_wait(Duration::ZERO).build().expect("valid settings"))
            .layer(TimeoutLayer::attempt(60 * SECOND))
            .layer(CatchPanicLayer::new())
            .service(tool.into_tool());
        let meter = Meter::new(Limits { tokens: Some(1_000), cost: None });
        Self { stack: BoxCloneSyncService::new(stack), store, repeats, circuits, meter }
    }

    fn start(&mut self, key: Option<&str>) -> Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>> {
        let context = CallContext::new().with_meter(self.meter.clone());
        let context = match key {
            Some(key) => context.with_key(Key::new(key).expect("a valid key")),
            None => context,
        };
        self.stack.call(Request::new("a question").with_context(context))
    }

    fn assert_nothing_is_taken(&self, polls: u32) {
        assert_eq!(self.meter.held(), Spend::ZERO, "money is held after {polls} polls");
        assert_eq!(format!("{:?}", self.store), "MemoryStore { in_flight: 0, .. }", "after {polls} polls");
    }
}

/// Polls so many times, with time and tasks moving on in between. Whether it ended.
async fn polled(future: &mut Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>, polls: u32) -> bool {
    for _ in 0..polls {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        pass(SECOND / 10).await;
    }
    false
}

async fn pass(time: Duration) {
    tokio::time::advance(time).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn estimated(tool: ScriptedTool) -> ScriptedTool {
    tool.with_estimate(Estimate::unknown().input(10).output(10))
}

/// Fails, is repeated, and then answers.
fn flaky() -> ScriptedTool {
    let failing = estimated(ScriptedTool::new(ToolSpec::pure("tool"))).then_wait(SECOND / 3);
    failing.then_err(Error::transient("not yet")).then_wait(SECOND / 3).then_ok("fine").cycling()
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_dropped_after_any_poll_has_nothing_taken_and_serves_the_next_call() {
    for key in [None, Some("key")] {
        let mut polls = 0;
        loop {
            let mut bench = Bench::new(flaky());
            let before = bench.repeats.available();
            let mut call = bench.start(key);
            let ended = polled(&mut call, polls).await;
            drop(call);
            pass(Duration::ZERO).await;
            bench.assert_nothing_is_taken(polls);
            // A repeat that has begun is spent; one that was only waited for is not.
            assert!(bench.repeats.available() + 1 >= before, "after {polls} polls");
            let next = bench.start(key).await;
            assert!(next.is_ok(), "after {polls} polls: {next:?}");
            bench.assert_nothing_is_taken(polls);
            if ended {
                break;
            }
            polls += 1;
        }
        assert!(polls > 8, "only {polls} polls: the call is too short for a sweep");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_after_any_poll_gives_its_place_back() {
    let mut polls = 0;
    loop {
        let tool = estimated(ScriptedTool::new(ToolSpec::pure("tool")))
            .then_err(Error::transient("down"))
            .then_err(Error::transient("down"))
            .then_err(Error::transient("down"))
            .then_wait(SECOND)
            .then_ok("fine");
        let mut bench = Bench::new(tool);
        let _ = bench.start(None).await;
        let target = Target::new("tool");
        assert!(matches!(bench.circuits.snapshot(&target).circuit, Circuit::Open { .. }));
        pass(60 * SECOND).await;
        let mut probe = bench.start(None);
        let ended = polled(&mut probe, polls).await;
        drop(probe);
        bench.assert_nothing_is_taken(polls);
        let next = bench.start(None).await;
        assert!(next.is_ok(), "after {polls} polls: {next:?}");
        assert_eq!(bench.circuits.snapshot(&target).circuit, Circuit::Closed);
        if ended {
            break;
        }
        polls += 1;
    }
    assert!(polls > 5, "only {polls} polls");
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_repeat_that_is_dropped_gives_the_repeat_back() {
    let mut bench = Bench::new(estimated(ScriptedTool::new(ToolSpec::pure("tool"))).then_err(Error::transient("down")));
    let before = bench.repeats.available();
    let mut call = bench.start(None);
    assert!(!polled(&mut call, 1).await);
    assert_eq!(bench.repeats.available() + 1, before);
    drop(call);
    assert_eq!(bench.repeats.available(), before);
}

#[tokio::test(start_paused = true)]
async fn of_six_hundred_callers_the_ten_that_stay_are_served_by_one_execution() {
    let tool = estimated(ScriptedTool::new(ToolSpec::pure("tool"))).then_wait(SECOND).then_ok("fine");
    let calls = tool.calls();
    let mut bench = Bench::new(tool);
    let mut chance = fastrand::Rng::with_seed(7);
    let mut callers: Vec<_> = (0..600).map(|_| tokio::spawn(bench.start(Some("key")))).collect();
    pass(Duration::ZERO).await;
    // The first of them, who began the work, among those who leave.
    callers[1..].rotate_left(chance.usize(..599));
    for gone in callers.drain(..590) {
        gone.abort();
        pass(Duration::from_millis(1)).await;
    }
    for survivor in callers {
        assert_eq!(survivor.await.expect("not aborted").expect("served").content().as_text(), Some("fine"));
    }
    assert_eq!(calls.count(), 1);
    bench.assert_nothing_is_taken(0);
}

#[tokio::test(start_paused = true)]
async fn five_hundred_duplicates_whose_leaders_are_aborted_at_random_are_one_execution() {
    for seed in 0..20 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let tool = estimated(ScriptedTool::new(ToolSpec::pure("tool"))).then_wait(SECOND).then_ok("fine");
        let calls = tool.calls();
        let mut bench = Bench::new(tool);
        let mut callers: Vec<_> = (0..500).map(|_| tokio::spawn(bench.start(Some("key")))).collect();
        pass(Duration::from_millis(chance.u64(0..900))).await;
        // Whoever leads now, up to a third of all.
        for gone in callers.drain(..chance.usize(1..160)) {
            gone.abort();
        }
        for survivor in callers {
            assert!(survivor.await.expect("not aborted").is_ok());
        }
        assert_eq!(calls.count(), 1, "seed {seed}");
        bench.assert_nothing_is_taken(0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_tool_leaves_nothing_taken() {
    let tool = estimated(ScriptedTool::new(ToolSpec::pure("tool"))).then_panic().then_ok("fine");
    let mut bench = Bench::new(tool);
    let _ = bench.start(Some("key")).await;
    pass(Duration::ZERO).await;
    bench.assert_nothing_is_taken(0);
    assert!(bench.stack.clone().oneshot(Request::new("another")).await.is_ok());
}

//! The levels above a run: reserve before, settle however the run ends, lose nothing.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use orch_core::store::{BudgetLedger, Hold, HoldId, Level, Standing, StoreError};
use orch_core::{
    Amount, Budget, BudgetKind, Class, Counted, Deadline, Error, ErrorKind, Estimate, HasContext, Limits, MeterLayer,
    Output, Redact, Spend, Usage, Usd,
};
use orch_testkit::time::{poll_n_then_drop, settle};
use tokio::time::{advance, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::BudgetLayer;
use crate::MemoryLedger;
use crate::testing::{Ask, Script, provider};

fn level(name: &str, tokens: u64) -> Level {
    Level { name: name.into(), limits: Limits { tokens: Some(tokens), cost: None } }
}

fn tokens(n: u64) -> Usage {
    Usage::new().output(Counted::reported(n))
}

fn spend(tokens: u64) -> Spend {
    Spend { tokens, cost: Usd::ZERO }
}

fn uses(n: u64) -> Script {
    Script::new([Ok(Output::from("fine").with_usage(tokens(n)))])
}

/// Runs of at most 10 tokens, under a tenant and a day.
fn under(ledger: &Arc<impl BudgetLedger + 'static>, tenant: u64, day: u64) -> BudgetLayer {
    let levels = vec![level("tenant:acme", tenant), level("day:1", day)];
    let ledger: Arc<dyn BudgetLedger> = Arc::clone(ledger) as _;
    BudgetLayer::new(Budget::new().tokens(10)).unwrap().ledger(ledger, move |_| levels.clone())
}

async fn standing(ledger: &impl BudgetLedger) -> Standing {
    let standing = ledger.read(&level("tenant:acme", 0)).await.unwrap();
    assert_eq!(ledger.read(&level("day:1", 0)).await.unwrap().settled, standing.settled);
    // Runs without a limit on money hold the smallest amount of it.
    Standing { held: spend(standing.held.tokens), ..standing }
}

fn at(settled: u64, held: u64) -> Standing {
    Standing { settled: spend(settled), held: spend(held) }
}

#[tokio::test(start_paused = true)]
async fn a_run_holds_its_limit_while_it_works_and_then_what_it_used_is_spent() {
    let ledger = Arc::new(MemoryLedger::new());
    let slow = service_fn(|_: Ask| async {
        sleep(Duration::from_secs(1)).await;
        Ok::<_, Error>(Output::from("fine").with_usage(tokens(4)))
    });
    let run = tokio::spawn(under(&ledger, 100, 100).layer(slow).call(Ask::pure()));
    settle().await;
    assert_eq!(standing(&*ledger).await, at(0, 10));
    assert!(run.await.unwrap().is_ok());
    assert_eq!(standing(&*ledger).await, at(4, 0));
}

#[tokio::test(start_paused = true)]
async fn the_level_that_refuses_is_named_and_nothing_is_called_or_held() {
    let ledger = Arc::new(MemoryLedger::new());
    let script = uses(10);
    for (tenant, day, name) in [(9, 100, "tenant:acme"), (100, 9, "day:1")] {
        let error = under(&ledger, tenant, day).layer(script.clone()).oneshot(Ask::pure()).await.unwrap_err();
        let ErrorKind::BudgetExceeded { budget, limit, actual, level } = error.kind() else { panic!("{error:?}") };
        assert_eq!((&**level, *budget), (name, BudgetKind::Tokens));
        assert_eq!((*limit, *actual), (Amount::Tokens(9), Amount::Tokens(10)));
    }
    assert_eq!((script.calls(), standing(&*ledger).await), (0, at(0, 0)));
}

#[tokio::test(start_paused = true)]
async fn of_100_concurrent_runs_with_money_for_10_just_10_are_dispatched() {
    let ledger = Arc::new(MemoryLedger::new());
    let script = uses(10);
    let layer = under(&ledger, 100, 1_000);
    let results = join_all((0..100).map(|_| layer.layer(script.clone()).oneshot(Ask::pure()))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    assert_eq!((script.calls(), standing(&*ledger).await), (10, at(100, 0)));
}

#[tokio::test(start_paused = true)]
async fn an_error_settles_what_was_used_and_gives_back_the_rest() {
    let ledger = Arc::new(MemoryLedger::new());
    let fails = |usage: Option<u64>| {
        service_fn(move |ask: Ask| async move {
            if let Some(usage) = usage {
                ask.context().meter().book(&tokens(usage));
            }
            Err::<Output, _>(provider(Class::Transient))
        })
    };
    let layer = under(&ledger, 100, 100);
    assert!(layer.layer(fails(None)).oneshot(Ask::pure()).await.is_err());
    assert_eq!(standing(&*ledger).await, at(0, 0));
    assert!(layer.layer(fails(Some(3))).oneshot(Ask::pure()).await.is_err());
    assert_eq!(standing(&*ledger).await, at(3, 0));
    // More than its limit, and the whole of it is spent at the levels above.
    assert!(layer.layer(uses(17)).oneshot(Ask::pure()).await.unwrap_err().output().is_some());
    assert_eq!(standing(&*ledger).await, at(20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_limit_holds_its_estimate() {
    let ledger = Arc::new(MemoryLedger::new());
    let levels = vec![level("tenant:acme", 12), level("day:1", 100)];
    let layer = BudgetLayer::default().ledger(Arc::clone(&ledger) as _, move |_| levels.clone());
    let ask = |tokens| {
        let mut ask = Ask::pure();
        ask.context_mut().set_estimate(Estimate::unknown().output(tokens));
        layer.layer(uses(6)).oneshot(ask)
    };
    assert!(ask(Some(13)).await.is_err());
    assert!(ask(Some(12)).await.is_ok());
    // Unknown: as long as anything is left.
    assert!(ask(None).await.is_ok());
    assert!(ask(None).await.is_err());
    assert_eq!(standing(&*ledger).await, at(12, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_without_levels_is_unknown_to_the_ledger() {
    let down = Arc::new(Flaky::default());
    down.fails.store(true, Ordering::Relaxed);
    let layer = BudgetLayer::new(Budget::new().tokens(10)).unwrap().ledger(down, |_| Vec::new());
    assert!(layer.layer(uses(1)).oneshot(Ask::pure()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_soft_budget_counts_at_the_levels_above_and_refuses_nothing() {
    let ledger = Arc::new(MemoryLedger::new());
    let layer = under(&ledger, 9, 100).soft();
    for _ in 0..2 {
        assert!(layer.layer(uses(20)).oneshot(Ask::pure()).await.is_ok());
    }
    assert_eq!(standing(&*ledger).await, at(40, 0));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_settles_what_was_used_and_holds_nothing() {
    let ledger = std::cell::RefCell::new(Arc::new(MemoryLedger::new()));
    let tool = service_fn(|ask: Ask| async move {
        for used in 1..=3 {
            ask.context().progress().set_usage(tokens(2 * used));
            sleep(Duration::from_millis(200)).await;
        }
        Ok::<_, Error>(Output::from("fine").with_usage(tokens(6)))
    });
    let mut polls = 0;
    loop {
        let fresh = Arc::new(MemoryLedger::new());
        *ledger.borrow_mut() = Arc::clone(&fresh);
        let stack = under(&fresh, 100, 100).layer(MeterLayer::new().layer(tool));
        let done = poll_n_then_drop(stack.oneshot(Ask::pure()), polls).await;
        settle().await;
        let standing = standing(&*fresh).await;
        assert_eq!(standing.held, Spend::ZERO, "after {polls} polls");
        assert!([0, 2, 4, 6].contains(&standing.settled.tokens), "{standing:?} after {polls} polls");
        if done.is_some() {
            assert_eq!(standing, at(6, 0));
            break;
        }
        polls += 1;
    }
    assert!(polls >= 4, "{polls}");
}

/// A ledger in memory that fails while it is told to, and answers late.
#[derive(Default)]
struct Flaky {
    ledger: MemoryLedger,
    fails: AtomicBool,
    /// In milliseconds.
    late: AtomicU64,
    asked: AtomicUsize,
}

impl Flaky {
    async fn answer<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let late = self.late.load(Ordering::Relaxed);
        if late > 0 {
            sleep(Duration::from_millis(late)).await;
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Transient("down".into()));
        }
        answer.await
    }
}

#[async_trait]
impl BudgetLedger for Flaky {
    async fn reserve(&self, levels: &[Level], hold: HoldId, amount: Spend, ttl: Duration) -> Result<Hold, StoreError> {
        self.answer(self.ledger.reserve(levels, hold, amount, ttl)).await
    }

    async fn settle(&self, levels: &[Level], hold: HoldId, actual: Spend) -> Result<(), StoreError> {
        self.answer(self.ledger.settle(levels, hold, actual)).await
    }

    async fn cancel(&self, levels: &[Level], hold: HoldId) -> Result<(), StoreError> {
        self.answer(self.ledger.cancel(levels, hold)).await
    }

    async fn read(&self, level: &Level) -> Result<Standing, StoreError> {
        self.ledger.read(level).await
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_ledger_fails_nothing_is_spent() {
    let ledger = Arc::new(Flaky::default());
    ledger.fails.store(true, Ordering::Relaxed);
    let script = uses(10);
    let error = under(&ledger, 100, 100).layer(script.clone()).oneshot(Ask::pure()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::LedgerUnavailable { .. }), "{error:?}");
    assert_eq!((error.class(), error.not_executed(), script.calls()), (Class::BudgetExceeded, true, 0));
    let soft = under(&ledger, 100, 100).soft();
    assert!(soft.layer(script.clone()).oneshot(Ask::pure()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_a_failing_ledger_was_not_told_is_told_with_the_next_run_or_by_hand() {
    let ledger = Arc::new(Flaky::default());
    let layer = under(&ledger, 100, 100);
    let breaks = Arc::clone(&ledger);
    let tool = service_fn(move |_: Ask| {
        breaks.fails.store(true, Ordering::Relaxed);
        async { Ok::<_, Error>(Output::from("fine").with_usage(tokens(4))) }
    });
    assert!(layer.layer(tool.clone()).oneshot(Ask::pure()).await.is_ok());
    assert_eq!((layer.untold(), standing(&*ledger).await), (1, at(0, 10)));
    assert!(layer.tell_ledger().await.is_err());
    assert_eq!(layer.untold(), 1);
    ledger.fails.store(false, Ordering::Relaxed);
    assert!(layer.layer(uses(3)).oneshot(Ask::pure()).await.is_ok());
    settle().await;
    assert_eq!((layer.untold(), standing(&*ledger).await), (0, at(7, 0)));

    assert!(layer.layer(tool).oneshot(Ask::pure()).await.is_ok());
    ledger.fails.store(false, Ordering::Relaxed);
    layer.tell_ledger().await.unwrap();
    assert_eq!((layer.untold(), standing(&*ledger).await), (0, at(11, 0)));
}

/// Keeps what is logged as a warning.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target().starts_with("orch_reliability::budget")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// Takes out what the ledger says.
struct HideDown;

impl Redact for HideDown {
    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        text.replace("down", "***").into()
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_could_not_be_told_is_logged_without_what_the_redactor_hides() {
    // With one subscriber alone, `tracing` remembers the answer of the thread that came first for all.
    let _another = tracing::Dispatch::new(Warnings::default());
    let warnings = Warnings::default();
    let _listening = tracing::subscriber::set_default(warnings.clone());
    tracing::callsite::rebuild_interest_cache();
    let ledger = Arc::new(Flaky::default());
    let breaks = Arc::clone(&ledger);
    let tool = service_fn(move |_: Ask| {
        breaks.fails.store(true, Ordering::Relaxed);
        async { Ok::<_, Error>(Output::from("fine").with_usage(tokens(4))) }
    });
    let layer = under(&ledger, 100, 100);
    let mut ask = Ask::pure();
    ask.context_mut().set_redactor(HideDown.into());
    assert!(layer.layer(tool).oneshot(ask).await.is_ok());
    settle().await;
    assert_eq!(layer.untold(), 1);
    let logged = warnings.0.lock().unwrap().clone();
    assert!(
        logged.len() == 1 && logged[0].contains("did not answer: ***") && !logged[0].contains("down"),
        "{logged:?}"
    );
}

/// A tool that makes the ledger late while it works.
fn delays(
    ledger: &Arc<Flaky>,
    late: u64,
) -> impl Service<Ask, Response = Output, Error = Error, Future: Send> + Clone + use<> {
    let ledger = Arc::clone(ledger);
    service_fn(move |_: Ask| {
        ledger.late.store(late, Ordering::Relaxed);
        async { Ok::<_, Error>(Output::from("fine").with_usage(tokens(4))) }
    })
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_a_late_ledger_a_second_or_until_its_deadline() {
    for (time, waits) in [(None, 1_000), (Some(300), 300), (Some(5_000), 1_000)] {
        let ledger = Arc::new(Flaky::default());
        let ask = Ask::pure().with(|context| match time {
            Some(time) => {
                context.with_deadline(Deadline::after(tokio::time::Instant::now(), Duration::from_millis(time)))
            }
            None => context,
        });
        let started = tokio::time::Instant::now();
        let result = under(&ledger, 100, 100).layer(delays(&ledger, 3_000)).oneshot(ask).await;
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(started.elapsed().as_millis(), waits);
        assert_eq!(standing(&*ledger).await, at(0, 10));
        sleep(Duration::from_secs(3)).await;
        assert_eq!(standing(&*ledger).await, at(4, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_run_outlives_its_time_budget_while_the_ledger_is_told() {
    let ledger = Arc::new(Flaky::default());
    let time = Budget::new().tokens(10).time(Duration::from_millis(500));
    let levels = vec![level("tenant:acme", 100), level("day:1", 100)];
    let layer = BudgetLayer::new(time).unwrap().ledger(Arc::clone(&ledger) as _, move |_| levels.clone());
    let started = tokio::time::Instant::now();
    assert!(layer.layer(delays(&ledger, 3_000)).oneshot(Ask::pure()).await.is_ok());
    assert_eq!(started.elapsed().as_millis(), 500);
}

#[tokio::test(start_paused = true)]
async fn nobodys_answer_waits_for_what_the_ledger_missed_of_others() {
    let ledger = Arc::new(Flaky::default());
    ledger.fails.store(true, Ordering::Relaxed);
    let soft = under(&ledger, 1_000, 1_000).soft();
    for _ in 0..20 {
        assert!(soft.layer(uses(4)).oneshot(Ask::pure()).await.is_ok());
    }
    assert_eq!(soft.untold(), 20);
    ledger.fails.store(false, Ordering::Relaxed);
    let started = tokio::time::Instant::now();
    assert!(soft.layer(delays(&ledger, 100)).oneshot(Ask::pure()).await.is_ok());
    assert_eq!(started.elapsed().as_millis(), 100, "its own ending");
    assert!(soft.untold() >= 18, "one at a time: {}", soft.untold());
    sleep(Duration::from_secs(3)).await;
    assert_eq!((soft.untold(), started.elapsed().as_millis()), (0, 3_100));
}

#[tokio::test(start_paused = true)]
async fn a_refused_run_leaves_nothing_to_be_told_and_asks_once() {
    let ledger = Arc::new(Flaky::default());
    let layer = under(&ledger, 9, 100);
    assert!(layer.layer(uses(1)).oneshot(Ask::pure()).await.is_err());
    settle().await;
    assert_eq!((ledger.asked.load(Ordering::Relaxed), layer.untold()), (1, 0));
    // A soft budget counts what was spent all the same.
    assert!(layer.soft().layer(uses(1)).oneshot(Ask::pure()).await.is_ok());
    assert_eq!(standing(&*ledger).await, at(1, 0));
}

#[tokio::test(start_paused = true)]
async fn runs_refused_while_the_ledger_fails_do_not_pile_up() {
    let ledger = Arc::new(Flaky::default());
    ledger.fails.store(true, Ordering::Relaxed);
    let layer = under(&ledger, 100, 100);
    for _ in 0..10 {
        assert!(layer.layer(uses(1)).oneshot(Ask::pure()).await.is_err());
    }
    settle().await;
    // Each hold is cancelled once, since it may have been made.
    assert_eq!((ledger.asked.load(Ordering::Relaxed), layer.untold()), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_after_the_caller_has_left_is_given_back() {
    let ledger = Arc::new(Flaky::default());
    ledger.late.store(1_000, Ordering::Relaxed);
    let script = uses(10);
    let run = tokio::spawn(under(&ledger, 100, 100).layer(script.clone()).oneshot(Ask::pure()));
    settle().await;
    run.abort();
    advance(Duration::from_millis(1_001)).await;
    settle().await;
    assert_eq!((ledger.asked.load(Ordering::Relaxed), standing(&*ledger).await.held.tokens), (2, 10));
    advance(Duration::from_millis(1_001)).await;
    settle().await;
    assert_eq!((script.calls(), standing(&*ledger).await), (0, at(0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_time_budget_bounds_the_wait_for_the_ledger() {
    let ledger = Arc::new(Flaky::default());
    ledger.late.store(1_000, Ordering::Relaxed);
    let time = Budget::new().tokens(10).time(Duration::from_millis(500));
    let layer = BudgetLayer::new(time).unwrap().ledger(ledger, |_| vec![level("tenant:acme", 100)]);
    let error = layer.layer(uses(1)).oneshot(Ask::pure()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { budget: BudgetKind::Time, .. }), "{error:?}");
}

#[test]
fn a_run_dropped_when_its_runtime_is_gone_waits_to_be_told() {
    let ledger = Arc::new(MemoryLedger::new());
    let layer = under(&ledger, 100, 100);
    let stuck = service_fn(|ask: Ask| async move {
        ask.context().meter().book(&tokens(4));
        std::future::pending::<Result<Output, Error>>().await
    });
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    let mut run = Box::pin(layer.layer(stuck).oneshot(Ask::pure()));
    first.block_on(async {
        while ledger.read(&level("tenant:acme", 0)).await.unwrap().held == Spend::ZERO {
            let _ = crate::testing::poll_once(run.as_mut()).await;
            tokio::task::yield_now().await;
        }
        let _ = crate::testing::poll_once(run.as_mut()).await;
    });
    drop(first);
    drop(run);
    assert_eq!(layer.untold(), 1);
    runtime().block_on(layer.tell_ledger()).unwrap();
    assert_eq!((layer.untold(), runtime().block_on(standing(&*ledger))), (0, at(4, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_hold_of_a_process_that_died_lapses_a_minute_after_its_deadline() {
    let ledger = Arc::new(MemoryLedger::new());
    let stuck = service_fn(|_: Ask| std::future::pending::<Result<Output, Error>>());
    let deadline = Deadline::after(tokio::time::Instant::now(), Duration::from_secs(30));
    let ask = Ask::pure().with(|context| context.with_deadline(deadline));
    let mut run = Box::pin(under(&ledger, 100, 100).layer(stuck).oneshot(ask));
    for _ in 0..3 {
        assert!(crate::testing::poll_once(run.as_mut()).await.is_pending());
        settle().await;
    }
    // As a dead process would: it never says another word.
    std::mem::forget(run);
    advance(Duration::from_secs(89)).await;
    assert_eq!(standing(&*ledger).await, at(0, 10));
    advance(Duration::from_secs(1)).await;
    assert_eq!(standing(&*ledger).await, at(0, 0));
}

use std::future::pending;
use std::time::Duration;

use orch_core::{
    Amount, Budget, BudgetKind, Counted, Deadline, Error, ErrorKind, Estimate, Event, HasContext, Limits, Meter,
    MeterLayer, Output, Request, Spend, ToolService, ToolSpec, Usage, Usd, tool_fn,
};
use orch_testkit::time::sweep;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::BudgetLayer;
use crate::testing::{Ask, Script, events, provider};

fn tokens(n: u64) -> Usage {
    Usage::new().output(Counted::reported(n))
}

fn limit(n: u64) -> Limits {
    Limits { tokens: Some(n), cost: None }
}

fn layer(n: u64) -> BudgetLayer {
    BudgetLayer::new(Budget::new().tokens(n)).unwrap()
}

/// Uses that many tokens, without a meter of its own.
fn uses(n: u64) -> Script {
    Script::new([Ok(Output::from("fine").with_usage(tokens(n)))])
}

fn overrun(error: &Error) -> (BudgetKind, Amount, Amount) {
    let ErrorKind::BudgetExceeded { budget, limit, actual, .. } = error.kind() else { panic!("{error:?}") };
    (*budget, *limit, *actual)
}

fn on(meter: &Meter) -> Ask {
    Ask::pure().with(|context| context.with_meter(meter.clone()))
}

#[tokio::test]
async fn an_overrun_found_after_the_run_carries_the_answer_that_was_paid_for() {
    let error = layer(100).layer(uses(150)).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(overrun(&error), (BudgetKind::Tokens, Amount::Tokens(100), Amount::Tokens(150)));
    let output = error.output().unwrap();
    assert_eq!(output.content().get::<String>().unwrap(), "fine");
    assert!(layer(150).layer(uses(150)).oneshot(Ask::pure()).await.is_ok());
}

#[tokio::test]
async fn the_smaller_of_the_layers_and_the_runs_budget_holds_field_by_field() {
    let usage = tokens(150).cost(Counted::reported(Usd::from_nanos(150)));
    let tool = Script::new([Ok(Output::from("fine").with_usage(usage))]);
    let cost = |nanos| Some(Usd::from_nanos(nanos));
    for (default, run, expected) in [
        (Budget::new().tokens(100), Limits { tokens: Some(200), cost: cost(200) }, Some(BudgetKind::Tokens)),
        (Budget::new().tokens(200), Limits { tokens: Some(100), cost: cost(200) }, Some(BudgetKind::Tokens)),
        (Budget::new().tokens(200), Limits { tokens: None, cost: cost(100) }, Some(BudgetKind::Cost)),
        (Budget::new(), Limits { tokens: None, cost: cost(100) }, Some(BudgetKind::Cost)),
        (Budget::new().tokens(200), Limits { tokens: Some(200), cost: cost(200) }, None),
    ] {
        let meter = Meter::new(run);
        let result = BudgetLayer::new(default).unwrap().layer(tool.clone()).oneshot(on(&meter)).await;
        assert_eq!(result.err().map(|error| overrun(&error).0), expected);
        assert_eq!(meter.settled().tokens, 150, "the run's own meter knows of it");
    }
}

#[tokio::test]
async fn what_cannot_be_reserved_is_refused_before_it_starts() {
    let script = uses(10);
    let stack = layer(100).layer(MeterLayer::new().layer(script.clone()));
    let mut ask = Ask::pure();
    ask.context_mut().set_estimate(Estimate::unknown().output(101));
    let error = stack.oneshot(ask).await.unwrap_err();
    assert_eq!(overrun(&error), (BudgetKind::Tokens, Amount::Tokens(100), Amount::Tokens(101)));
    assert_eq!(script.calls(), 0);
}

#[tokio::test]
async fn usage_is_booked_once_whoever_books_it() {
    let metered = MeterLayer::new().layer(uses(60));
    let meter = Meter::new(limit(100));
    let output = layer(100).layer(metered).oneshot(on(&meter)).await.unwrap();
    assert_eq!((meter.settled().tokens, output.usage().tokens()), (60, 60));

    let tool = tool_fn(ToolSpec::pure("tool"), |request: Request| async move {
        request.context().meter().book(&tokens(60));
        Ok::<_, Error>(Output::from("fine").with_usage(tokens(60)))
    });
    let meter = Meter::new(limit(100));
    let request = Request::new("hello");
    let context = request.context().clone().with_meter(meter.clone());
    let _ = layer(100).layer(ToolService::new(tool)).oneshot(request.with_context(context)).await.unwrap();
    assert_eq!(meter.settled().tokens, 60);
}

#[tokio::test]
async fn a_replayed_answer_costs_nothing() {
    let replayed = Script::new([Ok(Output::from("fine").with_usage(tokens(150)).with_replayed())]);
    let meter = Meter::new(limit(100));
    assert!(layer(100).layer(replayed).oneshot(on(&meter)).await.is_ok());
    assert_eq!(meter.settled(), Spend::ZERO);
}

#[tokio::test]
async fn an_error_of_the_tool_stays_the_error() {
    let failed = Script::new([Err(provider(orch_core::Class::Transient))]);
    let error = layer(100).layer(failed).oneshot(Ask::pure()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Provider(_)));
}

#[tokio::test]
async fn a_soft_budget_warns_and_refuses_nothing() {
    let script = uses(150);
    let stack = layer(100).soft().layer(MeterLayer::new().layer(script));
    let meter = Meter::new(limit(120));
    let mut ask = on(&meter);
    ask.context_mut().set_estimate(Estimate::unknown().output(500));
    let mut stream = ask.context_mut().subscribe();
    assert!(stack.oneshot(ask).await.is_ok());
    assert_eq!(meter.settled().tokens, 150);
    let events = events(&mut stream).await;
    assert!(matches!(events[..], [(_, Event::BudgetWarning { budget: BudgetKind::Tokens, used })] if used == 1.5));
}

#[tokio::test(start_paused = true)]
async fn a_soft_time_budget_ends_nothing() {
    let layer = BudgetLayer::new(Budget::new().time(Duration::from_secs(1))).unwrap().soft();
    let slow = service_fn(|ask: Ask| async move {
        assert!(ask.context().deadline().is_none());
        sleep(Duration::from_secs(2)).await;
        Ok::<_, Error>(Output::from("fine"))
    });
    let mut ask = Ask::pure();
    let mut stream = ask.context_mut().subscribe();
    assert!(layer.layer(slow).oneshot(ask).await.is_ok());
    let events = events(&mut stream).await;
    assert!(matches!(events[..], [(_, Event::BudgetWarning { budget: BudgetKind::Time, .. })]), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn most_of_a_budget_is_warned_of_once_while_the_run_works() {
    let tool = service_fn(|ask: Ask| async move {
        for _ in 0..9 {
            ask.context().meter().book(&tokens(10));
            sleep(Duration::from_secs(1)).await;
        }
        pending::<Result<Output, Error>>().await
    });
    let mut ask = Ask::pure();
    let mut stream = ask.context_mut().subscribe();
    let call = tokio::spawn(layer(100).layer(tool).call(ask));
    let start = Instant::now();
    let warning = stream.next().await.unwrap();
    assert_eq!(warning.event, Event::BudgetWarning { budget: BudgetKind::Tokens, used: 0.8 });
    assert_eq!(start.elapsed(), Duration::from_secs(7));
    sleep(Duration::from_secs(60)).await;
    assert!(events(&mut stream).await.is_empty());
    call.abort();
}

#[tokio::test(start_paused = true)]
async fn a_time_budget_counts_from_the_runs_start_and_ends_it_by_name() {
    let layer = BudgetLayer::new(Budget::new().time(Duration::from_secs(5))).unwrap();
    let stuck = service_fn(|_: Ask| pending::<Result<Output, Error>>());
    let ask = Ask::pure();
    let start = Instant::now();
    sleep(Duration::from_secs(2)).await;
    let error = layer.layer(stuck).oneshot(ask).await.unwrap_err();
    assert_eq!(overrun(&error).0, BudgetKind::Time);
    assert_eq!(start.elapsed(), Duration::from_secs(5));

    let late = Ask::pure();
    sleep(Duration::from_secs(6)).await;
    let script = uses(1);
    let error = layer.layer(script.clone()).oneshot(late).await.unwrap_err();
    assert_eq!((overrun(&error).0, script.calls()), (BudgetKind::Time, 0));

    let nearer = Ask::pure().with(|context| {
        let deadline = Deadline::after(Instant::now(), Duration::from_secs(1));
        context.with_deadline(deadline)
    });
    let error = layer.layer(stuck).oneshot(nearer).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded));
}

#[tokio::test]
async fn concurrent_runs_of_one_account_cannot_pass_the_same_check_twice() {
    // Money for 10 of 100.
    let meter = Meter::new(limit(100));
    let script = uses(10);
    let slow = script.clone();
    let tool = service_fn(move |ask: Ask| {
        let mut script = slow.clone();
        async move {
            tokio::task::yield_now().await;
            script.call(ask).await
        }
    });
    let stack = BudgetLayer::default().layer(MeterLayer::new().layer(tool));
    let calls = (0..100).map(|_| {
        let mut ask = on(&meter);
        ask.context_mut().set_estimate(Estimate::unknown().output(10));
        stack.clone().oneshot(ask)
    });
    let results = futures_util::future::join_all(calls).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    assert_eq!((script.calls(), meter.settled().tokens), (10, 100));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_holds_nothing_and_books_what_was_used() {
    for soft in [false, true] {
        let mut meter = Meter::unlimited();
        let state = std::cell::RefCell::new(Meter::unlimited());
        let mut booked = Vec::new();
        let tool = service_fn(|ask: Ask| async move {
            for used in 1..=3 {
                ask.context().progress().set_usage(tokens(10 * used));
                sleep(Duration::from_millis(200)).await;
            }
            Ok::<_, Error>(Output::from("fine").with_usage(tokens(30)))
        });
        let budget = if soft { layer(100).soft() } else { layer(100) };
        let stack = budget.layer(MeterLayer::new().layer(tool));
        let polls = sweep(
            || {
                meter = Meter::new(limit(90));
                *state.borrow_mut() = meter.clone();
                let mut ask = on(&meter);
                ask.context_mut().set_estimate(Estimate::unknown().output(50));
                stack.clone().oneshot(ask)
            },
            |_| {
                let meter = state.borrow();
                assert_eq!(meter.held(), Spend::ZERO);
                booked.push(meter.settled().tokens);
            },
        )
        .await;
        assert_eq!(polls, 4);
        assert!(booked.is_sorted() && booked.contains(&10) && booked.contains(&20), "{booked:?}");
        assert_eq!(booked.last(), Some(&30));
    }
}

#[test]
fn a_budget_that_cannot_be_kept_makes_no_layer() {
    let error = BudgetLayer::new(Budget::new().tokens(0)).unwrap_err();
    assert!(error.to_string().contains("/budget/tokens"));
}

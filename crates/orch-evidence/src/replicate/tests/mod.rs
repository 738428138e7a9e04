mod settings;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use orch_core::store::Key;
use orch_core::{
    Budget, BudgetKind, CallContext, Class, Counted, Deadline, Envelope, Error, ErrorKind, Estimate, Event, HasContext,
    Limits, Meter, Output, ReplicateStatus, Request, ScopeLayer, Spend, Tool, ToolService, ToolSpec, Usage, tool_fn,
};
use orch_testkit::LayerContract;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, ServiceExt};

use super::*;
use crate::bundle::{Bundle, BundleContent, ConfidenceKind};
use crate::confidence::{AgreementCalibrator, CalibrationKey, Calibrator};
use crate::decision::{Policy, SharedPolicy, Verdict};
use crate::options::{BundleOptions, StopName, Waves};
use crate::stopping::{Epsilon, Never};
use crate::{BundleTool, seeds};

/// A pure tool named `ask`.
fn ask<F, Fut>(answer: F) -> impl Tool
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Output, Error>> + Send + 'static,
{
    tool_fn(ToolSpec::pure("ask"), answer)
}

fn says(text: &'static str) -> impl Tool {
    ask(move |_| async move { Ok(Output::from(text)) })
}

fn tokens(n: u64) -> Usage {
    Usage::new().output(Counted::reported(n))
}

fn estimate(n: u64) -> Estimate {
    Estimate::unknown().output(n)
}

async fn call(layer: &ReplicateLayer, tool: impl Tool, request: Request) -> Result<Output, Error> {
    call_estimated(layer, tool, request, Estimate::unknown()).await
}

async fn call_estimated(
    layer: &ReplicateLayer,
    tool: impl Tool,
    request: Request,
    estimate: Estimate,
) -> Result<Output, Error> {
    ServiceBuilder::new()
        .layer(ScopeLayer::of(tool.spec()).estimate(estimate))
        .layer(layer.clone())
        .service(ToolService::new(tool))
        .oneshot(request)
        .await
}

async fn bundle(layer: &ReplicateLayer, tool: impl Tool, request: Request) -> Bundle {
    Bundle::from_output(&call(layer, tool, request).await.unwrap()).unwrap()
}

fn within(context: CallContext) -> Request {
    Request::new("question").with_context(context)
}

fn number(request: &Request) -> u32 {
    request.context().replicate().unwrap()
}

#[tokio::test]
async fn every_replicate_has_a_number_a_seed_and_a_key_of_its_own() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tool = {
        let seen = Arc::clone(&seen);
        ask(move |request| {
            let context = request.context();
            let key = context.key().map(ToString::to_string);
            let about = (context.replicate(), context.seed(), context.part_path().to_owned(), key);
            seen.lock().unwrap().push(about);
            async { Ok(Output::from("same")) }
        })
    };
    let key = Key::new("k-1").unwrap();
    let request = within(CallContext::new().with_key(key));
    bundle(&ReplicateLayer::new(3).seed(7), tool, request).await;
    let expected: Vec<_> = [1, 2]
        .map(|n| {
            let part = format!("/r{n}");
            let key = Some(format!("k-1{part}"));
            (Some(n), Some(seeds(7, 3)[n as usize - 1]), part, key)
        })
        .to_vec();
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_content_is_typed_evidence_and_the_usage_the_sum_of_all() {
    let tool = ask(|request| async move {
        Ok(Output::from("same").with_usage(tokens(u64::from(number(&request)))).with_model("m-1"))
    });
    let output = call(&ReplicateLayer::new(3), tool, Request::new("question")).await.unwrap();
    assert!(output.content().downcast::<BundleContent>().is_some());
    assert_eq!(output.usage(), &tokens(3));
    assert_eq!(output.model(), Some("m-1"));
    let json = output.content().to_json().unwrap();
    assert_eq!(json["evidence_bundle"]["meta"]["task"], "ask");
}

#[tokio::test]
async fn a_stack_without_a_scope_is_refused_by_naming_the_layer_that_is_missing() {
    let stack = ReplicateLayer::new(3);
    let error = tower::Layer::layer(&stack, ToolService::new(says("x"))).oneshot(Request::new("q")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }));
    assert!(error.to_string().contains("ScopeLayer"), "{error}");
}

#[tokio::test]
async fn tools_with_an_effect_are_refused_and_never_called() {
    for spec in [ToolSpec::idempotent("pay"), ToolSpec::at_most_once("pay")] {
        let tool = tool_fn(spec, |_| async { panic!("called") as Result<Output, Error> });
        let error = call(&ReplicateLayer::new(3), tool, Request::new("q")).await.unwrap_err();
        assert!(error.to_string().contains("`pay`") && error.not_executed(), "{error}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_kept_are_told_by_check_and_at_every_call() {
    for (layer, value) in [
        (ReplicateLayer::new(0), "0 replicates"),
        (ReplicateLayer::new(65), "65 replicates"),
        (ReplicateLayer::new(3).epsilon(f64::NAN), "NaN"),
        (ReplicateLayer::new(3).max_parallel(0), "0 replicates"),
        (ReplicateLayer::new(3).stop(Epsilon::new().of(2.0)), "2 is not"),
    ] {
        assert!(layer.check().unwrap_err().to_string().contains(value), "{value}");
        let error = call(&layer, says("x"), Request::new("q")).await.unwrap_err();
        assert!(error.to_string().contains(value), "{error}");
    }
    assert!(ReplicateLayer::default().check().is_ok());
}

#[tokio::test]
async fn options_of_the_request_win_and_wrong_ones_are_refused_where_they_stand() {
    let layer = ReplicateLayer::new(3).stop(Never);
    let asked = Request::new("q").with_options(json!({"k": 5, "epsilon": 0.5}));
    let found = bundle(&layer, says("x"), asked).await;
    assert_eq!((found.meta.k, found.meta.epsilon, found.meta.k_completed), (5, 0.5, 5));
    let last_wins = ReplicateLayer::new(3).options(BundleOptions::new().stop(StopName::Epsilon)).stop(Never);
    assert_eq!(bundle(&last_wins, says("x"), Request::new("q")).await.meta.k_completed, 3);
    let named = Request::new("q").with_options(json!({"k": 5, "stop": "epsilon"}));
    assert_eq!(bundle(&layer, says("x"), named).await.stop.rule, "epsilon");
    for (options, pointer) in [
        (json!({"k": 0}), "`/tool_options/k`"),
        (json!({"kk": 5}), "`/tool_options/kk`"),
        (json!({"epsilon": -1}), "`/tool_options/epsilon`"),
    ] {
        let error = call(&layer, says("x"), Request::new("q").with_options(options)).await.unwrap_err();
        assert!(error.to_string().contains(pointer), "{error}");
    }
}

#[tokio::test]
async fn what_must_fit_the_number_of_replicates_is_held_against_that_of_the_layer() {
    for (k, options) in [
        (5, json!({"min_valid": 5})),
        (2, json!({"seeds": [7, 8]})),
        (2, json!({"weights": [1.0, 2.0]})),
        (2, json!({"k": 4, "min_valid": 4})),
    ] {
        let asked = Request::new("q").with_options(options.clone());
        let error = call(&ReplicateLayer::new(k), says("x"), asked).await.err();
        assert!(error.is_none(), "{options}: {error:?}");
    }
    for (k, options, said) in [
        (2, json!({"min_valid": 3}), "`/tool_options/min_valid`: 3 valid answers: there must be 1 to 2"),
        (5, json!({"seeds": [1, 2, 3]}), "`/tool_options/seeds`: 3 seeds for 5 replicates"),
        (5, json!({"weights": [1, 2, 3]}), "`/tool_options/weights`: 3 weights for 5 replicates"),
    ] {
        let asked = Request::new("q").with_options(options);
        let error = call(&ReplicateLayer::new(k), says("x"), asked).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn the_tool_inside_gets_the_options_under_inner_and_none_of_the_bundle() {
    let tool = ask(|request| async move { Ok(Output::new(request.options().clone())) });
    let asked = Request::new("q").with_tool("ask").with_options(json!({"k": 2, "inner": {"temperature": 1}}));
    let found = bundle(&ReplicateLayer::new(3), tool, asked).await;
    assert_eq!(found.summary.consensus, Some(json!({"temperature": 1})));
    let tool = ask(|request| async move { Ok(Output::from(format!("{}", request.options()))) });
    let found = bundle(&ReplicateLayer::new(2), tool, Request::new("q").with_options(json!({"k": 2}))).await;
    assert_eq!(found.summary.consensus, Some(json!("null")));
}

#[tokio::test(start_paused = true)]
async fn events_come_as_documented_and_the_partial_summary_from_the_second_valid_answer_on() {
    let tool = ask(|request| async move {
        sleep(Duration::from_millis(u64::from(number(&request)))).await;
        if number(&request) == 1 { Err(Error::tool_execution("no")) } else { Ok(Output::from("yes")) }
    });
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    let found = bundle(&ReplicateLayer::new(3).seed(1), tool, within(context)).await;
    let mut names = Vec::new();
    while let Some(Envelope { source, event, .. }) = events.next().await {
        let name = match &event {
            Event::ReplicateStarted { seed } => {
                let n = source.replicate.unwrap();
                assert_eq!(*seed, Some(seeds(1, 3)[n as usize - 1]));
                format!("started {n}")
            }
            Event::ReplicateDone { status, .. } => format!("done {} {status:?}", source.replicate.unwrap()),
            Event::PartialSummary { summary } => {
                assert_eq!(summary.to_json().unwrap()["consensus"], "yes");
                "partial".to_owned()
            }
            Event::BundleReady { bundle } => {
                assert_eq!(bundle.get::<BundleContent>().unwrap().evidence_bundle, found);
                "ready".to_owned()
            }
            Event::ToolStarted { .. } => "tool".to_owned(),
            other => format!("{other:?}"),
        };
        names.push(name);
    }
    let expected = ["tool", "started 1", "started 2", "done 1 Failed", "done 2 Valid", "started 3", "done 3 Valid"];
    assert_eq!(names, [expected.as_slice(), &["partial", "ready"]].concat());
}

#[tokio::test]
async fn when_all_fail_the_error_has_all_causes() {
    let tool = ask(|request| async move { Err(Error::tool_execution(format!("cause {}", number(&request)))) });
    let error = call(&ReplicateLayer::new(3), tool, Request::new("q")).await.unwrap_err();
    let ErrorKind::ReplicatesFailed { causes } = error.kind() else { panic!("{error:?}") };
    assert_eq!(causes.len(), 3);
    assert_eq!(error.class(), Class::Permanent);
}

#[tokio::test(start_paused = true)]
async fn losers_are_dropped_at_once_and_what_they_had_used_is_counted() {
    let tool = ask(|request| async move {
        request.context().progress().set_usage(tokens(5));
        sleep(Duration::from_secs(if number(&request) > 2 { 3600 } else { 1 })).await;
        Ok(Output::from("same").with_usage(tokens(10)))
    });
    let context = CallContext::new();
    let meter = context.meter().clone();
    let start = Instant::now();
    let layer = ReplicateLayer::new(4).waves(Waves::All).stop(Epsilon::new());
    let output = call(&layer, tool, within(context)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!((output.usage(), meter.settled().tokens, meter.held()), (&tokens(30), 30, Spend::ZERO));
    let found = Bundle::from_output(&output).unwrap();
    assert_eq!(found.replicates[3].status, ReplicateStatus::Cancelled);
    assert_eq!(found.replicates[3].usage, tokens(5));
}

/// Pending so many times, and woken each time.
struct Steps(usize);

impl Future for Steps {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[tokio::test]
async fn a_drop_at_any_poll_holds_no_money_and_books_what_was_used() {
    for waves in [Waves::Careful, Waves::All] {
        for polls in 0.. {
            let ended = Arc::new(AtomicUsize::new(0));
            let tool = {
                let ended = Arc::clone(&ended);
                ask(move |request| {
                    let ended = Arc::clone(&ended);
                    async move {
                        Steps(number(&request) as usize).await;
                        ended.fetch_add(1, Ordering::Relaxed);
                        let text = format!("answer {}", number(&request) % 2);
                        Ok(Output::from(text).with_usage(tokens(7)))
                    }
                })
            };
            let meter = Meter::new(Limits { tokens: Some(1000), cost: None });
            let request = within(CallContext::new().with_meter(meter.clone()));
            let layer = ReplicateLayer::new(5).waves(waves);
            let mut run = Box::pin(call_estimated(&layer, tool, request, estimate(20)));
            let mut cx = Context::from_waker(Waker::noop());
            let done = (0..polls).any(|_| run.as_mut().poll(&mut cx).is_ready());
            if polls > 0 && !done {
                assert_eq!(meter.held().tokens + meter.settled().tokens, 100.max(meter.settled().tokens));
            }
            drop(run);
            assert_eq!(meter.held(), Spend::ZERO, "{waves:?}, {polls} polls");
            assert_eq!(meter.settled().tokens, 7 * ended.load(Ordering::Relaxed) as u64, "{waves:?}, {polls} polls");
            if done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_budget_for_fewer_estimates_means_fewer_replicates() {
    let mut context = CallContext::new().with_meter(Meter::new(Limits { tokens: Some(250), cost: None }));
    let mut events = context.subscribe();
    let layer = ReplicateLayer::new(5).stop(Never);
    let output = call_estimated(&layer, says("x"), within(context), estimate(100)).await.unwrap();
    let found = Bundle::from_output(&output).unwrap();
    assert_eq!((found.meta.k, found.meta.k_started, found.stop.saved), (5, 2, 3));
    assert_eq!(found.stop.rule, "budget");
    assert!(found.meta.early_stop_reason.unwrap().contains("2 of 5"));
    let mut reduced = Vec::new();
    while let Some(envelope) = events.next().await {
        if let Event::ReplicatesReduced { from, to, .. } = envelope.event {
            reduced.push((from, to));
        }
    }
    assert_eq!(reduced, [(5, 2)]);
}

#[tokio::test]
async fn a_budget_for_not_even_one_estimate_is_exceeded() {
    let context = CallContext::new().with_meter(Meter::new(Limits { tokens: Some(99), cost: None }));
    let error = call_estimated(&ReplicateLayer::new(5), says("x"), within(context), estimate(100)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { budget: BudgetKind::Tokens, .. }), "{error:?}");
}

#[tokio::test]
async fn when_the_money_is_used_up_what_has_ended_is_the_evidence() {
    let context = CallContext::new().with_meter(Meter::new(Limits { tokens: Some(100), cost: None }));
    let tool =
        ask(|request| async move { Ok(Output::from(format!("answer {}", number(&request))).with_usage(tokens(60))) });
    let found = bundle(&ReplicateLayer::new(5), tool, within(context)).await;
    assert_eq!((found.stop.rule.as_str(), found.meta.k_started, found.meta.k_completed), ("budget", 3, 2));
    assert_eq!((found.stop.saved, found.summary.compared.len()), (2, 2));
    assert_eq!(found.replicates[2].quality.class, Some(Class::BudgetExceeded));
}

#[tokio::test]
async fn when_the_money_is_used_up_before_any_answer_the_budget_is_exceeded() {
    let context = CallContext::new().with_meter(Meter::new(Limits { tokens: Some(100), cost: None }));
    let tool =
        ask(|_| async { Err(Error::tool_execution("no").with_output(Output::default().with_usage(tokens(60)))) });
    let error = call(&ReplicateLayer::new(5), tool, within(context)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_what_has_ended_is_the_evidence() {
    let deadline = Deadline::after(Instant::now(), Duration::from_secs(5));
    let tool = ask(|request| async move {
        sleep(Duration::from_secs(if number(&request) == 2 { 1 } else { 60 })).await;
        Ok(Output::from("x"))
    });
    let layer = ReplicateLayer::new(3).waves(Waves::All);
    let found = bundle(&layer, tool, within(CallContext::new().with_deadline(deadline))).await;
    assert_eq!((found.stop.rule.as_str(), found.meta.k_completed), ("deadline", 1));
    assert_eq!(found.meta.total_elapsed, Duration::from_secs(5));
    assert_eq!(found.replicates[1].elapsed, Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_without_an_answer_the_error_is_that_of_the_limit() {
    let never = || ask(|_| std::future::pending());
    let layer = ReplicateLayer::new(3);
    let deadline = Deadline::after(Instant::now(), Duration::from_secs(5));
    let error = call(&layer, never(), within(CallContext::new().with_deadline(deadline))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded), "{error:?}");
    let budget = Deadline::of_budget(Instant::now(), Duration::from_secs(5));
    let error = call(&layer, never(), within(CallContext::new().with_deadline(budget))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { budget: BudgetKind::Time, .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_an_answer_that_was_paid_for_and_cannot_be_used_is_in_the_error() {
    let tool = ask(|request| async move {
        if number(&request) == 1 {
            return Ok(Output::from("").with_usage(Usage::new().output(Counted::reported(7))));
        }
        std::future::pending().await
    });
    let deadline = Deadline::after(Instant::now(), Duration::from_secs(5));
    let layer = ReplicateLayer::new(3).waves(Waves::All);
    let error = call(&layer, tool, within(CallContext::new().with_deadline(deadline))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded), "{error:?}");
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Error>()).unwrap();
    let ErrorKind::ReplicatesFailed { causes } = source.kind() else { panic!("{source:?}") };
    let paid = causes.iter().find_map(Error::output).expect("the empty answer");
    assert_eq!(paid.usage().tokens(), 7);
}

#[tokio::test(start_paused = true)]
async fn cancelling_from_outside_ends_the_run_at_once() {
    let context = CallContext::new();
    let (token, meter) = (context.cancellation().clone(), context.meter().clone());
    let layer = ReplicateLayer::new(3);
    let run = call(&layer, ask(|_| std::future::pending()), within(context));
    let cancel = async {
        sleep(Duration::from_secs(1)).await;
        token.cancel();
    };
    let (result, ()) = tokio::join!(run, cancel);
    assert!(matches!(result.unwrap_err().kind(), ErrorKind::Cancelled));
    assert_eq!(meter.held(), Spend::ZERO);
}

/// Answers after a second; notes how many work at the same time at most.
fn busy(most: &Arc<AtomicUsize>) -> impl Tool {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::clone(most));
    ask(move |request| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(Output::from(format!("answer {}", number(&request))))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn the_run_and_the_bundle_both_limit_how_many_work_at_the_same_time() {
    let layer = ReplicateLayer::new(6).waves(Waves::All).stop(Never);
    for (of_run, of_bundle, expected) in [(2, None, 2), (10, Some(3), 3), (10, None, 6)] {
        let most = Arc::new(AtomicUsize::new(0));
        let layer = of_bundle.map_or(layer.clone(), |n| layer.clone().max_parallel(n));
        let found = bundle(&layer, busy(&most), within(CallContext::new().with_max_parallel(of_run))).await;
        assert_eq!(most.load(Ordering::SeqCst), expected);
        assert_eq!(found.meta.k_completed, 6);
        assert!(found.replicates.iter().all(|r| r.elapsed == Some(Duration::from_secs(1))), "waiting is not working");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_inside_a_bundle_does_not_wait_for_the_permit_of_its_own_replicate() {
    let inner = BundleTool::new("inner", says("x")).k(2).opaque().unwrap();
    let outer = BundleTool::new("outer", inner).k(2).opaque().unwrap();
    let context = CallContext::new().with_max_parallel(1);
    let output = tokio::time::timeout(Duration::from_secs(60), outer.oneshot(within(context))).await.unwrap().unwrap();
    assert_eq!(Bundle::from_output(&output).unwrap().meta.k_completed, 2);
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_is_not_ready_is_waited_for() {
    let most = Arc::new(AtomicUsize::new(0));
    let tool = busy(&most);
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(tool.spec()))
        .layer(ReplicateLayer::new(4).waves(Waves::All).stop(Never))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(ToolService::new(tool));
    let start = Instant::now();
    let output = stack.oneshot(Request::new("q")).await.unwrap();
    assert_eq!(Bundle::from_output(&output).unwrap().meta.k_completed, 4);
    assert_eq!((most.load(Ordering::SeqCst), start.elapsed()), (1, Duration::from_secs(4)));
}

#[tokio::test]
async fn long_texts_are_measured_on_another_thread_with_the_same_result() {
    let text = |n: u32| (0..2000).map(|i| format!("word{} ", i % (n as usize * 50))).collect::<String>();
    assert!(text(1).len() * text(1).len() > 20_000_000);
    let tool = ask(move |request| async move { Ok(Output::from(text(number(&request)))) });
    let layer = ReplicateLayer::new(4).stop(Never);
    let found = bundle(&layer, tool, Request::new("q")).await;
    let metric = crate::TokenLevenshtein;
    for a in 1..=4_u32 {
        for b in 1..=4_u32 {
            use crate::Distance;
            let expected = metric.distance(&metric.prepare(&text(a)), &metric.prepare(&text(b)));
            assert_eq!(found.summary.pairwise_distance[a as usize - 1][b as usize - 1], expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_replicate_that_takes_too_long_fails_by_itself() {
    let tool = ask(|request| async move {
        sleep(Duration::from_secs(if number(&request) == 1 { 60 } else { 1 })).await;
        Ok(Output::from("x"))
    });
    let budget = Budget::new().time(Duration::from_secs(5));
    let found = bundle(&ReplicateLayer::new(3).per_replicate_budget(budget), tool, Request::new("q")).await;
    assert_eq!(found.replicates[0].quality.class, Some(Class::BudgetExceeded));
    assert!(found.replicates[0].quality.errors[0].contains("replicate 1"), "{:?}", found.replicates[0].quality);
    assert_eq!((found.meta.k_completed, found.stop.rule.as_str()), (2, "complete"));
}

#[tokio::test]
async fn what_one_replicate_may_spend_is_not_the_money_of_the_run() {
    let budget = Budget::new().tokens(50);
    let layer = ReplicateLayer::new(3).per_replicate_budget(budget);
    let error = call_estimated(&layer, says("x"), Request::new("q"), estimate(60)).await.unwrap_err();
    let ErrorKind::ReplicatesFailed { causes } = error.kind() else { panic!("{error:?}") };
    assert_eq!(causes.len(), 3);
    assert!(causes[0].to_string().contains("replicate 1"), "{}", causes[0]);
}

#[tokio::test]
async fn what_a_replicate_of_a_bundle_inside_may_spend_is_not_the_money_of_the_bundle_outside() {
    // Inside, each replicate may use 50 tokens and wants 60 in the first two bundles.
    let inner = ReplicateLayer::new(2).per_replicate_budget(Budget::new().tokens(50));
    let tool = ask(move |request| {
        let (inner, outer) = (inner.clone(), number(&request));
        async move {
            let wanted = estimate(if outer <= 2 { 60 } else { 40 });
            call_estimated(&inner, says("x"), request, wanted).await
        }
    });
    let found = bundle(&ReplicateLayer::new(4).stop(Never), tool, Request::new("q")).await;
    assert_eq!((found.meta.k_started, found.meta.k_completed), (4, 2), "{:?}", found.stop);
    assert_eq!(found.stop.rule, "complete");

    // And the account of an outer replicate is the money of the run inside, though both have the same number.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tool = {
        let seen = Arc::clone(&seen);
        ask(move |request| {
            let seen = Arc::clone(&seen);
            async move {
                let inner = ReplicateLayer::new(3).per_replicate_budget(Budget::new().tokens(1_000)).stop(Never);
                let found =
                    bundle(&inner, ask(|_| async { Ok(Output::from("x").with_usage(tokens(60))) }), request).await;
                seen.lock().unwrap().push(found.stop.rule.clone());
                Ok(Output::from("x"))
            }
        })
    };
    let outer = ReplicateLayer::new(2).per_replicate_budget(Budget::new().tokens(100));
    bundle(&outer, tool, Request::new("q")).await;
    assert_eq!(*seen.lock().unwrap(), ["budget", "budget"]);
}

#[tokio::test]
async fn a_bundle_tool_takes_name_and_settings_and_keeps_its_parts() {
    let spec =
        ToolSpec::pure("ask").with_target("openai").with_version("2.0.0").with_input_schema(json!({"type": "string"}));
    let tool = tool_fn(spec, |_| async { Ok::<_, Error>(Output::from("x")) });
    let bundle = BundleTool::new("ask_bundle", tool).k(5).epsilon(0.1).description("asks five times");
    assert!(bundle.check().is_ok());
    let (spec, layer, inner) = bundle.into_parts();
    assert_eq!((spec.name(), spec.version(), spec.description()), ("ask_bundle", "2.0.0", "asks five times"));
    assert_eq!((spec.kind(), spec.target().as_str()), (orch_core::ToolKind::Bundle, "openai"));
    assert_eq!(spec.input_schema(), Some(&json!({"type": "string"})));
    assert_eq!(inner.spec().name(), "ask");
    assert_eq!(layer.options, BundleOptions::new().k(5).epsilon(0.1));
}

#[tokio::test]
async fn a_bundle_of_a_tool_with_an_effect_or_of_no_replicates_does_not_pass_its_check() {
    let pay = tool_fn(ToolSpec::at_most_once("pay"), |_| async { Ok::<_, Error>(Output::default()) });
    let error = BundleTool::new("pay_bundle", pay).check().unwrap_err();
    assert!(error.to_string().contains("`pay`"), "{error}");
    assert!(BundleTool::new("none", says("x")).k(0).check().unwrap_err().to_string().contains("`/k`"));
}

#[tokio::test]
async fn an_opaque_bundle_is_a_plain_tool_that_books_its_replicates_once() {
    let tool = ask(|_| async { Ok(Output::from("x").with_usage(tokens(10))) });
    let mut opaque = BundleTool::new("ask_bundle", tool).k(3).opaque().unwrap();
    let context = CallContext::new();
    let meter = context.meter().clone();
    let output = opaque.call(within(context)).await.unwrap();
    assert_eq!(Bundle::from_output(&output).unwrap().meta.task.as_deref(), Some("ask_bundle"));
    assert_eq!((meter.settled().tokens, meter.held()), (20, Spend::ZERO));
    assert_eq!(output.usage(), &tokens(20));
}

#[tokio::test]
async fn replicates_of_json_agree_field_by_field() {
    let tool = ask(|request| async move {
        let people: Value = if number(&request) == 1 { json!(3) } else { json!(4) };
        Ok(Output::new(json!({"city": "Rome", "people": people})))
    });
    let found = bundle(&ReplicateLayer::new(3), tool, Request::new("q")).await;
    assert_eq!(found.summary.consensus, Some(json!({"city": "Rome", "people": 4})));
    assert_eq!((found.meta.epsilon, found.summary.disagreements[0].pointer.as_str()), (0.02, "/people"));
}

#[tokio::test]
async fn a_call_whose_run_is_over_starts_nothing() {
    let context = CallContext::new();
    context.cancellation().cancel();
    let tool = ask(|_| async { panic!("called") });
    let error = call(&ReplicateLayer::new(3), tool, within(context)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cancelled));
}

#[tokio::test]
async fn a_replicate_that_was_cancelled_before_it_began_has_no_events() {
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    let layer = ReplicateLayer::new(4).waves(Waves::All).stop(Epsilon::new());
    let found = bundle(&layer, says("x"), within(context)).await;
    assert_eq!(found.summary.statistics.cancelled, 2);
    let mut told = Vec::new();
    while let Some(envelope) = events.next().await {
        match envelope.event {
            Event::ReplicateStarted { .. } => told.push(("started", envelope.source.replicate.unwrap())),
            Event::ReplicateDone { .. } => told.push(("done", envelope.source.replicate.unwrap())),
            _ => {}
        }
    }
    assert_eq!(told, [("started", 1), ("done", 1), ("started", 2), ("done", 2)]);
}

#[tokio::test(start_paused = true)]
async fn the_layer_keeps_the_contract_of_layers() {
    for (k, waves) in [(1, Waves::Careful), (3, Waves::Careful), (3, Waves::All)] {
        // The probe answers `null`.
        let make = move || ReplicateLayer::new(k).waves(waves).options(BundleOptions::new().allow_empty(true));
        LayerContract::new(make).in_place(false).keeps_responses(false).keeps_errors(false).check().await;
    }
}

fn calibrator(k: u32) -> Calibrator {
    let key = CalibrationKey::new("ask", "token_levenshtein", k);
    // Unanimous ones were right in three of four cases.
    Calibrator::fit(key, (0..400).map(|at| (2.0 / 2.25, at % 4 != 0))).unwrap()
}

#[tokio::test]
async fn a_calibrator_of_exactly_this_key_gives_the_confidence_its_meaning() {
    let layer = ReplicateLayer::new(3).calibrator(calibrator(5)).calibrator(calibrator(3));
    let summary = bundle(&layer, says("yes"), Request::new("question")).await.summary;
    assert_eq!(summary.confidence_kind, ConfidenceKind::PCorrect);
    assert_eq!(summary.p_correct, Some(summary.confidence));
    assert!((summary.confidence - 0.75).abs() < 0.01, "{}", summary.confidence);
    assert_eq!(summary.agreement, 2.0 / 2.25);
}

#[tokio::test]
async fn a_calibrator_of_another_k_changes_nothing_and_a_warning_says_so() {
    let bundle = bundle(&ReplicateLayer::new(3).calibrator(calibrator(5)), says("yes"), Request::new("q")).await;
    assert_eq!(bundle.summary.confidence_kind, ConfidenceKind::Agreement);
    assert_eq!((bundle.summary.p_correct, bundle.summary.confidence), (None, bundle.summary.agreement));
    let warnings = bundle.metadata["warnings"].to_string();
    assert!(warnings.contains("no calibrator") && warnings.contains("K = 3"), "{warnings}");
}

#[tokio::test]
async fn a_calibrator_says_nothing_of_a_run_that_the_budget_cut_short() {
    let layer = ReplicateLayer::new(3).stop(Never).calibrator(calibrator(3)).calibrator(calibrator(2));
    let context = CallContext::new().with_meter(Meter::new(Limits { tokens: Some(20), cost: None }));
    let output = call_estimated(&layer, says("yes"), within(context), estimate(10)).await.unwrap();
    let bundle = Bundle::from_output(&output).unwrap();
    assert_eq!((bundle.stop.rule.as_str(), bundle.summary.p_correct), ("budget", None));
    assert!(bundle.metadata["warnings"].to_string().contains("cut short"), "{:?}", bundle.metadata);
}

#[tokio::test]
async fn a_corrected_agreement_is_still_called_an_agreement() {
    let key = CalibrationKey::new("ask", "token_levenshtein", 3);
    let history = (0..200).map(|at| vec![(2.0 / 2.25, at % 2 == 0)]);
    let layer = ReplicateLayer::new(3).agreement_calibrator(AgreementCalibrator::fit(key, history).unwrap());
    let summary = bundle(&layer, says("yes"), Request::new("question")).await.summary;
    assert_eq!(summary.confidence_kind, ConfidenceKind::Agreement);
    assert!((summary.confidence - 0.5).abs() < 0.01, "{}", summary.confidence);
    assert_eq!(summary.agreement, 2.0 / 2.25);
}

#[tokio::test]
async fn withheld_replicates_of_bundles_make_a_calibrator_for_fewer() {
    let all = ReplicateLayer::new(4).stop(Never);
    let (same, early) = (
        bundle(&all, says("yes"), Request::new("q")).await,
        bundle(&ReplicateLayer::new(3), says("yes"), Request::new("q")).await,
    );
    let fitted = AgreementCalibrator::from_bundles(3, [&same, &same]).unwrap();
    assert_eq!(fitted.key(), &CalibrationKey::new("ask", "token_levenshtein", 3));
    assert_eq!(fitted.questions(), 2);
    let refused = |k, bundle: &Bundle| AgreementCalibrator::from_bundles(k, [bundle]).unwrap_err().to_string();
    assert!(refused(1, &early).contains("stopped early"));
    assert!(refused(4, &same).contains("4 replicates, and 4 need one more"));
    assert!(AgreementCalibrator::from_bundles(3, []).is_err());
}

#[tokio::test]
async fn a_policy_decides_on_every_bundle_and_learns_from_verdicts_on_runs() {
    let policy = SharedPolicy::new(Policy::target_error(0.10).with_risk(0.10));
    let layer = ReplicateLayer::new(3).policy(policy.clone());
    for run in 0..40 {
        let request = within(CallContext::new().with_request_id(format!("run-{run}")));
        let decision = bundle(&layer, says("yes"), request).await.decision.unwrap();
        assert!(decision.reason().starts_with("cannot promise"), "{decision:?}");
    }
    for run in 0..40 {
        policy.feedback(&format!("run-{run}"), Verdict::Right).unwrap();
    }
    let decision = bundle(&layer, says("yes"), Request::new("question")).await.decision.unwrap();
    assert!(decision.is_accept(), "{decision:?}");
    assert_eq!(policy.snapshot().labels(orch_core::wall_clock()), 40);
    assert!(ReplicateLayer::new(3).policy(Policy::target_error(2.0)).check().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_scorer_stands_in_for_the_distance_and_never_holds_a_run_beyond_its_deadline() {
    struct Scorer(Option<f64>);

    #[async_trait::async_trait]
    impl crate::AsyncPairScorer for Scorer {
        fn name(&self) -> &'static str {
            "scorer"
        }

        async fn score(&self, pairs: &[crate::TextPair], _: &CallContext) -> Result<Vec<f64>, Error> {
            match self.0 {
                Some(distance) => Ok(vec![distance; pairs.len()]),
                None => std::future::pending().await,
            }
        }
    }

    for (distance, groups) in [(Some(0.0), 1), (Some(1.0), 2), (None, 2)] {
        let layer = ReplicateLayer::new(2).epsilon(0.1).scorer(Scorer(distance));
        let tool =
            ask(|request| async move { Ok(Output::from(format!("answer {:?}", request.context().replicate()))) });
        let begun = Instant::now();
        let deadline = Deadline::after(begun, Duration::from_secs(3));
        let found = bundle(&layer, tool, within(CallContext::new().with_deadline(deadline))).await;
        assert_eq!(found.summary.clusters.len(), groups);
        assert!(begun.elapsed() <= Duration::from_secs(3));
        assert_eq!(found.metadata.contains_key("warnings"), distance.is_none());
    }
}

use std::collections::HashSet;
use std::time::Duration;

use orch_core::{CallContext, Class, Error, HasContext, Part, Request};
use proptest::prelude::*;
use tokio::time::Instant;
use tower::{Layer, ServiceExt};

use super::{Fault, FaultKind, FaultLayer, Site};
use crate::{LayerContract, Probe};

const CALLS: u64 = 10_000;

fn site(call: u64) -> Site<'static> {
    Site { part: "", tool: None, attempt: 1, call }
}

fn plans(layer: &FaultLayer) -> Vec<Option<Fault>> {
    (0..CALLS).map(|call| layer.plan(&site(call))).collect()
}

#[test]
fn a_rate_that_is_no_probability_is_refused_with_the_rate() {
    for (rate, text) in [(f64::NAN, "NaN"), (-0.1, "-0.1"), (1.5, "1.5"), (f64::INFINITY, "inf")] {
        let error = FaultLayer::new(rate, 1).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("/faults"), "{error}");
    }
}

#[test]
fn rate_0_injects_nothing_and_rate_1_always() {
    assert!(plans(&FaultLayer::new(0.0, 3).unwrap()).iter().all(Option::is_none));
    assert!(plans(&FaultLayer::new(1.0, 3).unwrap()).iter().all(Option::is_some));
}

#[test]
fn the_rate_is_kept_and_each_kind_is_as_likely_as_the_others() {
    let plans = plans(&FaultLayer::new(0.3, 11).unwrap());
    let count = |of: fn(&Fault) -> bool| plans.iter().flatten().filter(|fault| of(fault)).count();
    let kinds = [
        count(|fault| matches!(fault, Fault::RateLimit { .. })),
        count(|fault| matches!(fault, Fault::ServerError)),
        count(|fault| matches!(fault, Fault::Delay(_))),
    ];
    assert!(kinds.iter().all(|n| (900..=1100).contains(n)), "{kinds:?}");
}

#[test]
fn waits_stay_in_their_ranges_and_use_them() {
    let layer = FaultLayer::new(1.0, 5).unwrap();
    let mut seen = HashSet::new();
    for fault in plans(&layer).into_iter().flatten() {
        match fault {
            Fault::RateLimit { retry_after } => {
                assert!((300..=900).contains(&retry_after.as_millis()), "{retry_after:?}");
                seen.insert(retry_after);
            }
            Fault::Delay(delay) => assert!((200..=600).contains(&delay.as_millis()), "{delay:?}"),
            Fault::ServerError => {}
        }
    }
    assert!(seen.len() > 500, "{}", seen.len());
    let millis = Duration::from_millis;
    let backwards = layer.kinds([FaultKind::Delay]).delay(millis(5)..=millis(1));
    assert_eq!(backwards.plan(&site(1)), Some(Fault::Delay(millis(5))));
}

#[test]
fn no_kinds_means_no_faults() {
    assert!(plans(&FaultLayer::new(1.0, 5).unwrap().kinds([])).iter().all(Option::is_none));
}

#[test]
fn every_injected_error_says_so_and_has_the_class_of_what_it_plays() {
    let limited = Fault::RateLimit { retry_after: Duration::from_millis(400) }.error().unwrap();
    assert_eq!((limited.class(), limited.retry_after()), (Class::Throttled, Some(Duration::from_millis(400))));
    assert!(limited.not_executed());
    let broken = Fault::ServerError.error().unwrap();
    assert_eq!((broken.class(), broken.retry_after(), broken.not_executed()), (Class::Transient, None, false));
    for error in [limited, broken] {
        assert!(error.to_string().starts_with("injected"), "{error}");
    }
}

proptest! {
    #[test]
    fn a_plan_depends_on_seed_part_tool_attempt_and_call_alone(
        seed: u64, part in "(/[rs][1-9]){0,2}", tool in proptest::option::of("[a-z]{1,8}"), attempt in 1_u32..9, call: u64,
    ) {
        let site = Site { part: &part, tool: tool.as_deref(), attempt, call };
        let (a, b) = (FaultLayer::new(0.5, seed).unwrap(), FaultLayer::new(0.5, seed).unwrap());
        // What else was asked before makes no difference.
        let _ = b.plan(&Site { call: call.wrapping_add(1), ..site });
        prop_assert_eq!(a.plan(&site), b.plan(&site));
    }
}

#[test]
fn neighbouring_seeds_parts_and_attempts_are_not_alike() {
    let layer = |seed| FaultLayer::new(0.5, seed).unwrap();
    let differing = |other: &dyn Fn(u64) -> Option<Fault>| {
        (0..1000).filter(|call| layer(1).plan(&site(*call)).is_some() != other(*call).is_some()).count()
    };
    let differences = [
        differing(&|call| layer(2).plan(&site(call))),
        differing(&|call| layer(1).plan(&Site { attempt: 2, ..site(call) })),
        differing(&|call| layer(1).plan(&Site { part: "/r1", ..site(call) })),
        differing(&|call| layer(1).plan(&Site { tool: Some("a"), ..site(call) })),
    ];
    assert!(differences.iter().all(|n| (430..=570).contains(n)), "{differences:?}");
}

#[tokio::test(start_paused = true)]
async fn replicates_get_the_same_faults_in_any_order_of_execution() {
    let run = |order: Vec<u32>| async move {
        let (service, _probe) = Probe::new();
        let stack = FaultLayer::new(0.5, 7).unwrap().kinds([FaultKind::ServerError]).layer(service);
        let context = CallContext::new();
        let mut failed = Vec::new();
        for n in order {
            let request = Request::new("x").with_context(context.child(Part::Replicate(n, 0)));
            if stack.clone().oneshot(request).await.is_err() {
                failed.push(n);
            }
        }
        failed.sort_unstable();
        failed
    };
    let forward = run((1..=16).collect()).await;
    assert_eq!(forward, run((1..=16).rev().collect()).await);
    assert!((3..=13).contains(&forward.len()), "{forward:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_never_reaches_the_inner_service_and_a_delay_only_later() {
    let (service, probe) = Probe::new();
    let layer = FaultLayer::new(1.0, 7).unwrap();
    let limited = layer.clone().kinds([FaultKind::RateLimit]).layer(service.clone());
    let error = limited.oneshot(Request::new("x")).await.unwrap_err();
    assert_eq!((error.class(), probe.counts().calls), (Class::Throttled, 0));

    let second = Duration::from_secs(1);
    let delayed = layer.clone().kinds([FaultKind::Delay]).delay(second..=second).layer(service);
    let start = Instant::now();
    drop(delayed.oneshot(Request::new("x")).await.unwrap());
    assert_eq!((start.elapsed(), probe.counts().calls), (second, 1));
    assert_eq!(layer.injected(), 2);
}

#[tokio::test(start_paused = true)]
async fn attempts_of_one_replicate_are_decided_one_by_one() {
    let (service, _probe) = Probe::new();
    let stack = FaultLayer::new(0.5, 7).unwrap().kinds([FaultKind::ServerError]).layer(service);
    let mut request = Request::new("x").with_context(CallContext::new().child(Part::Replicate(1, 0)));
    let mut results = HashSet::new();
    for attempt in 1..=16 {
        request.context_mut().begin_attempt(attempt, Instant::now());
        results.insert(stack.clone().oneshot(request.clone()).await.is_ok());
    }
    assert_eq!(results.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_layer_contract_without_faults_and_while_it_delays() {
    LayerContract::new(|| FaultLayer::new(0.0, 1).unwrap()).check().await;
    let second = Duration::from_secs(1);
    let delaying = move || FaultLayer::new(1.0, 1).unwrap().kinds([FaultKind::Delay]).delay(second..=second);
    let contract = LayerContract::new(delaying).in_place(false);
    contract.drop_before_call_leaks_nothing().await;
    contract.drop_in_flight_leaks_nothing().await;
    contract.sequential_calls_complete().await;
    contract.concurrent_calls_complete().await;
    contract.errors_kept().await;
    contract.boxed_errors_kept().await;
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_inner_service_are_not_called_injected() {
    let (service, probe) = Probe::new();
    probe.answer(|_| Err(Error::tool_execution("real")));
    let stack = FaultLayer::new(0.0, 7).unwrap().layer(service);
    assert_eq!(stack.oneshot(Request::new("x")).await.unwrap_err().to_string(), "real");
}

#[tokio::test(start_paused = true)]
async fn an_outage_begins_and_ends_when_it_is_told_to() {
    let (service, probe) = Probe::new();
    let second = Duration::from_secs(1);
    let outage = FaultLayer::new(1.0, 7).unwrap().kinds([FaultKind::ServerError]).during(second..3 * second);
    let stack = outage.layer(service);
    let mut fine = Vec::new();
    for _ in 0..5 {
        fine.push(stack.clone().oneshot(Request::new("x")).await.is_ok());
        tokio::time::advance(second).await;
    }
    assert_eq!((fine, probe.counts().calls), (vec![true, false, false, true, true], 3));
}

#[tokio::test(start_paused = true)]
async fn an_outage_may_have_no_end() {
    let (service, probe) = Probe::new();
    let outage = FaultLayer::new(1.0, 7).unwrap().kinds([FaultKind::ServerError]);
    let stack = outage.during(Duration::from_secs(1)..Duration::MAX).layer(service);
    assert!(stack.clone().oneshot(Request::new("x")).await.is_ok());
    tokio::time::advance(Duration::from_secs(1_000_000)).await;
    assert!(stack.oneshot(Request::new("x")).await.is_err());
    assert_eq!(probe.counts().calls, 1);
}

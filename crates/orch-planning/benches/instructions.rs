//! Instructions of a planned run by the number of rules, and of making the rules ready.
//!
//!     cargo bench -p orch-planning --bench instructions
//!
//! `check_instructions.py` compares what it writes: a planned run must cost about the same at any number of rules.

#![allow(missing_docs, unreachable_pub, unused_qualifications, reason = "the macros write such items")]

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use gungraun::{library_benchmark, library_benchmark_group, main};
use orch_core::{Output, Request};
use orch_planning::{Rule, RulePlanner};
use tower::Service;

mod support;

use support::{Kind, request, rules, stack};

/// Plans and runs once; the rules outlive the measurement.
fn run<S>(mut service: S, request: Request) -> Output
where
    S: Service<Request, Response = Output, Error = orch_core::Error>,
{
    let mut call = pin!(service.call(request));
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(output)) => output,
        other => panic!("a ready tool answers at once: {other:?}"),
    }
}

/// A planner that is never dropped, warmed up by one run, and a request for its last rule.
fn ready(kind: Kind, count: u32) -> (RulePlanner, Request) {
    let planner = RulePlanner::new(rules(kind, count)).expect("the rules can work");
    std::mem::forget(planner.clone());
    let _ = black_box(run(stack(planner.clone()), request(kind, count)));
    (planner, request(kind, count))
}

fn stacked(kind: Kind, count: u32) -> (impl Service<Request, Response = Output, Error = orch_core::Error>, Request) {
    let (planner, request) = ready(kind, count);
    (stack(planner), request)
}

#[library_benchmark]
#[bench::rules_10(stacked(Kind::Equality, 10))]
#[bench::rules_10000(stacked(Kind::Equality, 10_000))]
#[bench::rules_100000(stacked(Kind::Equality, 100_000))]
fn planned_run_equality(
    ready: (impl Service<Request, Response = Output, Error = orch_core::Error>, Request),
) -> Output {
    black_box(run(ready.0, ready.1))
}

#[library_benchmark]
#[bench::rules_10(stacked(Kind::Keywords, 10))]
#[bench::rules_10000(stacked(Kind::Keywords, 10_000))]
#[bench::rules_100000(stacked(Kind::Keywords, 100_000))]
fn planned_run_keywords(
    ready: (impl Service<Request, Response = Output, Error = orch_core::Error>, Request),
) -> Output {
    black_box(run(ready.0, ready.1))
}

#[library_benchmark]
#[bench::rules_10(stacked(Kind::Mixed, 12))]
#[bench::rules_10000(stacked(Kind::Mixed, 10_000))]
#[bench::rules_100000(stacked(Kind::Mixed, 100_000))]
fn planned_run_mixed(ready: (impl Service<Request, Response = Output, Error = orch_core::Error>, Request)) -> Output {
    black_box(run(ready.0, ready.1))
}

#[library_benchmark]
#[bench::rules_10000(rules(Kind::Mixed, 10_000))]
#[bench::rules_100000(rules(Kind::Mixed, 100_000))]
fn compile(rules: Vec<Rule>) -> RulePlanner {
    let planner = RulePlanner::new(rules).expect("the rules can work");
    std::mem::forget(planner.clone());
    black_box(planner)
}

library_benchmark_group!(
    name = planning;
    benchmarks = planned_run_equality, planned_run_keywords, planned_run_mixed, compile
);
main!(library_benchmark_groups = planning);

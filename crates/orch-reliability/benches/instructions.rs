//! How many instructions a call costs, counted by valgrind. Every count has a limit, and going above it is an error:
//!
//!     cargo bench -p orch-reliability --bench instructions
//!
//! A limit is what was reached, and three in a hundred; `docs/reliability.md` holds it against the goal. What a store
//! with a cache costs is printed only: it tidies up now and then, in whichever call it happens to be.

#![allow(missing_docs, clippy::must_use_candidate, reason = "the macros make public functions of ours")]

mod subject;

use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use orch_core::store::{Fingerprint, HasFingerprint, IdempotencyStore};
use orch_core::{Error, Request};
use orch_reliability::MemoryStore;
use orch_reliability::circuit_breaker::CircuitBreaker;
use orch_reliability::idempotency::Idempotency;
use orch_reliability::retry::Retry;
use serde_json::json;
use subject::{Ask, Erased, LastResult, Ready, Stack, Tool};

type Counted<S> = (Ready<S>, Result<String, Error>);

fn limit(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    LibraryBenchmarkConfig::default().tool(callgrind).clone()
}

fn stack(tool: Tool) -> Ready<Stack> {
    Ready::new(subject::stack(tool))
}

fn erased() -> Ready<Erased> {
    Ready::new(Erased::new(subject::stack(Tool::Answers)))
}

#[library_benchmark(config = limit(1_255))]
#[bench::ready(stack(Tool::Answers))]
fn stack_over_a_ready_tool(mut ready: Ready<Stack>) -> Counted<Stack> {
    let result = ready.call();
    (ready, result)
}

#[library_benchmark(config = limit(2_541))]
#[bench::waits(stack(Tool::AnswersAtTheSecondPoll))]
fn stack_over_a_tool_that_waits_once(mut ready: Ready<Stack>) -> Counted<Stack> {
    let handle = ready.runtime.handle().clone();
    let entered = handle.enter();
    let result = ready.call();
    drop(entered);
    (ready, result)
}

#[library_benchmark(config = limit(1_749))]
#[bench::erased(erased())]
fn stack_erased_and_cloned_for_the_call(mut ready: Ready<Erased>) -> Counted<Erased> {
    let result = subject::run(&mut ready.service.clone(), ready.ask.take().expect("asked once"));
    (ready, result)
}

/// A circuit that has seen 40 000 calls within its window.
fn busy() -> Ready<CircuitBreaker<Tool>> {
    let mut ready = Ready::new(subject::breaker(Tool::Answers));
    for _ in 0..40_000 {
        let _ = ready.call();
        ready = ready.asking(Ask::new());
    }
    ready
}

#[library_benchmark(config = limit(557))]
#[bench::closed(Ready::new(subject::breaker(Tool::Answers)))]
#[bench::after_forty_thousand_calls(busy())]
fn closed_breaker(mut ready: Ready<CircuitBreaker<Tool>>) -> Counted<CircuitBreaker<Tool>> {
    let result = ready.call();
    (ready, result)
}

#[library_benchmark(config = limit(600))]
#[bench::open(Ready::new(subject::open_breaker()))]
fn open_breaker_rejects(mut ready: Ready<CircuitBreaker<Tool>>) -> Counted<CircuitBreaker<Tool>> {
    let result = ready.call();
    (ready, result)
}

fn patient() -> Ready<Retry<Tool>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let handle = runtime.handle().clone();
    let entered = handle.enter();
    let mut ready = Ready::fresh(subject::patient(), runtime).asking(Ask::new());
    let _ = ready.start();
    drop(entered);
    ready.asking(Ask::new())
}

#[library_benchmark(config = limit(3_035))]
#[bench::throttled(patient())]
fn failed_attempt_and_decision_to_wait_as_long_as_asked(mut ready: Ready<Retry<Tool>>) -> (Ready<Retry<Tool>>, bool) {
    let handle = ready.runtime.handle().clone();
    let entered = handle.enter();
    let pending = ready.start();
    drop(entered);
    (ready, pending)
}

fn idempotent(store: impl IdempotencyStore + 'static, warm: &[&str]) -> Ready<Idempotency<Tool>> {
    let mut ready = Ready::new(subject::idempotent(store));
    for key in warm {
        ready = ready.asking(Ask::keyed(key));
        let _ = ready.call_in_runtime();
    }
    ready.asking(Ask::keyed("key"))
}

#[library_benchmark]
#[bench::new_key(args = (idempotent(LastResult::default(), &[])), config = limit(8_150))]
#[bench::hit(args = (idempotent(LastResult::default(), &["key"])), config = limit(5_760))]
#[bench::new_key_in_memory(idempotent(MemoryStore::new(), &["other"]))]
#[bench::hit_in_memory(idempotent(MemoryStore::new(), &["other", "key"]))]
fn idempotency(mut ready: Ready<Idempotency<Tool>>) -> Counted<Idempotency<Tool>> {
    let result = ready.call_where_tasks_are();
    (ready, result)
}

/// So many calls, so that the tidying up of the cache, which falls to one call or another, is shared by all.
const KEYS: usize = 1_000;

type Asks = Vec<Ask>;

fn thousand(warm: bool) -> (Ready<Idempotency<Tool>>, Asks) {
    let keys: Vec<_> = (0..KEYS).map(|n| format!("key-{n}")).collect();
    let warm: Vec<_> = keys.iter().map(String::as_str).filter(|_| warm).collect();
    let ready = idempotent(MemoryStore::new(), &warm);
    (ready, keys.iter().map(|key| Ask::keyed(key)).collect())
}

#[library_benchmark]
#[bench::new_keys(args = (thousand(false)), config = limit(12_000_000))]
#[bench::hits(args = (thousand(true)), config = limit(1_975_000))]
fn thousand_calls_in_memory((mut ready, asks): (Ready<Idempotency<Tool>>, Asks)) -> (Ready<Idempotency<Tool>>, Asks) {
    // The callers keep their requests, so freeing them is not a part of the calls.
    for ask in &asks {
        ready.ask = Some(ask.clone());
        let _ = ready.call_where_tasks_are();
    }
    (ready, asks)
}

fn request() -> Request {
    let lines: Vec<_> =
        (0..10).map(|n| json!({ "role": "user", "content": "0123456789".repeat(20), "n": n })).collect();
    Request::new(json!({ "messages": lines, "temperature": 0.5 }))
}

#[library_benchmark(config = limit(19_220))]
#[bench::two_kilobytes(request())]
fn fingerprint(request: Request) -> (Request, Fingerprint) {
    let fingerprint = request.fingerprint();
    (request, fingerprint)
}

library_benchmark_group!(
    name = calls,
    benchmarks = [
        stack_over_a_ready_tool,
        stack_over_a_tool_that_waits_once,
        stack_erased_and_cloned_for_the_call,
        closed_breaker,
        open_breaker_rejects,
        failed_attempt_and_decision_to_wait_as_long_as_asked,
        idempotency,
        thousand_calls_in_memory,
        fingerprint
    ]
);
main!(library_benchmark_groups = calls);

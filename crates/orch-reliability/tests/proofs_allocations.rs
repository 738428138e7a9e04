//! How many allocations a call costs: exact counts, so that one more is seen. Nothing is left when a call is over,
//! however it ended.

#[path = "../benches/subject/mod.rs"]
mod subject;

use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use allocation_counter::{AllocationInfo, measure};
use orch_core::Request;
use orch_core::store::HasFingerprint;
use orch_reliability::retry::Retry;
use serde_json::json;
use subject::{Ask, Erased, Ready, Stack, Tool};
use tower::Service;

/// The allocations of one call, of which nothing may be left.
fn allocations(work: impl FnOnce()) -> u64 {
    let AllocationInfo { count_total, count_current, bytes_current, .. } = measure(work);
    assert_eq!((count_current, bytes_current), (0, 0), "something was left behind");
    count_total
}

#[test]
fn a_stack_of_deadline_retry_and_breaker_allocates_nothing_when_the_tool_answers_at_once() {
    let mut ready = Ready::new(subject::stack(Tool::Answers));
    assert_eq!(allocations(|| drop(ready.call())), 0);
}

#[test]
fn a_stack_allocates_nothing_when_the_tool_waits_either() {
    let mut ready = Ready::new(subject::stack(Tool::AnswersAtTheSecondPoll));
    let handle = ready.runtime.handle().clone();
    let _entered = handle.enter();
    let _ = ready.call();
    for _ in 0..3 {
        ready = ready.asking(Ask::new());
        assert_eq!(allocations(|| drop(ready.call())), 0);
    }
}

/// What a call in flight holds, beside its request: two copies of it, three layers, the room for a timer.
#[test]
fn the_future_of_the_stack_is_small() {
    let mut ready = Ready::new(subject::stack(Tool::Answers));
    let size = size_of_val(&ready.service.call(ready.ask.take().expect("asked once")));
    assert!(size <= 700, "{size} bytes");
}

#[test]
fn a_stack_that_is_erased_and_cloned_for_every_call_allocates_its_clone_and_its_future() {
    let mut ready = Ready::new(Erased::new(subject::stack(Tool::Answers)));
    let ask = ready.ask.take().expect("asked once");
    assert_eq!(allocations(|| drop(subject::run(&mut ready.service.clone(), ask))), 2);
}

#[test]
fn a_breaker_allocates_nothing_whether_it_is_closed_or_rejects() {
    let mut closed = Ready::new(subject::breaker(Tool::Answers));
    assert_eq!(allocations(|| drop(closed.call())), 0);
    let mut open = Ready::new(subject::open_breaker());
    assert_eq!(allocations(|| drop(open.call())), 0);
}

#[test]
fn calls_that_are_dropped_while_they_wait_leave_nothing() {
    let mut ready = Ready::new(subject::stack(Tool::AnswersAtTheSecondPoll));
    let handle = ready.runtime.handle().clone();
    let _entered = handle.enter();
    for _ in 0..3 {
        ready = ready.asking(Ask::new());
        allocations(|| assert!(ready.start()));
    }
}

const CALLS: usize = 10_000;

/// So many calls of a stack, each of them in its tool. Their requests are made before.
fn in_flight(stack: &mut Stack, asks: &mut Vec<Ask>, calls: &mut Vec<Pin<Box<<Stack as Service<Ask>>::Future>>>) {
    for ask in asks.drain(..) {
        let mut call = Box::pin(stack.call(ask));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        calls.push(call);
    }
}

#[test]
fn ten_thousand_calls_in_flight_hold_at_most_1100_bytes_each_and_leave_none() {
    let mut ready = Ready::new(subject::stack(Tool::AnswersAtTheSecondPoll));
    let handle = ready.runtime.handle().clone();
    let _entered = handle.enter();
    let mut calls = Vec::with_capacity(CALLS);
    let mut asks: Vec<Ask> = (0..CALLS).map(|_| Ask::new()).collect();
    let held = measure(|| in_flight(&mut ready.service, &mut asks, &mut calls)).bytes_current;
    calls.clear();
    let left = measure(|| {
        asks.extend((0..CALLS).map(|_| Ask::new()));
        in_flight(&mut ready.service, &mut asks, &mut calls);
        calls.clear();
    });
    assert_eq!((left.count_current, left.bytes_current), (0, 0), "something was left behind");
    let each = held / i64::try_from(CALLS).expect("few");
    println!("a call in flight: {each} bytes");
    assert!(each <= 1_100, "{each} bytes");
}

#[test]
fn the_wait_for_a_throttled_target_leaves_nothing_when_it_is_dropped() {
    let mut retry: Retry<Tool> = subject::patient();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    // What is recorded belongs to the run, so the run ends too.
    for _ in 0..2 {
        allocations(|| {
            let future = pin!(retry.call(Ask::new()));
            assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_pending());
        });
    }
}

#[test]
fn tr_21_forty_thousand_calls_within_the_window_are_kept_in_no_more_memory_than_one() {
    let mut ready = Ready::new(subject::breaker(Tool::Answers));
    let ask = ready.ask.clone().expect("asked once");
    let calls = || {
        for _ in 0..40_000 {
            ready.ask = Some(ask.clone());
            let _ = ready.call();
        }
    };
    assert_eq!(allocations(calls), 0);
}

#[test]
fn the_fingerprint_of_a_request_allocates_nothing() {
    let lines: Vec<_> = (0..10).map(|n| json!({ "content": "0123456789".repeat(20), "n": n })).collect();
    let request = Request::new(json!({ "messages": lines }));
    let count = allocations(|| {
        let _ = request.fingerprint();
    });
    assert_eq!(count, 0);
}

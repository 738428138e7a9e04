//! A closed circuit breaker, and a stack of deadline, retry and breaker: ours and tower-resilience's, in one run, with
//! the same request and the same tool.

#![allow(missing_docs, reason = "the macros make public functions of ours")]

#[path = "../../crates/orch-reliability/benches/subject/mod.rs"]
mod subject;
#[path = "../theirs/mod.rs"]
mod theirs;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use gungraun::prelude::*;
use subject::{Ask, Ready, Stack, Tool};
use tower::Service;

type Ours = orch_reliability::circuit_breaker::CircuitBreaker<Tool>;

/// A peer after its first call, and a request that the caller keeps too.
struct Peer<S> {
    service: S,
    ask: Option<Ask>,
    _kept: Ask,
    runtime: tokio::runtime::Runtime,
}

/// Polls to the end.
fn run<S: Service<Ask>>(service: &mut S, ask: Ask) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(service.poll_ready(&mut cx), Poll::Ready(Ok(()))));
    let mut future = pin!(service.call(ask));
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
            return result.is_ok();
        }
    }
}

fn peer<S: Service<Ask>>(mut service: S) -> Peer<S> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let handle = runtime.handle().clone();
    let entered = handle.enter();
    assert!(run(&mut service, Ask::new()));
    drop(entered);
    let ask = Ask::new();
    Peer { service, ask: Some(ask.clone()), _kept: ask, runtime }
}

#[library_benchmark]
#[bench::closed(Ready::new(subject::breaker(Tool::Answers)))]
fn our_breaker(mut ready: Ready<Ours>) -> Ready<Ours> {
    let _ = ready.call();
    ready
}

#[library_benchmark]
#[bench::closed(peer(theirs::breaker(Tool::Answers)))]
fn their_breaker(mut peer: Peer<theirs::Breaker>) -> (Peer<theirs::Breaker>, bool) {
    let ask = peer.ask.take().expect("asked once");
    let ended = run(&mut peer.service, ask);
    (peer, ended)
}

#[library_benchmark]
#[bench::ready(Ready::new(subject::stack(Tool::Answers)))]
fn our_stack(mut ready: Ready<Stack>) -> Ready<Stack> {
    let _ = ready.call();
    ready
}

#[library_benchmark]
#[bench::ready(peer(theirs::stack(Tool::Answers)))]
fn their_stack(mut peer: Peer<theirs::Stack>) -> (Peer<theirs::Stack>, bool) {
    // Its timer is made before it is needed.
    let handle = peer.runtime.handle().clone();
    let entered = handle.enter();
    let ask = peer.ask.take().expect("asked once");
    let ended = run(&mut peer.service, ask);
    drop(entered);
    (peer, ended)
}

library_benchmark_group!(name = breakers, benchmarks = [our_breaker, their_breaker, our_stack, their_stack]);
main!(library_benchmark_groups = breakers);

//! Admitting and reporting from several threads, in every order.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;
use orch_core::{CallContext, Target};

use super::CircuitBreakerConfig;
use super::breaker::{Admitted, Breaker};
use super::state::Rules;
use super::verdict::Verdict;
use crate::sync::try_every_order;

fn breaker(config: CircuitBreakerConfig) -> Arc<Breaker> {
    Arc::new(Breaker::new(Target::default(), Rules { config: config.jitter(0.0), seed: 1 }, None))
}

fn admit(breaker: &Arc<Breaker>) -> Option<Admitted> {
    Arc::clone(breaker).admit(&CallContext::new()).ok()
}

fn call(breaker: &Arc<Breaker>, verdict: Verdict) {
    if let Some(mut admitted) = admit(breaker) {
        admitted.report(verdict);
    }
}

fn openings(breaker: &Breaker) -> u32 {
    breaker.read(|state, _| state.openings())
}

#[test]
fn loom_failures_of_two_threads_add_up_and_open_the_circuit_once() {
    try_every_order(|| {
        let breaker = breaker(CircuitBreakerConfig::default().failure_threshold(2));
        let threads = [(); 2].map(|()| {
            let breaker = Arc::clone(&breaker);
            thread::spawn(move || call(&breaker, Verdict::Failure))
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(openings(&breaker), 1);
        assert!(admit(&breaker).is_none());
    });
}

#[test]
fn loom_one_of_two_threads_is_the_probe_and_its_end_lets_the_next_one_in() {
    try_every_order(|| {
        let config = CircuitBreakerConfig::default().failure_threshold(1).cooldown(Duration::from_nanos(1));
        let breaker = breaker(config.probes(1).successes_to_close(2));
        call(&breaker, Verdict::Failure);
        let threads = [(); 2].map(|()| {
            let breaker = Arc::clone(&breaker);
            thread::spawn(move || admit(&breaker))
        });
        let probes: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(probes.len(), 1, "one probe at a time");
        assert!(admit(&breaker).is_none());
        // Dropped without a report: its place is free again.
        drop(probes);
        assert!(admit(&breaker).is_some());
    });
}

#[test]
fn loom_a_late_success_never_undoes_an_opening() {
    try_every_order(|| {
        let breaker = breaker(CircuitBreakerConfig::default().failure_threshold(1));
        let mut early = admit(&breaker).expect("the circuit is closed");
        let succeeds = thread::spawn(move || early.report(Verdict::Success));
        call(&breaker, Verdict::Failure);
        succeeds.join().unwrap();
        assert_eq!(openings(&breaker), 1);
        assert!(admit(&breaker).is_none());
    });
}

#[test]
fn loom_successes_without_the_lock_are_counted_once_each_whoever_takes_it_meanwhile() {
    try_every_order(|| {
        let breaker = breaker(CircuitBreakerConfig::default());
        let threads = [(); 2].map(|()| {
            let breaker = Arc::clone(&breaker);
            thread::spawn(move || call(&breaker, Verdict::Success))
        });
        let meanwhile = breaker.read(|state, now| state.counts(now).calls);
        assert!(meanwhile <= 2);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(breaker.read(|state, now| state.counts(now).calls), 2);
    });
}

#[test]
fn loom_a_success_and_a_failure_at_once_leave_one_of_each() {
    try_every_order(|| {
        let breaker = breaker(CircuitBreakerConfig::default().failure_threshold(2));
        let succeeds = {
            let breaker = Arc::clone(&breaker);
            thread::spawn(move || call(&breaker, Verdict::Success))
        };
        call(&breaker, Verdict::Failure);
        succeeds.join().unwrap();
        let counts = breaker.read(|state, now| state.counts(now));
        assert_eq!((counts.calls, counts.failures), (2, 1));
        assert!(admit(&breaker).is_some());
    });
}

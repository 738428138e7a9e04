//! Boarding, landing and leaving from several threads, in every order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::future::block_on;
use loom::thread;
use orch_core::CallContext;
use orch_core::store::{Fingerprint, Key};

use super::flights::{Flights, Landing};
use super::landed::Landed;
use super::seat::Seat;
use super::{IdempotencyConfig, OnAbandon};
use crate::sync::try_every_order;

const SAME: Fingerprint = Fingerprint::from_bytes([1; 16]);

fn board(flights: &Arc<Flights>, on_abandon: OnAbandon) -> (Seat<String>, Option<Landing<String>>) {
    let config = IdempotencyConfig::default().on_abandon(on_abandon);
    flights.board(&Key::new("key").unwrap(), SAME, &config, &CallContext::new()).unwrap()
}

/// Flies whatever was opened, counting it.
fn fly(landing: Option<Landing<String>>, executions: &AtomicUsize) {
    if let Some(landing) = landing.filter(Landing::takes_off) {
        executions.fetch_add(1, Ordering::Relaxed);
        landing.land(Landed::Fresh("answer".to_owned()));
    }
}

fn wait(seat: &Seat<String>) -> String {
    block_on(seat.landed(&CallContext::new())).unwrap()
}

#[test]
fn loom_everyone_who_boards_is_answered_and_nothing_is_left() {
    try_every_order(|| {
        let (flights, executions) = (Arc::new(Flights::default()), Arc::new(AtomicUsize::new(0)));
        let threads = [(); 2].map(|()| {
            let (flights, executions) = (Arc::clone(&flights), Arc::clone(&executions));
            thread::spawn(move || {
                let (seat, landing) = board(&flights, OnAbandon::Finish);
                fly(landing, &executions);
                wait(&seat)
            })
        });
        for thread in threads {
            assert_eq!(thread.join().unwrap(), "answer");
        }
        // One flight, or two when the first had landed before the second caller came.
        assert!((1..=2).contains(&executions.load(Ordering::Relaxed)));
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn loom_who_waits_is_woken_by_a_landing_in_another_thread() {
    try_every_order(|| {
        let flights = Arc::new(Flights::default());
        let (seat, landing) = board(&flights, OnAbandon::Finish);
        let flies = thread::spawn(move || fly(landing, &AtomicUsize::new(0)));
        assert_eq!(wait(&seat), "answer");
        flies.join().unwrap();
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn loom_a_flight_whose_only_caller_leaves_is_either_given_up_or_finished() {
    try_every_order(|| {
        let (flights, executions) = (Arc::new(Flights::default()), Arc::new(AtomicUsize::new(0)));
        let (seat, landing) = board(&flights, OnAbandon::Finish);
        let counts = Arc::clone(&executions);
        let flies = thread::spawn(move || fly(landing, &counts));
        drop(seat);
        // Whoever comes now joins what goes on, or opens a flight of its own; never one that was given up.
        let (next, opened) = board(&flights, OnAbandon::Finish);
        fly(opened, &executions);
        assert_eq!(wait(&next), "answer");
        flies.join().unwrap();
        drop(next);
        assert!((1..=2).contains(&executions.load(Ordering::Relaxed)));
        assert_eq!(flights.len(), 0);
    });
}

#[test]
fn loom_a_joiner_and_the_last_caller_who_leaves_and_cancels_do_not_miss_each_other() {
    try_every_order(|| {
        let flights = Arc::new(Flights::default());
        let (first, landing) = board(&flights, OnAbandon::Cancel);
        let landing = landing.expect("the first caller opens the flight");
        assert!(landing.takes_off());
        let token = landing.flight().context().cancellation().clone();
        let joins = {
            let flights = Arc::clone(&flights);
            thread::spawn(move || board(&flights, OnAbandon::Cancel))
        };
        drop(first);
        let (seat, opened) = joins.join().unwrap();
        // Cancelled exactly when the other did not join it.
        assert_eq!(token.is_cancelled(), opened.is_some());
        drop(landing);
        drop((seat, opened));
        assert_eq!(flights.len(), 0);
    });
}

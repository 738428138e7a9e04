//! Reserving and booking from several threads, in every order.

use loom::thread;

use super::{Meter, Reservation};
use crate::sync::try_every_order;
use crate::{Counted, Error, Estimate, Limits, Spend, Usage};

const LIMIT: u64 = 10;

fn run() -> Meter {
    Meter::new(Limits { tokens: Some(LIMIT), cost: None })
}

fn reserve(meter: &Meter, tokens: u64) -> Result<Reservation, Error> {
    meter.reserve(&Estimate::unknown().output(tokens))
}

fn used(tokens: u64) -> Usage {
    Usage::new().output(Counted::reported(tokens))
}

#[test]
fn loom_the_same_tokens_are_never_promised_twice() {
    try_every_order(|| {
        let meter = run();
        let threads = [6, 6].map(|tokens| {
            let meter = meter.clone();
            thread::spawn(move || reserve(&meter, tokens).ok())
        });
        let granted: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        assert_eq!((granted.len(), meter.held().tokens), (1, 6));
        drop(granted);
        assert_eq!(meter.held(), Spend::ZERO);
    });
}

#[test]
fn loom_booking_what_was_reserved_never_passes_the_limit() {
    try_every_order(|| {
        let meter = run();
        let threads = [(6, 6), (4, 3)].map(|(tokens, spent)| {
            let meter = meter.child("part", Limits::NONE);
            thread::spawn(move || {
                let reservation = reserve(&meter, tokens).expect("both fit");
                reservation.settle(&used(spent));
            })
        });
        // Whoever looks meanwhile sees an account that adds up.
        assert!(meter.settled().tokens <= 9 && meter.held().tokens <= LIMIT);
        meter.check().expect("nobody books more than was reserved");
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((meter.settled().tokens, meter.held()), (9, Spend::ZERO));
    });
}

#[test]
fn loom_a_reservation_that_is_dropped_while_another_is_asked_for_is_counted_once() {
    try_every_order(|| {
        let meter = run();
        let first = reserve(&meter, LIMIT).expect("the account is empty");
        let gives_back = thread::spawn(move || drop(first));
        let second = reserve(&meter, LIMIT).ok();
        gives_back.join().unwrap();
        assert_eq!(meter.held().tokens, second.as_ref().map_or(0, |_| LIMIT));
        drop(second);
        assert!(reserve(&meter, LIMIT).is_ok());
    });
}

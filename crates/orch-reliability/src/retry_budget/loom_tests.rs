//! Paying in and taking out from several threads, in every order.

use loom::thread;

use super::{RatioBudget, RetryBudget};
use crate::sync::try_every_order;

/// One repeat for each call, and none for nothing.
fn budget() -> RatioBudget {
    RatioBudget::builder().ratio(1.0).min_per_sec(0).build().unwrap()
}

#[test]
fn loom_one_repeat_is_given_to_one_of_two() {
    try_every_order(|| {
        let budget = budget();
        budget.deposit();
        let threads = [(); 2].map(|()| {
            let budget = budget.clone();
            thread::spawn(move || budget.withdraw(10).map(super::Withdrawal::commit).is_some())
        });
        let given = threads.into_iter().map(|thread| thread.join().unwrap());
        assert_eq!(given.filter(|given| *given).count(), 1);
        assert_eq!(budget.available(), 0);
    });
}

#[test]
fn loom_what_is_given_back_is_there_once() {
    try_every_order(|| {
        let budget = budget();
        budget.deposit();
        let withdrawn = budget.withdraw(10).expect("one was paid in");
        let gives_back = {
            let budget = budget.clone();
            thread::spawn(move || {
                drop(withdrawn);
                budget.deposit();
            })
        };
        let early = budget.withdraw(10);
        gives_back.join().unwrap();
        let kept = u64::from(early.is_some());
        assert_eq!(budget.available(), 2 - kept);
        drop(early);
        assert_eq!(budget.available(), 2);
    });
}

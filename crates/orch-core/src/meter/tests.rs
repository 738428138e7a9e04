use std::sync::{Arc, Barrier};
use std::thread;

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Meter, Reservation};
use crate::{Amount, BudgetKind, Counted, Error, ErrorKind, Estimate, Limits, Spend, Usage, Usd};

fn tokens(limit: u64) -> Limits {
    Limits { tokens: Some(limit), cost: None }
}

fn estimate(spend: Spend) -> Estimate {
    Estimate::unknown().input(spend.tokens).cost(spend.cost)
}

fn of_tokens(tokens: u64) -> Estimate {
    Estimate::unknown().output(tokens)
}

fn used(spend: Spend) -> Usage {
    Usage::new().output(Counted::reported(spend.tokens)).cost(Counted::reported(spend.cost))
}

fn used_tokens(tokens: u64) -> Usage {
    Usage::new().output(Counted::reported(tokens))
}

/// Which limit was refused: budget, limit, amount and level.
fn refusal<T>(result: Result<T, Error>) -> (BudgetKind, Amount, Amount, String) {
    let Err(error) = result else { panic!("nothing was refused") };
    match error.kind() {
        ErrorKind::BudgetExceeded { budget, limit, actual, level } => (*budget, *limit, *actual, level.to_string()),
        other => panic!("{other}"),
    }
}

#[test]
fn of_many_threads_that_race_exactly_as_many_reserve_as_fit() {
    const THREADS: u64 = 64;
    for fits in [0, 1, 7, 63, 64] {
        // A rest that is too small for one more.
        let meter = Meter::new(tokens(fits * 10 + 9));
        let barrier = Arc::new(Barrier::new(usize::try_from(THREADS).unwrap()));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (meter, barrier) = (meter.child("thread", Limits::NONE), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    meter.reserve(&of_tokens(10)).ok()
                })
            })
            .collect();
        let granted: Vec<Reservation> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(granted.len() as u64, fits);
        assert_eq!(meter.held().tokens, fits * 10);
        drop(granted);
        assert_eq!(meter.held(), Spend::ZERO);
    }
}

#[test]
fn a_greedy_load_whose_estimates_are_too_high_still_uses_95_percent_of_a_budget() {
    const LIMIT: u64 = 10_000;
    let meter = Meter::new(tokens(LIMIT));
    let threads: Vec<_> = (0..8_u64)
        .map(|n| {
            let meter = meter.clone();
            thread::spawn(move || {
                loop {
                    match meter.reserve(&of_tokens(200 + n)) {
                        Ok(reservation) => reservation.meter().book(&used_tokens(100 + n)),
                        // Others may still give back what they do not use.
                        Err(_) if meter.held() != Spend::ZERO => thread::yield_now(),
                        Err(_) => break,
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let settled = meter.settled().tokens;
    assert!((LIMIT * 95 / 100..=LIMIT).contains(&settled), "{settled}");
    assert!(meter.check().is_ok());
}

#[test]
fn what_is_reserved_below_a_reservation_comes_out_of_it_first() {
    let meter = Meter::new(tokens(100));
    let outer = meter.reserve(&of_tokens(80)).unwrap();
    let part = outer.meter().child("part", Limits::NONE);
    let inner = part.reserve(&of_tokens(60)).unwrap();
    assert_eq!(meter.held().tokens, 80);
    // 20 are left in the reservation and 20 beside it.
    assert_eq!(part.remaining().tokens, Some(40));
    let rest = part.reserve(&of_tokens(40)).unwrap();
    assert_eq!(meter.held().tokens, 100);
    assert!(part.reserve(&of_tokens(1)).is_err());
    drop(rest);
    assert_eq!(meter.held().tokens, 80);
    inner.meter().book(&used_tokens(50));
    assert_eq!((meter.settled().tokens, meter.held().tokens), (50, 30));
    drop((inner, outer));
    assert_eq!((meter.settled().tokens, meter.held().tokens), (50, 0));
}

#[test]
fn a_dropped_reservation_gives_back_what_was_not_booked_while_work_below_it_keeps_its_own() {
    let meter = Meter::new(tokens(100));
    let outer = meter.reserve(&of_tokens(90)).unwrap();
    let inner = outer.meter().reserve(&of_tokens(30)).unwrap();
    drop(outer);
    assert_eq!(meter.held().tokens, 30);
    assert!(meter.reserve(&of_tokens(70)).is_ok());
    drop(inner);
    assert_eq!(meter.held().tokens, 0);
}

#[test]
fn the_level_that_refuses_is_named_with_its_limit_and_what_was_needed() {
    let run = Meter::new(Limits { tokens: Some(100), cost: Some(Usd::from_nanos(50)) });
    let replicate = run.child("replicate 2", tokens(10));
    assert_eq!(
        refusal(replicate.reserve(&of_tokens(11))),
        (BudgetKind::Tokens, Amount::Tokens(10), Amount::Tokens(11), "replicate 2".into())
    );
    let dear = Estimate::unknown().cost(Usd::from_nanos(51));
    let (limit, needed) = (Amount::Cost(Usd::from_nanos(50)), Amount::Cost(Usd::from_nanos(51)));
    assert_eq!(refusal(replicate.reserve(&dear)), (BudgetKind::Cost, limit, needed, "run".into()));
    assert_eq!((run.held(), replicate.held()), (Spend::ZERO, Spend::ZERO));
}

#[test]
fn an_unknown_estimate_reserves_nothing_and_is_refused_once_the_budget_is_used_up() {
    let meter = Meter::new(tokens(10));
    let blind = meter.reserve(&Estimate::unknown()).unwrap();
    assert_eq!(meter.held(), Spend::ZERO);
    blind.meter().book(&used_tokens(10));
    assert_eq!(refusal(meter.reserve(&Estimate::unknown())).1, Amount::Tokens(10));
    assert!(meter.check().is_ok(), "a budget that is used up exactly is kept");
}

#[test]
fn work_beyond_a_limit_is_counted_and_check_tells_of_it_at_every_level_below() {
    let run = Meter::new(tokens(100));
    let part = run.child("part", tokens(20));
    part.book(&used_tokens(30));
    let overrun = (BudgetKind::Tokens, Amount::Tokens(20), Amount::Tokens(30), "part".to_string());
    assert_eq!(refusal(part.check()), overrun);
    assert!(run.check().is_ok());
    run.book(&used_tokens(90));
    assert_eq!(refusal(run.child("other", Limits::NONE).check()).2, Amount::Tokens(120));
    assert_eq!((run.settled().tokens, run.usage().tokens()), (120, 120));
}

#[test]
fn after_an_overrun_nothing_remains_even_below_an_open_reservation() {
    let run = Meter::new(tokens(100));
    let open = run.reserve(&of_tokens(50)).unwrap();
    run.book(&used_tokens(120));
    assert!(open.meter().reserve(&of_tokens(10)).is_err());
    assert_eq!(open.meter().remaining().tokens, Some(0));
}

#[test]
fn settling_books_only_for_work_that_has_not_booked_itself() {
    let meter = Meter::unlimited();
    let silent = meter.reserve(&of_tokens(10)).unwrap();
    silent.settle(&Usage::new());
    assert!(!meter.has_bookings());
    silent.settle(&used_tokens(4));
    silent.settle(&used_tokens(4));
    assert_eq!(meter.settled().tokens, 4);
    let diligent = meter.reserve(&of_tokens(10)).unwrap();
    diligent.meter().child("part", Limits::NONE).book(&used_tokens(7));
    diligent.settle(&used_tokens(9));
    assert_eq!(meter.settled().tokens, 11);
}

#[test]
fn closed_accounts_make_room_for_new_ones() {
    let meter = Meter::new(tokens(2_000));
    for _ in 0..1_000 {
        let reservation = meter.reserve(&of_tokens(5)).unwrap();
        let part = reservation.meter().child("part", tokens(3));
        drop(reservation);
        part.book(&used_tokens(1));
    }
    assert_eq!(meter.lock().slots(), 3);
    assert_eq!((meter.settled().tokens, meter.held().tokens), (1_000, 0));
}

#[test]
fn a_child_keeps_the_account_above_it_open() {
    let meter = Meter::new(tokens(10));
    let part = meter.child("part", tokens(5));
    let below = part.child("below", Limits::NONE);
    drop(part);
    let other = meter.child("other", Limits::NONE);
    assert_eq!(refusal(below.reserve(&of_tokens(6))).3, "part");
    below.book(&used_tokens(2));
    assert_eq!((other.settled().tokens, meter.settled().tokens), (0, 2));
}

/// What is done to a tree of accounts.
#[derive(Clone, Debug)]
enum Step {
    /// A child of some account, with caps.
    Child { of: Index, tokens: Option<u64>, cost: Option<u64> },
    /// A reservation on some account.
    Reserve { on: Index, tokens: u64, cost: u64 },
    /// A booking on some reservation, at most what is free in it.
    Book { on: Index, tokens: u64, cost: u64 },
    /// Some reservation is dropped.
    Cancel { which: Index },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let cap = || proptest::option::weighted(0.6, 0_u64..60);
    let step = prop_oneof![
        2 => (any::<Index>(), cap(), cap()).prop_map(|(of, tokens, cost)| Step::Child { of, tokens, cost }),
        4 => (any::<Index>(), 0_u64..40, 0_u64..40).prop_map(|(on, tokens, cost)| Step::Reserve { on, tokens, cost }),
        4 => (any::<Index>(), 0_u64..40, 0_u64..40).prop_map(|(on, tokens, cost)| Step::Book { on, tokens, cost }),
        2 => any::<Index>().prop_map(|which| Step::Cancel { which }),
    ];
    proptest::collection::vec(step, 1..60)
}

/// The same tree, counted from scratch every time.
struct Node {
    parent: Option<usize>,
    cap: Limits,
    fund: Spend,
    booked: Vec<Spend>,
}

#[derive(Default)]
struct Model(Vec<Node>);

impl Model {
    fn add(&mut self, parent: Option<usize>, cap: Limits, fund: Spend) {
        self.0.push(Node { parent, cap, fund, booked: Vec::new() });
    }

    fn children(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len()).filter(move |child| self.0[*child].parent == Some(node))
    }

    fn settled(&self, node: usize) -> Spend {
        let own = self.0[node].booked.iter().copied().fold(Spend::ZERO, |sum, spend| sum + spend);
        self.children(node).fold(own, |sum, child| sum + self.settled(child))
    }

    fn held_below(&self, node: usize) -> Spend {
        self.children(node).fold(Spend::ZERO, |sum, child| sum + self.held(child))
    }

    fn held(&self, node: usize) -> Spend {
        self.0[node].fund.saturating_sub(self.settled(node)).max(self.held_below(node))
    }

    fn free_fund(&self, node: usize) -> Spend {
        self.0[node].fund.saturating_sub(self.settled(node)).saturating_sub(self.held_below(node))
    }

    fn within_caps(&self) -> bool {
        (0..self.0.len()).all(|node| self.0[node].cap.exceeded_by(self.settled(node) + self.held(node)).is_none())
    }
}

fn spend(tokens: u64, cost: u64) -> Spend {
    Spend { tokens, cost: Usd::from_nanos(cost) }
}

fn smaller(a: Spend, b: Spend) -> Spend {
    Spend { tokens: a.tokens.min(b.tokens), cost: a.cost.min(b.cost) }
}

/// What keeps an account of the tree open.
enum Kept {
    Account(Meter),
    Reservation(Reservation),
    Cancelled(Meter),
}

impl Kept {
    fn meter(&self) -> &Meter {
        match self {
            Self::Account(meter) | Self::Cancelled(meter) => meter,
            Self::Reservation(reservation) => reservation.meter(),
        }
    }
}

struct Trees {
    real: Vec<Kept>,
    model: Model,
}

impl Trees {
    fn new(cap: Limits) -> Self {
        let mut model = Model::default();
        model.add(None, cap, Spend::ZERO);
        Self { real: vec![Kept::Account(Meter::new(cap))], model }
    }

    fn reservation(&self, index: Index) -> Option<usize> {
        let open: Vec<usize> = (0..self.real.len()).filter(|n| matches!(self.real[*n], Kept::Reservation(_))).collect();
        (!open.is_empty()).then(|| *index.get(&open))
    }

    fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Child { of, tokens, cost } => {
                let (of, cap) = (of.index(self.real.len()), Limits { tokens, cost: cost.map(Usd::from_nanos) });
                let child = self.real[of].meter().child("child", cap);
                self.real.push(Kept::Account(child));
                self.model.add(Some(of), cap, Spend::ZERO);
            }
            Step::Reserve { on, tokens, cost } => self.reserve(on.index(self.real.len()), spend(tokens, cost))?,
            Step::Book { on, tokens, cost } => {
                if let Some(on) = self.reservation(on) {
                    let amount = smaller(spend(tokens, cost), self.model.free_fund(on));
                    self.real[on].meter().book(&used(amount));
                    self.model.0[on].booked.push(amount);
                }
            }
            Step::Cancel { which } => {
                if let Some(which) = self.reservation(which) {
                    // The account itself stays open, as it does while work below it goes on.
                    let meter = self.real[which].meter().clone();
                    self.real[which] = Kept::Cancelled(meter);
                    self.model.0[which].fund = Spend::ZERO;
                }
            }
        }
        Ok(())
    }

    fn reserve(&mut self, on: usize, amount: Spend) -> Result<(), TestCaseError> {
        let answer = self.real[on].meter().reserve(&estimate(amount));
        self.model.add(Some(on), Limits::NONE, amount);
        prop_assert_eq!(answer.is_ok(), self.model.within_caps());
        match answer {
            Ok(reservation) => self.real.push(Kept::Reservation(reservation)),
            Err(_) => drop(self.model.0.pop()),
        }
        Ok(())
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        for (node, kept) in self.real.iter().enumerate() {
            let (settled, held) = (kept.meter().settled(), kept.meter().held());
            prop_assert_eq!(settled, self.model.settled(node), "settled at {}", node);
            prop_assert_eq!(held, self.model.held(node), "held at {}", node);
            let exceeded = kept.meter().limits().exceeded_by(settled + held);
            prop_assert!(exceeded.is_none(), "{:?} at {}", exceeded, node);
            prop_assert!(kept.meter().check().is_ok());
        }
        Ok(())
    }

    /// Exactly what is said to remain can be reserved, and nothing more.
    fn remains(&self, at: usize) -> Result<(), TestCaseError> {
        let meter = self.real[at].meter();
        let left = meter.remaining();
        let all = spend(left.tokens.unwrap_or(0), left.cost.unwrap_or_default().nanos());
        prop_assert!(meter.reserve(&estimate(all)).is_ok(), "{:?} remains at {}", left, at);
        for (more, limited) in [(spend(1, 0), left.tokens.is_some()), (spend(0, 1), left.cost.is_some())] {
            prop_assert_eq!(meter.reserve(&estimate(all + more)).is_err(), limited, "{:?} at {}", left, at);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn settled_and_held_agree_with_a_naive_count_and_never_pass_a_limit_at_any_level(
        tokens in proptest::option::of(0_u64..150), cost in proptest::option::of(0_u64..150), steps in steps(),
    ) {
        let mut trees = Trees::new(Limits { tokens, cost: cost.map(Usd::from_nanos) });
        for step in &steps {
            trees.apply(step)?;
            trees.agree()?;
            trees.remains(trees.real.len() - 1)?;
        }
        let root = trees.real[0].meter().clone();
        let settled = root.settled();
        drop(trees);
        prop_assert_eq!((root.settled(), root.held()), (settled, Spend::ZERO));
        prop_assert_eq!(root.lock().in_use(), 1);
    }
}

use proptest::prelude::*;

use super::horizon::keeps_lead;
use super::*;

fn rule_of(decision: &Decision) -> Option<&'static str> {
    match decision {
        Decision::Stop { rule, .. } => Some(rule),
        Decision::Continue { .. } => None,
    }
}

/// The same chance by following every way the rest can go: the next draw goes to the leader with the
/// posterior mean of its Beta distribution.
fn by_all_ways(first: f64, second: f64, rest: u32, prior: f64) -> f64 {
    if rest == 0 {
        return if first > second {
            1.0
        } else if first < second {
            0.0
        } else {
            0.5
        };
    }
    let to_first = (first + prior) / (first + second + 2.0 * prior);
    to_first * by_all_ways(first + 1.0, second, rest - 1, prior)
        + (1.0 - to_first) * by_all_ways(first, second + 1.0, rest - 1, prior)
}

#[test]
fn the_lead_is_kept_with_the_chance_of_all_ways_together() {
    for (first, second, rest) in [(2, 0, 1), (3, 1, 6), (4, 3, 9), (5, 0, 5), (1, 1, 4)] {
        for prior in [0.5, 1.0, 2.0] {
            let expected = by_all_ways(f64::from(first), f64::from(second), rest, prior);
            assert!(
                (keeps_lead(first, second, rest, prior) - expected).abs() < 1e-12,
                "{first} {second} {rest} {prior}"
            );
        }
    }
}

#[test]
fn lock_stops_exactly_when_the_rest_cannot_catch_up() {
    assert_eq!(rule_of(&Lock.decide(&TallyView::new(&[2], 2, 3))), Some("lock"));
    assert_eq!(rule_of(&Lock.decide(&TallyView::new(&[2], 2, 4))), None);
    assert_eq!(rule_of(&Lock.decide(&TallyView::new(&[1], 2, 3))), None);
}

#[test]
fn adaptive_beta_needs_four_that_agree_or_more_if_some_do_not() {
    let rule = AdaptiveBeta::new(0.95);
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[3], 3, 40))), None);
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[4], 4, 40))), Some("adaptive_beta"));
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[5, 1], 6, 40))), None);
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[6, 1], 7, 40))), Some("adaptive_beta"));
}

#[test]
fn epsilon_stops_after_two_that_agree_and_wants_all_the_rest_if_they_do_not() {
    let near = TallyView::new(&[2], 2, 5).with_distances(0.2, 0.2);
    assert_eq!(rule_of(&Epsilon::new().decide(&near)), Some("epsilon"));
    let far = TallyView::new(&[1, 1], 2, 5).with_distances(0.2, 0.21);
    assert_eq!(Epsilon::new().decide(&far), Decision::Continue { want: 3 });
    assert_eq!(rule_of(&Epsilon::new().of(0.3).decide(&far)), Some("epsilon"));
    assert_eq!(Epsilon::new().min(4).decide(&near), Decision::Continue { want: 2 });
    assert_eq!(Epsilon::new().decide(&TallyView::new(&[1], 1, 5)), Decision::Continue { want: 1 });
}

#[test]
fn any_takes_the_first_that_stops_and_all_waits_for_the_last() {
    let tally = TallyView::new(&[4], 4, 5);
    let (any, all) = (Any::new().or(Never).or(Lock).or(AdaptiveBeta::new(0.95)), All::new().and(Lock).and(Never));
    assert_eq!(rule_of(&any.decide(&tally)), Some("lock"));
    assert_eq!(rule_of(&all.decide(&tally)), None);
    let both = All::new().and(Lock).and(AdaptiveBeta::new(0.95)).decide(&tally);
    assert!(matches!(&both, Decision::Stop { rule: "all", reason, .. } if reason.contains("; ")), "{both:?}");
}

#[test]
fn combinations_without_rules_never_stop() {
    let tally = TallyView::new(&[9], 9, 10);
    assert_eq!(Any::new().decide(&tally), Decision::go_on());
    assert_eq!(All::new().decide(&tally), Decision::go_on());
}

#[test]
fn numbers_that_make_no_sense_are_refused_with_their_value() {
    for rule in [
        Any::new().or(Horizon::new(f64::NAN, 0.99)),
        Any::new().or(Horizon::new(0.5, 1.5)),
        Any::new().or(AdaptiveBeta::new(0.5)),
        Any::new().or(Epsilon::new().of(-0.1)),
    ] {
        assert!(rule.check().is_err());
    }
    let error = AdaptiveBeta::new(7.0).check().unwrap_err();
    assert!(error.to_string().contains("a chance of 7"), "{error}");
    assert!(adaptive().check().is_ok());
}

#[test]
fn the_dirichlet_rule_counts_many_small_rivals_together() {
    let rule = DirichletMode::new(0.5, 0.95);
    let one = rule.decide(&TallyView::new(&[5, 1], 6, 40));
    assert_eq!(rule_of(&one), Some("dirichlet_mode"), "{one:?}");
    let many = TallyView::new(&[5, 1, 1, 1, 1, 1], 10, 40);
    assert_eq!(rule_of(&rule.decide(&many)), None);
    assert_eq!(
        rule_of(&AdaptiveBeta::new(0.95).decide(&TallyView::new(&[6, 1, 1, 1, 1, 1], 11, 40))),
        Some("adaptive_beta")
    );
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[], 2, 40))), None);
}

#[test]
fn a_window_stops_when_all_of_it_is_the_same_wherever_it_lies() {
    let decide = |sequence: &[u32]| {
        let mut counts: Vec<u32> =
            (0..3).map(|cluster| crate::count(sequence.iter().filter(|c| **c == cluster).count())).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.retain(|count| *count > 0);
        let n = crate::count(sequence.len());
        Window::new(3).decide(&TallyView::new(&counts, n, 12).with_sequence(sequence))
    };
    assert_eq!(decide(&[0, 0]), Decision::Continue { want: 1 });
    assert_eq!(rule_of(&decide(&[0, 0, 0])), Some("window"));
    // Three in a row, but in no one window.
    assert_eq!(decide(&[1, 0, 0, 0]), Decision::Continue { want: 2 });
    assert_eq!(decide(&[1, 0, 0, 0, 0, 1]), Decision::Continue { want: 3 });
    assert_eq!(rule_of(&decide(&[1, 0, 0, 0, 0, 0])), Some("window"));
    assert_eq!(rule_of(&Window::new(3).decide(&TallyView::new(&[4], 4, 12))), Some("window"), "whatever their order");
}

#[test]
fn min_confidence_looks_at_the_agreement_of_at_least_two() {
    let rule = MinConfidence::new(0.8);
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[1], 1, 9))), None);
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[2], 2, 9))), Some("min_confidence"));
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[3, 1], 4, 9))), None);
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[3, 1], 4, 9).with_agreement(0.85))), Some("min_confidence"));
}

#[test]
fn the_budget_stops_before_one_more_would_exceed_it() {
    let rule = Budget::new(orch_core::Budget::new().tokens(100).cost_usd(1.0));
    let after = |n: u32, tokens: u64, dollars: f64| {
        let cost = orch_core::Usd::from_dollars(dollars).unwrap();
        rule.decide(&TallyView::new(&[n], n, 10).with_spent(Spend { tokens, cost }))
    };
    assert_eq!(rule_of(&after(3, 75, 0.0)), None);
    assert_eq!(rule_of(&after(3, 76, 0.0)), Some("stop_budget"));
    assert_eq!(rule_of(&after(2, 0, 0.7)), Some("stop_budget"));
    assert_eq!(rule_of(&after(2, 0, 0.0)), None, "what nobody counted is not limited");
    let timed = Budget::new(orch_core::Budget::new().time(std::time::Duration::from_secs(1)));
    assert!(timed.check().unwrap_err().to_string().contains("time limit"));
}

#[test]
fn min_holds_a_rule_back_and_asks_for_what_is_missing() {
    let rule = Min::new(4, Lock);
    assert_eq!(rule.decide(&TallyView::new(&[2], 2, 3)), Decision::Continue { want: 2 });
    assert_eq!(rule_of(&rule.decide(&TallyView::new(&[4], 4, 5))), Some("lock"));
    assert!(Min::new(4, AdaptiveBeta::new(2.0)).check().is_err());
}

#[test]
fn new_rules_refuse_numbers_that_make_no_sense() {
    for (rule, named) in [
        (Any::new().or(DirichletMode::new(0.0, 0.95)), "a prior of 0"),
        (Any::new().or(DirichletMode::new(0.5, 0.3)), "a chance of 0.3"),
        (Any::new().or(Window::new(1)), "a size of 1"),
        (Any::new().or(MinConfidence::new(1.0)), "an agreement of 1"),
        (Any::new().or(MinConfidence::new(f64::NAN)), "an agreement of NaN"),
        (Any::new().or(Budget::new(orch_core::Budget::new().tokens(0))), "0 tokens"),
    ] {
        let error = rule.check().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_replay_counts_what_a_rule_would_have_looked_at() {
    assert_eq!(replay(&Never, &[0, 0, 0]), 3);
    assert_eq!(replay(&Window::new(2), &[0, 1, 1, 0, 3, 3, 3]), 6);
    assert_eq!(replay(&Lock, &[]), 0);
}

#[test]
fn the_default_stops_after_two_that_agree_when_three_were_asked_for() {
    assert_eq!(rule_of(&adaptive().decide(&TallyView::new(&[2], 2, 3))), Some("lock"));
    assert_eq!(rule_of(&adaptive().decide(&TallyView::new(&[1, 1], 2, 3))), None);
}

proptest! {
    #[test]
    fn after_lock_nothing_that_may_come_changes_the_leader(
        k in 1_usize..9,
        answers in prop::collection::vec(0_usize..3, 9),
        ended in 1_usize..9,
    ) {
        let ended = ended.min(k);
        let tally = |n: usize| {
            let mut counts = [0_u32; 3];
            answers[..n].iter().for_each(|answer| counts[*answer] += 1);
            counts
        };
        let now = tally(ended);
        let mut sizes = now;
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let view = TallyView::new(&sizes, u32::try_from(ended).unwrap(), u32::try_from(k).unwrap());
        if rule_of(&Lock.decide(&view)).is_some() {
            let leader = |counts: [u32; 3]| (0..3).max_by_key(|at| counts[*at]).unwrap();
            prop_assert_eq!(leader(now), leader(tally(k)));
        }
    }

    #[test]
    fn a_rule_that_has_stopped_stays_stopped_when_the_next_one_joins_the_leader(
        k in 2_u32..33,
        answers in prop::collection::vec(0_u32..4, 1..32),
    ) {
        let rules: [Box<dyn StopRule>; 9] = [
            Box::new(Lock),
            Box::new(Horizon::new(0.5, 0.99)),
            Box::new(AdaptiveBeta::new(0.95)),
            Box::new(DirichletMode::new(0.5, 0.95)),
            Box::new(MinConfidence::new(0.8)),
            Box::new(Window::new(3)),
            Box::new(Epsilon::new()),
            Box::new(adaptive()),
            Box::new(Min::new(3, All::new().and(AdaptiveBeta::new(0.9)).and(DirichletMode::new(0.5, 0.9)))),
        ];
        let mut sequence: Vec<u32> = answers;
        sequence.truncate(k as usize - 1);
        for rule in &rules {
            let stopped = |sequence: &[u32]| {
                let mut sizes: Vec<u32> = (0..4).map(|c| crate::count(sequence.iter().filter(|x| **x == c).count())).collect();
                sizes.sort_unstable_by(|a, b| b.cmp(a));
                sizes.retain(|size| *size > 0);
                let diameter = if sizes.len() > 1 { 1.0 } else { 0.0 };
                let tally = TallyView::new(&sizes, crate::count(sequence.len()), k).with_sequence(sequence);
                rule_of(&rule.decide(&tally.with_distances(0.0, diameter))).is_some()
            };
            let before = stopped(&sequence);
            let leader = (0..4).max_by_key(|c| sequence.iter().filter(|x| *x == c).count()).unwrap();
            let mut longer = sequence.clone();
            longer.push(leader);
            prop_assert!(!before || stopped(&longer), "{:?}", sequence);
        }
    }

    #[test]
    fn the_chance_to_keep_the_lead_is_a_chance(first in 0_u32..64, second in 0_u32..64, rest in 0_u32..64) {
        let chance = keeps_lead(first, second, rest, 0.5);
        prop_assert!((0.0..=1.0).contains(&chance));
        prop_assert!((chance + keeps_lead(second, first, rest, 0.5) - 1.0).abs() < 1e-9);
    }
}

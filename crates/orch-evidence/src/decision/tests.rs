use std::time::Duration;

use orch_core::Output;
use serde_json::{Value, json};

use super::*;
use crate::confidence::CalibrationKey;
use crate::{BundleOptions, Bundler};

const DAY: Duration = Duration::from_secs(86_400);
const NOW: Duration = Duration::from_secs(1_790_000_000);

/// The bundle of these answers, all of which run.
fn bundle(answers: &[Value]) -> Bundle {
    let k = crate::count(answers.len());
    let bundler = Bundler::new(&BundleOptions::new().k(k)).unwrap().with_task("ask");
    driven(bundler.with_stop(crate::stopping::Never), answers)
}

fn driven(bundler: Bundler, answers: &[Value]) -> Bundle {
    bundler.replay(|index| Ok(Output::from(answers[index as usize - 1].clone()))).unwrap()
}

fn texts(answers: &[&str]) -> Bundle {
    bundle(&answers.iter().map(|answer| json!(answer)).collect::<Vec<_>>())
}

fn sure() -> Bundle {
    texts(&["a", "a", "a"])
}

fn unsure() -> Bundle {
    texts(&["a", "b", "c"])
}

/// A policy with verdicts on `n` sure runs and as many unsure ones; one in `wrong_of` of the sure ones was wrong,
/// and nine in ten of the others.
fn taught(n: u32, wrong_of: u32) -> Policy {
    let mut policy = Policy::target_error(0.10).with_risk(0.10);
    for run in 0..n {
        for (name, bundle, right) in [("sure", sure(), run % wrong_of != 0), ("unsure", unsure(), run % 10 == 0)] {
            policy.record(format!("{name}-{run}"), &bundle, NOW).unwrap();
            policy.feedback(&format!("{name}-{run}"), Verdict::from(right)).unwrap();
        }
    }
    policy
}

#[test]
fn without_labels_the_decision_is_review_with_the_reason() {
    let policy = Policy::target_error(0.10);
    let Decision::Review { fields, reason } = policy.decide(&unsure(), NOW) else { panic!("not a review") };
    assert_eq!(fields, [""]);
    assert!(reason.starts_with("cannot promise") && reason.contains("0 labels"), "{reason}");
    assert_eq!(policy.decide(&sure(), NOW), Decision::Review { fields: vec![], reason });
}

#[test]
fn labels_that_support_it_make_sure_answers_accepted_and_hopeless_ones_escalated() {
    let policy = taught(60, 60);
    let Decision::Accept { reason } = policy.decide(&sure(), NOW) else { panic!("not accepted") };
    assert!(
        reason.contains("at most 10 % are wrong") && reason.contains("of 60 answers") && reason.contains("1 were"),
        "{reason}"
    );
    let Decision::Escalate { reason } = policy.decide(&unsure(), NOW) else { panic!("not escalated") };
    assert!(reason.contains("of 60 answers") && reason.contains("54 were wrong"), "{reason}");
    let Decision::Review { fields, reason } = policy.decide(&texts(&["a", "a", "b"]), NOW) else {
        panic!("not a review")
    };
    assert_eq!(fields, [""]);
    assert!(reason.contains("is below"), "{reason}");
}

#[test]
fn a_policy_that_cannot_promise_says_so_and_accepts_nothing() {
    let policy = taught(60, 5);
    let promise = policy.promise(NOW);
    assert!(promise.is_refused() && promise.reason.starts_with("cannot promise"), "{}", promise.reason);
    assert!(!policy.decide(&sure(), NOW).is_accept());
}

#[test]
fn the_fields_of_a_review_are_those_that_differ_the_most_divided_first() {
    let answers = [json!({"a": 1, "b": 1, "c": 0}), json!({"a": 1, "b": 2, "c": 0}), json!({"a": 2, "b": 3, "c": 0})];
    let Decision::Review { fields, .. } = Policy::target_error(0.1).decide(&bundle(&answers), NOW) else {
        panic!("not a review")
    };
    assert_eq!(fields, ["/b", "/a"]);
}

#[test]
fn labels_of_an_unnamed_kind_decide_nothing() {
    let learn = |mut policy: Policy| {
        (0..60).for_each(|run| policy.learn(format!("run-{run}"), 0.92, Verdict::Right, NOW).unwrap());
        policy
    };
    let mut unnamed = learn(Policy::target_error(0.1));
    assert!(!unnamed.promise(NOW).is_refused());
    assert!(unnamed.decide(&sure(), NOW).reason().contains("no tool that is named"));
    assert!(unnamed.record("run", &sure(), NOW).is_err(), "the first bundle is not what they are about");
    let named = learn(Policy::target_error(0.1).about(CalibrationKey::of(&sure())));
    assert!(named.decide(&sure(), NOW).is_accept());
    assert!(named.decide(&texts(&["a", "a", "a", "a"]), NOW).reason().contains("K = 4"));
}

#[test]
fn a_shared_policy_looks_at_its_labels_once_until_they_change() {
    let shared = SharedPolicy::new(taught(60, 60));
    let unread = shared.work(NOW);
    assert!(shared.decide("run", &sure(), NOW).is_accept());
    assert!(shared.work(NOW) < unread && shared.work(NOW + 89 * DAY) < unread);
    assert_eq!(shared.work(NOW + 91 * DAY), unread, "by then they have expired");
    shared.feedback("run", Verdict::Wrong).unwrap();
    assert_eq!(shared.promise(NOW).accept_from, shared.snapshot().promise(NOW).accept_from);
    assert!(shared.promise(NOW + 91 * DAY).is_refused() && !shared.promise(NOW).is_refused());
    assert_eq!(shared.drift(NOW), shared.snapshot().drift(NOW));
}

#[test]
fn labels_expire_and_with_them_the_promise() {
    let policy = taught(60, 60);
    assert!(!policy.promise(NOW + 89 * DAY).is_refused());
    let late = policy.promise(NOW + 91 * DAY);
    assert!(late.is_refused() && late.reason.contains("120 more have expired"), "{}", late.reason);
    assert_eq!(policy.labels(NOW + 91 * DAY), 0);
    assert!(!policy.valid_for(100 * DAY).promise(NOW + 91 * DAY).is_refused());
}

#[test]
fn a_drift_is_reported_and_suspends_the_promise() {
    let mut policy = taught(60, 60);
    assert!(!policy.drift(NOW).drifted);
    for run in 0..400 {
        policy.record(format!("new-{run}"), &texts(&["a", "a", "b"]), NOW).unwrap();
    }
    let drift = policy.drift(NOW);
    assert!(drift.drifted && drift.distance > 0.5, "{drift:?}");
    let promise = policy.promise(NOW);
    assert!(promise.is_refused() && promise.reason.contains("divided"), "{}", promise.reason);
    assert!(!policy.decide(&sure(), NOW).is_accept());
}

#[test]
fn a_second_verdict_takes_the_place_of_the_first_and_unknown_runs_are_refused() {
    let mut policy = taught(60, 60);
    for run in 0..60 {
        policy.feedback(&format!("sure-{run}"), Verdict::Wrong).unwrap();
    }
    assert_eq!(policy.labels(NOW), 120);
    assert!(policy.promise(NOW).is_refused());
    let error = policy.feedback("nobody", Verdict::Right).unwrap_err();
    assert!(error.to_string().contains("`nobody`"), "{error}");
    assert!(policy.learn("x", 1.5, Verdict::Right, NOW).unwrap_err().to_string().contains("1.5"));
}

#[test]
fn a_policy_says_nothing_about_another_k_or_a_run_that_was_cut_short() {
    let mut policy = taught(60, 60);
    let other = texts(&["a", "a", "a", "a"]);
    assert!(policy.record("other", &other, NOW).unwrap_err().to_string().contains("K = 4"));
    assert!(policy.decide(&other, NOW).reason().contains("K = 4"));
    let reduced = Bundler::new(&BundleOptions::new().k(3)).unwrap().with_task("ask").reduced_to(2, "no money for more");
    let reduced = driven(reduced, &[json!("a"), json!("a")]);
    assert!(reduced.is_cut_short());
    assert!(policy.decide(&reduced, NOW).reason().contains("cut short"));
    assert!(policy.record("reduced", &reduced, NOW).is_err());
}

#[test]
fn a_saved_policy_decides_the_same_and_a_spoilt_one_is_refused() {
    let policy = taught(40, 40);
    let stored = serde_json::to_value(&policy).unwrap();
    let loaded: Policy = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(loaded, policy);
    assert_eq!(loaded.decide(&sure(), NOW), policy.decide(&sure(), NOW));
    for (at, value, named) in [
        ("/version", json!(9), "only version 1"),
        ("/risk", json!(0.7), "0.7"),
        ("/target_error", json!(0.0), "0"),
        ("/labels/0/of/score", json!(2.0), "a score of 2"),
    ] {
        let mut stored = stored.clone();
        *stored.pointer_mut(at).unwrap() = value;
        let error = serde_json::from_value::<Policy>(stored).unwrap_err().to_string();
        assert!(error.contains(named), "{at}: {error}");
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused_and_never_accept() {
    for policy in [Policy::target_error(0.0), Policy::target_error(0.6), Policy::target_error(0.1).with_risk(f64::NAN)]
    {
        assert!(policy.check().is_err());
        assert!(policy.promise(NOW).is_refused());
    }
}

mod replay;
mod validity;
mod weights;

use std::collections::VecDeque;
use std::time::Duration;

use orch_core::{Class, Counted, Error, ErrorKind, Event, Output, ReplicateStatus, Usage, Usd};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bundle::Bundle;
use crate::options::{Order, Waves};
use crate::stopping::{Epsilon, Never};

/// What a driven bundler did.
struct Run {
    launched: Vec<u32>,
    cancelled: Vec<u32>,
    notices: Vec<Notice>,
    /// How many valid answers each partial summary was about.
    partial: Vec<u32>,
    bundle: Result<Bundle, Error>,
}

/// Executes the commands; of those that run, `next` chooses which one ends.
fn drive(
    mut bundler: Bundler,
    outcome: impl Fn(u32) -> Result<Output, Error>,
    mut next: impl FnMut(&[u32]) -> usize,
    twice: bool,
) -> Run {
    let mut run = Run {
        launched: Vec::new(),
        cancelled: Vec::new(),
        notices: Vec::new(),
        partial: Vec::new(),
        bundle: Err(Error::tool_execution("not finished")),
    };
    let mut todo = VecDeque::from(bundler.start());
    let mut running: Vec<u32> = Vec::new();
    let mut ticks = 0;
    loop {
        match todo.pop_front() {
            Some(Command::Launch { index, .. }) => {
                run.launched.push(index);
                running.push(index);
            }
            Some(Command::Measure { index, against }) => {
                let row = bundler.measurement(index, &against).run();
                todo.extend(bundler.on(Input::Measured { index, row }));
            }
            Some(Command::Cancel { index }) => {
                run.cancelled.push(index);
                running.retain(|other| *other != index);
                todo.extend(bundler.on(Input::Cancelled { index, usage: Usage::new() }));
            }
            Some(Command::Emit(notice)) => {
                if notice == Notice::PartialSummary {
                    run.partial.push(bundler.summary().unwrap().statistics.valid);
                }
                run.notices.push(notice);
            }
            Some(Command::Finish) => break,
            None => {
                assert!(!running.is_empty(), "nothing runs and nothing was decided");
                let index = running.remove(next(&running));
                ticks += 1;
                let finished = || Input::Finished {
                    index,
                    result: outcome(index),
                    usage: Usage::new().output(Counted::reported(10)),
                    elapsed: Duration::from_millis(ticks),
                };
                todo.extend(bundler.on(finished()));
                if twice {
                    assert_eq!(bundler.on(finished()), []);
                }
            }
        }
    }
    assert!(todo.is_empty(), "{todo:?}");
    run.bundle = bundler.finish();
    run
}

fn in_launch_order(options: &BundleOptions, answers: &[&str]) -> Run {
    let bundler = Bundler::new(options).unwrap();
    drive(bundler, |index| Ok(Output::from(answers[index as usize - 1])), |_| 0, false)
}

fn options(k: u32) -> BundleOptions {
    BundleOptions::new().k(k)
}

#[test]
fn two_that_agree_are_enough_when_three_were_asked_for() {
    let run = in_launch_order(&options(3), &["Rome", "rome."]);
    let bundle = run.bundle.unwrap();
    assert_eq!(run.launched, [1, 2]);
    assert_eq!((bundle.stop.rule.as_str(), bundle.stop.n, bundle.stop.saved), ("lock", 2, 1));
    assert_eq!(bundle.stop.waves, [2]);
    assert!(bundle.meta.early_stopped && bundle.meta.early_stop_reason.is_some());
    assert_eq!((bundle.meta.k, bundle.meta.k_started, bundle.meta.k_completed), (3, 2, 2));
}

#[test]
fn a_third_runs_when_the_first_two_differ() {
    let run = in_launch_order(&options(3), &["Rome", "Oslo", "Oslo"]);
    let bundle = run.bundle.unwrap();
    assert_eq!(bundle.stop.waves, [2, 1]);
    assert_eq!((bundle.stop.rule.as_str(), bundle.stop.saved), ("complete", 0));
    assert_eq!(bundle.summary.consensus, Some(json!("Oslo")));
    assert_eq!((bundle.meta.early_stopped, bundle.meta.early_stop_reason), (false, None));
    assert_eq!(bundle.summary.clusters[0].replicate_ids, ["r2", "r3"]);
}

#[test]
fn the_epsilon_rule_runs_two_and_the_rest_only_if_they_differ() {
    let rule = |epsilon: f64, answers: &'static [&'static str]| {
        let bundler = Bundler::new(&options(5).epsilon(epsilon)).unwrap().with_stop(Epsilon::new());
        drive(bundler, |index| Ok(Output::from(answers[index as usize - 1])), |_| 0, false).bundle.unwrap()
    };
    let answers = &["a b c d e", "a b c d x", "a b c d e", "a b c d e", "a b c d e"];
    let near = rule(0.2, answers);
    assert_eq!((near.stop.rule.as_str(), near.stop.n, near.stop.saved), ("epsilon", 2, 3));
    assert_eq!(near.meta.epsilon, 0.2);
    let far = rule(0.1, answers);
    assert_eq!((far.stop.rule.as_str(), far.stop.waves.as_slice()), ("complete", [2, 3].as_slice()));
}

#[test]
fn eight_with_two_answers_stop_early_for_the_right_reason() {
    let run = in_launch_order(&options(8), &["yes", "no", "yes", "yes", "yes", "yes", "yes", "yes"]);
    let bundle = run.bundle.unwrap();
    // Five of six: 5 against 1 with 2 to come cannot change; one earlier (4 against 1, 3 to come) it could tie.
    assert_eq!((bundle.stop.rule.as_str(), bundle.stop.n), ("lock", 6), "{:?}", bundle.stop);
    assert!(bundle.stop.reason.contains("5 agree against 1"), "{}", bundle.stop.reason);
    assert_eq!(bundle.stop.saved, 2);
    assert_eq!(bundle.stop.p_same, Some(1.0));
}

#[test]
fn partial_summaries_come_from_the_second_valid_answer_on() {
    let bundler = Bundler::new(&options(5)).unwrap().with_stop(Never);
    let outcome = |index| if index == 2 { Err(Error::tool_execution("no")) } else { Ok(Output::from("yes")) };
    let run = drive(bundler, outcome, |_| 0, false);
    assert_eq!(run.partial, [2, 3, 4]);
    let before: Vec<_> = run.notices.iter().take_while(|notice| **notice != Notice::PartialSummary).collect();
    assert_eq!(before.len(), 3, "r1, r2 (failed) and r3 were done: {before:?}");
}

#[test]
fn one_replicate_leaves_the_mode_undetermined_and_says_complete() {
    let bundle = in_launch_order(&options(1), &["Rome"]).bundle.unwrap();
    let summary = &bundle.summary;
    assert_eq!(summary.pairwise_distance, [[0.0]]);
    assert_eq!((summary.agreement, summary.mode_posterior, summary.p_correct), (1.0 / 1.25, None, None));
    assert!((summary.statistics.wilson.low - 0.2065).abs() < 1e-4 && summary.statistics.wilson.high == 1.0);
    assert_eq!((summary.statistics.distance, summary.statistics.entropy_ratio), (None, None));
    assert_eq!((summary.consensus.clone(), summary.medoid.as_str()), (Some(json!("Rome")), "r1"));
    assert_eq!((bundle.stop.rule.as_str(), bundle.meta.early_stopped), ("complete", false));
}

#[test]
fn failed_and_invalid_replicates_are_listed_and_do_not_count() {
    let bundler = Bundler::new(&options(4)).unwrap().with_stop(Never);
    let outcome = |index| match index {
        1 => Err(Error::tool_execution("broken pipe").with_class(Class::Transient)),
        2 => Err(Error::bad_output("/x", "not a number").with_output(Output::from("?"))),
        3 => Ok(Output::from("  ")),
        _ => Ok(Output::from("Rome")),
    };
    let bundle = drive(bundler, outcome, |_| 0, false).bundle.unwrap();
    let fates: Vec<_> = bundle.replicates.iter().map(|r| (r.status, r.quality.valid, r.counted)).collect();
    use ReplicateStatus::{Failed, Invalid, Valid};
    assert_eq!(fates, [(Failed, false, false), (Invalid, false, false), (Invalid, false, false), (Valid, true, true)]);
    assert_eq!(bundle.replicates[0].quality.errors, ["broken pipe"]);
    assert_eq!(bundle.replicates[0].quality.class, Some(Class::Transient));
    assert_eq!(bundle.replicates[1].output.as_ref().unwrap().as_text(), Some("?"));
    assert!(bundle.replicates[2].quality.errors[0].contains("empty"));
    let counts = &bundle.summary.statistics;
    assert_eq!((counts.valid, counts.failed, counts.invalid, counts.requested), (1, 1, 2, 4));
    assert_eq!(bundle.usage_total.tokens(), 40);
}

#[test]
fn empty_answers_are_valid_when_allowed() {
    let bundle = in_launch_order(&options(3).allow_empty(true), &["", " "]).bundle.unwrap();
    assert_eq!((bundle.summary.statistics.valid, bundle.stop.rule.as_str()), (2, "lock"));
}

#[test]
fn when_all_fail_the_error_has_every_cause_in_launch_order() {
    let bundler = Bundler::new(&options(3).waves(Waves::All)).unwrap();
    let run = drive(bundler, |index| Err(Error::tool_execution(format!("cause {index}"))), |all| all.len() - 1, false);
    let error = run.bundle.unwrap_err();
    let ErrorKind::ReplicatesFailed { causes } = error.kind() else { panic!("{error:?}") };
    let causes: Vec<_> = causes.iter().map(ToString::to_string).collect();
    assert_eq!(causes, ["cause 1", "cause 2", "cause 3"]);
    assert!(run.partial.is_empty());
}

#[test]
fn all_at_once_cancels_what_is_not_needed() {
    let bundler = Bundler::new(&options(8).waves(Waves::All).max_parallel(5)).unwrap().with_stop(Epsilon::new());
    let run = drive(bundler, |_| Ok(Output::from("same")), |_| 0, false);
    assert_eq!(run.launched, [1, 2, 3, 4, 5, 6]);
    assert_eq!(run.cancelled, [3, 4, 5, 6]);
    let bundle = run.bundle.unwrap();
    assert_eq!((bundle.summary.statistics.cancelled, bundle.stop.saved), (4, 2));
    assert_eq!(bundle.replicates[2].status, ReplicateStatus::Cancelled);
    assert_eq!(bundle.replicates[2].elapsed, None);
}

#[test]
fn an_answer_that_came_out_of_order_is_listed_and_not_counted() {
    let bundler = Bundler::new(&options(4).waves(Waves::All)).unwrap().with_stop(Epsilon::new());
    let run = drive(bundler, |_| Ok(Output::from("same")), |all| all.len() - 1, false);
    let bundle = run.bundle.unwrap();
    // 4, 3 and 2 end first; only when 1 has ended, 1 and 2 are looked at.
    assert_eq!(bundle.summary.compared, ["r1", "r2"]);
    let counted: Vec<_> = bundle.replicates.iter().map(|r| (r.status, r.counted)).collect();
    let valid = ReplicateStatus::Valid;
    assert_eq!(counted, [(valid, true), (valid, true), (valid, false), (valid, false)]);
    assert_eq!(bundle.stop.order, "launch");
}

#[test]
fn in_completion_order_the_first_to_end_decide() {
    let options = options(4).waves(Waves::All).order(Order::Completion);
    let bundler = Bundler::new(&options).unwrap().with_stop(Epsilon::new());
    let run = drive(bundler, |_| Ok(Output::from("same")), |all| all.len() - 1, false);
    let bundle = run.bundle.unwrap();
    assert_eq!(bundle.summary.compared, ["r3", "r4"]);
    assert_eq!((bundle.stop.order.as_str(), bundle.stop.n), ("completion", 2));
}

#[test]
fn out_of_time_counts_all_that_has_ended_and_cancels_the_rest() {
    let mut bundler = Bundler::new(&options(3).waves(Waves::All)).unwrap();
    assert_eq!(bundler.start().len(), 3);
    let mut todo = VecDeque::from(bundler.on(Input::Finished {
        index: 2,
        result: Ok(Output::from("Rome")),
        usage: Usage::new(),
        elapsed: Duration::ZERO,
    }));
    while let Some(command) = todo.pop_front() {
        if let Command::Measure { index, against } = command {
            let row = bundler.measurement(index, &against).run();
            todo.extend(bundler.on(Input::Measured { index, row }));
        }
    }
    let cancels = bundler.on(Input::OutOfTime);
    assert_eq!(cancels, [Command::Cancel { index: 1 }, Command::Cancel { index: 3 }]);
    assert_eq!(bundler.on(Input::Cancelled { index: 1, usage: Usage::new() }).len(), 1);
    let last = bundler.on(Input::Cancelled { index: 3, usage: Usage::new() });
    assert_eq!(last.last(), Some(&Command::Finish));
    let bundle = bundler.finish().unwrap();
    assert_eq!((bundle.stop.rule.as_str(), bundle.meta.k_completed), ("deadline", 1));
    assert_eq!(bundle.summary.compared, ["r2"]);
    assert!(bundle.meta.early_stopped);
}

#[test]
fn out_of_time_is_the_reason_whatever_is_told_after_it() {
    let mut bundler = Bundler::new(&options(3).waves(Waves::All)).unwrap();
    bundler.start();
    assert_eq!(bundler.on(Input::OutOfTime).len(), 3);
    assert_eq!((bundler.on(Input::OutOfTime), bundler.on(Input::OutOfMoney)), (vec![], vec![]));
    let (result, usage) = (Ok(Output::from("Rome")), Usage::new());
    for command in bundler.on(Input::Finished { index: 2, result, usage, elapsed: Duration::ZERO }) {
        if let Command::Measure { index, against } = command {
            let row = bundler.measurement(index, &against).run();
            bundler.on(Input::Measured { index, row });
        }
    }
    for index in [1, 3] {
        bundler.on(Input::Cancelled { index, usage: Usage::new() });
    }
    let bundle = bundler.finish().unwrap();
    assert_eq!((bundle.stop.rule.as_str(), bundle.meta.k_completed), ("deadline", 1));
}

#[test]
fn out_of_money_lets_those_that_run_end_and_starts_no_more() {
    let mut bundler = Bundler::new(&options(5)).unwrap().with_stop(Never);
    let mut todo = VecDeque::from(bundler.start());
    todo.extend(bundler.on(Input::OutOfMoney));
    let mut ended = Vec::new();
    while let Some(command) = todo.pop_front() {
        match command {
            Command::Launch { index, .. } => {
                ended.push(index);
                let (result, usage) = (Ok(Output::from("Rome")), Usage::new());
                todo.extend(bundler.on(Input::Finished { index, result, usage, elapsed: Duration::ZERO }));
            }
            Command::Measure { index, against } => {
                let row = bundler.measurement(index, &against).run();
                todo.extend(bundler.on(Input::Measured { index, row }));
            }
            Command::Cancel { .. } => panic!("nothing is cancelled"),
            Command::Emit(_) | Command::Finish => {}
        }
    }
    let bundle = bundler.finish().unwrap();
    assert_eq!((ended.as_slice(), bundle.stop.rule.as_str(), bundle.stop.saved), ([1, 2].as_slice(), "budget", 3));
    assert_eq!(bundle.summary.statistics.valid, 2);
}

#[test]
fn fewer_than_asked_for_is_said_even_when_all_of_them_ran() {
    let bundler =
        Bundler::new(&options(5)).unwrap().with_stop(Never).reduced_to(2, "the budget allows 2 of 5 replicates");
    let bundle = drive(bundler, |_| Ok(Output::from("Rome")), |_| 0, false).bundle.unwrap();
    assert_eq!((bundle.stop.rule.as_str(), bundle.stop.n, bundle.stop.saved), ("budget", 2, 3));
    assert_eq!(bundle.meta.early_stop_reason.as_deref(), Some("the budget allows 2 of 5 replicates"));
    assert_eq!(bundle.meta.k, 5);
}

#[test]
fn inputs_for_replicates_that_do_not_run_change_nothing() {
    let mut bundler = Bundler::new(&options(3)).unwrap();
    bundler.start();
    for index in [0, 3, 99] {
        let (result, usage) = (Ok(Output::from("x")), Usage::new());
        assert_eq!(bundler.on(Input::Finished { index, result, usage, elapsed: Duration::ZERO }), []);
        assert_eq!(bundler.on(Input::Cancelled { index, usage: Usage::new() }), []);
    }
    let row = bundler.measurement(1, &[]).run();
    assert_eq!(bundler.on(Input::Measured { index: 1, row }), []);
    assert_eq!(bundler.start(), []);
    assert!(!bundler.has_valid() && bundler.summary().is_none());
}

#[test]
fn costs_add_up_and_are_broken_down() {
    let mut bundler = Bundler::new(&options(2)).unwrap();
    let mut todo = VecDeque::from(bundler.start());
    while let Some(command) = todo.pop_front() {
        match command {
            Command::Launch { index, .. } => {
                let usage = Usage::new().cost(Counted::reported(Usd::from_nanos(u64::from(index) * 1_000_000)));
                let result = Ok(Output::from("Rome").with_model("m-1"));
                todo.extend(bundler.on(Input::Finished { index, result, usage, elapsed: Duration::ZERO }));
            }
            Command::Measure { index, against } => {
                let row = bundler.measurement(index, &against).run();
                todo.extend(bundler.on(Input::Measured { index, row }));
            }
            _ => {}
        }
    }
    assert_eq!(bundler.output(1).and_then(Output::model), Some("m-1"));
    assert_eq!(bundler.usage().cost_usd(), 0.003);
    let bundle = bundler.finish().unwrap();
    assert_eq!(bundle.cost_total_usd, Some(Usd::from_nanos(3_000_000)));
    assert_eq!(bundle.cost_breakdown["r2"], Usd::from_nanos(2_000_000));
    assert_eq!(bundle.meta.model.as_deref(), Some("m-1"));
}

#[test]
fn a_replicate_that_is_done_tells_its_status_message_and_usage() {
    let mut bundler = Bundler::new(&options(2)).unwrap();
    bundler.start();
    let notice = Notice::ReplicateDone { index: 1 };
    assert!(bundler.event(notice).is_none());
    let usage = Usage::new().output(Counted::reported(3));
    let result = Err(Error::tool_execution("broken"));
    let commands = bundler.on(Input::Finished { index: 1, result, usage: usage.clone(), elapsed: Duration::ZERO });
    assert_eq!(commands, [Command::Emit(notice)]);
    let message = Some("broken".to_owned());
    assert_eq!(bundler.event(notice), Some(Event::ReplicateDone { status: ReplicateStatus::Failed, message, usage }));
}

#[test]
fn disagreements_beyond_the_cap_are_left_out_and_counted() {
    let answers = [json!({"a": 1, "b": 1, "c": 1}), json!({"a": 2, "b": 2, "c": 2})];
    let bundler = Bundler::new(&options(2).limits(crate::BundleLimits::new().max_diffs(2))).unwrap();
    let run = drive(bundler, |index| Ok(Output::from(answers[index as usize - 1].clone())), |_| 0, false);
    let summary = run.bundle.unwrap().summary;
    assert_eq!((summary.disagreements.len(), summary.truncated), (2, true));
    assert!(summary.truncation_info.unwrap().starts_with("1 of 3"));
    let pointers: Vec<_> = summary.disagreements.iter().map(|d| d.pointer.as_str()).collect();
    assert_eq!(pointers, ["/a", "/b"]);
}

#[test]
fn long_and_many_texts_are_more_work() {
    let bundler = |length: usize| {
        let mut bundler = Bundler::new(&options(3).waves(Waves::All)).unwrap();
        bundler.start();
        for index in [1, 2] {
            let (result, usage) = (Ok(Output::from("x".repeat(length))), Usage::new());
            for command in bundler.on(Input::Finished { index, result, usage, elapsed: Duration::ZERO }) {
                if let Command::Measure { index, against } = command {
                    let row = bundler.measurement(index, &against).run();
                    bundler.on(Input::Measured { index, row });
                }
            }
        }
        bundler
    };
    let work = |length: usize, against: &[u32]| bundler(length).measurement(2, against).work();
    assert!(work(100, &[]) < work(200, &[]));
    assert!(work(100, &[]) < work(100, &[1]));
    assert!(4 * work(1_000, &[1]) < work(10_000, &[1]));
    let none = Bundler::new(&options(3)).unwrap().summary_work();
    assert!(none < bundler(10).summary_work());
}

#[test]
fn reading_a_text_as_json_is_work() {
    let work = |options: &BundleOptions, length: usize| {
        let (result, usage) = (Ok(Output::from(format!("[{}1]", "1,".repeat(length)))), Usage::new());
        Bundler::new(options).unwrap().work(&Input::Finished { index: 1, result, usage, elapsed: Duration::ZERO })
    };
    assert_eq!(work(&options(3), 10), work(&options(3), 100_000));
    assert!(work(&options(3).parse_json(true), 100_000) > 1_000 * work(&options(3).parse_json(true), 10));
}

/// Without times, which are only under keys that end in `_ms`.
fn timeless(bundle: &Bundle) -> String {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| !key.ends_with("_ms"));
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(bundle).unwrap();
    strip(&mut value);
    serde_json::to_string(&value).unwrap()
}

fn any_outcome() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        4 => "[ab]".prop_map(|text| Some(Value::from(text))),
        1 => Just(None),
        1 => "[ab] c d e f g h i j [kl]".prop_map(|text| Some(Value::from(text))),
    ]
}

fn scattered(seed: u64) -> impl FnMut(&[u32]) -> usize {
    let mut state = seed | 1;
    move |running| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % running.len()
    }
}

proptest! {
    #[test]
    fn in_launch_order_no_order_of_completion_and_no_duplicate_changes_a_decision(
        k in 1_u32..9,
        all in any::<bool>(),
        parallel in 1_u32..9,
        outcomes in prop::collection::vec(any_outcome(), 9),
        seed: u64,
    ) {
        let waves = if all { Waves::All } else { Waves::Careful };
        let options = options(k).waves(waves).max_parallel(parallel);
        let outcome = |index: u32| match &outcomes[index as usize - 1] {
            Some(value) => Ok(Output::from(value.clone())),
            None => Err(Error::tool_execution(format!("failed {index}"))),
        };
        let bundler = || Bundler::new(&options).unwrap();
        let straight = drive(bundler(), outcome, |_| 0, false);
        let mixed = drive(bundler(), outcome, scattered(seed), true);
        match (straight.bundle, mixed.bundle) {
            (Ok(a), Ok(b)) => {
                let mut counts = [a.summary.statistics.clone(), b.summary.statistics.clone()];
                // What else had ended by then depends on the order; what was decided does not.
                for counts in &mut counts {
                    (counts.started, counts.failed, counts.invalid, counts.cancelled) = (0, 0, 0, 0);
                }
                prop_assert_eq!(&counts[0], &counts[1]);
                prop_assert_eq!(&a.summary.clusters, &b.summary.clusters);
                prop_assert_eq!(&a.summary.consensus, &b.summary.consensus);
                prop_assert_eq!(&a.summary.pairwise_distance, &b.summary.pairwise_distance);
                prop_assert_eq!((&a.stop.rule, &a.stop.reason, a.stop.n), (&b.stop.rule, &b.stop.reason, b.stop.n));
                if waves == Waves::Careful || a.stop.rule == "complete" && parallel >= k {
                    prop_assert_eq!(timeless(&a), timeless(&b));
                }
            }
            (a, b) => prop_assert_eq!(a.map_err(|error| error.to_string()).is_ok(), b.is_ok()),
        }
    }

    #[test]
    fn every_bundle_survives_json_and_is_within_bounds(
        k in 1_u32..9,
        outcomes in prop::collection::vec(any_outcome(), 9),
        seed: u64,
    ) {
        let outcome = |index: u32| match &outcomes[index as usize - 1] {
            Some(value) => Ok(Output::from(value.clone())),
            None => Err(Error::tool_execution("failed")),
        };
        let bundler = Bundler::new(&options(k).waves(Waves::All)).unwrap().with_stop(Never);
        if let Ok(bundle) = drive(bundler, outcome, scattered(seed), false).bundle {
            let text = serde_json::to_string(&bundle).unwrap();
            let back: Bundle = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
            let summary = &bundle.summary;
            prop_assert!((0.0..=1.0).contains(&summary.confidence));
            prop_assert!(summary.mode_posterior.is_none_or(|chance| (0.0..=1.0).contains(&chance)));
            let sizes: f64 = summary.clusters.iter().map(|cluster| cluster.weight).sum();
            prop_assert_eq!(sizes, f64::from(summary.statistics.valid));
        }
    }

    #[test]
    fn a_summary_says_what_its_own_matrix_says(
        answers in prop::collection::vec("[abc] d e f [xy] g h i [kl]", 1..9),
        epsilon in prop::option::of(0.0..0.6_f64),
    ) {
        let k = u32::try_from(answers.len()).unwrap();
        let options = epsilon.map_or(options(k), |epsilon| options(k).epsilon(epsilon));
        let bundler = Bundler::new(&options).unwrap().with_stop(Never);
        let bundle = drive(bundler, |n| Ok(Output::from(answers[n as usize - 1].as_str())), |_| 0, false).bundle.unwrap();
        let (summary, statistics) = (&bundle.summary, &bundle.summary.statistics);
        let place = |id: &str| summary.compared.iter().position(|other| other == id).unwrap();
        let apart = |a: usize, b: usize| summary.pairwise_distance[a][b];
        for cluster in &summary.clusters {
            for a in &cluster.replicate_ids {
                for b in &cluster.replicate_ids {
                    prop_assert!(apart(place(a), place(b)) <= bundle.meta.epsilon);
                }
            }
        }
        prop_assert_eq!(bundle.meta.epsilon, epsilon.unwrap_or(0.2));
        let k = answers.len();
        let medoid = place(&summary.medoid);
        prop_assert!(summary.clusters[0].replicate_ids.contains(&summary.medoid));
        prop_assert_eq!(summary.consensus.as_ref().unwrap(), &answers[medoid]);
        let similar: f64 = 1.0 + (0..k).filter(|at| *at != medoid).map(|at| 1.0 - apart(at, medoid)).sum::<f64>();
        prop_assert!((summary.agreement - similar / (k as f64 + 0.25)).abs() < 1e-12);
        let sizes: Vec<f64> = summary.clusters.iter().map(|cluster| cluster.weight).collect();
        prop_assert!(sizes.windows(2).all(|pair| pair[0] >= pair[1]));
        let second = sizes.get(1).copied().unwrap_or(0.0);
        prop_assert!((statistics.margin - (sizes[0] - second) / k as f64).abs() < 1e-12);
        let entropy: f64 = sizes.iter().map(|size| size / k as f64).map(|part| -part * part.ln()).sum();
        prop_assert!((statistics.entropy - entropy).abs() < 1e-12);
        prop_assert!((statistics.effective_answers - entropy.exp()).abs() < 1e-9);
        let pairs: Vec<f64> = (0..k).flat_map(|a| (a + 1..k).map(move |b| (a, b))).map(|(a, b)| apart(a, b)).collect();
        prop_assert_eq!(statistics.distance.is_some(), k > 1);
        if let Some(distance) = statistics.distance {
            prop_assert!((distance.mean - pairs.iter().sum::<f64>() / pairs.len() as f64).abs() < 1e-12);
            prop_assert_eq!(distance.max, pairs.iter().copied().fold(0.0, f64::max));
            let to_medoid = (k as f64 - similar) / (k as f64 - 1.0);
            prop_assert!((distance.to_medoid - to_medoid).abs() < 1e-12);
        }
    }
}

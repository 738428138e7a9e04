//! Enough valid answers, what is valid, and what is told of an answer before the end.

use super::*;
use crate::options::{Delivery, Diversity, Variation};

fn texts(answers: &'static [Option<&'static str>]) -> impl Fn(u32) -> Result<Output, Error> {
    move |index| answers[index as usize - 1].map(Output::from).ok_or_else(|| Error::tool_execution("broken"))
}

#[test]
fn no_rule_stops_before_there_are_enough_valid_answers() {
    let answers = &[Some("Rome"), Some("Rome"), None, Some("Rome"), Some("Rome")];
    let run = |least| {
        let bundler = Bundler::new(&options(5).min_valid(least)).unwrap().with_stop(Epsilon::new());
        drive(bundler, texts(answers), |_| 0, false).bundle.unwrap()
    };
    assert_eq!(run(1).meta.k_started, 2);
    let enough = run(4);
    assert_eq!((enough.meta.k_started, enough.meta.k_completed, enough.meta.min_valid), (5, 4, 4));
    assert_eq!(enough.stop.waves, [2, 2, 1], "what is missing is started at once");
    assert!(!enough.summary.insufficient);
}

#[test]
fn too_few_valid_answers_are_called_insufficient_and_kept() {
    let bundler = Bundler::new(&options(3).min_valid(3)).unwrap().with_stop(Never);
    let bundle = drive(bundler, texts(&[Some("Rome"), Some("Rome"), None]), |_| 0, false).bundle.unwrap();
    assert!(bundle.summary.insufficient);
    assert_eq!(bundle.summary.consensus, Some(json!("Rome")));
    assert_eq!((bundle.meta.min_valid, bundle.meta.k_completed), (3, 2));
}

#[test]
fn once_enough_cannot_be_reached_nothing_more_is_started_and_what_runs_may_end() {
    let bundler = Bundler::new(&options(6).min_valid(5).max_parallel(2)).unwrap().with_stop(Never);
    let answers = &[Some("Rome"), None, None, Some("Rome"), Some("Rome"), Some("Rome")];
    let bundle = drive(bundler, texts(answers), |_| 0, false).bundle.unwrap();
    assert_eq!((bundle.stop.rule.as_str(), bundle.stop.n, bundle.meta.k_started), ("insufficient", 4, 4));
    assert_eq!(bundle.stop.reason, "2 of 4 answers were valid, and 5 of 6 must be");
    assert!(bundle.summary.insufficient && bundle.meta.early_stopped);
    assert_eq!(bundle.summary.compared, ["r1", "r4"], "the last one ran already, and was paid for");
}

#[test]
fn an_answer_that_the_validator_refuses_is_kept_and_does_not_count() {
    let validator = |answer: &Value| match answer["sum"].as_f64() {
        Some(_) => Ok(()),
        None => Err(Error::bad_output("/sum", "there is no sum")),
    };
    let answers = [json!({"sum": 3}), json!({"total": 3}), json!({"sum": 3})];
    let bundler = Bundler::new(&options(3)).unwrap().with_validator(Arc::new(validator));
    let outcome = |index: u32| Ok(Output::from(answers[index as usize - 1].clone()));
    let bundle = drive(bundler, outcome, |_| 0, false).bundle.unwrap();
    let refused = &bundle.replicates[1];
    assert_eq!((refused.status, refused.counted, refused.quality.valid), (ReplicateStatus::Invalid, false, false));
    assert!(refused.quality.errors[0].contains("/sum"), "{:?}", refused.quality);
    assert_eq!(refused.output.as_ref().unwrap().to_json().unwrap().as_ref(), &answers[1]);
    assert_eq!(bundle.summary.compared, ["r1", "r3"]);
    assert_eq!(bundle.summary.statistics.invalid, 1);
}

#[test]
fn a_mixture_of_fields_that_is_not_valid_gives_way_to_an_answer_that_is() {
    // Each field has a winner; all of them together were said by nobody and break the rule that b doubles a.
    let answers = [json!({"a": 1, "b": 2, "c": 1}), json!({"a": 1, "b": 2, "c": 2}), json!({"a": 3, "b": 6, "c": 3})];
    let fits = |a: i64, b: i64, c: i64| b == 2 * a && [(1, 1), (1, 2), (3, 3)].contains(&(a, c));
    let number = |answer: &Value, name: &str| answer[name].as_i64().unwrap_or(-1);
    let validator = move |answer: &Value| match fits(number(answer, "a"), number(answer, "b"), number(answer, "c")) {
        true => Ok(()),
        false => Err(Error::bad_output("", "does not fit")),
    };
    let run = |validated: bool| {
        let mut bundler = Bundler::new(&options(3)).unwrap().with_stop(Never);
        if validated {
            bundler = bundler.with_validator(Arc::new(validator));
        }
        drive(bundler, |index| Ok(Output::from(answers[index as usize - 1].clone())), |_| 0, false).bundle.unwrap()
    };
    let mixed = run(false).summary;
    assert_eq!(mixed.consensus, Some(json!({"a": 1, "b": 2})), "`c` has no winner");
    assert_eq!(mixed.consensus_source, crate::ConsensusSource::Fields);
    let whole = run(true).summary;
    assert_eq!((whole.consensus, whole.medoid.as_str()), (Some(answers[0].clone()), "r1"));
    assert_eq!(whole.consensus_source, crate::ConsensusSource::Fallback);
}

/// The events about the answer, in order.
fn told(
    delivery: Delivery,
    answers: &'static [Option<&'static str>],
    next: impl FnMut(&[u32]) -> usize,
) -> Vec<String> {
    let k = u32::try_from(answers.len()).unwrap();
    let mut bundler = Bundler::new(&options(k).delivery(delivery).waves(Waves::All)).unwrap().with_stop(Never);
    let (mut running, mut next, mut told) = (Vec::new(), next, Vec::new());
    let mut todo = VecDeque::from(bundler.start());
    let outcome = texts(answers);
    loop {
        match todo.pop_front() {
            Some(Command::Launch { index, .. }) => running.push(index),
            Some(Command::Measure { index, against }) => {
                let row = bundler.measurement(index, &against).run();
                todo.extend(bundler.on(Input::Measured { index, row }));
            }
            Some(Command::Emit(notice)) => told.extend(bundler.event(notice).and_then(|event| match event {
                Event::Provisional { answer } => Some(format!("provisional {}", answer.as_text().unwrap())),
                Event::Confirmed { agreement } => Some(format!("confirmed {agreement:.2}")),
                Event::Revised { answer, .. } => Some(format!("revised {}", answer.as_text().unwrap())),
                Event::Settled { answer, .. } => Some(format!("settled {}", answer.as_text().unwrap())),
                _ => None,
            })),
            Some(Command::Finish) => return told,
            Some(Command::Cancel { .. }) => panic!("nothing is cancelled"),
            None => {
                let index = running.remove(next(&running));
                let (result, usage, elapsed) = (outcome(index), Usage::new(), Duration::ZERO);
                todo.extend(bundler.on(Input::Finished { index, result, usage, elapsed }));
            }
        }
    }
}

#[test]
fn a_leader_that_the_others_agree_with_is_confirmed() {
    let answers = &[Some("Rome"), Some("rome."), Some("Oslo")];
    assert_eq!(told(Delivery::Leader, answers, |_| 0), ["provisional Rome", "confirmed 0.62"]);
}

#[test]
fn a_leader_that_the_others_disagree_with_is_revised() {
    let answers = &[Some("Rome"), Some("Oslo"), Some("Oslo")];
    assert_eq!(told(Delivery::Leader, answers, |_| 0), ["provisional Rome", "revised Oslo"]);
}

#[test]
fn the_leader_is_the_first_valid_one_in_launch_order_whoever_ends_first() {
    let answers = &[None, Some("Rome"), Some("Rome")];
    for last in [false, true] {
        let next = move |running: &[u32]| if last { running.len() - 1 } else { 0 };
        assert_eq!(told(Delivery::Leader, answers, next), ["provisional Rome", "confirmed 0.89"]);
    }
}

#[test]
fn settled_tells_the_consensus_alone_and_quiet_nothing() {
    let answers = &[Some("Rome"), Some("Oslo"), Some("Oslo")];
    assert_eq!(told(Delivery::Settled, answers, |_| 0), ["settled Oslo"]);
    assert_eq!(told(Delivery::Quiet, answers, |_| 0), Vec::<String>::new());
    assert_eq!(told(Delivery::Leader, &[None, None], |_| 0), Vec::<String>::new());
}

#[test]
fn what_a_replicate_has_of_its_own_is_noted() {
    let diversity = Diversity::PromptVariants(vec!["Be brief.".to_owned(), "Think first.".to_owned()]);
    let bundler = Bundler::new(&options(3).diversity(diversity)).unwrap().with_stop(Never);
    assert_eq!(bundler.variation(2), Some(Variation::Instruction("Think first.".to_owned())));
    let bundle = drive(bundler, |_| Ok(Output::from("Rome")), |_| 0, false).bundle.unwrap();
    assert_eq!(bundle.meta.diversity, "prompt_variants");
    let json = serde_json::to_value(&bundle.replicates).unwrap();
    let of = |at: usize| json[at]["variation"]["instruction"].as_str();
    assert_eq!([of(0), of(1), of(2)], [Some("Be brief."), Some("Think first."), Some("Be brief.")]);
}

#[test]
fn without_diversity_replicates_differ_in_their_seeds_alone() {
    let bundle = in_launch_order(&options(3), &["Rome", "Rome"]).bundle.unwrap();
    assert_eq!(bundle.meta.diversity, "seeds");
    assert!(bundle.replicates.iter().all(|replicate| replicate.variation.is_none()));
    assert_ne!(bundle.replicates[0].seed, bundle.replicates[1].seed);
}

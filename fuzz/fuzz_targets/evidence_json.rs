//! Any JSON as answers, under any rules: the first line may be rules, every other one is an answer.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use orch_core::{Output, Usage};
use orch_evidence::stopping::Never;
use orch_evidence::{Bundle, BundleOptions, Bundler, Command, ConsensusRules, Input};
use serde_json::Value;

/// So that a run finds slow inputs by their shape and not by the number of answers.
const MOST_ANSWERS: usize = 5;

fn bundle(answers: &[Value], rules: ConsensusRules) -> Bundle {
    let k = u32::try_from(answers.len()).expect("a few");
    let options = BundleOptions::new().k(k).allow_empty(true).rules(rules);
    let mut bundler = Bundler::new(&options).expect("the rules were checked").with_stop(Never);
    let mut todo = bundler.start();
    while let Some(command) = todo.pop() {
        todo.extend(match command {
            Command::Launch { index, .. } => {
                let result = Ok(Output::from(answers[index as usize - 1].clone()));
                let (usage, elapsed) = (Usage::new(), Duration::ZERO);
                bundler.on(Input::Finished { index, result, usage, elapsed })
            }
            Command::Measure { index, against } => {
                let row = bundler.measurement(index, &against).run();
                bundler.on(Input::Measured { index, row })
            }
            _ => Vec::new(),
        });
    }
    bundler.finish().expect("every answer is valid")
}

fuzz_target!(|text: &str| {
    let mut lines = text.lines().peekable();
    let rules = lines.peek().and_then(|line| ConsensusRules::from_json(line).ok());
    let rules = rules.inspect(|_| { lines.next(); }).unwrap_or_default();
    let answers: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).take(MOST_ANSWERS).collect();
    if answers.is_empty() {
        return;
    }
    let bundle = bundle(&answers, rules);
    let summary = &bundle.summary;
    let apart = |a: usize, b: usize| summary.pairwise_distance[a][b];
    for a in 0..answers.len() {
        assert_eq!(apart(a, a), 0.0);
        for b in 0..answers.len() {
            assert!((0.0..=1.0).contains(&apart(a, b)) && apart(a, b) == apart(b, a));
            assert!(answers[a] != answers[b] || apart(a, b) == 0.0);
        }
    }
    let place = |id: &String| id[1..].parse::<usize>().expect("ids are counted") - 1;
    for cluster in &summary.clusters {
        for (a, b) in cluster.replicate_ids.iter().flat_map(|a| cluster.replicate_ids.iter().map(move |b| (a, b))) {
            assert!(apart(place(a), place(b)) <= bundle.meta.epsilon);
        }
    }
    assert!((0.0..=1.0).contains(&summary.agreement));
    assert!(summary.disagreements.iter().all(|found| found.candidates.len() > 1 && found.entropy > 0.0));
    assert!(answers.iter().any(|answer| answer != &answers[0]) || summary.disagreements.is_empty());
    let stored = serde_json::to_string(&bundle).expect("a bundle is JSON");
    // By its JSON: an answer of `null` is read back as none.
    let back: Bundle = serde_json::from_str(&stored).expect("and can be read back");
    assert_eq!(serde_json::to_string(&back).expect("is JSON again"), stored);
});

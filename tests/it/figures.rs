//! What `evaluate` reaches on recorded answers, where they are at hand beside the repository.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Whether a figure has to be at least or at most the value.
#[derive(Clone, Copy)]
enum Held {
    AtLeast(f64),
    AtMost(f64),
}
use Held::{AtLeast, AtMost};

/// The figures that are held: those that `docs/evidence.md` gives as reached, less what other draws may change.
const FIGURES: &[(&str, u64, &str, Held)] = &[
    ("hotpotqa_gpt35_k10", 10, "auroc.snne", AtLeast(0.854)),
    ("hotpotqa_gpt35_k10", 10, "auroc.kernel", AtLeast(0.844)),
    ("triviaqa_llama13b_k20", 3, "auroc.agreement", AtLeast(0.872)),
    ("triviaqa_llama13b_k20", 5, "auroc.agreement", AtLeast(0.885)),
    ("date_gpt35_k10", 5, "ece.p_correct", AtMost(0.06)),
    ("date_gpt35_k10", 5, "brier.p_correct", AtMost(0.179)),
    ("triviaqa_llama13b_k20", 5, "ece.p_correct", AtMost(0.052)),
    ("triviaqa_llama13b_k20", 5, "brier.p_correct", AtMost(0.139)),
    ("gsm8k_ensemble_k14", 5, "ece.p_correct", AtMost(0.028)),
    ("gsm8k_ensemble_k14", 5, "brier.p_correct", AtMost(0.077)),
    ("date_gpt35_k10", 10, "stop.default.samples", AtMost(5.98)),
    ("date_gpt35_k10", 10, "stop.default.same_answer", AtLeast(0.998)),
    ("triviaqa_llama13b_k20", 20, "stop.default.samples", AtMost(12.8)),
    ("triviaqa_llama13b_k20", 20, "stop.default.accuracy_change", AtLeast(-0.001)),
    ("triviaqa_llama13b_k20", 10, "stop.default.samples", AtMost(7.84)),
    ("triviaqa_llama13b_k20", 10, "stop.default.same_answer", AtLeast(0.998)),
    ("gsm8k_ensemble_k14", 14, "stop.default.samples", AtMost(7.94)),
    ("gsm8k_ensemble_k14", 14, "stop.default.same_answer", AtLeast(0.998)),
    ("date_gpt35_k10", 5, "stop.lock.samples", AtMost(3.69)),
    ("date_gpt35_k10", 5, "stop.lock.same_answer", AtLeast(1.0)),
    ("triviaqa_llama13b_k20", 5, "stop.lock.samples", AtMost(4.35)),
    ("triviaqa_llama13b_k20", 5, "stop.lock.same_answer", AtLeast(1.0)),
    ("gsm8k_ensemble_k14", 14, "accuracy.vote.weighted", AtLeast(0.952)),
    ("tatqa_json_5methods", 5, "weights.refused", AtLeast(1.0)),
    ("crosswords_json_gpt4cot_k10", 10, "accuracy.field", AtLeast(0.45)),
    ("crosswords_json_gpt4cot_k10", 10, "auroc.field_support", AtLeast(0.67)),
    ("date_gpt35_k10", 5, "accept.refused", AtLeast(0.95)),
    ("game24_gpt4cot_k100", 10, "accept.refused", AtLeast(1.0)),
    ("gsm8k_ensemble_k14", 5, "accept.error", AtMost(0.1)),
];

#[test]
fn what_was_reached_on_recorded_answers_is_held() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let data = root.join("../shared/data");
    if !data.is_dir() {
        orch_testkit::skipped(format_args!("no recorded answers at {}", data.display()));
        return;
    }
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["run", "--quiet", "--release", "--package", "orch-examples", "--example", "evaluate", "--"])
        .args([data.as_os_str(), "--json".as_ref()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let found: BTreeMap<(String, u64, String), f64> = text.lines().map(figure).collect();
    let value = |set: &str, k: u64, metric: &str| found.get(&(set.to_owned(), k, metric.to_owned())).copied();
    let missed = FIGURES.iter().filter_map(|(set, k, metric, held)| {
        let value = value(set, *k, metric);
        let (kept, says) = match *held {
            AtLeast(least) => (value.is_some_and(|value| value >= least), format!("at least {least}")),
            AtMost(most) => (value.is_some_and(|value| value <= most), format!("at most {most}")),
        };
        (!kept).then(|| format!("{set} K={k} {metric}: {value:?}, {says}"))
    });
    let missed: Vec<String> = missed.collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));

    let vote = |metric: &str| value("gsm8k_ensemble_k14", 14, metric).unwrap();
    assert!(vote("accuracy.vote.weighted") >= vote("accuracy.vote") + 0.005, "weights help by half a point");
    let judge = value("hotpotqa_gpt35_k10", 10, "auroc.judge").unwrap();
    for score in ["agreement", "kernel", "confidence"] {
        let ours = value("hotpotqa_gpt35_k10", 10, &format!("auroc.{score}")).unwrap();
        assert!(ours >= judge + 0.09, "{score}: {ours} against the judge's {judge}");
    }
}

fn figure(line: &str) -> ((String, u64, String), f64) {
    let line: Value = serde_json::from_str(line).unwrap();
    let word = |key: &str| line[key].as_str().unwrap().to_owned();
    ((word("set"), line["k"].as_u64().unwrap(), word("metric")), line["value"].as_f64().unwrap())
}

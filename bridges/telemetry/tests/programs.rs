//! Both programs run by themselves and show what arrived.

use std::process::Command;

fn output(program: &str) -> String {
    let output = Command::new(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("is it feasible?"), "what was asked is nowhere: {text}");
    text
}

#[test]
fn spans_arrive_at_the_collector_each_attempt_in_its_call() {
    let text = output(env!("CARGO_BIN_EXE_observability_otlp"));
    let spans: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("the collector got")).skip(1).collect();
    let named = |name: &str| spans.iter().filter(|span| span.trim_start().starts_with(name)).collect::<Vec<_>>();
    let calls = named("call ");
    assert_eq!(calls.len(), 1, "{text}");
    assert!(calls[0].contains("gen_ai.operation.name=execute_tool") && calls[0].contains("outcome=ok"), "{text}");
    let id = calls[0].split_whitespace().nth(1).unwrap();
    let attempts = named("attempt ");
    assert!(attempts.len() >= 3 && attempts.iter().all(|attempt| attempt.contains(&format!(" in {id}"))), "{text}");
    assert!(attempts.iter().any(|attempt| attempt.contains(" attempt=2")), "the busy one was repeated: {text}");
}

#[test]
fn metrics_are_scraped_with_their_help_their_labels_and_their_values() {
    let text = output(env!("CARGO_BIN_EXE_observability_prometheus"));
    for line in [
        "# TYPE orch_runs_total counter",
        "orch_runs_total{tool=\"feasibility\",outcome=\"completed\"} 1",
        "# HELP orch_retries_total attempts that were repeated, by the reason",
        "orch_retries_total{target=\"a-model\",class=\"transient\",asked_by=\"backoff\"} 1",
        "orch_run_duration_seconds_bucket{tool=\"feasibility\",outcome=\"completed\",le=\"300\"} 1",
        "orch_replicates_total{tool=\"feasibility\",status=\"valid\"}",
        "orch_runs_in_flight 0",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
}

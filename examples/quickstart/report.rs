//! The screen: what was answered, why it may be believed, what it cost.

use orch_core::{AttemptRecord, Content, Error, ErrorKind, Verdict};
use orch_facade::Outcome;
use orch_facade::evidence::{Bundle, Summary};
use serde_json::Value;

use crate::args::Args;
use crate::document::Document;

type Ended = Result<Outcome, Error>;

pub(crate) fn whole(args: &Args, document: &Document, run: &Outcome, replay: &Ended, conflict: &Ended) -> String {
    let mut lines = vec![row("question", &args.ask), row("document", &document.name), row("answerer", &answerer(args))];
    lines.push(row("tool", &format!("{}, {}", run.served_by().unwrap_or("none"), plan_reason(run))));
    lines.extend(run.attempts().iter().filter_map(repeated).map(|text| row("repeated", &text)));
    match run.evidence() {
        Ok(bundle) => lines.extend(evidence(bundle)),
        Err(error) => lines.push(row("evidence", &error.to_string())),
    }
    lines.push(row("spent", &spent(run)));
    lines.push(row("same key", &second(replay)));
    lines.push(row("other body", &third(conflict)));
    lines.join("\n")
}

/// What the replicates agreed on when the run was interrupted.
pub(crate) fn partial(summary: &Content) -> String {
    match summary.get::<Summary>() {
        Ok(summary) => agreed(&summary).join("\n"),
        Err(error) => row("partial", &error.to_string()),
    }
}

/// A failure in words, with what to do about it where that is known.
pub(crate) fn failure(error: &Error) -> String {
    let advice = match error.kind() {
        ErrorKind::Unpriced { .. } => "\nhint: add `--price IN,OUT` (dollars per million tokens) or `--free`",
        _ => "",
    };
    let stopped = error.stopped().map(|why| format!("\nnot repeated: {why}")).unwrap_or_default();
    format!("{error}{stopped}{advice}")
}

fn answerer(args: &Args) -> String {
    let (Some(url), Some(model)) = (&args.base_url, &args.model) else {
        return "local: extractive retrieval from the document, not a language model".to_owned();
    };
    format!("{model} at {url}")
}

fn plan_reason(run: &Outcome) -> String {
    let plan = run.plan().and_then(|plan| plan.to_json().ok());
    plan.and_then(|plan| plan.get("reason").and_then(Value::as_str).map(str::to_owned)).unwrap_or_default()
}

fn repeated(record: &AttemptRecord) -> Option<String> {
    let wait = record.wait.filter(|_| record.verdict == Verdict::Repeated)?;
    let who = record.replicate.map(|n| format!("r{n}")).unwrap_or_default();
    let message = record.message.as_deref().unwrap_or("failed");
    Some(format!(
        "{who} attempt {}: {message}; waited {:.2} s, asked for by {}",
        record.attempt,
        wait.duration.as_secs_f64(),
        wait.asked_by
    ))
}

fn evidence(bundle: &Bundle) -> Vec<String> {
    let (meta, stop) = (&bundle.meta, &bundle.stop);
    let mut lines = vec![row("stopped", &format!("after {} of {}: {}", meta.k_completed, meta.k, stop.reason))];
    if stop.saved > 0 {
        lines.push(row("saved", &format!("{} of {} calls", stop.saved, meta.k)));
    }
    lines.extend(
        bundle
            .replicates
            .iter()
            .filter(|r| !r.quality.valid)
            .map(|replicate| row("not valid", &format!("{}: {}", replicate.id, replicate.quality.errors.join("; ")))),
    );
    lines.extend(agreed(&bundle.summary));
    lines
}

fn agreed(summary: &Summary) -> Vec<String> {
    let mut lines = vec![row("consensus", &text_of(summary.consensus.as_ref().unwrap_or(&Value::Null)))];
    for difference in &summary.disagreements {
        let place = if difference.pointer.is_empty() { "the answer" } else { &difference.pointer };
        lines.push(row("disagree", &format!("on {place}:")));
        lines.extend(difference.candidates.iter().map(|candidate| {
            let who = candidate.replicate_ids.join(" ");
            format!("{:14}{:>3.0} % {} ({who})", "", candidate.support * 100.0, text_of(&candidate.value))
        }));
    }
    lines.push(row("trust", &trust(summary)));
    lines.extend(distances(summary));
    lines
}

/// The number, what it is the chance of, and what it is not.
fn trust(summary: &Summary) -> String {
    let right = summary.p_correct.map_or("p_correct unknown (0 labels)".to_owned(), |p| format!("p_correct {p:.2}"));
    let kind = summary.confidence_kind.meaning();
    format!("agreement {:.2}, {kind}; {right}: agreement is not correctness", summary.agreement)
}

/// Each row says how far one replicate's answer is from the others'.
fn distances(summary: &Summary) -> Vec<String> {
    let cells = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| format!("{text:>6}")).collect::<String>();
    let mut lines = vec![row("distance", &format!("{:3}{}", "", cells(&mut summary.compared.iter().cloned())))];
    lines.extend(summary.compared.iter().zip(&summary.pairwise_distance).map(|(id, distances)| {
        row("", &format!("{id:3}{}", cells(&mut distances.iter().map(|distance| format!("{distance:.2}")))))
    }));
    lines
}

fn spent(run: &Outcome) -> String {
    let (usage, limits) = (run.usage(), run.budget().limits());
    let tokens = limits.tokens.map(|limit| format!(" of {limit}")).unwrap_or_default();
    let cost = usage.cost.map_or("cost unknown".to_owned(), |cost| cost.value.to_string());
    let budget = limits.cost.map(|limit| format!(" of {limit}")).unwrap_or_default();
    let time = run.budget().time_limit().map(|limit| format!(" of {} s", limit.as_secs_f64())).unwrap_or_default();
    format!("{} tokens{tokens}; {cost}{budget}; {:.2} s{time}", usage.tokens(), run.elapsed().as_secs_f64())
}

fn second(replay: &Ended) -> String {
    match replay {
        Ok(outcome) if outcome.replayed() => {
            format!("replayed, nothing spent ({} tokens)", outcome.usage().tokens())
        }
        Ok(_) => "executed again".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn third(conflict: &Ended) -> String {
    match conflict {
        Ok(_) => "answered".to_owned(),
        Err(error) if matches!(error.kind(), ErrorKind::Conflict { .. }) => format!("conflict: {error}"),
        Err(error) => error.to_string(),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn row(name: &str, text: &str) -> String {
    format!("{name:<11}{text}")
}

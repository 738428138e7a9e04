//! Progress on stderr: one line per replicate on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use orch_core::{Envelope, Event};

pub(crate) enum Live {
    Terminal { screen: MultiProgress, lines: BTreeMap<u32, ProgressBar> },
    Plain,
}

impl Live {
    pub(crate) fn start() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Terminal { screen: MultiProgress::new(), lines: BTreeMap::new() }
        } else {
            Self::Plain
        }
    }

    pub(crate) fn show(&mut self, envelope: &Envelope) {
        let Some(text) = describe(&envelope.event) else { return };
        match (self, envelope.source.replicate) {
            (Self::Plain, Some(n)) => note(&format!("r{n}: {text}")),
            (Self::Plain, None) => note(&text),
            (Self::Terminal { screen, .. }, None) => {
                let _ = screen.println(text);
            }
            (Self::Terminal { screen, lines }, Some(n)) => {
                let line = lines.entry(n).or_insert_with(|| new_line(screen, n));
                if matches!(envelope.event, Event::ReplicateDone { .. }) {
                    line.finish_with_message(text);
                } else {
                    line.set_message(text);
                }
            }
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress of a program")]
fn note(line: &str) {
    eprintln!("{line}");
}

fn new_line(screen: &MultiProgress, n: u32) -> ProgressBar {
    let line = screen.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg}") {
        line.set_style(style);
    }
    line.set_prefix(format!("r{n}"));
    line.enable_steady_tick(Duration::from_millis(100));
    line
}

/// The event in words; `None` for those that a person need not see.
fn describe(event: &Event) -> Option<String> {
    Some(match event {
        Event::PlanSelected { tool, reason } => format!("plan: {tool}, {reason}"),
        Event::ReplicateStarted { .. } => "started".to_owned(),
        Event::AttemptFailed { class, message } => format!("failed ({class}): {message}"),
        Event::RetryScheduled { wait, asked_by } => {
            format!("tries again in {:.2} s, asked for by {asked_by}", wait.as_secs_f64())
        }
        Event::ReplicateDone { status, message, .. } => {
            let status = format!("{status:?}").to_lowercase();
            message.as_ref().map_or(status.clone(), |message| format!("{status}: {message}"))
        }
        Event::ReplicatesReduced { from, to, reason } => format!("{to} replicates instead of {from}: {reason}"),
        Event::BudgetWarning { budget, used } => format!("{:.0} % of the {budget} budget is used", used * 100.0),
        Event::CircuitChanged { target, from, to, reason } => format!("circuit of {target}: {from} to {to}, {reason}"),
        Event::Cancelled {} => "cancelled".to_owned(),
        _ => return None,
    })
}

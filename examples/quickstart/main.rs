//! The main job, end to end: a question about a document, answered by replicates through the whole stack.

mod args;
mod document;
mod live;
mod report;
mod setup;
mod tools;

use std::pin::pin;
use std::process::ExitCode;

use clap::Parser;
use orch_core::{Content, Error, ErrorKind, Event};
use orch_facade::{Client, Outcome, Run};
use serde_json::{Value, json};

use crate::args::Args;
use crate::document::Document;
use crate::live::Live;

const BAD_INPUT: u8 = 2;
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let document = match document::read(&args) {
        Ok(document) => document,
        Err(message) => return fail(BAD_INPUT, &message),
    };
    let client = match setup::client(&args, &document) {
        Ok(client) => client,
        Err(error) => return fail(BAD_INPUT, &format!("{error:#}")),
    };
    main_job(&args, &document, &client).await
}

/// The run, its replay, and a conflict.
async fn main_job(args: &Args, document: &Document, client: &Client) -> ExitCode {
    let first = match watched(setup::run(client, args, &args.ask, 1)).await {
        Ok(outcome) => outcome,
        Err(Stopped { error, partial }) => return stopped(args, &error, partial),
    };
    let replay = setup::run(client, args, &args.ask, 2).await;
    let conflict = setup::run(client, args, "Is this the same request?", 3).await;
    if args.json {
        print(&in_json(&first, &replay, &conflict).to_string());
    } else {
        print(&report::whole(args, document, &first, &replay, &conflict));
    }
    ExitCode::SUCCESS
}

/// How a run ended that gave no answer, with what its replicates agreed on until then.
struct Stopped {
    error: Error,
    partial: Option<Content>,
}

/// Drives a run, shows its progress, and cancels it on Ctrl-C.
async fn watched(run: Run) -> Result<Outcome, Stopped> {
    let mut events = run.events();
    let (mut live, mut partial, mut interrupted) = (Live::start(), None, false);
    let mut interrupt = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            // Polled first, so that it listens before the first line of progress is shown.
            biased;
            _ = &mut interrupt, if !interrupted => {
                interrupted = true;
                events.cancellation().cancel();
            }
            event = events.next() => match event {
                Some(envelope) => {
                    live.show(&envelope);
                    if let Event::PartialSummary { summary } = envelope.event {
                        partial = Some(summary);
                    }
                }
                None => break,
            },
        }
    }
    events.outcome().await.map_err(|error| Stopped { error, partial })
}

fn stopped(args: &Args, error: &Error, partial: Option<Content>) -> ExitCode {
    let interrupted = matches!(error.kind(), ErrorKind::Cancelled);
    if args.json {
        print(&json!({ "run": { "error": error, "partial_summary": partial } }).to_string());
    } else if let Some(summary) = partial.filter(|_| interrupted) {
        print(&report::partial(&summary));
    }
    fail(if interrupted { INTERRUPTED } else { 1 }, &report::failure(error))
}

fn in_json(first: &Outcome, replay: &Result<Outcome, Error>, conflict: &Result<Outcome, Error>) -> Value {
    let either = |result: &Result<Outcome, Error>| match result {
        Ok(outcome) => json!(outcome),
        Err(error) => json!({ "error": error }),
    };
    json!({ "run": first, "replay": either(replay), "conflict": either(conflict) })
}

#[expect(clippy::print_stdout, reason = "the result of a program")]
fn print(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the failure of a program")]
fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(code)
}

//! An answer as it is said, on a terminal; and what went on around it, one line each.
//!
//!     cargo run --example stream_terminal
//!     cargo run --example stream_terminal | cat
//!
//! The text goes to standard output piece by piece, so that `> file` keeps the answer and nothing else. What the run
//! does besides (attempts, waits, what was used) goes to standard error: dimmed on a terminal that has not said
//! `NO_COLOR`, plain elsewhere. A reader that goes away, as `head -c 10` does, ends the run, and Ctrl-C cancels it.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use orch_core::{DeltaKind, Error, Event, HasContext, Output, Request, ToolSpec, tool_fn};
use orch_facade::{Client, RetryPolicy};
use tokio::time::{Instant, sleep};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let client = Client::builder()
        .tool(tool_fn(ToolSpec::pure("storyteller"), tell_a_story))
        .retry(RetryPolicy::default().initial_delay(Duration::from_millis(20)))
        .build()?;
    let mut events = client.run("Tell me of the two tides.").tool("storyteller").events();
    let cancellation = events.cancellation();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            cancellation.cancel();
        }
    });

    let mut screen = Screen::new();
    while let Some(envelope) = events.next().await {
        // A reader that has gone away is no failure: nobody is left to tell it to.
        match screen.show(&envelope.event) {
            Err(gone) if gone.kind() == ErrorKind::BrokenPipe => return Ok(()),
            shown => shown?,
        }
    }
    events.outcome().await?;
    Ok(())
}

/// Where the answer goes, and where the rest.
struct Screen {
    out: std::io::Stdout,
    err: std::io::Stderr,
    dim: bool,
    /// Whether a line of the answer is open on the terminal, and a note has to begin a new one.
    open: bool,
}

impl Screen {
    fn new() -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let dim = err.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { out, err, dim, open: false }
    }

    fn show(&mut self, event: &Event) -> std::io::Result<()> {
        match event {
            Event::Delta { kind: DeltaKind::Text, text } => {
                self.open = self.out.is_terminal() && !text.ends_with('\n');
                write!(self.out, "{text}")?;
                self.out.flush()
            }
            Event::AttemptStarted { target } => self.note(&format!("asking {target}")),
            Event::AttemptFailed { class, message } => self.note(&format!("failed ({class}): {message}")),
            Event::RetryScheduled { wait, asked_by } => {
                self.note(&format!("again in {} ms, asked for by {asked_by}", wait.as_millis()))
            }
            Event::Completed { usage, .. } => self.note(&format!("done, {} tokens", usage.tokens())),
            Event::Error { error } | Event::Timeout { error } => self.note(&format!("failed: {error}")),
            Event::Cancelled {} => self.note("cancelled"),
            _ => Ok(()),
        }
    }

    fn note(&mut self, text: &str) -> std::io::Result<()> {
        if std::mem::take(&mut self.open) {
            writeln!(self.out)?;
        }
        match self.dim {
            true => writeln!(self.err, "\x1b[2m{text}\x1b[0m"),
            false => writeln!(self.err, "{text}"),
        }
    }
}

/// A model that is slow to speak, and busy at first.
async fn tell_a_story(request: Request) -> Result<Output, Error> {
    let context = request.context();
    if context.attempt() == 1 {
        return Err(Error::transient("the storyteller is busy"));
    }
    let story = "Twice a day the sea comes in, and twice a day it leaves: the moon pulls at the near shore, \
                 and lets the far one lag behind.\n";
    for piece in story.split_inclusive(' ') {
        sleep(Duration::from_millis(15)).await;
        context.deliver(Instant::now(), DeltaKind::Text, piece);
    }
    Ok(Output::from(story))
}

//! What recorded answers tell: how good the vote is, how well each score knows when it is right, and what
//! each stop rule saves. Nothing is called: the answers are files.
//!
//! Each question is drawn from several times, K replicates without replacement in an order by chance (of a
//! fixed seed), so that figures do not hang on the recorded order; every bundle goes through [`orch_evidence::Bundler`]
//! with its default options. Scores, accuracies and stops are over all bundles of a set and a K.

mod args;
mod bench;
mod bundles;
mod draws;
mod english;
mod figures;
mod leaves;
mod metrics;
mod report;
mod set;
mod splits;
mod stops;
mod trial;
mod watch;
mod weighted;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "why the program ends")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let sets = set::load(&args.dir, &args.sets)?;
    let metric = english::distance(!args.not_english);
    let mut out = io::stdout().lock();
    for set in &sets {
        let figures = figures::figures(set, &metric)?;
        if args.json {
            report::lines(&mut out, &figures)?;
        } else {
            report::table(&mut out, set, &figures)?;
        }
        out.flush()?;
    }
    Ok(())
}

/// Whoever reads has read enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

//! How many instructions a run by the client costs over a tool that costs nothing, counted by valgrind, with a limit:
//!
//!     cargo bench -p orch-facade --no-default-features --bench instructions
//!
//! All layers are on; no key, no listener, no subscriber. A limit is what was reached, and three in a hundred;
//! `docs/reliability.md` holds it against the goal.

#![allow(missing_docs, clippy::must_use_candidate, reason = "the macros make public functions of ours")]

mod subject;

use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use orch_facade::{Error, Outcome};
use subject::Ready;

fn limit(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    LibraryBenchmarkConfig::default().tool(callgrind).clone()
}

#[library_benchmark(config = limit(19_690))]
#[bench::by_name(Ready::new())]
fn run(ready: Ready) -> (Ready, Result<Outcome, Error>) {
    let result = ready.run();
    (ready, result)
}

library_benchmark_group!(name = runs, benchmarks = [run]);
main!(library_benchmark_groups = runs);

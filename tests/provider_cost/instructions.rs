//! How many instructions a call and an event of a stream cost, by reqwest alone and by a provider inside a stack of
//! layers, in the same run:
//!
//!     cargo bench -p orch-tests --bench provider_cost
//!
//! `check_instructions.py` compares what it writes.

#![allow(missing_docs, clippy::must_use_candidate, reason = "the macros make public functions of ours")]

mod subject;

use gungraun::prelude::*;
use subject::{Floor, Got, Ours};

/// The server is a process of its own and is not counted.
fn config() -> LibraryBenchmarkConfig {
    LibraryBenchmarkConfig::default().tool(gungraun::Callgrind::with_args(["--trace-children=no"])).clone()
}

#[library_benchmark]
#[bench::whole(Floor::new(None))]
#[bench::pieces_200(Floor::new(Some(200)))]
#[bench::pieces_1200(Floor::new(Some(1_200)))]
fn floor(mut floor: Floor) -> (Floor, Got) {
    let got = floor.call();
    (floor, got)
}

#[library_benchmark]
#[bench::whole(Ours::new(None))]
#[bench::pieces_200(Ours::new(Some(200)))]
#[bench::pieces_1200(Ours::new(Some(1_200)))]
fn ours(mut ours: Ours) -> (Ours, Got) {
    let got = ours.call();
    (ours, got)
}

library_benchmark_group!(name = provider_cost, benchmarks = [floor, ours]);
main!(config = config(), library_benchmark_groups = provider_cost);

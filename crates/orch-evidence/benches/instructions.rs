//! How many instructions a bundle costs, counted by valgrind. Counts with a limit must stay below it:
//!
//!     cargo bench -p orch-evidence --bench instructions | python3 crates/orch-evidence/benches/check_instructions.py
//!
//! The script holds the ratios to `strsim` and `rapidfuzz`, which are counted in the same run. A limit is what was
//! reached, and three in a hundred; eight where the number of polls depends on how fast other threads are; for single polls
//! and the posterior it is the goal. Hashes of words are keyed anew in each process, which alone moves a figure by up to one
//! in a hundred. `docs/evidence.md` holds them against the goals.

#![allow(
    missing_docs,
    unused_qualifications,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "the macros make public functions of ours"
)]

mod subject;

use std::hint::black_box;
use std::sync::Arc;

use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use orch_core::Output;
use orch_evidence::confidence::{PRIOR, mode_posterior, von_neumann_entropy};
use orch_evidence::stopping::{Decision, StopRule, TallyView, adaptive};
use orch_evidence::{Bundle, Distance, Levenshtein, TokenJaccard};
use subject::{Called, Polled, Ready, Texts, records, texts};

fn limit(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    LibraryBenchmarkConfig::default().tool(callgrind).clone()
}

fn limit_beside_threads(instructions: u64) -> LibraryBenchmarkConfig {
    // What other threads have freed is merged by glibc whenever this one happens to ask for a large piece: with its fast
    // bins the same program takes 0.68 or 0.97 million instructions for the records.
    limit(instructions).env("GLIBC_TUNABLES", "glibc.malloc.mxfast=0").clone()
}

fn by_default(kind: Texts, k: usize, length: usize) -> Ready {
    Ready::new(texts(kind, k, length), None)
}

fn by(metric: impl Distance + 'static, kind: Texts, k: usize, length: usize) -> Ready {
    Ready::new(texts(kind, k, length), Some(Arc::new(metric)))
}

// A whole bundle: normalised, compared, clustered, summed up.
#[library_benchmark]
#[bench::k3_short(args = (by_default(Texts::Equal, 3, 20)), config = limit(59_600))]
#[bench::k8_2000_equal(args = (by_default(Texts::Equal, 8, 2_000)), config = limit(231_000))]
#[bench::k8_2000_near(args = (by_default(Texts::Near, 8, 2_000)), config = limit(2_220_000))]
#[bench::k8_2000_unrelated(args = (by_default(Texts::Unrelated, 8, 2_000)), config = limit(3_030_000))]
#[bench::k8_1000_near(args = (by_default(Texts::Near, 8, 1_000)), config = limit(1_215_000))]
#[bench::k8_10000_near(args = (by_default(Texts::Near, 8, 10_000)), config = limit(14_950_000))]
#[bench::k32_1000_near(args = (by_default(Texts::Near, 32, 1_000)), config = limit(15_650_000))]
#[bench::last_of_k8_1000_near(args = (by_default(Texts::Near, 8, 1_000).but_for(1)), config = limit(395_000))]
#[bench::words_k8_2000_near(args = (by(TokenJaccard::SET, Texts::Near, 8, 2_000)), config = limit(1_125_000))]
#[bench::characters_k8_2000_near(args = (by(Levenshtein, Texts::Near, 8, 2_000)))]
fn bundle(ready: Ready) -> Bundle {
    ready.finish()
}

// What the caller's own thread does for a whole call: all its polls together. What is too much for one poll is done on
// another thread, and not counted here.
#[library_benchmark]
#[bench::k8_10000_near(
    args = (Called::new(texts(Texts::Near, 8, 10_000).into_iter().map(Output::from).collect())),
    config = limit_beside_threads(432_000)
)]
#[bench::k8_records_of_1000(args = (Called::new(records(8, 1_000))), config = limit_beside_threads(360_000))]
fn caller(called: Called) -> (Called, Output) {
    called.call()
}

fn before_poll_of_2000(n: usize) -> Polled {
    Called::new(texts(Texts::Near, 8, 2_000).into_iter().map(Output::from).collect()).before_poll(n)
}

fn before_poll_of_20000(n: usize) -> Polled {
    Called::new(texts(Texts::Near, 8, 20_000).into_iter().map(Output::from).collect()).before_poll(n)
}

// No single poll takes a tenth of a millisecond: each of the first 20, which are all of them but for stray ones.
#[library_benchmark]
#[benches::k8_2000(
    args = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
    setup = before_poll_of_2000,
    config = limit_beside_threads(300_000)
)]
#[benches::k8_20000(
    args = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
    setup = before_poll_of_20000,
    config = limit_beside_threads(300_000)
)]
fn one_poll(mut polled: Polled) -> Polled {
    polled.poll();
    polled
}

// All pairs of eight texts, by the crate itself.
#[library_benchmark]
#[bench::k8_2000_near(texts(Texts::Near, 8, 2_000))]
fn pairs_by_rapidfuzz(texts: Vec<String>) -> f64 {
    pairs(&texts, |a, b| rapidfuzz::distance::levenshtein::normalized_distance(a.chars(), b.chars()))
}

#[library_benchmark]
#[bench::k8_2000_near(texts(Texts::Near, 8, 2_000))]
fn pairs_by_strsim(texts: Vec<String>) -> f64 {
    pairs(&texts, strsim::normalized_levenshtein)
}

// One pair: all 28 take as many times as long.
#[library_benchmark]
#[bench::pair_10000_near(texts(Texts::Near, 2, 10_000))]
fn pair_by_strsim(texts: Vec<String>) -> f64 {
    pairs(&texts, strsim::normalized_levenshtein)
}

fn pairs(texts: &[String], distance: impl Fn(&str, &str) -> f64) -> f64 {
    let all = texts.iter().enumerate().flat_map(|(at, a)| texts[at + 1..].iter().map(move |b| (a, b)));
    all.map(|(a, b)| distance(a, b)).sum()
}

fn counts_of_32() -> Vec<u32> {
    vec![9, 7, 5, 3, 2, 1, 1, 1]
}

#[library_benchmark(config = limit(1_960))]
#[bench::k32(counts_of_32())]
fn stop_decision(counts: Vec<u32>) -> Decision {
    adaptive().decide(&TallyView::new(black_box(&counts), 29, 32))
}

#[library_benchmark(config = limit(60_000))]
#[bench::k32(counts_of_32())]
fn posterior(counts: Vec<u32>) -> Option<f64> {
    mode_posterior(black_box(&counts), PRIOR)
}

fn distances(k: usize) -> Vec<Vec<f64>> {
    let apart = |a: usize, b: usize| if a == b { 0.0 } else { ((a * b) % 7) as f64 / 10.0 };
    (0..k).map(|a| (0..k).map(|b| apart(a.min(b), a.max(b))).collect()).collect()
}

#[library_benchmark(config = limit(14_600))]
#[bench::k32(distances(32))]
fn spread(distances: Vec<Vec<f64>>) -> Option<f64> {
    von_neumann_entropy(black_box(&distances))
}

library_benchmark_group!(
    name = bundles,
    benchmarks = [
        bundle,
        caller,
        one_poll,
        pairs_by_rapidfuzz,
        pairs_by_strsim,
        pair_by_strsim,
        stop_decision,
        posterior,
        spread
    ]
);
main!(library_benchmark_groups = bundles);

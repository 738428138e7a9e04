//! How long a hundred thousand rules take to be made ready, for the documentation; nothing is asserted.
//!
//!     cargo bench -p orch-planning --bench compile_time

#![expect(clippy::print_stdout, reason = "a program")]

use orch_planning::RulePlanner;
use tokio::time::Instant;

#[allow(dead_code, reason = "shared with the other benchmark")]
mod support;

use support::{Kind, rules};

fn main() {
    for kind in [Kind::Equality, Kind::Keywords, Kind::Mixed] {
        let mut fastest = None;
        for _ in 0..3 {
            let rules = rules(kind, 100_000);
            let began = Instant::now();
            let planner = RulePlanner::new(rules).expect("the rules can work");
            let took = began.elapsed();
            fastest = Some(fastest.map_or(took, |other: std::time::Duration| other.min(took)));
            assert_eq!(planner.len(), 100_000);
        }
        println!("{kind:?}: 100000 rules in {:?}", fastest.unwrap_or_default());
    }
}

//! What rules take, in bytes that are allocated and kept.

#[allow(dead_code, reason = "shared with the benchmarks")]
#[path = "../benches/support.rs"]
mod support;

use orch_planning::RulePlanner;
use support::{Kind, rules};

#[test]
fn a_rule_takes_about_a_kilobyte_and_gives_it_back() {
    let count = 20_000;
    for kind in [Kind::Equality, Kind::Keywords, Kind::Mixed] {
        let mut planner = None;
        let kept = allocation_counter::measure(|| {
            planner = Some(RulePlanner::new(rules(kind, count)).unwrap());
        });
        let bytes = kept.bytes_current / i64::from(count);
        assert!((300..1_280).contains(&bytes), "{kind:?}: {bytes} bytes a rule");
        let freed = allocation_counter::measure(|| drop(planner.take()));
        assert!(kept.bytes_current + freed.bytes_current < 1_024, "{kind:?}: {freed:?}");
    }
}

//! How many allocations a bundle costs through the whole client.

#[path = "../benches/subject/mod.rs"]
mod subject;

use subject::Ready;

/// What was reached; the goal is 40.
const ALLOCATIONS: u64 = 40;

#[test]
fn a_bundle_of_short_answers_that_somebody_listens_to_stays_within_its_allocations() {
    let ready = Ready::new();
    let mut read = 0;
    let counted = allocation_counter::measure(|| read = ready.run());
    assert!(read >= 10, "all events were read: {read}");
    assert!(counted.count_total <= ALLOCATIONS, "{} allocations", counted.count_total);
}

//! How many allocations a run by the client costs: an exact count, so that one more is seen.

#[path = "../benches/subject/mod.rs"]
mod subject;

use allocation_counter::measure;
use subject::Ready;

#[test]
fn a_run_by_name_allocates_what_is_counted_here_and_leaves_nothing() {
    let ready = Ready::new();
    let counted = measure(|| drop(ready.run().expect("it answers")));
    assert_eq!((counted.count_current, counted.bytes_current), (0, 0), "something was left behind");
    assert_eq!(counted.count_total, 37);
}

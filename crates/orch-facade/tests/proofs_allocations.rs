//! How many allocations a run by the client costs: an exact count, so that one more is seen.

#[path = "../benches/subject/mod.rs"]
mod subject;

use std::future::{IntoFuture, pending};
use std::task::{Context, Waker};
use std::time::Duration;

use allocation_counter::measure;
use orch_facade::{Client, Error, Output, Request, Run, ToolSpec, tool_fn};
use subject::{Bundled, Ready, Told};

/// The labels of metrics are made even if no recorder is there to take them.
const METRICS: bool = cfg!(feature = "metrics");

#[test]
fn a_run_by_name_allocates_what_is_counted_here_and_leaves_nothing() {
    let ready = Ready::new();
    let counted = measure(|| drop(ready.run().expect("it answers")));
    assert_eq!((counted.count_current, counted.bytes_current), (0, 0), "something was left behind");
    assert_eq!(counted.count_total, if METRICS { 49 } else { 37 });
}

/// Replicates that ran, events that were heard, allocations. Each replicate goes through all layers, as a run does, which
/// takes most of the allocations of one; the rest is the bundle, and ten events or more. 321 and 550 were counted, with metrics
/// 355 and 600; there is a tenth of room for layers that change.
#[test]
fn a_bundle_of_short_answers_with_one_listener_allocates_what_is_counted_here() {
    let found = [["Paris", "Paris", "Paris"], ["Paris", "Lyon", "Paris"]].map(|answers| {
        let ready = Bundled::new(answers);
        let mut ran = None;
        let counted = measure(|| ran = Some(ready.run()));
        let (heard, outcome) = ran.expect("it ran");
        (outcome.evidence().expect("a bundle").meta.k_started, heard, counted.count_total)
    });
    assert_eq!(found.map(|(replicates, heard, _)| (replicates, heard)), [(2, 10), (3, 14)]);
    let limits = if METRICS { (390, 660) } else { (353, 605) };
    assert!(found[0].2 <= limits.0 && found[1].2 <= limits.1, "{found:?}");
}

/// Each of them reads at once, as one who waits for the next event does.
#[test]
fn an_event_allocates_nothing_whether_nobody_one_or_sixteen_listen() {
    for listeners in [0, 1, 16] {
        let mut told = Told::new(listeners);
        let mut read = 0;
        let counted = measure(|| {
            for _ in 0..1_000 {
                told.tell();
                read += told.read();
            }
        });
        assert_eq!(counted.count_total, 0, "{listeners} listeners");
        assert_eq!(read, 1_000 * listeners);
    }
}

const CALLS: usize = 10_000;

/// So many runs, each of them in its tool.
fn in_flight(client: &Client, runs: &mut Vec<<Run as IntoFuture>::IntoFuture>) {
    for _ in 0..CALLS {
        let mut run = client.run("hello").tool("hangs").into_future();
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        runs.push(run);
    }
}

/// The request, its account and its ids included. `docs/performance.md` says what they are made of.
#[test]
fn ten_thousand_runs_in_flight_hold_so_many_bytes_each_and_leave_none() {
    let hangs = tool_fn(ToolSpec::pure("hangs"), |_: Request| pending::<Result<Output, Error>>());
    let client = Client::builder().tool(hangs).bulkhead(CALLS, Duration::ZERO).build().expect("one tool");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut runs = Vec::with_capacity(CALLS);
    in_flight(&client, &mut runs);
    runs.clear();
    let held = measure(|| in_flight(&client, &mut runs)).bytes_current;
    runs.clear();
    let left = measure(|| {
        in_flight(&client, &mut runs);
        runs.clear();
    });
    assert_eq!((left.count_current, left.bytes_current), (0, 0), "something was left behind");
    let each = held / i64::try_from(CALLS).expect("few");
    println!("a run in flight: {each} bytes");
    assert!(each <= 5_950, "{each} bytes");
}

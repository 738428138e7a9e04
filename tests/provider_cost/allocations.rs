//! How many allocations a call and an event of a stream cost, against a server in a process of its own.

mod subject;

use allocation_counter::measure;
use subject::{Floor, Got, Ours};

/// The allocations of a call, the least of three: now and then a buffer grows.
fn allocations(mut call: impl FnMut() -> Got) -> u64 {
    (0..3).map(|_| measure(|| drop(call())).count_total).min().unwrap_or_default()
}

#[test]
fn both_ways_to_ask_give_the_same() {
    for pieces in [None, Some(200)] {
        let (floor, ours) = (Floor::new(pieces).call(), Ours::new(pieces).call());
        assert_eq!(floor, ours);
        assert!(!floor.text.is_empty() && floor.tokens == (512, 64) && &*floor.model == "tiny-1");
        assert_eq!(floor.heard, pieces.map_or(0, |pieces| pieces * " word".len()));
    }
}

#[test]
fn a_call_takes_at_most_so_many_allocations() {
    let (mut floor, mut ours) = (Floor::new(None), Ours::new(None));
    let (floor, ours) = (allocations(|| floor.call()), allocations(|| ours.call()));
    println!("a call: {ours} allocations, by reqwest alone {floor}");
    assert!(ours <= 70, "{ours} allocations, by reqwest alone {floor}");
}

#[test]
fn an_event_takes_at_most_three_allocations() {
    let per_event = |mut few: Box<dyn FnMut() -> Got>, mut many: Box<dyn FnMut() -> Got>| {
        let more = allocations(&mut many).saturating_sub(allocations(&mut few));
        f64::from(u32::try_from(more).expect("few")) / 1_000.0
    };
    let floor = |pieces| -> Box<dyn FnMut() -> Got> {
        let mut floor = Floor::new(Some(pieces));
        Box::new(move || floor.call())
    };
    let ours = |pieces| -> Box<dyn FnMut() -> Got> {
        let mut ours = Ours::new(Some(pieces));
        Box::new(move || ours.call())
    };
    let (floor, ours) = (per_event(floor(200), floor(1_200)), per_event(ours(200), ours(1_200)));
    println!("an event: {ours:.2} allocations, by reqwest alone {floor:.2}");
    assert!(ours <= 3.05, "{ours} allocations an event, by reqwest alone {floor}");
}

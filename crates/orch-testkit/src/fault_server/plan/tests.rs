use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fault_server::wire::Wire;

fn point() -> impl Strategy<Value = At> {
    prop_oneof![
        Just(At::Start),
        Just(At::Head),
        Just(At::End),
        (0_usize..12).prop_map(At::Events),
        (0_usize..5).prop_map(At::Pieces),
        (0_usize..5).prop_map(At::InPiece),
    ]
}

fn planned(answer: &Answer, wire: Wire, stream: bool) -> Vec<Act> {
    // Without HTTP's chunks the bytes that are sent are the body.
    let answer = answer.clone().until_close();
    plan(&answer, Asked::of(wire, 1, &json!({ "stream": stream })), Duration::ZERO).acts
}

fn bytes(acts: &[Act]) -> Vec<u8> {
    let sent = acts.iter().filter_map(|act| if let Act::Send(bytes) = act { Some(bytes.as_slice()) } else { None });
    sent.collect::<Vec<_>>().concat()
}

proptest! {
    #[test]
    fn pauses_and_chunks_change_no_byte_and_a_cut_leaves_a_prefix(
        pieces in proptest::collection::vec("[a-zé🦀 ]{0,6}", 0..4),
        split in proptest::option::of(1_usize..40),
        pauses in proptest::collection::vec(point(), 0..4),
        cut in point(),
        wire in prop_oneof![Just(Wire::Chat), Just(Wire::Responses), Just(Wire::Messages)],
        stream in any::<bool>(),
        heartbeats in 0_usize..3,
    ) {
        let plain = Answer::pieces(pieces).heartbeats(heartbeats);
        let all = bytes(&planned(&plain, wire, stream));
        let split = split.into_iter().fold(plain, Answer::split);
        let wait = Duration::from_millis(1);
        let paused = pauses.iter().fold(split, |answer, at| answer.pause(*at, wait));
        let acts = planned(&paused, wire, stream);
        prop_assert_eq!(&bytes(&acts), &all);
        prop_assert_eq!(acts.iter().filter(|act| **act == Act::Pause(wait)).count(), pauses.len());
        let cut = planned(&paused.cut(cut), wire, stream);
        prop_assert!(all.starts_with(&bytes(&cut)));
        prop_assert_eq!(cut.last(), Some(&Act::Cut));
    }
}

#[test]
fn nothing_is_planned_after_a_stall() {
    let acts = planned(&Answer::text("a b").stall(At::Pieces(1)).cut(At::End), Wire::Chat, true);
    assert_eq!(acts.last(), Some(&Act::Stall));
}

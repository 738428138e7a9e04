use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{DeltaKind, Envelope, Event, EventSink, EventStream, Origin, ReplicateStatus};
use crate::{AskedBy, BudgetKind, CallContext, Class, Content, Counted, Error, ErrorKind, Part, Target, Usage};

fn delta(text: &str) -> Event {
    Event::Delta { kind: DeltaKind::Text, text: text.into() }
}

fn completed() -> Event {
    Event::Completed { usage: Usage::new(), replayed: false }
}

fn started(seed: u64) -> Event {
    Event::ReplicateStarted { seed: Some(seed) }
}

/// What can be read without waiting.
fn unread(events: &mut EventStream) -> Vec<Envelope> {
    let mut all = Vec::new();
    while let Poll::Ready(Some(envelope)) = poll(events) {
        all.push(envelope);
    }
    all
}

fn poll(events: &mut EventStream) -> Poll<Option<Envelope>> {
    pin!(events.next()).poll(&mut Context::from_waker(Waker::noop()))
}

/// Each unread event in short: the replicate, then the text of a delta or the name of another event.
fn short(events: &mut EventStream) -> Vec<String> {
    let describe = |envelope: Envelope| {
        let replicate = envelope.source.replicate.map(|n| format!("r{n} ")).unwrap_or_default();
        match envelope.event {
            Event::Delta { kind: DeltaKind::Text, text } => format!("{replicate}{text}"),
            Event::Delta { kind, text } => format!("{replicate}{kind:?} {text}"),
            event => {
                let json = serde_json::to_value(&event).unwrap();
                format!("{replicate}<{}>", json["event"].as_str().unwrap())
            }
        }
    };
    unread(events).into_iter().map(describe).collect()
}

/// A run with a listener, and its first two replicates.
fn run() -> (CallContext, EventStream, CallContext, CallContext) {
    let mut context = CallContext::new();
    let events = context.subscribe();
    let (one, two) = (context.child(Part::Replicate(1, 0)), context.child(Part::Replicate(2, 0)));
    (context, events, one, two)
}

fn say(context: &CallContext, text: &str) {
    context.deliver(Instant::now(), DeltaKind::Text, text);
}

#[test]
fn unread_deltas_of_one_replicate_are_merged_until_another_kind_comes_in_between() {
    let (run, mut events, one, two) = run();
    for (context, text) in [(&one, "a"), (&two, "x"), (&one, "b"), (&run, "!"), (&two, "y")] {
        say(context, text);
    }
    one.deliver(Instant::now(), DeltaKind::Reasoning, "hm");
    say(&one, "c");
    assert_eq!(short(&mut events), ["r1 ab", "r2 xy", "!", "r1 Reasoning hm", "r1 c"]);
}

#[test]
fn a_delta_that_was_read_is_not_changed_any_more() {
    let (_run, mut events, one, _) = run();
    say(&one, "a");
    assert_eq!(short(&mut events), ["r1 a"]);
    say(&one, "b");
    say(&one, "c");
    assert_eq!(short(&mut events), ["r1 bc"]);
}

#[test]
fn deltas_are_not_merged_across_another_event_of_the_same_replicate() {
    let (_run, mut events, one, two) = run();
    say(&one, "a");
    say(&two, "x");
    one.emit(|| Event::RetryScheduled { wait: Duration::ZERO, asked_by: AskedBy::Backoff });
    say(&one, "b");
    say(&two, "y");
    assert_eq!(short(&mut events), ["r1 a", "r2 xy", "r1 <retry_scheduled>", "r1 b"]);
}

#[test]
fn the_terminal_event_is_the_last_and_there_is_one() {
    for terminal in [completed(), Event::Cancelled {}, Event::Error { error: Error::tool_execution("no") }] {
        let (run, mut events, one, _) = run();
        say(&one, "a");
        run.emit(|| terminal.clone());
        say(&one, "b");
        run.emit(completed);
        let read = unread(&mut events);
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].event, terminal);
        assert!(read[1].event.is_terminal());
        assert_eq!(poll(&mut events), Poll::Ready(None));
    }
}

#[test]
fn whoever_listens_after_the_end_is_told_so_at_once() {
    let (mut run, _events, ..) = run();
    run.emit(completed);
    let mut late = run.subscribe();
    assert_eq!(poll(&mut late), Poll::Ready(None));
}

#[test]
fn a_stream_ends_when_every_sink_is_gone_and_keeps_what_was_said() {
    let (run, mut events, one, two) = run();
    say(&one, "a");
    drop((run, one));
    assert_eq!(short(&mut events), ["r1 a"]);
    assert!(poll(&mut events).is_pending());
    drop(two);
    assert_eq!(poll(&mut events), Poll::Ready(None));
    assert_eq!(poll(&mut EventSink::none().subscribe()), Poll::Ready(None));
}

#[test]
fn two_listeners_get_everything_from_their_start_on() {
    let (mut run, mut first, one, _) = run();
    say(&one, "a");
    let mut second = run.subscribe();
    one.emit(|| started(1));
    say(&one, "b");
    // One reads while the other does not: merging is a matter of each.
    assert_eq!(short(&mut first), ["r1 a", "r1 <replicate_started>", "r1 b"]);
    say(&one, "c");
    run.emit(completed);
    assert_eq!(short(&mut first), ["r1 c", "<completed>"]);
    assert_eq!(short(&mut second), ["r1 <replicate_started>", "r1 bc", "<completed>"]);
}

#[test]
fn an_event_is_built_only_when_somebody_listens() {
    let built = AtomicUsize::new(0);
    let emit = |context: &CallContext| {
        context.emit(|| {
            built.fetch_add(1, Ordering::Relaxed);
            started(1)
        });
    };
    let mut run = CallContext::new();
    emit(&run);
    let events = run.subscribe();
    emit(&run);
    assert!(run.events().is_listening());
    drop(events);
    assert!(!run.events().is_listening());
    emit(&run);
    assert_eq!(built.into_inner(), 1);
}

#[test]
fn one_of_two_listeners_may_leave() {
    let (mut run, mut stays, one, _) = run();
    drop(run.subscribe());
    assert!(run.events().is_listening());
    say(&one, "a");
    assert_eq!(short(&mut stays), ["r1 a"]);
}

#[test]
fn a_reader_that_never_reads_stops_nobody_and_loses_nothing() {
    let (run, mut events, one, _) = run();
    for n in 0..10_000_u64 {
        say(&one, "x");
        if n % 10 == 0 {
            one.emit(|| started(n));
        }
    }
    run.emit(completed);
    let read = unread(&mut events);
    let seeds = read.iter().filter_map(|envelope| match envelope.event {
        Event::ReplicateStarted { seed } => seed,
        _ => None,
    });
    assert!(seeds.eq((0..10_000).step_by(10)));
    let text: usize = read.iter().map(|e| if let Event::Delta { text, .. } = &e.event { text.len() } else { 0 }).sum();
    // A delta before and after each of 1,000 lifecycle events at most, and the terminal one.
    assert_eq!((text, read.len()), (10_000, 2_002));
}

#[test]
fn forwarded_events_carry_the_ids_and_numbers_of_the_other_run_and_no_terminal() {
    let (work, mut watched, one, _) = run();
    let mut caller = CallContext::new().with_request_id("caller");
    let mut events = caller.subscribe();
    caller.emit(|| started(1));
    work.events().forward_to(caller.events());
    say(&one, "a");
    work.emit(completed);
    say(&one, "lost");
    caller.emit(|| Event::Cancelled {});
    let read = unread(&mut events);
    let numbers: Vec<u64> = read.iter().map(|envelope| envelope.seq).collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert!(read.iter().all(|envelope| envelope.request_id.as_ref() == "caller"));
    assert_eq!(read[1].source.replicate, Some(1));
    assert_eq!(read[2].event, Event::Cancelled {});
    assert_eq!(short(&mut watched), ["r1 a", "<completed>"]);
}

#[test]
fn forwarding_counts_as_listening_while_somebody_listens_over_there_and_ends_when_taken_back() {
    let mut work = CallContext::new();
    let (mut caller, mut other) = (CallContext::new(), CallContext::new());
    for context in [&mut work, &mut caller, &mut other] {
        // From the first listener on a context has a sink.
        drop(context.subscribe());
    }
    for sink in [caller.events(), other.events(), caller.events()] {
        work.events().forward_to(sink);
    }
    assert!(!work.events().is_listening(), "nobody listens to the callers");
    let mut events = caller.subscribe();
    assert!(work.events().is_listening());
    work.events().stop_forwarding(caller.events());
    work.emit(|| started(1));
    assert_eq!(unread(&mut events).len(), 1, "one of two is left");
    work.events().stop_forwarding(caller.events());
    work.events().stop_forwarding(caller.events());
    assert!(!work.events().is_listening());
    work.emit(|| started(2));
    assert_eq!(unread(&mut events).len(), 0);
    let _others = other.subscribe();
    assert!(work.events().is_listening(), "the other one was left alone");
}

#[test]
fn a_sink_forwarded_to_itself_does_not_repeat() {
    let (run, mut events, one, _) = run();
    run.events().forward_to(run.events());
    say(&one, "a");
    assert_eq!(short(&mut events), ["r1 a"]);
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_reader_that_waits_is_woken_by_an_event_and_by_the_end() {
    let (run, mut events, one, two) = run();
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let wait = |events: &mut EventStream| pin!(events.next()).poll(&mut Context::from_waker(&waker)).is_pending();
    assert!(wait(&mut events));
    say(&one, "a");
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert!(!wait(&mut events));
    assert!(wait(&mut events));
    drop((run, one, two));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn an_envelope_says_when_and_from_where() {
    let mut run = CallContext::new().with_request_id("r-1").with_trace_id("t-1");
    let mut events = run.subscribe();
    tokio::time::advance(Duration::from_millis(1_500)).await;
    let mut call = run.child(Part::Replicate(2, 7));
    call.enter(&crate::ToolSpec::pure("answer"), crate::Estimate::unknown());
    call.begin_attempt(3, Instant::now());
    call.emit(|| Event::AttemptStarted { target: Target::new("openai") });
    let mut json = serde_json::to_value(events.next().await.unwrap()).unwrap();
    assert!(json.as_object_mut().unwrap().remove("at_ms").unwrap().as_f64().unwrap() > 1.6e12);
    assert_eq!(
        json,
        serde_json::json!({
            "v": 1, "seq": 0, "elapsed_ms": 1500.0, "request_id": "r-1", "trace_id": "t-1",
            "source": { "tool": "answer", "replicate": 2, "attempt": 3 },
            "event": "attempt_started", "target": "openai",
        })
    );
}

/// One event of every kind.
fn every_event() -> Vec<Event> {
    let error = || Error::new(ErrorKind::Cancelled).with_class(Class::Timeout);
    vec![
        Event::PlanSelected { tool: "a".into(), reason: "rule 1".into() },
        Event::ToolStarted { tool: "a".into(), version: "1.0.0".into() },
        Event::AttemptStarted { target: Target::new("t") },
        Event::AttemptFailed { class: Class::Quota, message: "no".into() },
        Event::RetryScheduled { wait: Duration::from_millis(250), asked_by: AskedBy::RetryAfter },
        Event::CircuitChanged { target: "t".into(), from: "open".into(), to: "closed".into(), reason: "probe".into() },
        Event::FallbackStarted { from: "a".into(), to: "b".into(), class: Class::Auth },
        Event::BudgetWarning { budget: BudgetKind::Tokens, used: 0.9 },
        Event::ReplicatesReduced { from: 8, to: 4, reason: "budget".into() },
        Event::IdempotencyDegraded { reason: "down".into() },
        started(u64::MAX),
        Event::ReplicateDone {
            status: ReplicateStatus::Invalid,
            message: Some("empty".into()),
            usage: Usage::new().output(Counted::reported(3)),
        },
        Event::PartialSummary { summary: Content::json(serde_json::json!({ "agreement": 0.5 })) },
        Event::BundleReady { bundle: Content::json(serde_json::json!({ "evidence_bundle": {} })) },
        delta("x"),
        completed(),
        Event::Error { error: error() },
        Event::Timeout { error: error() },
        Event::Cancelled {},
    ]
}

#[test]
fn every_event_is_the_same_after_it_was_sent_and_read_and_only_four_are_terminal() {
    let sink = CallContext::new();
    let envelope = |event| Envelope {
        v: Envelope::VERSION,
        seq: 4,
        at: Duration::from_millis(1),
        elapsed: Duration::from_micros(2_500),
        request_id: Arc::clone(sink.request_id()),
        trace_id: Arc::clone(sink.trace_id()),
        source: Origin::default(),
        event,
    };
    for sent in every_event().into_iter().map(envelope) {
        let text = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<Envelope>(&text).unwrap(), sent, "{text}");
    }
    assert_eq!(every_event().iter().filter(|event| event.is_terminal()).count(), 4);
}

#[derive(Clone, Debug)]
enum Step {
    Say(usize, u8),
    Emit(usize),
    Read,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..3, b'a'..=b'z').prop_map(|(replicate, letter)| Step::Say(replicate, letter)),
        2 => (0_usize..3).prop_map(Step::Emit),
        2 => Just(Step::Read),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    // Whatever is read when: each replicate's text and events come complete and in their order, numbers only grow.
    #[test]
    fn nothing_is_lost_or_reordered_within_a_replicate(steps in steps()) {
        let mut context = CallContext::new();
        let mut events = context.subscribe();
        let replicates: Vec<CallContext> = (1..4).map(|n| context.child(Part::Replicate(n, 0))).collect();
        let (mut said, mut heard) = (vec![String::new(); 3], vec![String::new(); 3]);
        let mut last = None;
        let mut hear = |envelope: Envelope| {
            assert!(Some(envelope.seq) > last, "{} after {last:?}", envelope.seq);
            last = Some(envelope.seq);
            let index = envelope.source.replicate.unwrap() as usize - 1;
            match envelope.event {
                Event::Delta { text, .. } => heard[index].push_str(&text),
                _ => heard[index].push('|'),
            }
        };
        for step in steps {
            match step {
                Step::Say(n, letter) => {
                    let letter = char::from(letter).to_string();
                    say(&replicates[n], &letter);
                    said[n].push_str(&letter);
                }
                Step::Emit(n) => {
                    replicates[n].emit(|| started(0));
                    said[n].push('|');
                }
                Step::Read => {
                    if let Poll::Ready(Some(envelope)) = poll(&mut events) {
                        hear(envelope);
                    }
                }
            }
        }
        unread(&mut events).into_iter().for_each(hear);
        prop_assert_eq!(heard, said);
    }
}

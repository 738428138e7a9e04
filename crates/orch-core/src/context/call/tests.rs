use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CallContext, Part};
use crate::store::Key;
use crate::{
    Amount, BudgetKind, Content, Counted, Deadline, DeltaKind, Effect, ErrorKind, Estimate, Event, Limits, Meter,
    Target, ToolSpec, Usage,
};

const SECOND: Duration = Duration::from_secs(1);

fn keyed() -> CallContext {
    CallContext::new().with_key(Key::new("job").unwrap().in_namespace("tenant"))
}

fn key(context: &CallContext) -> String {
    context.key().unwrap().to_string()
}

#[test]
fn parts_append_to_the_key_and_keep_its_namespace() {
    let run = keyed();
    let replicate = run.child(Part::Replicate(1, 42));
    let nested = replicate.child(Part::Step(2));
    assert_eq!([key(&run), key(&replicate), key(&nested)], ["tenant:job", "tenant:job/r1", "tenant:job/r1/s2"]);
    assert_eq!([run.part_path(), replicate.part_path(), nested.part_path()], ["", "/r1", "/r1/s2"]);
    let key = nested.key().unwrap();
    assert_eq!((key.namespace(), key.as_str(), key.part()), ("tenant", "job", "/r1/s2"));
    assert!(CallContext::new().child(Part::Step(1)).key().is_none());
}

#[test]
fn an_attempt_is_no_part_and_keeps_the_key() {
    let mut context = keyed().child(Part::Replicate(3, 7));
    context.begin_attempt(2, Instant::now());
    assert_eq!((key(&context).as_str(), context.attempt()), ("tenant:job/r3", 2));
}

#[test]
fn only_a_replicate_has_a_number_and_a_seed_of_its_own_and_a_step_inside_keeps_them() {
    let run = CallContext::new().with_seed(5);
    assert_eq!((run.replicate(), run.seed()), (None, Some(5)));
    let step = run.child(Part::Step(1));
    assert_eq!((step.replicate(), step.seed()), (None, Some(5)));
    let replicate = run.child(Part::Replicate(2, 99)).child(Part::Step(1));
    assert_eq!((replicate.replicate(), replicate.seed()), (Some(2), Some(99)));
}

#[tokio::test(start_paused = true)]
async fn a_part_shares_ids_deadline_cancellation_attempts_and_plan_and_starts_its_own_progress() {
    let mut run = CallContext::new().with_deadline(Deadline::after(Instant::now(), SECOND));
    run.begin_attempt(3, Instant::now());
    run.progress().commit();
    let part = run.child(Part::Replicate(1, 0));
    assert_eq!((part.request_id(), part.trace_id()), (run.request_id(), run.trace_id()));
    assert_eq!((part.deadline(), part.started()), (run.deadline(), run.started()));
    assert_eq!((part.attempt(), part.progress().committed()), (1, false));
    run.note_plan(Content::from("rule 1"));
    part.note_plan(Content::from("rule 2"));
    assert_eq!(part.plan().and_then(Content::as_text), Some("rule 1"));
    run.cancellation().cancel();
    assert!(part.cancellation().is_cancelled());
}

#[test]
fn a_step_may_enter_another_scope_and_a_replicate_stays_in_its_own() {
    let mut run = CallContext::new();
    assert_eq!((run.effect(), run.target(), run.is_scoped()), (Effect::AtMostOnce, &Target::default(), false));
    run.enter(&ToolSpec::pure("answer").with_target("openai"), Estimate::unknown());
    assert_eq!((run.effect(), run.target().as_str(), run.is_scoped()), (Effect::Pure, "openai", true));
    assert!(run.child(Part::Replicate(1, 0)).is_scoped());
    assert!(!run.child(Part::Step(1)).is_scoped());
}

#[test]
fn a_capped_part_spends_within_its_cap_and_on_the_runs_account() {
    let run = CallContext::new().with_meter(Meter::new(Limits { tokens: Some(100), cost: None }));
    let part = run.capped_child(Part::Replicate(2, 0), Limits { tokens: Some(10), cost: None });
    let error = part.meter().reserve(&Estimate::unknown().input(11)).unwrap_err();
    assert!(error.to_string().contains("the replicate 2"), "{error}");
    part.meter().book(&Usage::new().input(Counted::reported(4)));
    assert_eq!(run.meter().settled().tokens, 4);
}

#[test]
fn ids_are_stable_shared_by_clones_and_different_between_runs() {
    let run = CallContext::new();
    let clone = run.clone();
    // Asked first on the clone.
    let id = Arc::clone(clone.request_id());
    assert_eq!((run.request_id(), clone.request_id()), (&id, &id));
    assert_eq!((id.len(), run.trace_id().len()), (32, 32));
    assert_ne!(run.request_id(), run.trace_id());
    assert_ne!(CallContext::new().request_id(), &id);
    let named = run.with_request_id("r-1").with_trace_id("t-1");
    assert_eq!((named.request_id().as_ref(), named.trace_id().as_ref()), ("r-1", "t-1"));
}

#[test]
fn ids_are_made_only_when_somebody_asks() {
    let mut run = CallContext::new();
    assert!(!format!("{run:?}").contains("request_id: Some(\""));
    let _events = run.subscribe();
    run.deliver(Instant::now(), DeltaKind::Text, "x");
    assert!(format!("{run:?}").contains("request_id: Some(\""));
}

#[tokio::test(start_paused = true)]
async fn the_nearer_deadline_wins_whichever_comes_first() {
    let now = Instant::now();
    let (near, far) = (Deadline::after(now, SECOND), Deadline::after(now, 2 * SECOND));
    for (first, second) in [(near, far), (far, near)] {
        let mut context = CallContext::new().with_deadline(first);
        context.limit_deadline(second);
        assert_eq!(context.deadline(), Some(near));
    }
    assert_eq!(near.remaining(now), SECOND);
    assert_eq!(near.remaining(now + 3 * SECOND), Duration::ZERO);
    // The longest duration there is does not overflow.
    assert!(Deadline::after(now, Duration::MAX).instant() > now);
}

#[tokio::test(start_paused = true)]
async fn a_passed_deadline_is_an_overrun_of_time_only_if_a_budget_set_it() {
    let now = Instant::now();
    let context = CallContext::new();
    assert!(context.check(now + 1000 * SECOND).is_ok());
    let context = context.with_deadline(Deadline::after(now, 2 * SECOND));
    assert!(context.check(now + SECOND).is_ok());
    assert!(matches!(context.check(now + 2 * SECOND).unwrap_err().kind(), ErrorKind::DeadlineExceeded));

    let context = context.with_deadline(Deadline::of_budget(now, SECOND));
    let error = context.check(now + 3 * SECOND).unwrap_err();
    let ErrorKind::BudgetExceeded { budget, limit, actual, .. } = error.kind() else { panic!("{error}") };
    assert_eq!((budget, limit, actual), (&BudgetKind::Time, &Amount::Time(SECOND), &Amount::Time(3 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn cancelled_comes_before_a_passed_deadline() {
    let token = CancellationToken::new();
    let now = Instant::now();
    let context = CallContext::new().with_cancellation(token.clone()).with_deadline(Deadline::at(now));
    assert!(matches!(context.check(now).unwrap_err().kind(), ErrorKind::DeadlineExceeded));
    token.cancel();
    assert!(matches!(context.check(now).unwrap_err().kind(), ErrorKind::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn detached_work_has_its_own_deadline_cancellation_and_listeners_and_the_callers_account_and_ids() {
    let now = Instant::now();
    let mut run = keyed().with_deadline(Deadline::after(now, SECOND)).with_meter(Meter::unlimited());
    let mut events = run.subscribe();
    let detached = run.detach(60 * SECOND);
    assert_eq!(detached.deadline().map(|deadline| deadline.remaining(now)), Some(60 * SECOND));
    run.cancellation().cancel();
    assert!(!detached.cancellation().is_cancelled());
    assert_eq!((detached.request_id(), key(&detached)), (run.request_id(), key(&run)));
    detached.meter().book(&Usage::new().input(Counted::reported(4)));
    assert_eq!(run.meter().settled().tokens, 4);

    assert!(!detached.events().is_listening());
    detached.events().forward_to(run.events());
    detached.deliver(now, DeltaKind::Text, "x");
    run.emit(|| Event::Cancelled {});
    assert!(matches!(events.next().await.unwrap().event, Event::Delta { .. }));
    assert!(matches!(events.next().await.unwrap().event, Event::Cancelled {}));
}

#[tokio::test(start_paused = true)]
async fn delivering_text_commits_and_reasoning_does_not() {
    let context = CallContext::new();
    let now = Instant::now();
    context.deliver(now, DeltaKind::Reasoning, "hm");
    assert_eq!((context.progress().first_at(), context.progress().committed()), (Some(now), false));
    for kind in [DeltaKind::Text, DeltaKind::Refusal, DeltaKind::ToolCall] {
        let context = CallContext::new();
        context.deliver(now, kind, "x");
        assert!(context.progress().committed(), "{kind:?}");
    }
}

#[test]
fn a_new_attempt_has_delivered_nothing() {
    let mut context = CallContext::new();
    context.deliver(Instant::now(), DeltaKind::Text, "x");
    let before = context.progress().clone();
    context.begin_attempt(2, Instant::now());
    assert!(before.committed() && !context.progress().committed());
}

#[test]
fn a_run_of_no_parallel_parts_still_runs_one() {
    let permits = |context: &CallContext| context.parallel().map(|limit| limit.available_permits());
    assert_eq!(permits(&CallContext::new()), None);
    assert_eq!(permits(&CallContext::new().with_max_parallel(0)), Some(1));
    assert_eq!(permits(&CallContext::new().with_max_parallel(4).child(Part::Step(1))), Some(4));
}

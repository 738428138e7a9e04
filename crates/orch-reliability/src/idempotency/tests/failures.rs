//! What becomes of failures.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_failure_reaches_those_who_wait_and_not_those_who_come_later() {
    let bench = Bench::fails_once(Error::tool_execution("no luck"));
    let results = join_all((0..3).map(|_| bench.call(pure()))).await;
    assert!(results.iter().all(|result| result.as_ref().unwrap_err().to_string() == "no luck"));
    assert_eq!(number(&bench.call(pure()).await.unwrap()), 2);
}

#[tokio::test(start_paused = true)]
async fn finished_work_inside_an_error_is_replayed_as_a_success() {
    let overrun = Error::tool_execution("over budget").with_class(Class::BudgetExceeded);
    let bench = Bench::fails_once(overrun.with_finished(Output::from("paid for")));
    let (first, joiner) = (bench.start(pure()), bench.start(pure()));
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.output().and_then(|output| output.content().as_text()), Some("paid for"));
    for served in [joiner.await.unwrap().unwrap(), bench.call(pure()).await.unwrap()] {
        assert_eq!((served.content().as_text(), served.replayed()), (Some("paid for"), true));
    }
    assert_eq!(bench.executions(), 1);
}

#[tokio::test(start_paused = true)]
async fn partial_work_inside_an_error_is_not_replayed_whatever_its_class() {
    for class in [Class::StreamBroken, Class::BudgetExceeded] {
        let cut_off = Error::tool_execution("cut off").with_class(class);
        let bench = Bench::fails_once(cut_off.with_output(Output::from("half")));
        bench.call(pure()).await.unwrap_err();
        assert_eq!(number(&bench.call(pure()).await.unwrap()), 2, "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_at_most_once_failure_that_may_have_had_its_effect_keeps_the_key() {
    let at_most_once = || request(Effect::AtMostOnce);
    for class in [Class::Timeout, Class::Transient, Class::StreamBroken, Class::BadOutput, Class::Panicked] {
        let bench = Bench::fails_once(Error::tool_execution("lost").with_class(class));
        bench.call(at_most_once()).await.unwrap_err();
        let start = Instant::now();
        assert!(is_unknown(&bench.call(at_most_once()).await), "{class}");
        assert_eq!((bench.executions(), start.elapsed()), (1, Duration::ZERO));
    }
    let refused = Error::tool_execution("connection refused").with_class(Class::Transient).with_not_executed();
    for certain in [refused, Error::invalid("/input", "wrong"), Error::tool_execution("no").with_class(Class::Auth)] {
        let bench = Bench::fails_once(certain);
        bench.call(at_most_once()).await.unwrap_err();
        assert!(bench.call(at_most_once()).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_knows_its_effect_wins_over_the_reckoning() {
    let lost = Error::tool_execution("lost").with_class(Class::Timeout);
    let unscoped = |effect: Option<Effect>| {
        let mut context = CallContext::new().with_key(key());
        if let Some(effect) = effect {
            context.set_effect(effect);
        }
        Request::new("a question").with_context(context)
    };
    let known = Bench::fails_once(lost.clone().with_effect(Effect::Pure));
    let unknown = Bench::fails_once(lost.clone());
    let told = Bench::fails_once(lost);
    for (bench, effect, runs_again) in [(known, None, true), (unknown, None, false), (told, Some(Effect::Pure), true)] {
        bench.call(unscoped(effect)).await.unwrap_err();
        assert_eq!(bench.call(unscoped(effect)).await.is_ok(), runs_again);
    }
}

#[tokio::test(start_paused = true)]
async fn an_at_most_once_call_that_was_cancelled_while_it_worked_keeps_the_key() {
    let bench = Bench::slow().with_config(IdempotencyConfig::default().on_abandon(OnAbandon::Cancel));
    let abandoned = bench.start(request(Effect::AtMostOnce));
    settle().await;
    abandoned.abort();
    settle().await;
    assert!(is_unknown(&bench.call(request(Effect::AtMostOnce)).await));
    assert_eq!(bench.executions(), 1);
}

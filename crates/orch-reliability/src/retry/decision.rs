//! Whether a failed attempt is repeated, and after which wait: a pure function.

use std::time::Duration;

use orch_core::{AskedBy, Class, Effect, Error, ErrorKind, Stopped, Wait};
use tokio::time::Instant;

use super::RetryPolicy;
use crate::backoff::fraction;

/// What of a call matters to the decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// The attempt that failed, counted from 1.
    pub(super) attempt: u32,
    /// What another execution would do.
    pub(super) effect: Effect,
    /// Whether a part of the answer was delivered.
    pub(super) committed: bool,
    /// The waits so far.
    pub(super) waited: Duration,
    /// When the run must have ended.
    pub(super) deadline: Option<Instant>,
    /// Two uniformly random numbers: for the backoff, and for the jitter above a hint.
    pub(super) chance: [u64; 2],
}

/// A repeat that every check allows which needs no account: the wait, and its cost in tenths of a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) wait: Wait,
    pub(super) cost: u32,
}

/// The checks in their order; the first that fails says why the call ends.
///
/// That something was delivered comes first, so that a layer outside learns it from whatever error it gets.
pub(super) fn decide(policy: &RetryPolicy, error: &Error, call: &Situation, now: Instant) -> Result<Planned, Stopped> {
    let require = |holds: bool, otherwise: Stopped| if holds { Ok(()) } else { Err(otherwise) };
    require(!call.committed, Stopped::Committed)?;
    let cost = cost(policy, error).ok_or(Stopped::Class)?;
    require(call.attempt < policy.attempts(error.class()), Stopped::Attempts)?;
    require(call.effect != Effect::AtMostOnce || error.not_executed(), Stopped::Effect)?;
    let hint = hint(policy, error);
    require(hint.is_none_or(|hint| hint <= policy.longest_hint()), Stopped::RetryAfterTooLong)?;
    let wait = wait(policy, error, hint, call);
    let fits = |deadline: Instant| wait.duration < deadline.saturating_duration_since(now);
    require(call.deadline.is_none_or(fits), Stopped::Deadline)?;
    require(call.waited.saturating_add(wait.duration) <= policy.longest_total(), Stopped::TotalDelay)?;
    Ok(Planned { wait, cost })
}

/// What a repeat takes from the retry budget, in tenths; `None` when this kind of failure is not repeated.
fn cost(policy: &RetryPolicy, error: &Error) -> Option<u32> {
    match error.class() {
        Class::Transient | Class::Timeout => Some(10),
        Class::Throttled => Some(5),
        // The call never left, so a repeat adds no load.
        Class::LocalReject if is_own_rate_limit(error) => Some(0),
        Class::BadOutput if policy.names(Class::BadOutput) => Some(10),
        _ => None,
    }
}

fn is_own_rate_limit(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::RateLimited { .. })
}

fn hint(policy: &RetryPolicy, error: &Error) -> Option<Duration> {
    error.retry_after().filter(|_| policy.respects_retry_after() || is_own_rate_limit(error))
}

/// `max(hint, backoff)`, and above a hint a little more: never earlier than asked, and not all at once.
fn wait(policy: &RetryPolicy, error: &Error, hint: Option<Duration>, call: &Situation) -> Wait {
    let [backoff_chance, jitter_chance] = call.chance;
    let backoff = policy.backoff().wait(call.attempt - 1, backoff_chance);
    let Some(hint) = hint else {
        return Wait { duration: backoff, asked_by: AskedBy::Backoff };
    };
    let asked_by = match hint {
        hint if hint < backoff => AskedBy::Backoff,
        _ if is_own_rate_limit(error) => AskedBy::RateLimit,
        _ => AskedBy::RetryAfter,
    };
    let jitter = fraction((hint / 10).min(Duration::from_secs(1)), jitter_chance);
    Wait { duration: hint.max(backoff).saturating_add(jitter), asked_by }
}

#[cfg(test)]
mod tests {
    use orch_core::Target;
    use proptest::prelude::*;

    use super::*;

    fn first() -> Situation {
        Situation {
            attempt: 1,
            effect: Effect::Pure,
            committed: false,
            waited: Duration::ZERO,
            deadline: None,
            chance: [u64::MAX / 2; 2],
        }
    }

    fn of_class(class: Class) -> Error {
        Error::tool_execution("no").with_class(class)
    }

    fn decided(error: &Error, call: &Situation) -> Result<Planned, Stopped> {
        decide(&RetryPolicy::default(), error, call, Instant::now())
    }

    #[test]
    fn classes_are_repeated_by_the_table() {
        let repeated = [(Class::Throttled, 5), (Class::Transient, 10), (Class::Timeout, 10)];
        for (class, cost) in repeated {
            assert_eq!(decided(&of_class(class), &first()).unwrap().cost, cost, "{class}");
        }
        for class in [
            Class::Quota,
            Class::StreamBroken,
            Class::Permanent,
            Class::Auth,
            Class::BadOutput,
            Class::LocalReject,
            Class::BudgetExceeded,
            Class::DeadlineExceeded,
            Class::Cancelled,
            Class::Idempotency,
            Class::Panicked,
        ] {
            assert_eq!(decided(&of_class(class), &first()), Err(Stopped::Class), "{class}");
        }
    }

    #[test]
    fn a_class_with_attempts_of_its_own_has_just_those() {
        let policy = RetryPolicy::default().class_attempts(Class::Throttled, 5).class_attempts(Class::Timeout, 2);
        for (class, attempts) in [(Class::Throttled, 5), (Class::Timeout, 2), (Class::Transient, 3)] {
            for attempt in 1..8 {
                let decision = decide(&policy, &of_class(class), &Situation { attempt, ..first() }, Instant::now());
                let expected = if attempt < attempts { None } else { Some(Stopped::Attempts) };
                assert_eq!(decision.err(), expected, "{class}, attempt {attempt}");
            }
        }
    }

    #[test]
    fn an_unusable_answer_is_repeated_only_with_attempts_of_its_own() {
        let bad = of_class(Class::BadOutput);
        let policy = RetryPolicy::default().class_attempts(Class::BadOutput, 2);
        assert_eq!(decide(&policy, &bad, &first(), Instant::now()).unwrap().cost, 10);
        let second = Situation { attempt: 2, ..first() };
        assert_eq!(decide(&policy, &bad, &second, Instant::now()), Err(Stopped::Attempts));
        let once = Situation { effect: Effect::AtMostOnce, ..first() };
        assert_eq!(decide(&policy, &bad, &once, Instant::now()), Err(Stopped::Effect));
    }

    #[test]
    fn our_own_rejections_are_not_waited_for_except_the_rate_limit() {
        let target = Target::new("openai");
        for kind in
            [ErrorKind::CircuitOpen { target: target.clone() }, ErrorKind::Overloaded { target: target.clone() }]
        {
            let error = Error::new(kind).with_retry_after(Duration::from_secs(1));
            assert_eq!(decided(&error, &first()), Err(Stopped::Class));
        }
        let limited = Error::new(ErrorKind::RateLimited { target }).with_retry_after(Duration::from_secs(4));
        let at_most_once = Situation { effect: Effect::AtMostOnce, ..first() };
        let planned = decided(&limited, &at_most_once).unwrap();
        assert_eq!((planned.cost, planned.wait.asked_by), (0, AskedBy::RateLimit));
        assert!(planned.wait.duration >= Duration::from_secs(4));
        let deaf = RetryPolicy::default().respect_retry_after(false);
        let planned = decide(&deaf, &limited, &first(), Instant::now()).unwrap();
        assert_eq!(planned.wait.asked_by, AskedBy::RateLimit);
    }

    #[test]
    fn the_effect_decides_whether_an_unclear_failure_is_repeated() {
        let unclear = of_class(Class::Transient);
        let clear = of_class(Class::Transient).with_not_executed();
        for (effect, error, expected) in [
            (Effect::Pure, &unclear, true),
            (Effect::IdempotentDownstream, &unclear, true),
            (Effect::AtMostOnce, &unclear, false),
            (Effect::AtMostOnce, &clear, true),
        ] {
            let decision = decided(error, &Situation { effect, ..first() });
            let expected = if expected { None } else { Some(Stopped::Effect) };
            assert_eq!(decision.err(), expected, "{effect:?}");
        }
        let timeout = of_class(Class::Timeout);
        let decision = decided(&timeout, &Situation { effect: Effect::AtMostOnce, ..first() });
        assert_eq!(decision, Err(Stopped::Effect));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_check_that_fails_names_the_reason() {
        let now = Instant::now();
        let policy = RetryPolicy::default().max_total_delay(Duration::from_secs(8));
        // Every check fails; each row repairs the one before.
        let mut call = Situation {
            attempt: 3,
            effect: Effect::AtMostOnce,
            committed: true,
            waited: Duration::from_secs(8),
            deadline: Some(now),
            ..first()
        };
        let mut error = of_class(Class::Permanent).with_retry_after(Duration::from_secs(121));
        let mut reasons = vec![decide(&policy, &error, &call, now).unwrap_err()];
        let mut note = |error: &Error, call: &Situation| reasons.push(decide(&policy, error, call, now).unwrap_err());
        call.committed = false;
        note(&error, &call);
        error = error.with_class(Class::Transient);
        note(&error, &call);
        call.attempt = 2;
        note(&error, &call);
        call.effect = Effect::Pure;
        note(&error, &call);
        error = error.with_retry_after(Duration::from_secs(120));
        note(&error, &call);
        call.deadline = None;
        note(&error, &call);
        assert_eq!(
            reasons,
            [
                Stopped::Committed,
                Stopped::Class,
                Stopped::Attempts,
                Stopped::Effect,
                Stopped::RetryAfterTooLong,
                Stopped::Deadline,
                Stopped::TotalDelay,
            ]
        );
        call.waited = Duration::ZERO;
        let patient = RetryPolicy::default();
        assert!(decide(&patient, &error, &call, now).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_must_end_before_the_deadline() {
        let now = Instant::now();
        let error = of_class(Class::Throttled).with_retry_after(Duration::from_secs(10));
        let unjittered = Situation { chance: [0, 0], ..first() };
        let until = |seconds| Situation { deadline: Some(now + Duration::from_secs(seconds)), ..unjittered };
        assert_eq!(decide(&RetryPolicy::default(), &error, &until(10), now), Err(Stopped::Deadline));
        assert!(decide(&RetryPolicy::default(), &error, &until(11), now).is_ok());
    }

    #[test]
    fn a_hint_of_zero_is_floored_by_the_backoff() {
        let error = of_class(Class::Throttled).with_retry_after(Duration::ZERO);
        let planned = decided(&error, &first()).unwrap();
        assert!(planned.wait.duration > Duration::from_millis(200));
        assert_eq!(planned.wait.asked_by, AskedBy::Backoff);
    }

    #[test]
    fn a_cap_of_zero_waits_for_no_hint() {
        let policy = RetryPolicy::default().retry_after_cap(Duration::ZERO);
        let error = of_class(Class::Throttled).with_retry_after(Duration::from_millis(1));
        assert_eq!(decide(&policy, &error, &first(), Instant::now()), Err(Stopped::RetryAfterTooLong));
        assert!(decide(&policy, &of_class(Class::Throttled), &first(), Instant::now()).is_ok());
    }

    proptest! {
        /// Also the regression test of a client that capped a hint of 90 s at its own `max_delay` of 30 s, and
        /// waited less than asked in half of all cases.
        #[test]
        fn a_repeat_is_never_earlier_than_the_hint_and_at_most_a_second_later(
            hint_ms in 0u64..=120_000, attempt in 1u32..20, chance: [u64; 2], max_delay_s in 1u64..60,
        ) {
            let hint = Duration::from_millis(hint_ms);
            let max_delay = Duration::from_secs(max_delay_s);
            let policy = RetryPolicy::default().max_attempts(100).max_delay(max_delay);
            let error = of_class(Class::Throttled).with_retry_after(hint);
            let call = Situation { attempt, chance, ..first() };
            let wait = decide(&policy, &error, &call, Instant::now()).unwrap().wait.duration;
            prop_assert!(wait >= hint);
            let jitter = (hint / 10).min(Duration::from_secs(1));
            prop_assert!(wait <= hint.max(max_delay) + jitter);
        }
    }
}

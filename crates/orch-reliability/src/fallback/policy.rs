use orch_core::{Class, Effect, Error};

/// Whether the next candidate may be tried after `error`: a pure function.
///
/// `committed`: whether a part of the answer was delivered.
pub(super) fn moves_on(error: &Error, committed: bool) -> bool {
    let by_class = match error.class() {
        Class::Throttled
        | Class::Quota
        | Class::Transient
        | Class::Timeout
        | Class::Auth
        | Class::BadOutput
        | Class::LocalReject => true,
        Class::Permanent => error.context_overflow(),
        Class::StreamBroken
        | Class::BudgetExceeded
        | Class::DeadlineExceeded
        | Class::Cancelled
        | Class::Idempotency
        | Class::Panicked => false,
    };
    // A tool that nobody named is trusted with nothing.
    let effect = error.effect().unwrap_or(Effect::AtMostOnce);
    by_class && !committed && (effect != Effect::AtMostOnce || error.not_executed())
}

#[cfg(test)]
mod tests {
    use orch_core::{ErrorKind, ProviderFailure};

    use super::*;

    fn of_class(class: Class) -> Error {
        Error::tool_execution("no").with_class(class).with_effect(Effect::Pure)
    }

    #[test]
    fn classes_move_on_by_the_table() {
        for (class, expected) in [
            (Class::Throttled, true),
            (Class::Quota, true),
            (Class::Transient, true),
            (Class::StreamBroken, false),
            (Class::Timeout, true),
            (Class::Permanent, false),
            (Class::Auth, true),
            (Class::BadOutput, true),
            (Class::LocalReject, true),
            (Class::BudgetExceeded, false),
            (Class::DeadlineExceeded, false),
            (Class::Cancelled, false),
            (Class::Idempotency, false),
            (Class::Panicked, false),
        ] {
            assert_eq!(moves_on(&of_class(class), false), expected, "{class}");
            assert!(!moves_on(&of_class(class), true), "{class}");
        }
    }

    #[test]
    fn an_input_too_long_for_one_model_may_fit_another() {
        let failure = ProviderFailure::default().context_overflow(true);
        let error = Error::new(ErrorKind::Provider(failure)).with_class(Class::Permanent).with_effect(Effect::Pure);
        assert!(moves_on(&error, false));
    }

    #[test]
    fn a_tool_that_must_not_run_twice_moves_on_only_when_it_certainly_did_not_run() {
        let unclear = Error::tool_execution("no").with_class(Class::Transient);
        assert!(!moves_on(&unclear, false), "an unknown effect counts as at most once");
        let unclear = unclear.with_effect(Effect::AtMostOnce);
        assert!(!moves_on(&unclear, false));
        assert!(moves_on(&unclear.with_not_executed(), false));
    }
}

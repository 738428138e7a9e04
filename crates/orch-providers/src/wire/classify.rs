//! Which class a failure is of: the one place where the codes, types, statuses and words of all
//! wires have a meaning.

use http::HeaderMap;
use orch_core::Class;

use super::failure::Failure;
use crate::transport::retry_override;

/// What a failure is to the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) class: Class,
    /// Whether the server certainly did not work on the call.
    pub(super) not_executed: bool,
    pub(super) context_overflow: bool,
}

/// The money or the quota is used up: waiting does not help.
const QUOTA: [&str; 9] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "billing_error",
];

const OVERFLOW: [&str; 3] = ["context_length_exceeded", "exceed_context_size_error", "contextwindowexceedederror"];
const OVERFLOW_SAID: [&str; 6] = [
    "maximum context length",
    "context size",
    "context window",
    "context length",
    "prompt is too long",
    "exceed context limit",
];

/// Words that have a class without a status; the first that fits counts.
const WORDS: [(&str, Class); 24] = [
    ("rate_limit_exceeded", Class::Throttled),
    ("rate_limit_error", Class::Throttled),
    ("slow_down", Class::Throttled),
    ("ramp_limit_exceeded", Class::Throttled),
    ("too_many_requests", Class::Throttled),
    ("resource_exhausted", Class::Throttled),
    ("server_is_overloaded", Class::Transient),
    ("overloaded_error", Class::Transient),
    ("unavailable_error", Class::Transient),
    ("server_error", Class::Transient),
    ("internal_server_error", Class::Transient),
    ("api_error", Class::Transient),
    ("timeout_error", Class::Transient),
    ("vector_store_timeout", Class::Transient),
    ("authentication_error", Class::Auth),
    ("permission_error", Class::Auth),
    ("invalid_api_key", Class::Auth),
    ("invalid_request_error", Class::Permanent),
    ("badrequesterror", Class::Permanent),
    ("not_found_error", Class::Permanent),
    ("request_too_large", Class::Permanent),
    ("not_supported_error", Class::Permanent),
    ("content_filter", Class::Permanent),
    ("content_policy_violation", Class::Permanent),
];

/// Sentences that have a class when there is neither a status nor a word.
const SAID: [(&str, Class); 3] =
    [("rate limit", Class::Throttled), ("too many requests", Class::Throttled), ("overloaded", Class::Transient)];

/// Sorts a failure by what the server said, in this order: an input too long, a quota, the server's own
/// `x-should-retry`, the status, the words. A failure inside an answer has no status; a number in its body counts as
/// one, except that it does not prove that nothing was executed. What says nothing known is transient, unless the wire
/// has a closed list of codes.
pub(super) fn classify(failure: &Failure, status: Option<u16>, headers: &HeaderMap, conflict_passes: bool) -> Verdict {
    let not_executed = matches!(status, Some(429 | 503 | 529));
    let status = status.filter(|status| *status >= 300).or(failure.number.filter(|n| (400..600).contains(n)));
    let context_overflow = matches!(status, None | Some(400 | 413 | 422)) && overflows(failure);
    let class = if context_overflow {
        Class::Permanent
    } else if failure.daily || says(failure, &QUOTA) || status == Some(402) {
        Class::Quota
    } else {
        let class = status.map_or_else(|| by_words(failure), |status| by_status(status, conflict_passes));
        overruled(class, retry_override(headers))
    };
    Verdict { class, not_executed, context_overflow }
}

fn by_status(status: u16, conflict_passes: bool) -> Class {
    match status {
        429 => Class::Throttled,
        401 | 403 => Class::Auth,
        409 if conflict_passes => Class::Transient,
        501 => Class::Permanent,
        408 | 500.. => Class::Transient,
        _ => Class::Permanent,
    }
}

fn by_words(failure: &Failure) -> Class {
    let message = failure.message.to_lowercase();
    let word = WORDS.iter().find(|(word, _)| failure.words.iter().any(|said| said == word));
    let sentence = || SAID.iter().find(|(sentence, _)| message.contains(sentence));
    word.or_else(sentence).map_or(failure.otherwise, |(_, class)| *class)
}

/// The server's own advice. Against another attempt: a throttled call is as good as one without quota, since another
/// provider may take it; any other failure is as good as permanent.
fn overruled(class: Class, retry: Option<bool>) -> Class {
    match (retry, class) {
        (Some(true), Class::Permanent | Class::Auth) => Class::Transient,
        (Some(false), Class::Throttled) => Class::Quota,
        (Some(false), Class::Transient) => Class::Permanent,
        (_, class) => class,
    }
}

fn overflows(failure: &Failure) -> bool {
    let message = failure.message.to_lowercase();
    says(failure, &OVERFLOW) || OVERFLOW_SAID.iter().any(|words| message.contains(words))
}

fn says(failure: &Failure, words: &[&str]) -> bool {
    failure.words.iter().any(|said| words.contains(&said.as_str()))
}

//! What a server's headers say about waiting: `Retry-After` in all its forms, and the rate limits' headers.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName};
use orch_core::LimitHint;

use super::duration::{TOO_LONG, number, reset};
use super::rfc3339;

/// How long the server asks to wait; `now` is the time since the Unix epoch.
///
/// The first that is there and valid counts: `retry-after-ms`, then `retry-after` as a number of seconds or as an
/// HTTP date. A date in the past is a wait of zero, and anything beyond a century is a century; what cannot be read
/// is none. Of a header that came more than once with different values the longest counts. A gateway's copy of its
/// upstream's header (`llm_provider-retry-after`) is read where it has none of its own.
pub(crate) fn retry_after(headers: &HeaderMap, now: Duration) -> Option<Duration> {
    let millis = |text: &str| number(text, Duration::from_millis(1));
    let seconds_or_date = |text: &str| number(text, Duration::from_secs(1)).or_else(|| until(text, now));
    longest(headers, "retry-after-ms", millis).or_else(|| longest(headers, "retry-after", seconds_or_date))
}

/// How long until the limits that may be used up start anew: the wait of a throttled call whose server asked for none.
/// `now` is the time since the Unix epoch.
pub(crate) fn limit_reset(headers: &HeaderMap, now: Duration) -> Option<Duration> {
    Window::all(headers, now).into_iter().filter(Window::may_be_used_up).filter_map(|window| window.reset).max()
}

/// What the server says is left of its limits; none when it says nothing. `reset_in` is the time until the limits
/// that are used up start anew; where none is, until all do. Of several limits on tokens the one that has least left counts.
pub(crate) fn limits(headers: &HeaderMap, now: Duration) -> Option<LimitHint> {
    let windows = Window::all(headers, now);
    let [requests, tokens, input, output] = windows;
    let used_up = windows.iter().filter(|window| window.left == Some(0)).filter_map(|window| window.reset).max();
    let hint = LimitHint {
        requests_left: requests.left,
        tokens_left: [tokens.left, input.left, output.left].into_iter().flatten().min(),
        reset_in: used_up.or(windows.iter().filter_map(|window| window.reset).max()),
    };
    (hint != LimitHint::default()).then_some(hint)
}

/// Whether the server says itself that the call should be repeated: `x-should-retry`.
pub(crate) fn retry_override(headers: &HeaderMap) -> Option<bool> {
    match first(headers, "x-should-retry")? {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// One of the limits that a server keeps.
#[derive(Clone, Copy, Default)]
struct Window {
    left: Option<u64>,
    reset: Option<Duration>,
}

impl Window {
    /// Requests, tokens, input tokens, output tokens: by the headers `x-ratelimit-*`, whose resets are durations, else
    /// by `anthropic-ratelimit-*`, whose resets are times.
    fn all(headers: &HeaderMap, now: Duration) -> [Self; 4] {
        ["requests", "tokens", "input-tokens", "output-tokens"].map(|of| {
            let own = ["remaining", "reset"].map(|what| format!("x-ratelimit-{what}-{of}"));
            let anthropic = ["remaining", "reset"].map(|what| format!("anthropic-ratelimit-{of}-{what}"));
            let at = |text: &str| rfc3339::since_epoch(text).map(|at| at.saturating_sub(now).min(TOO_LONG));
            let window = Self::read(headers, &own, reset);
            if window.is_absent() { Self::read(headers, &anthropic, at) } else { window }
        })
    }

    fn read(headers: &HeaderMap, [left, reset]: &[String; 2], read: impl Fn(&str) -> Option<Duration>) -> Self {
        Self { left: first(headers, left).and_then(|text| text.parse().ok()), reset: longest(headers, reset, read) }
    }

    fn is_absent(&self) -> bool {
        self.left.is_none() && self.reset.is_none()
    }

    fn may_be_used_up(&self) -> bool {
        self.left.is_none_or(|left| left == 0)
    }
}

/// The time from `now` to an HTTP date in any of its three forms.
fn until(text: &str, now: Duration) -> Option<Duration> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let date = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(date.saturating_sub(now).min(TOO_LONG))
}

fn longest(headers: &HeaderMap, name: &str, read: impl Fn(&str) -> Option<Duration>) -> Option<Duration> {
    values(headers, name).into_iter().filter_map(read).max()
}

fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    values(headers, name).first().copied()
}

/// The values under a name, else those that a gateway passed on from its upstream.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let texts = |name: &str| -> Vec<&'a str> {
        let Ok(name) = name.parse::<HeaderName>() else { return Vec::new() };
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim).collect()
    };
    let own = texts(name);
    if own.is_empty() { texts(&format!("llm_provider-{name}")) } else { own }
}

#[cfg(test)]
mod tests;

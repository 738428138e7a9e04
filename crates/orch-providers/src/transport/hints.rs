//! What a server's headers say about waiting: `Retry-After` in all its forms, and the rate limits' headers.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use orch_core::LimitHint;

use super::duration::{TOO_LONG, number, reset};
use super::rfc3339;

/// Before the name of a header that a gateway passed on.
const GATEWAY: &str = "llm_provider-";

/// How long the server asks to wait; `now` is the time since the Unix epoch.
///
/// The first that is there and valid counts: `retry-after-ms`, then `retry-after` as a number of seconds or as an
/// HTTP date. A date in the past is a wait of zero, and anything beyond a century is a century; what cannot be read
/// is none. Of a header that came more than once with different values the longest counts. A gateway's copy of its
/// upstream's header (`llm_provider-retry-after`) is read where it has none of its own.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Duration) -> Option<Duration> {
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
    let hint = LimitHint::new()
        .requests_left(requests.left)
        .tokens_left([tokens.left, input.left, output.left].into_iter().flatten().min())
        .reset_in(used_up.or(windows.iter().filter_map(|window| window.reset).max()));
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

/// What is left, and when it starts anew: of requests, tokens, input tokens, output tokens; resets are durations.
const OPENAI: [[&str; 2]; 4] = [
    ["x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
    ["x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
    ["x-ratelimit-remaining-input-tokens", "x-ratelimit-reset-input-tokens"],
    ["x-ratelimit-remaining-output-tokens", "x-ratelimit-reset-output-tokens"],
];

/// The same; resets are times.
const ANTHROPIC: [[&str; 2]; 4] = [
    ["anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"],
    ["anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"],
    ["anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"],
    ["anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"],
];

impl Window {
    /// Requests, tokens, input tokens, output tokens.
    fn all(headers: &HeaderMap, now: Duration) -> [Self; 4] {
        if !headers.keys().any(|name| name.as_str().contains("ratelimit")) {
            return [Self::default(); 4];
        }
        let at = |text: &str| rfc3339::since_epoch(text).map(|at| at.saturating_sub(now).min(TOO_LONG));
        [0, 1, 2, 3].map(|of| {
            let window = Self::read(headers, OPENAI[of], reset);
            if window.is_absent() { Self::read(headers, ANTHROPIC[of], at) } else { window }
        })
    }

    fn read(headers: &HeaderMap, [left, reset]: [&str; 2], read: impl Fn(&str) -> Option<Duration>) -> Self {
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
    values(headers, name, |values| values.filter_map(read).max())
}

fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    values(headers, name, |values| values.next())
}

/// What `read` makes of the values under a name, else of those that a gateway passed on from its upstream.
fn values<'a, T>(
    headers: &'a HeaderMap,
    name: &str,
    read: impl FnOnce(&mut dyn Iterator<Item = &'a str>) -> Option<T>,
) -> Option<T> {
    let texts = |name: &str| headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim);
    if texts(name).next().is_some() {
        return read(&mut texts(name));
    }
    let passed_on = headers.keys().any(|name| name.as_str().starts_with(GATEWAY));
    if passed_on { read(&mut texts(&format!("{GATEWAY}{name}"))) } else { None }
}

#[cfg(test)]
mod tests;

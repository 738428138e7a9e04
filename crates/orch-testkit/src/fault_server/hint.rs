use std::time::{Duration, UNIX_EPOCH};

use super::wire::Wire;

/// One of the places where a provider says how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// `retry-after: 3`, or `1.5`.
    Seconds(Duration),
    /// `retry-after-ms: 1500`.
    Millis(Duration),
    /// `retry-after` as an HTTP date, this long from the moment of the answer, rounded up to the second.
    Date(Duration),
    /// `llm_provider-retry-after: 3`: what a gateway passes on from its upstream.
    Gateway(Duration),
    /// Only the headers of the rate limits: no requests are left, and they start anew after this time. OpenAI's
    /// (`6m0s`) or, on the Messages wire, Anthropic's (RFC 3339, rounded up to the second).
    Reset(Duration),
    /// In the message: `Please try again in 5.289s.`
    Message(Duration),
    /// In a field of the error: `"retry_after": 3`.
    Field(Duration),
    /// In the error's details, as Google does it: `"retryDelay": "22s"`.
    Details(Duration),
}

impl Hint {
    /// The headers; `now` is the time since the Unix epoch.
    pub(super) fn headers(self, wire: Wire, now: Duration) -> Vec<(&'static str, String)> {
        match self {
            Self::Seconds(wait) => vec![("retry-after", seconds(wait))],
            Self::Millis(wait) => vec![("retry-after-ms", wait.as_millis().to_string())],
            Self::Date(wait) => vec![("retry-after", http_date(now + wait))],
            Self::Gateway(wait) => vec![("llm_provider-retry-after", seconds(wait))],
            Self::Reset(wait) if wire == Wire::Messages => vec![
                ("anthropic-ratelimit-requests-limit", "50".into()),
                ("anthropic-ratelimit-requests-remaining", "0".into()),
                ("anthropic-ratelimit-requests-reset", rfc3339(now + wait)),
            ],
            Self::Reset(wait) => vec![
                ("x-ratelimit-limit-requests", "60".into()),
                ("x-ratelimit-remaining-requests", "0".into()),
                ("x-ratelimit-reset-requests", units(wait)),
            ],
            Self::Message(_) | Self::Field(_) | Self::Details(_) => Vec::new(),
        }
    }

    /// What it adds to the message.
    pub(super) fn sentence(self) -> Option<String> {
        let Self::Message(wait) = self else { return None };
        Some(format!(" Please try again in {}s.", seconds(wait)))
    }
}

/// As few digits as the value needs.
pub(super) fn seconds(wait: Duration) -> String {
    wait.as_secs_f64().to_string()
}

/// `6m0s`, `1.5s`.
fn units(wait: Duration) -> String {
    let minutes = wait.as_secs() / 60;
    let rest = seconds(wait - Duration::from_secs(60 * minutes));
    if minutes == 0 { format!("{rest}s") } else { format!("{minutes}m{rest}s") }
}

fn http_date(at: Duration) -> String {
    let up = Duration::from_secs(at.as_secs() + u64::from(at.subsec_nanos() > 0));
    httpdate::fmt_http_date(UNIX_EPOCH + up)
}

/// The HTTP date in another order: `Sun, 06 Nov 1994 08:49:37 GMT` is `1994-11-06T08:49:37Z`.
fn rfc3339(at: Duration) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let date = http_date(at);
    let month = 1 + MONTHS.iter().position(|month| *month == &date[8..11]).unwrap_or_default();
    format!("{}-{month:02}-{}T{}Z", &date[12..16], &date[5..7], &date[17..25])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_millis(784_111_775_500);

    fn header(hint: Hint, wire: Wire) -> String {
        hint.headers(wire, NOW).pop().unwrap().1
    }

    #[test]
    fn waits_are_written_as_providers_write_them() {
        let wait = Duration::from_millis(1_500);
        assert_eq!(header(Hint::Seconds(wait), Wire::Chat), "1.5");
        assert_eq!(header(Hint::Seconds(Duration::from_secs(3)), Wire::Chat), "3");
        assert_eq!(header(Hint::Millis(wait), Wire::Chat), "1500");
        assert_eq!(header(Hint::Date(wait), Wire::Chat), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(header(Hint::Reset(Duration::from_secs(360)), Wire::Responses), "6m0s");
        assert_eq!(header(Hint::Reset(wait), Wire::Chat), "1.5s");
        assert_eq!(header(Hint::Reset(wait), Wire::Messages), "1994-11-06T08:49:37Z");
        assert_eq!(Hint::Message(wait).sentence().unwrap(), " Please try again in 1.5s.");
    }

    #[test]
    fn a_date_is_never_before_the_time_that_was_asked_for() {
        assert_eq!(header(Hint::Date(Duration::from_millis(501)), Wire::Chat), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(header(Hint::Date(Duration::from_millis(500)), Wire::Chat), "Sun, 06 Nov 1994 08:49:36 GMT");
    }
}

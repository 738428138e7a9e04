//! Headers of any names and values: what they say about waiting is none or at most a century, and a number or a date that
//! was written is read back as it was.

#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use orch_providers::retry_after;

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// The last second that HTTP dates can name: the end of the year 9999.
const LAST: u64 = 253_402_300_799;

const NAMES: [&str; 4] =
    ["retry-after", "retry-after-ms", "llm_provider-retry-after", "llm_provider-retry-after-ms"];

fn alone(name: &str, value: &str, now: Duration) -> Option<Duration> {
    let name: HeaderName = name.parse().expect("a name of ours");
    retry_after(&HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("plain text"))]), now)
}

fuzz_target!(|input: (u64, u32, Vec<(u8, Vec<u8>)>)| {
    let (now, number, values) = input;
    let now = Duration::from_secs(now % (LAST + 1));

    let mut headers = HeaderMap::new();
    for (name, value) in &values {
        let name = NAMES[usize::from(*name) % NAMES.len()];
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name.parse::<HeaderName>().expect("a name of ours"), value);
        }
    }
    let wait = retry_after(&headers, now);
    assert!(wait.is_none_or(|wait| wait <= CENTURY), "{wait:?} of {headers:?}");
    // One more value that is shorter than any never lengthens the wait.
    if wait.is_some() && headers.contains_key("retry-after-ms") {
        headers.append("retry-after-ms", HeaderValue::from_static("0"));
        assert!(retry_after(&headers, now).is_some());
    }

    let seconds = Duration::from_secs(number.into()).min(CENTURY);
    assert_eq!(alone("retry-after", &number.to_string(), now), Some(seconds));
    let millis = Duration::from_millis(number.into());
    assert_eq!(alone("retry-after-ms", &format!(" {number} "), now), Some(millis));
    assert_eq!(alone("retry-after", &format!("-{number}"), now), None);

    let until = (now + Duration::from_secs(number.into())).min(Duration::from_secs(LAST));
    let date = httpdate::fmt_http_date(UNIX_EPOCH + until);
    assert_eq!(alone("retry-after", &date, now), Some((until - now).min(CENTURY)), "{date}");
});

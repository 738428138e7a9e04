use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

/// Sun, 06 Nov 1994 08:49:07 GMT: thirty seconds before the date that HTTP's own documents use.
const NOW: Duration = Duration::from_secs(784_111_747);

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn after(pairs: &[(&str, &str)]) -> Option<Duration> {
    retry_after(&headers(pairs), NOW)
}

fn seconds(n: f64) -> Option<Duration> {
    Some(Duration::from_secs_f64(n))
}

#[test]
fn milliseconds_win_over_seconds() {
    assert_eq!(after(&[("retry-after", "9"), ("retry-after-ms", "1500")]), seconds(1.5));
    assert_eq!(after(&[("retry-after", "9"), ("retry-after-ms", "soon")]), seconds(9.0));
}

#[test]
fn seconds_may_have_a_fraction_and_spaces_around() {
    for (value, expected) in [("120", 120.0), ("1.5", 1.5), (" 2 ", 2.0), (".5", 0.5), ("0", 0.0), ("1e2", 100.0)] {
        assert_eq!(after(&[("retry-after", value)]), seconds(expected), "{value}");
    }
}

#[test]
fn what_is_no_wait_is_none() {
    for value in ["-5", "-0", "+5", "nan", "inf", "NaN", "infinity", "", "abc", "5 apples", "1.2.3", "0x10"] {
        assert_eq!(after(&[("retry-after", value)]), None, "{value}");
    }
    assert_eq!(after(&[]), None);
}

#[test]
fn what_is_beyond_a_century_is_a_century() {
    for value in ["1e400", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        assert_eq!(after(&[("retry-after", value)]), Some(TOO_LONG), "{value}");
    }
    assert_eq!(after(&[("retry-after-ms", "1e400")]), Some(TOO_LONG));
}

#[test]
fn all_three_forms_of_an_http_date_are_read() {
    for value in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
        assert_eq!(after(&[("retry-after", value)]), seconds(30.0), "{value}");
    }
}

#[test]
fn a_past_date_is_a_wait_of_zero() {
    for value in ["Sun, 06 Nov 1994 08:49:06 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        assert_eq!(after(&[("retry-after", value)]), seconds(0.0), "{value}");
    }
}

#[test]
fn dates_that_do_not_exist_are_none() {
    for value in ["Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "1994-11-06T08:49:37Z"] {
        assert_eq!(after(&[("retry-after", value)]), None, "{value}");
    }
}

#[test]
fn of_two_values_the_longest_valid_one_counts() {
    assert_eq!(after(&[("retry-after", "3"), ("retry-after", "7")]), seconds(7.0));
    assert_eq!(after(&[("retry-after", "3"), ("retry-after", "never")]), seconds(3.0));
}

#[test]
fn a_gateways_copy_of_its_upstreams_header_is_read() {
    assert_eq!(after(&[("llm_provider-retry-after", "4")]), seconds(4.0));
    assert_eq!(after(&[("llm_provider-retry-after-ms", "1500")]), seconds(1.5));
    assert_eq!(after(&[("llm_provider-retry-after", "4"), ("retry-after", "2")]), seconds(2.0));
    let upstream =
        [("llm_provider-x-ratelimit-remaining-tokens", "0"), ("llm_provider-x-ratelimit-reset-tokens", "2s")];
    assert_eq!(limit_reset(&headers(&upstream), NOW), seconds(2.0));
}

#[test]
fn a_reset_is_no_answer_to_how_long_the_server_asks_to_wait() {
    assert_eq!(after(&[("x-ratelimit-reset-tokens", "6m0s")]), None);
}

#[test]
fn the_longest_reset_of_what_may_be_used_up_counts() {
    let (requests, tokens) = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens");
    let reset = |pairs: &[(&str, &str)]| limit_reset(&headers(pairs), NOW);
    assert_eq!(reset(&[(requests, "12ms")]), seconds(0.012));
    assert_eq!(reset(&[(requests, "1s"), (tokens, "6m0s")]), seconds(360.0));
    assert_eq!(reset(&[(requests, "1s"), (tokens, "6m0s"), ("x-ratelimit-remaining-tokens", "17")]), seconds(1.0));
    assert_eq!(reset(&[(tokens, "6m0s"), ("x-ratelimit-remaining-tokens", "17")]), None);
    assert_eq!(reset(&[]), None);
}

#[test]
fn limits_tell_what_is_left_and_when_it_starts_anew() {
    let hint = limits(
        &headers(&[
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]),
        NOW,
    )
    .unwrap();
    assert_eq!(hint.requests_left, Some(0));
    assert_eq!(hint.tokens_left, Some(149_984));
    assert_eq!(hint.reset_in, seconds(1.0));
}

#[test]
fn limits_are_absent_when_the_server_says_nothing_usable() {
    assert_eq!(limits(&HeaderMap::new(), NOW), None);
    assert_eq!(limits(&headers(&[("x-ratelimit-remaining-requests", "-1")]), NOW), None);
}

#[test]
fn limits_that_start_anew_at_a_time_are_waited_for_until_then() {
    let headers = headers(&[
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:37Z"),
        ("anthropic-ratelimit-tokens-remaining", "9000"),
        ("anthropic-ratelimit-tokens-reset", "1994-11-06T09:49:37Z"),
        ("anthropic-ratelimit-output-tokens-remaining", "500"),
    ]);
    assert_eq!(limit_reset(&headers, NOW), seconds(30.0));
    let hint = LimitHint::new().requests_left(0).tokens_left(500).reset_in(seconds(30.0));
    assert_eq!(limits(&headers, NOW), Some(hint));
    assert_eq!(limit_reset(&headers, NOW + Duration::from_secs(60)), seconds(0.0));
}

#[test]
fn the_server_may_overrule_its_status() {
    assert_eq!(retry_override(&headers(&[("x-should-retry", "true")])), Some(true));
    assert_eq!(retry_override(&headers(&[("x-should-retry", "false")])), Some(false));
    assert_eq!(retry_override(&headers(&[("x-should-retry", "perhaps")])), None);
    assert_eq!(retry_override(&HeaderMap::new()), None);
}

proptest! {
    #[test]
    fn any_value_is_read_without_panic(value in proptest::collection::vec(any::<u8>(), 0..40), now in any::<u32>()) {
        let mut map = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-reset"] {
                map.insert(name.parse::<HeaderName>().unwrap(), value.clone());
            }
        }
        let wait = retry_after(&map, Duration::from_secs(now.into()));
        prop_assert!(wait.is_none_or(|wait| wait <= TOO_LONG));
        prop_assert!(limit_reset(&map, Duration::from_secs(now.into())).is_none_or(|wait| wait <= TOO_LONG));
        let _ = (limits(&map, Duration::from_secs(now.into())), retry_override(&map));
    }

    #[test]
    fn a_date_that_was_written_is_read_back(then in 0_u32..3_100_000_000, now in 0_u32..3_100_000_000) {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(then.into()));
        let wait = retry_after(&headers(&[("retry-after", &date)]), Duration::from_secs(now.into()));
        prop_assert_eq!(wait, Some(Duration::from_secs(then.saturating_sub(now).into())));
    }
}

//! Times as RFC 3339 writes them: `2026-10-21T08:00:00Z`, with a fraction or an offset if need be.

use std::time::Duration;

/// The time since the Unix epoch; a time before it is zero. What is no such time is none.
pub(super) fn since_epoch(text: &str) -> Option<Duration> {
    let (date, rest) = text.trim().split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let end = rest.find(|c: char| !matches!(c, '0'..='9' | ':' | '.'))?;
    let (time, zone) = rest.split_at(end);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    // A leap second has the number 60.
    let valid = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset(zone)?;
    let fraction = Duration::from_nanos(nanos(fraction)?);
    Some(u64::try_from(seconds).map_or(Duration::ZERO, Duration::from_secs) + fraction)
}

/// Three numbers of so many digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        *number = number_of(parts.next()?, digits)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn number_of(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The nanoseconds of the digits after the point.
fn nanos(digits: &str) -> Option<u64> {
    let known: String = digits.chars().chain("000000000".chars()).take(9).collect();
    (!digits.is_empty()).then(|| known.parse().ok())?
}

/// How many seconds the zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' => return (zone.len() == 1).then_some(0),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (number_of(hours, 2)?, number_of(minutes, 2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days before this year, of its earlier months, and of this one.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let before = |year: i64| 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    before(year) - before(1970) + months + day - 1
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_with_fractions_and_offsets_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("1994-11-06T08:49:37Z", 784_111_777.0),
            ("1994-11-06T08:49:37.25Z", 784_111_777.25),
            ("1994-11-06t10:49:37+02:00", 784_111_777.0),
            ("1994-11-06 03:19:37-05:30", 784_111_777.0),
            ("2000-02-29T00:00:00z", 951_782_400.0),
            ("1969-12-31T23:59:59Z", 0.0),
            ("1990-12-31T23:59:60Z", 662_688_000.0),
        ] {
            assert_eq!(since_epoch(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_time_is_none() {
        for text in [
            "",
            "soon",
            "6m0s",
            "1994-11-06",
            "1994-11-06T08:49:37",
            "1994-11-06T08:49Z",
            "1994-02-30T08:49:37Z",
            "1900-02-29T08:49:37Z",
            "1994-13-06T08:49:37Z",
            "1994-11-06T24:49:37Z",
            "1994-11-06T08:49:37.Z",
            "1994-11-06T08:49:37.1.2Z",
            "1994-11-06T08:49:37Zulu",
            "1994-11-06T08:49:37+2",
            "94-11-06T08:49:37Z",
            "+994-11-06T08:49:37Z",
        ] {
            assert_eq!(since_epoch(text), None, "{text}");
        }
    }

    proptest! {
        /// Against the crate that reads the dates of HTTP.
        #[test]
        fn every_second_is_read_as_it_was_written(seconds in 0_u64..253_402_300_800) {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            let http = httpdate::fmt_http_date(at);
            let parts: Vec<&str> = http.split([' ', ',']).filter(|part| !part.is_empty()).collect();
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = 1 + months.iter().position(|month| *month == parts[2]).unwrap();
            let text = format!("{}-{month:02}-{}T{}Z", parts[3], parts[1], parts[4]);
            prop_assert_eq!(since_epoch(&text), Some(Duration::from_secs(seconds)), "{}", text);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}", near in "[0-9T:.Z+-]{0,40}") {
            let _ = (since_epoch(&text), since_epoch(&near));
        }
    }
}

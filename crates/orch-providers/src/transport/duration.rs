//! Durations as servers write them, in headers and in sentences.

use std::time::Duration;

/// The longest wait that is told apart from a longer one. A century added to a clock does not overflow it.
pub(super) const TOO_LONG: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A number of some unit, as in `Retry-After: 1.5`. What is no plain number at or above zero is none;
/// what is beyond a century is a century.
pub(super) fn number(text: &str, unit: Duration) -> Option<Duration> {
    let text = text.trim();
    // `parse` would also take a sign, `nan` and `inf`.
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.').then_some(())?;
    let amount: f64 = text.parse().ok()?;
    Some(scaled(amount, unit))
}

/// `6m0s`, `12ms`, `1h2m3.5s`; a number without a unit counts as seconds.
pub(super) fn reset(text: &str) -> Option<Duration> {
    number(text, Duration::from_secs(1)).or_else(|| {
        let (duration, rest) = units(text.trim())?;
        rest.is_empty().then_some(duration)
    })
}

/// The wait that a sentence asks for: "Please try again in 5.289s", "retry in 20 seconds".
///
/// Only a number right after such words counts, so that other numbers in a message are not taken for a wait.
pub(crate) fn stated_wait(message: &str) -> Option<Duration> {
    const WORDS: [&str; 4] = ["try again in ", "retry in ", "retry after ", "wait "];
    let lower = message.to_ascii_lowercase();
    WORDS.iter().find_map(|words| {
        let after = lower.split_once(words)?.1;
        units(after).map(|(duration, _)| duration)
    })
}

/// One or more numbers with units at the beginning of a text, and what follows them.
fn units(text: &str) -> Option<(Duration, &str)> {
    let (mut total, mut rest) = one_unit(text)?;
    while let Some((next, after)) = one_unit(rest) {
        total = total.saturating_add(next).min(TOO_LONG);
        rest = after;
    }
    Some((total, rest))
}

fn one_unit(text: &str) -> Option<(Duration, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let amount: f64 = text[..digits].parse().ok()?;
    let after = text[digits..].trim_start_matches(' ');
    let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
    Some((scaled(amount, unit(&after[..letters])?), &after[letters..]))
}

fn unit(word: &str) -> Option<Duration> {
    Some(match word {
        "ns" => Duration::from_nanos(1),
        "us" | "µs" | "μs" => Duration::from_micros(1),
        "ms" | "millisecond" | "milliseconds" => Duration::from_millis(1),
        "s" | "sec" | "secs" | "second" | "seconds" => Duration::from_secs(1),
        "m" | "min" | "mins" | "minute" | "minutes" => Duration::from_secs(60),
        "h" | "hour" | "hours" => Duration::from_secs(3600),
        "d" | "day" | "days" => Duration::from_secs(24 * 3600),
        _ => return None,
    })
}

/// In whole nanoseconds, so that whole numbers of any unit are exact.
fn scaled(amount: f64, unit: Duration) -> Duration {
    let Ok(amount) = Duration::try_from_secs_f64(amount) else { return TOO_LONG };
    let nanos = amount.as_nanos().saturating_mul(unit.as_nanos()) / 1_000_000_000;
    u64::try_from(nanos).map_or(TOO_LONG, Duration::from_nanos).min(TOO_LONG)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reset_headers_are_durations_of_many_forms() {
        for (text, millis) in [
            ("12ms", 12),
            ("6m0s", 360_000),
            ("1s", 1_000),
            ("1.5s", 1_500),
            ("1h2m3s", 3_723_000),
            ("1m30.25s", 90_250),
            ("7", 7_000),
            (" 2 ", 2_000),
            ("0s", 0),
            ("1d", 86_400_000),
        ] {
            assert_eq!(reset(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(reset("250us"), Some(Duration::from_micros(250)));
        for text in ["", "s", "-1", "6m0", "1 fortnight", "1s later", "2026-01-01T00:00:00Z"] {
            assert_eq!(reset(text), None, "{text}");
        }
    }

    #[test]
    fn a_message_states_its_wait_in_words() {
        for (message, millis) in [
            ("Rate limit reached. Please try again in 5.289s. Visit ...", 5_289),
            ("Please retry in 8.9s", 8_900),
            ("Try again in 6m0s.", 360_000),
            ("try again in 250ms", 250),
            ("try again in 20 seconds", 20_000),
            ("Retry after 3 s", 3_000),
            ("please wait 2 minutes before asking again", 120_000),
        ] {
            assert_eq!(stated_wait(message), Some(Duration::from_millis(millis)), "{message}");
        }
        for message in ["", "try again in a moment", "you sent 5 s of audio", "limit 30000, used 29000", "retry in "] {
            assert_eq!(stated_wait(message), None, "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_never_beyond_a_century(text in ".*") {
            for found in [reset(&text), stated_wait(&text), stated_wait(&format!("try again in {text}"))] {
                prop_assert!(found.is_none_or(|wait| wait <= TOO_LONG));
            }
        }

        #[test]
        fn whole_numbers_of_any_unit_are_exact(amount: u32) {
            let text = amount.to_string();
            prop_assert_eq!(number(&text, Duration::from_secs(1)), Some(Duration::from_secs(amount.into()).min(TOO_LONG)));
            prop_assert_eq!(number(&text, Duration::from_millis(1)), Some(Duration::from_millis(amount.into())));
            prop_assert_eq!(reset(&format!("{text}us")), Some(Duration::from_micros(amount.into())));
        }

        #[test]
        fn a_duration_written_with_units_is_read_back(h in 0_u64..100, m in 0_u64..60, s in 0_u64..60, ms in 0_u64..1000) {
            let expected = Duration::from_millis(((h * 60 + m) * 60 + s) * 1000 + ms);
            prop_assert_eq!(reset(&format!("{h}h{m}m{s}.{ms:03}s")), Some(expected));
        }
    }
}

use std::time::Duration;

const SECONDS_PER_DAY: u64 = 86_400;

/// A day, counted from 1970-01-01 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(u64);

impl Day {
    /// The day of a moment, given as time since the Unix epoch.
    pub(super) fn at(unix: Duration) -> Self {
        Self(unix.as_secs() / SECONDS_PER_DAY)
    }

    #[cfg(test)]
    pub(super) fn number(self) -> u64 {
        self.0
    }

    /// A day from 1970 on, written as `2026-11-20`; no text is the first of all.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let mut parts = text.splitn(3, '-');
        let mut next = |digits: usize| parts.next().filter(|part| part.len() == digits)?.parse::<u64>().ok();
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let in_month = usize::try_from(month).ok()?.checked_sub(1).and_then(|month| days(year).get(month).copied())?;
        if year < 1970 || day == 0 || day > in_month {
            return None;
        }
        let years: u64 = (1970..year).map(|year| days(year).iter().sum::<u64>()).sum();
        let months: u64 = days(year).iter().zip(1..month).map(|(days, _)| days).sum();
        Some(Self(years + months + day - 1))
    }
}

fn days(year: u64) -> [u64; 12] {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("1972-02-29", 68_169_600),
            ("2000-03-01", 951_868_800),
            ("2026-11-20", 1_795_132_800),
            ("2100-03-01", 4_107_542_400),
        ] {
            let unix = Duration::from_secs(seconds);
            assert_eq!(Day::parse(text), Some(Day::at(unix)), "{text}");
            assert_eq!(Day::parse(text), Some(Day::at(unix + Duration::from_secs(86_399))), "{text}");
            assert!(Day::parse(text) < Some(Day::at(unix + Duration::from_secs(86_400))), "{text}");
        }
        assert_eq!(Day::parse(""), Some(Day::default()));
    }

    #[test]
    fn what_is_no_day_is_none() {
        for text in
            ["2026-13-01", "2026-00-01", "2025-02-29", "2026-1-1", "1969-12-31", "2026-11", "today", "2026-11-20T"]
        {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::fmt::temporal::Pieces;

/// A day, maybe with a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct When {
    day: Date,
    time: Option<Time>,
    /// If the text says how far it is from UTC.
    instant: Option<Timestamp>,
}

/// Ways to write a day that can be read in one way only.
const FORMATS: [&str; 11] = [
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%B %d %Y", "%b %d %Y", "%d %B %Y", "%d %b %Y", "%Y %B %d",
    "%Y %b %d", "%d-%b-%Y",
];

impl When {
    /// `None` of a text that is no date, or one that may be two.
    pub(crate) fn read(text: &str) -> Option<Self> {
        const LONGEST: usize = 48;
        let text = text.trim().trim_end_matches('.');
        if text.len() > LONGEST || !text.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if text.contains(':') {
            return Self::with_time(text);
        }
        let text = plain(text);
        let day = FORMATS.iter().find_map(|format| Date::strptime(format, &text).ok());
        day.or_else(|| slashed(&text)).map(|day| Self { day, time: None, instant: None })
    }

    fn with_time(text: &str) -> Option<Self> {
        let pieces = Pieces::parse(text).ok()?;
        Some(Self { day: pieces.date(), time: Some(pieces.time()?), instant: text.parse().ok() })
    }

    /// Whether both may be the same: instants as instants, times as they are written, days as days.
    pub(crate) fn same(self, other: Self) -> bool {
        match (self.instant.zip(other.instant), self.time.zip(other.time)) {
            (Some((a, b)), _) => a == b,
            (None, Some((a, b))) => a == b && self.day == other.day,
            (None, None) => self.day == other.day,
        }
    }
}

/// Without the day of the week, commas and the endings of ordinals.
fn plain(text: &str) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let is_weekday = |word: &str| word.get(..3).is_some_and(|start| DAYS.contains(&start.to_lowercase().as_str()));
    let words = text.split([' ', ',']).filter(|word| !word.is_empty() && !is_weekday(word));
    words.map(without_ordinal).collect::<Vec<_>>().join(" ")
}

fn without_ordinal(word: &str) -> &str {
    let number = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending));
    number.filter(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit())).unwrap_or(word)
}

/// Month and day in either order, if only one of them is possible.
fn slashed(text: &str) -> Option<Date> {
    let american = Date::strptime("%m/%d/%Y", text).ok();
    let other = Date::strptime("%d/%m/%Y", text).ok();
    match (american, other) {
        (Some(a), Some(b)) if a != b => None,
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_same_however_it_is_written() {
        let day = When::read("2024-03-25").unwrap();
        for text in [
            "2024/03/25",
            "25.03.2024",
            "March 25, 2024",
            "25 March 2024",
            "25 Mar 2024",
            "Monday, March 25th, 2024.",
            "03/25/2024",
            "25/03/2024",
            "25-Mar-2024",
        ] {
            assert_eq!(When::read(text), Some(day), "{text}");
        }
        assert!(!When::read("2024-03-26").unwrap().same(day));
    }

    #[test]
    fn what_may_be_two_days_or_none_is_no_date() {
        for text in ["03/04/2024", "2024-02-30", "soon", "", "2024", "March", "12:30"] {
            assert_eq!(When::read(text), None, "{text}");
        }
        assert!(When::read("04/04/2024").is_some());
    }

    #[test]
    fn times_are_compared_where_both_have_one_and_instants_across_zones() {
        let when = |text: &str| When::read(text).unwrap();
        assert!(when("2024-03-01T12:00:00Z").same(when("2024-03-01T13:00:00+01:00")));
        assert!(!when("2024-03-01T12:00:00Z").same(when("2024-03-01T12:00:00+01:00")));
        assert!(when("2024-03-01").same(when("2024-03-01T12:00:00")));
        assert!(!when("2024-03-01T12:00:00").same(when("2024-03-01T12:00:01")));
        assert!(when("2024-03-01T12:00:00").same(when("2024-03-01 12:00:00")));
    }
}

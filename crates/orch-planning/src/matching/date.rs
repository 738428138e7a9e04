use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The moment that a text names: a date and time with an offset, one without (in UTC), or a day (its midnight in UTC).
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    // Anything longer than a moment with nanoseconds, offset and zone is no date; saves parsing long texts.
    const LONGEST: usize = 80;
    if text.len() > LONGEST || !text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
        return None;
    }
    text.parse().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })
}

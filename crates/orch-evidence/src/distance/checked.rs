use super::counts::shared;
use super::{Distance, Prepared};
use crate::notes::{Note, Notes};

/// A text of more bytes is not looked into.
const LONGEST_TEXT: usize = 8 << 20;

/// Prepares a text as the metric does, but for one that is too long.
pub(crate) fn prepare(metric: &dyn Distance, text: &str, notes: &Notes) -> Prepared {
    if text.len() > LONGEST_TEXT {
        notes.add(Note::TextUnread);
        return Prepared::unread(text.to_owned());
    }
    metric.prepare(text)
}

/// A metric's distance, kept within 0 to 1 and within bearable time.
pub(crate) fn checked(metric: &dyn Distance, a: &Prepared, b: &Prepared, notes: &Notes) -> f64 {
    if a.is_unread() || b.is_unread() {
        return if a.same(b) { 0.0 } else { 1.0 };
    }
    let (words, chars) = (a.tokens().len().max(b.tokens().len()), a.chars().max(b.chars()));
    if words > metric.longest() || chars > metric.longest_chars() {
        notes.add(Note::ByShingles);
        return shingle_distance(a, b);
    }
    let distance = metric.distance(a, b);
    if (0.0..=1.0).contains(&distance) {
        return distance;
    }
    debug_assert!(false, "the distance `{}` gave {distance}, which is not within 0 to 1", metric.name());
    notes.add(Note::Strayed);
    1.0
}

/// The part of all different runs of five words that only one of the texts has.
fn shingle_distance(a: &Prepared, b: &Prepared) -> f64 {
    if a.same(b) {
        return 0.0;
    }
    let (a, b) = (a.shingles(), b.shingles());
    let shared = shared(a, b);
    let all = a.len() as u64 + b.len() as u64 - shared;
    if all == 0 { 0.0 } else { 1.0 - shared as f64 / all as f64 }
}

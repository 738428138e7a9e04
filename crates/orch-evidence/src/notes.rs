//! What is odd about how answers were compared.

use std::sync::atomic::{AtomicU8, Ordering};

/// One thing that is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// A distance was outside 0 to 1.
    Strayed = 1,
    /// Texts too long for their metric were compared by runs of words.
    ByShingles = 2,
    /// Texts too long to be normalised were compared as they are.
    TextUnread = 4,
    /// Arrays too long to be aligned or paired at best were compared in a cheaper way.
    ArraysRough = 8,
    /// Parts too deep or beyond the largest number of values were compared as wholes.
    TreeCut = 16,
}

impl Note {
    const ALL: [Self; 5] = [Self::Strayed, Self::ByShingles, Self::TextUnread, Self::ArraysRough, Self::TreeCut];

    fn text(self, metric: &str) -> String {
        match self {
            Self::Strayed => format!("the distance `{metric}` gave values outside 0 to 1, which count as 1"),
            Self::ByShingles => {
                "approximate: texts too long for their metric were compared by runs of five words".to_owned()
            }
            Self::TextUnread => "approximate: texts above 8 MiB were compared as they are".to_owned(),
            Self::ArraysRough => "approximate: long arrays were aligned or paired in a cheaper way".to_owned(),
            Self::TreeCut => {
                "approximate: parts deeper than 128 levels or beyond 100,000 values were compared as wholes".to_owned()
            }
        }
    }
}

/// All that is odd. It only grows.
#[derive(Debug, Default)]
pub(crate) struct Notes(AtomicU8);

impl Notes {
    pub(crate) fn add(&self, note: Note) {
        self.0.fetch_or(note as u8, Ordering::Relaxed);
    }

    pub(crate) fn has(&self, note: Note) -> bool {
        self.0.load(Ordering::Relaxed) & note as u8 != 0
    }

    /// Whether some distance is not that of the metric.
    pub(crate) fn approximate(&self) -> bool {
        Note::ALL.into_iter().any(|note| note != Note::Strayed && self.has(note))
    }

    /// In words, for people.
    pub(crate) fn texts(&self, metric: &str) -> Vec<String> {
        Note::ALL.into_iter().filter(|note| self.has(*note)).map(|note| note.text(metric)).collect()
    }
}

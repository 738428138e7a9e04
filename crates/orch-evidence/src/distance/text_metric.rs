use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Containment, CosineTf, DamerauLevenshtein, Distance, Exact, JaroWinkler, Levenshtein, Osa, Prepared, RougeL,
    SorensenDice, TokenJaccard, TokenLevenshtein,
};

/// The metrics of texts that come with this crate, by name.
///
/// It is a [`Distance`] itself: `ReplicateLayer::new(5).distance(TextMetric::RougeL)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TextMetric {
    /// [`Exact`].
    Exact,
    /// [`TokenLevenshtein`], the default.
    #[default]
    TokenLevenshtein,
    /// [`TokenJaccard`] over sets of words.
    TokenJaccard,
    /// [`TokenJaccard`] that counts how often a word occurs.
    TokenJaccardMultiset,
    /// [`RougeL`].
    RougeL,
    /// [`CosineTf`].
    CosineTf,
    /// [`Containment`].
    Containment,
    /// [`Levenshtein`].
    Levenshtein,
    /// [`Osa`].
    Osa,
    /// [`DamerauLevenshtein`].
    DamerauLevenshtein,
    /// [`JaroWinkler`].
    JaroWinkler,
    /// [`SorensenDice`].
    SorensenDice,
}

impl TextMetric {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Exact,
        Self::TokenLevenshtein,
        Self::TokenJaccard,
        Self::TokenJaccardMultiset,
        Self::RougeL,
        Self::CosineTf,
        Self::Containment,
        Self::Levenshtein,
        Self::Osa,
        Self::DamerauLevenshtein,
        Self::JaroWinkler,
        Self::SorensenDice,
    ];

    fn metric(self) -> &'static dyn Distance {
        match self {
            Self::Exact => &Exact,
            Self::TokenLevenshtein => &TokenLevenshtein,
            Self::TokenJaccard => &TokenJaccard::SET,
            Self::TokenJaccardMultiset => &TokenJaccard::MULTISET,
            Self::RougeL => &RougeL,
            Self::CosineTf => &CosineTf,
            Self::Containment => &Containment,
            Self::Levenshtein => &Levenshtein,
            Self::Osa => &Osa,
            Self::DamerauLevenshtein => &DamerauLevenshtein,
            Self::JaroWinkler => &JaroWinkler,
            Self::SorensenDice => &SorensenDice,
        }
    }
}

impl Distance for TextMetric {
    fn name(&self) -> &'static str {
        self.metric().name()
    }

    fn prepare(&self, text: &str) -> Prepared {
        self.metric().prepare(text)
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        self.metric().distance(a, b)
    }

    fn bounded(&self, a: &Prepared, b: &Prepared, cutoff: f64) -> Option<f64> {
        self.metric().bounded(a, b, cutoff)
    }

    fn longest(&self) -> usize {
        self.metric().longest()
    }

    fn longest_chars(&self) -> usize {
        self.metric().longest_chars()
    }
}

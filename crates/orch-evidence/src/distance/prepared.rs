use std::hash::{DefaultHasher, Hash, Hasher};

use crate::normalise;

/// A text made ready to be compared: normalised, cut into words, hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    text: String,
    tokens: Vec<u64>,
    hash: u64,
}

impl Prepared {
    /// Normalises a text (see [`normalise`](crate::normalise())) and cuts it at its spaces.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::verbatim(normalise(text))
    }

    /// Takes a text as it is and cuts it at white space.
    #[must_use]
    pub fn verbatim(text: String) -> Self {
        let tokens = text.split_whitespace().map(hash).collect();
        Self { tokens, hash: hash(&text), text }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The hashes of its words, in order. They are comparable within one process only.
    #[must_use]
    pub fn tokens(&self) -> &[u64] {
        &self.tokens
    }

    /// Whether both are the same text; decided by hash first.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.hash == other.hash && self.text == other.text
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

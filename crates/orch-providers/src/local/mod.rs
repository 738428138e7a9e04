//! The embedded default: extractive retrieval over a document of the user's own. No key, no network, no weights.

mod answerer;
mod bm25;
mod document;
mod index;
mod sample;

pub use self::answerer::LocalAnswerer;
pub use self::index::Passage;

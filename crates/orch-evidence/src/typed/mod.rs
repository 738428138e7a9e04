//! Answers of a type: its rules, its check, and the evidence for one value of it.

mod consensus;
mod evidence;
mod field;
mod key;
mod place;
mod sound;
mod standard;
mod violation;

pub use self::consensus::Consensus;
pub use self::evidence::Evidence;
pub use self::field::Field;
#[doc(hidden)]
pub use self::key::assert_field;
pub use self::place::Place;
pub(crate) use self::sound::validator;
pub use self::violation::Violation;
#[doc(hidden)]
pub use self::violation::{check_field, validate};

#[cfg(test)]
mod tests;

//! How much each replicate's answer counts, when replicates are not equals: other models, other prompts.

mod em;
mod gate;
mod label_free;

pub use self::label_free::LabelFree;

#[cfg(test)]
mod tests;

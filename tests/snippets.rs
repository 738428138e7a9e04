//! The programs in the documents, compiled and run as documentation tests:
//! `cargo test --doc --package orch-tests`.

/// One item for each document that shows Rust; `tests/it/snippets.rs` sees to it that none is left out.
macro_rules! documents {
    ($($name:ident: $path:literal,)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!($path)]
        pub struct $name;
    )*};
}

documents! {
    Contributing: "../CONTRIBUTING.md",
    Evidence: "../docs/evidence.md",
    Pricing: "../docs/pricing.md",
}

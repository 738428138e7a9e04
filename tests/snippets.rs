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
    Batches: "../docs/batches.md",
    Configuration: "../docs/configuration.md",
    Contributing: "../CONTRIBUTING.md",
    Evidence: "../docs/evidence.md",
    OwnProvider: "../docs/own-provider.md",
    Pricing: "../docs/pricing.md",
    ReadingARun: "../docs/reading-a-run.md",
    Testing: "../docs/testing.md",
    Tutorial: "../docs/tutorial.md",
}

//! What `#[derive(Consensus)]` makes of a type.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]
#![expect(dead_code, reason = "of many types the rules are read, and not the values")]

mod attributes;
mod checks;
mod crosswords;
mod names;

/// Wrong attributes are errors of the compiler at their lines.
#[test]
fn a_wrong_attribute_is_an_error_at_its_line() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/derive/compile_fail/*.rs");
}

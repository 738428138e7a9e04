//! What `#[derive(Consensus)]` makes of a type.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(dead_code, reason = "of many types the rules are read, and not the values")]

mod attributes;
mod checks;
mod names;

/// Wrong attributes are errors of the compiler at their lines.
#[test]
fn a_wrong_attribute_is_an_error_at_its_line() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/derive/compile_fail/*.rs");
}

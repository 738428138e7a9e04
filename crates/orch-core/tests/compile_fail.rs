//! What the compiler says about stacks that do not fit.

#[test]
fn a_foreign_request_without_a_context_layer_is_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
}

//! Whether a key that an attribute names is there, found out by the compiler.

/// Refuses a key that is not among the fields, if those are known.
///
/// # Panics
/// With the complaint; in a constant that is an error of the compiler.
pub const fn assert_field(fields: Option<&[&str]>, key: &str, complaint: &str) {
    let Some(fields) = fields else { return };
    let mut at = 0;
    while at < fields.len() {
        if same(fields[at].as_bytes(), key.as_bytes()) {
            return;
        }
        at += 1;
    }
    panic!("{}", complaint)
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

use std::fmt::Display;
use std::io::{self, Write};

/// Says which test did nothing, and why. The line is seen even when the test passes: a test runner holds back only what
/// the print macros write.
pub fn skipped(what: impl Display) {
    // A runner that closed its error output has nobody to tell.
    let _ = writeln!(io::stderr(), "SKIPPED: {what}");
}

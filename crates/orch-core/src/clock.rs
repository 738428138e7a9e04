//! The one place where wall time and process-wide chance enter.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Time since the Unix epoch by the machine's wall clock; zero before 1970.
///
/// Only for stamps that people or other machines read. Everything that waits
/// or measures uses [`tokio::time::Instant`], which obeys paused time in tests.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
pub fn wall_clock() -> Duration {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A fresh 128-bit id as 32 hexadecimal digits, the form of a W3C trace id.
pub(crate) fn fresh_id() -> Arc<str> {
    let id = fastrand::u128(1..).to_be_bytes();
    let digit = |n: u8| char::from(b"0123456789abcdef"[usize::from(n)]);
    // By hand: formatting takes ten times as long.
    id.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>().into()
}

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
    let id = fastrand::u128(1..);
    // By hand: formatting takes ten times as long.
    let digits: [u8; 32] = std::array::from_fn(|place| b"0123456789abcdef"[(id >> (124 - 4 * place) & 15) as usize]);
    str::from_utf8(&digits).expect("digits are letters").into()
}

//! The one place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by the machine's clock; it may jump, so nobody subtracts blindly.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else uses")]
pub fn now_ms() -> i64 {
    ms_of(SystemTime::now())
}

/// The same of a file's time.
pub fn ms_of(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

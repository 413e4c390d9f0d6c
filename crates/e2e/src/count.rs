//! How often a test does its thing: a little by default, in full where the machine has the time.

/// `full` where `ERRAND_TEST_COUNTS=full`, else `reduced`.
pub fn count(reduced: usize, full: usize) -> usize {
    match std::env::var("ERRAND_TEST_COUNTS").as_deref() {
        Ok("full") => full,
        _ => reduced,
    }
}

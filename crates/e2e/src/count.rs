//! How often a test does its thing: a little by default, in full where the machine has the time; and
//! what it draws.

/// `full` where `ERRAND_TEST_COUNTS=full`, else `reduced`.
pub fn count(reduced: usize, full: usize) -> usize {
    match std::env::var("ERRAND_TEST_COUNTS").as_deref() {
        Ok("full") => full,
        _ => reduced,
    }
}

/// What a test draws from, printed: the seed that `ERRAND_TEST_SEED` names, else always the same.
pub fn seeded() -> fastrand::Rng {
    let named = std::env::var("ERRAND_TEST_SEED").ok();
    let seed = named.and_then(|seed| seed.parse().ok()).unwrap_or(0);
    eprintln!("ERRAND_TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

//! How many requests a key may make.

use crate::api::error::ApiError;
use crate::config::ApiConfig;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;

/// The limiter, by key name.
#[derive(Debug)]
pub struct Rate {
    burst: u32,
    limiter: DefaultKeyedRateLimiter<String>,
}

impl Rate {
    /// With the configured quota.
    pub fn new(config: &ApiConfig) -> Self {
        let per_second = NonZeroU32::new(config.requests_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(config.burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { burst: burst.get(), limiter: RateLimiter::keyed(quota) }
    }

    /// Counts one request, or says when to come back.
    pub fn check(&self, key: &str) -> Result<(), ApiError> {
        self.limiter.check_key(&key.to_owned()).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            ApiError::too_many(wait.as_secs().saturating_add(1), self.burst)
        })
    }
}

//! What tokens cost: micro-dollars per million tokens, and the sum for one answer.

use crate::piece::Usage;

/// Tokens that a price is quoted for.
const TOKENS_PER_PRICE: u128 = 1_000_000;

/// Prices in micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// Input neither read from nor written to a cache.
    pub input: u64,
    /// Output, thinking included.
    pub output: u64,
    /// Input written to the cache.
    pub cache_write: u64,
    /// Input read from the cache.
    pub cache_read: u64,
}

impl Price {
    /// A price from cents per million tokens.
    pub const fn from_cents(input: u64, output: u64, cache_write: u64, cache_read: u64) -> Self {
        const MICRO_DOLLARS: u64 = 10_000;
        Self {
            input: input * MICRO_DOLLARS,
            output: output * MICRO_DOLLARS,
            cache_write: cache_write * MICRO_DOLLARS,
            cache_read: cache_read * MICRO_DOLLARS,
        }
    }

    /// What an answer cost in micro-dollars, rounded up so that budgets never undercount.
    pub fn cost(&self, usage: &Usage) -> u64 {
        let sum = [
            (usage.input_tokens, self.input),
            (usage.output_tokens, self.output),
            (usage.cache_write_tokens, self.cache_write),
            (usage.cache_read_tokens, self.cache_read),
        ]
        .iter()
        .map(|&(tokens, price)| u128::from(tokens).saturating_mul(u128::from(price)))
        .fold(0_u128, u128::saturating_add);
        u64::try_from(sum.div_ceil(TOKENS_PER_PRICE)).unwrap_or(u64::MAX)
    }
}

/// List prices of models this crate knows by name, for configurations that give none.
pub fn list_price(upstream: &str) -> Option<Price> {
    // Longest names first: dated releases share the price of their family.
    const TABLE: &[(&str, Price)] = &[
        ("claude-opus-4", Price::from_cents(500, 2500, 625, 50)),
        ("claude-sonnet-4", Price::from_cents(300, 1500, 375, 30)),
        ("claude-haiku-4", Price::from_cents(100, 500, 125, 10)),
        (
            "gpt-5-mini",
            Price { input: 250_000, output: 2_000_000, cache_write: 250_000, cache_read: 25_000 },
        ),
        (
            "gpt-5.2",
            Price {
                input: 1_750_000,
                output: 14_000_000,
                cache_write: 1_750_000,
                cache_read: 175_000,
            },
        ),
        (
            "gpt-5",
            Price {
                input: 1_250_000,
                output: 10_000_000,
                cache_write: 1_250_000,
                cache_read: 125_000,
            },
        ),
    ];
    TABLE.iter().find(|(name, _)| upstream.starts_with(name)).map(|(_, price)| *price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_the_sum_of_four_kinds_rounded_up() {
        let price = Price::from_cents(300, 1500, 375, 30);
        let usage = Usage {
            input_tokens: 1_000_000,
            output_tokens: 100_000,
            cache_write_tokens: 200_000,
            cache_read_tokens: 1_000_000,
        };
        assert_eq!(price.cost(&usage), 3_000_000 + 1_500_000 + 750_000 + 300_000);
        let one = Usage { cache_read_tokens: 1, ..Usage::default() };
        assert_eq!(price.cost(&one), 1);
        assert_eq!(price.cost(&Usage::default()), 0);
    }

    #[test]
    fn absurd_usage_saturates_instead_of_overflowing() {
        let price = Price { input: u64::MAX, output: u64::MAX, ..Price::default() };
        let usage = Usage { input_tokens: u64::MAX, output_tokens: u64::MAX, ..Usage::default() };
        assert_eq!(price.cost(&usage), u64::MAX);
    }

    #[test]
    fn dated_releases_have_the_price_of_their_family() {
        assert_eq!(list_price("claude-sonnet-4-5-20250929"), list_price("claude-sonnet-4-5"));
        assert_eq!(list_price("some-local-model"), None);
    }
}

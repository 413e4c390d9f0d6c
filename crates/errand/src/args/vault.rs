//! What can be typed after `errand vault`.

use clap::Subcommand;

/// `errand vault`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Vault {
    /// Show the keys, where they are, and how many values each wraps
    Status,
    /// Make a new key, and have all values wrapped with it, beside everything else
    Rotate,
    /// Remove older keys that no value needs any more
    RemoveOld,
}

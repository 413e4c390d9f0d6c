//! What can be typed after `errand signing-key`.

use clap::Subcommand;

/// `errand signing-key`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum SigningKey {
    /// Show the keys' public halves, newest first
    #[command(visible_alias = "list")]
    Ls,
    /// Print a file for git's `gpg.ssh.allowedSignersFile`, by which everybody checks commits
    AllowedSigners,
    /// Make a new key and throw away the private half of the one before (with the installation's own token)
    Rotate,
}

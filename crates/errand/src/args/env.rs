//! What can be typed after `errand env`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `errand env`.
#[derive(Debug, Subcommand)]
pub enum Env {
    /// Say which environment file counts, what it means, and what is wrong with it
    Check(CheckEnv),
    /// Print the JSON Schema of environment files
    Schema,
}

/// `errand env check`.
#[derive(Debug, Args)]
pub struct CheckEnv {
    /// An environment file, or a folder; default: the repository you are in
    pub path: Option<PathBuf>,
}

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
    /// Have an agent find out how a repository is set up, write its environment file, and try it
    Init(InitEnv),
}

/// `errand env init`.
#[derive(Debug, Args)]
pub struct InitEnv {
    /// What the agent should know: the package manager, the service that the tests need
    pub hint: Option<String>,
    /// Repository: a folder, or a file, http(s) or ssh URL; default: the one you are in
    #[arg(long)]
    pub repo: Option<String>,
    /// Branch, tag or commit to start from; default: the repository's default branch
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Model; see `errand models`
    #[arg(long)]
    pub model: Option<String>,
    /// Variable for the sandbox; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = super::pair)]
    pub env: Vec<(String, String)>,
    /// Do not try the file on a fresh machine
    #[arg(long)]
    pub no_check: bool,
}

/// `errand env check`.
#[derive(Debug, Args)]
pub struct CheckEnv {
    /// An environment file, or a folder; default: the repository you are in
    pub path: Option<PathBuf>,
}

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
    /// List the environments that the server keeps for repositories without a file
    Ls,
    /// Show a saved environment with its text
    Show(ShowEnv),
    /// Save an environment on the server: agents of its repositories use it where they have no file
    Save(SaveEnv),
    /// Forget a saved environment; agents that began with it go on as they are
    Rm(OneEnv),
    /// List the versions of a saved environment
    History(OneEnv),
    /// Give a saved environment the text of an earlier version again, as a new version
    Restore(RestoreEnv),
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

/// `errand env save`.
#[derive(Debug, Args)]
pub struct SaveEnv {
    /// The text, as `.errand/environment.json` would have it; `-` reads it from standard input
    pub file: String,
    /// Repository that it is for: a folder, or a file, http(s) or ssh URL; may be given several times;
    /// default: those it is for already
    #[arg(long)]
    pub repo: Vec<String>,
    /// Name or id; default: that of its repository. One that exists gets a new version
    #[arg(long)]
    pub name: Option<String>,
}

/// A command about one saved environment.
#[derive(Debug, Args)]
pub struct OneEnv {
    /// Its name or its id
    pub environment: String,
}

/// `errand env show`.
#[derive(Debug, Args)]
pub struct ShowEnv {
    /// Its name or its id
    pub environment: String,
    /// An earlier version; see `errand env history`
    #[arg(long, value_name = "NUMBER")]
    pub version: Option<u64>,
}

/// `errand env restore`.
#[derive(Debug, Args)]
pub struct RestoreEnv {
    /// Its name or its id
    pub environment: String,
    /// The version whose text comes back; see `errand env history`
    #[arg(long = "to", value_name = "NUMBER")]
    pub version: u64,
}

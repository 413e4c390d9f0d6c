//! What can be typed after `errand forge`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `errand forge`.
#[derive(Debug, Subcommand)]
pub enum Forge {
    /// Show which hosts are connected, and as whom
    #[command(visible_alias = "list")]
    Ls,
    /// Connect a host, or enter another credential for it; the host is asked before anything is kept
    Connect(Connect),
    /// Ask a host again whose credential it was given
    Check(Which),
    /// Forget a host and its credential
    Disconnect(Which),
}

/// `errand forge connect`.
#[derive(Debug, Args)]
pub struct Connect {
    /// What it is
    #[arg(value_enum)]
    pub kind: Kind,
    /// Address of its pages; default: the public one of that kind
    pub url: Option<String>,
    /// Read the token, or the App's private key, from this file; `-` reads standard input. Without: it is asked for
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Mail address that goes with a person's token at Bitbucket
    #[arg(long)]
    pub email: Option<String>,
    /// Number or client id of a GitHub App, whose private key takes the token's place
    #[arg(long, value_name = "ID", conflicts_with = "email")]
    pub app: Option<String>,
}

/// Which kind of host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// github.com or Enterprise Server
    Github,
    /// GitLab, in the cloud or self-hosted
    Gitlab,
    /// Gitea or Forgejo
    Gitea,
    /// Bitbucket Cloud
    Bitbucket,
}

/// One connection.
#[derive(Debug, Args)]
pub struct Which {
    /// Its address, host or id, as `errand forge ls` shows it
    pub host: String,
}

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
    /// Show the address and the secret to enter at a host, so that people can ask for agents there
    Hook(Hook),
    /// Show or change what people may ask for at a host
    Triggers(Triggers),
    /// Show what was done about what a host told last
    Deliveries(Which),
}

/// `errand forge hook`.
#[derive(Debug, Args)]
pub struct Hook {
    #[command(flatten)]
    pub which: Which,
    /// The host's name of the repository, such as owner/name. Without: what speaks for all of them, as for an App
    pub repository: Option<String>,
}

/// `errand forge triggers`.
#[derive(Debug, Args)]
pub struct Triggers {
    #[command(flatten)]
    pub which: Which,
    /// The name by which agents are asked in comments
    #[arg(long)]
    pub name: Option<String>,
    /// A label that gives an issue to an agent, in place of those before; may be given several times, `none` for none
    #[arg(long = "label", value_name = "LABEL")]
    pub labels: Vec<String>,
    /// A program's login that is not listened to, in place of those before; may be given several times, `none` for none
    #[arg(long = "bot", value_name = "LOGIN")]
    pub bots: Vec<String>,
    /// Whether failing checks are mended where nobody said anything
    #[arg(long, value_enum)]
    pub autofix: Option<Switch>,
    /// Whether a review that wants changes counts without the name
    #[arg(long, value_enum)]
    pub reviews: Option<Switch>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is
    On,
    /// It is not
    Off,
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

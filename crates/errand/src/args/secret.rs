//! What can be typed after `errand secret`.

use clap::{Args, Subcommand, ValueEnum};
use protocol::api::secrets::{SecretKind, SecretPlace};
use std::path::PathBuf;

/// `errand secret`.
#[derive(Debug, Subcommand)]
pub enum Secret {
    /// List secrets, newest first; values are never shown
    List(ListSecrets),
    /// Add a secret, or give one another value, which is typed unseen or read from standard input
    Set(Box<SetSecret>),
    /// Remove a secret; agents have it no more from their next message on
    Remove(RemoveSecret),
    /// Add every line of a .env file, and say what each became
    Import(ImportSecrets),
}

/// Whose secrets.
#[derive(Debug, Args)]
pub struct Whose {
    /// The team's: for all agents (with the installation's own token)
    #[arg(long, conflicts_with = "environment")]
    pub team: bool,
    /// Those of a saved environment, by name or id: for agents of its repositories
    #[arg(long, value_name = "ENVIRONMENT")]
    pub environment: Option<String>,
}

/// `errand secret list`.
#[derive(Debug, Args)]
pub struct ListSecrets {
    #[command(flatten)]
    pub whose: Whose,
    /// Only those that agents of this repository may have
    #[arg(long)]
    pub repo: Option<String>,
}

/// `errand secret set`.
#[derive(Debug, Args)]
pub struct SetSecret {
    /// Name of its variable
    pub name: String,
    #[command(flatten)]
    pub whose: Whose,
    /// Read the value from this file
    #[arg(long, value_name = "FILE")]
    pub value_file: Option<PathBuf>,
    /// Only for agents of this repository: a folder, or a file, http(s) or ssh URL; may be given several times
    #[arg(long)]
    pub repo: Vec<String>,
    /// What becomes of it; default: runtime
    #[arg(long, value_enum)]
    pub kind: Option<KindName>,
    /// Host that is given the value, `*.example.com` for those below; may be given several times. For a well-known
    /// name (NPM_TOKEN) it is known
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Where in a request to it; default: header,basic
    #[arg(long = "in", value_name = "PLACE", value_enum, value_delimiter = ',')]
    pub places: Vec<PlaceName>,
    /// Give programs in the machine the value itself: they, and so the model, can send it anywhere
    #[arg(long, conflicts_with_all = ["hosts", "places"])]
    pub plain: bool,
    /// Which one, where several have the name; see `errand secret list --json`
    #[arg(long)]
    pub id: Option<String>,
}

/// `errand secret remove`.
#[derive(Debug, Args)]
pub struct RemoveSecret {
    /// Name of its variable
    pub name: String,
    #[command(flatten)]
    pub whose: Whose,
    /// Which one, where several have the name; see `errand secret list --json`
    #[arg(long)]
    pub id: Option<String>,
}

/// `errand secret import`.
#[derive(Debug, Args)]
pub struct ImportSecrets {
    /// Lines NAME=VALUE; `-` reads them from standard input
    pub file: String,
    #[command(flatten)]
    pub whose: Whose,
    /// Only for agents of this repository: a folder, or a file, http(s) or ssh URL; may be given several times
    #[arg(long)]
    pub repo: Vec<String>,
    /// Give programs in the machine those values whose hosts are not known: they, and so the model, can send them
    /// anywhere
    #[arg(long)]
    pub plain: bool,
}

/// Kinds of secrets by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum KindName {
    /// A credential: a grant, or with --plain a value that is kept out of transcripts
    Runtime,
    /// No secret: a variable whose value may be seen
    Variable,
    /// A grant of `install` and of Dockerfiles only: agents do not have it
    Build,
}

impl From<KindName> for SecretKind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Runtime => Self::RuntimeSecret,
            KindName::Variable => Self::EnvironmentVariable,
            KindName::Build => Self::BuildSecret,
        }
    }
}

/// Places in a request by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PlaceName {
    /// The value of a header
    Header,
    /// User name or password of Basic authentication
    Basic,
    /// The query of the address
    Query,
    /// The body
    Body,
}

impl From<PlaceName> for SecretPlace {
    fn from(name: PlaceName) -> Self {
        match name {
            PlaceName::Header => Self::Header,
            PlaceName::Basic => Self::Basic,
            PlaceName::Query => Self::Query,
            PlaceName::Body => Self::Body,
        }
    }
}

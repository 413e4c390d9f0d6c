//! What can be typed after `errand build`, `errand fork` and `errand restore`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `errand build`.
#[derive(Debug, Subcommand)]
pub enum Build {
    /// Prepare a machine, on which new agents of these repositories begin
    Start(StartBuild),
    /// List builds
    Ls(ListBuilds),
    /// Show what a build brings that runs by itself, beside the build before it
    Changes(OneBuild),
    /// Have new agents begin with this build, whatever is built later
    Pin(OneBuild),
    /// Have new agents begin with the newest build again
    Unpin(OneBuild),
    /// Write a build into a file that another server takes in
    Export(ExportBuild),
    /// Take in a build that another server exported
    Import(ImportBuild),
    /// Forget a build
    Rm(OneBuild),
}

/// `errand build start`.
#[derive(Debug, Args)]
pub struct StartBuild {
    /// Repository: a folder, or a file, http(s) or ssh URL; may be given several times, in the order
    /// in which agents name them
    #[arg(long, required = true)]
    pub repo: Vec<String>,
    /// Branch, tag or commit; default: the repository's default branch
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Do not watch
    #[arg(long, short)]
    pub detach: bool,
}

/// `errand build export`.
#[derive(Debug, Args)]
pub struct ExportBuild {
    /// Its id, the beginning of it, or its layer
    pub build: String,
    /// The file to write, which must not be there; default: LAYER.tar.zst
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `errand build import`.
#[derive(Debug, Args)]
pub struct ImportBuild {
    /// The file
    pub file: PathBuf,
    /// The repository under its address here; default: the one in the file. Several times where the
    /// file has several, in its order
    #[arg(long)]
    pub repo: Vec<String>,
}

/// `errand build ls`.
#[derive(Debug, Args)]
pub struct ListBuilds {
    /// Only those with this repository
    #[arg(long)]
    pub repo: Option<String>,
}

/// `errand fork`.
#[derive(Debug, Args)]
pub struct Fork {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// What is to be done; `-` reads it from standard input
    pub task: String,
    /// Go on from the end of this run; default: the newest one
    #[arg(long = "at", value_name = "RUN")]
    pub run: Option<String>,
    /// Branch to work on; default: errand/NAME-SUFFIX
    #[arg(long)]
    pub branch: Option<String>,
    /// Name of the new agent; default: from the task
    #[arg(long)]
    pub name: Option<String>,
    /// Model; default: that of the agent
    #[arg(long)]
    pub model: Option<String>,
    /// Open no pull request
    #[arg(long)]
    pub no_pr: bool,
    /// Do not watch
    #[arg(long, short)]
    pub detach: bool,
}

/// `errand restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// The run at whose end the files were as they shall be
    #[arg(long = "to", value_name = "RUN")]
    pub run: String,
    /// Do not watch
    #[arg(long, short)]
    pub detach: bool,
}

/// A command about one build.
#[derive(Debug, Args)]
pub struct OneBuild {
    /// Its id, the beginning of it, or its layer
    pub build: String,
}

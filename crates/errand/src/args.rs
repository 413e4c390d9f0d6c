//! What the command line takes.

pub mod audit;
pub mod build;
pub mod env;
mod machine;
pub mod secret;
mod sync;
pub mod forge;
pub mod signing;
pub mod verify;
pub mod vault;

pub use machine::{Attach, Completions, Context, Copy, Forward, Man, Open, Ports, Ssh};
pub use sync::{Conflicts, Down, Up};

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::event::Mode;
use std::path::PathBuf;

/// Shown below the list of commands.
const AFTER_HELP: &str = "\
An agent is named by its id, the beginning of its id (with or without bc-), or its exact name
(the newest of that name).

Exit codes:
  0  done; a run that was followed ended FINISHED, or was left with Ctrl-C and goes on
  1  the run ended ERROR, or what was checked does not hold
  2  the command or the request was wrong
  3  the run ended CANCELLED
  4  the run ended EXPIRED
  5  there is no such agent, run, pull request or key
  6  the server cannot be reached, does not know the key, or failed

Environment:
  ERRAND_URL    the server; else that of `errand login`, else http://127.0.0.1:7420
  ERRAND_CONTEXT  one of the servers that `errand login` stored, by name
  ERRAND_TOKEN  the API key; else that of `errand login`, else the token of this machine's server
  ERRAND_DATA   the data folder of this machine's server
  NO_COLOR      no colours";

/// Send a coding agent on an errand; get a pull request back.
#[derive(Debug, Parser)]
#[command(name = "errand", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Arguments {
    /// One JSON document, or JSON lines where things happen over time
    #[arg(long, global = true)]
    pub json: bool,
    /// Which of the servers that `errand login` stored
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send an agent on an errand and watch it
    Run(Box<Run>),
    /// List agents, newest first
    Ls(List),
    /// Show one agent
    Show(OneAgent),
    /// Watch an agent until it is idle
    Watch(Watch),
    /// Send an agent another message
    Send(Send),
    /// End a run; the agent takes the next message
    Cancel(Cancel),
    /// Answer what an agent asks
    Answer(Answer),
    /// Let an agent reach a host that its environment does not name
    Allow(Allow),
    /// Show what an agent's branch changes
    Diff(Diff),
    /// Show or merge an agent's pull requests
    Pr(Pr),
    /// Check the signed record of what an agent pushed: who asked for it, what it ran, and that nothing was changed
    Verify(verify::Verify),
    /// Sit down at a terminal of an agent's machine; Ctrl-] leaves
    Attach(Attach),
    /// Reach a port of an agent's machine on this computer
    Forward(Forward),
    /// Run ssh into an agent's machine
    Ssh(Ssh),
    /// Print what an ssh configuration needs, so that ssh, scp, rsync and editors find agents
    SshConfig,
    /// Carry one ssh connection; ssh calls this by itself
    #[command(hide = true)]
    SshProxy(OneAgent),
    /// Copy files to or from an agent's machine
    Cp(Copy),
    /// Send this worktree, uncommitted changes included, as the start of an agent
    Up(Box<Up>),
    /// Bring an agent's changes into this worktree
    Down(Down),
    /// Open the web page, signed in
    Open(Open),
    /// Let an agent take no more messages
    Archive(OneAgent),
    /// Let an archived agent take messages again
    Unarchive(OneAgent),
    /// Delete an agent with machine and transcript; branch and pull request stay
    Rm(OneAgent),
    /// List the models
    Models,
    /// Show how agents act under a role of AWS, and the trust policy to paste
    Aws(Aws),
    /// Prepare machines ahead, so that agents begin at once
    #[command(subcommand)]
    Build(build::Build),
    /// Start a new agent where another one is: same files, same conversation, a branch of its own
    Fork(build::Fork),
    /// Put an agent's files back to how they were after one of its runs
    Restore(build::Restore),
    /// Keep an agent's machine as it is: new agents of its repositories begin with it
    Snapshot(KeepMachine),
    /// Check a repository's environment file, which says what an agent's machine is made of; save one on the
    /// server for repositories without
    #[command(subcommand)]
    Env(env::Env),
    /// Keep values for agents' machines with the server: credentials that stay outside, and variables
    #[command(subcommand)]
    Secret(secret::Secret),
    /// Change the key under which values lie on the server's disk (with the installation's own token)
    #[command(subcommand)]
    Vault(vault::Vault),
    /// Connect hosts of repositories, such as GitHub or GitLab, with a credential that stays with the server
    #[command(subcommand)]
    Forge(forge::Forge),
    /// Show and change the key by which the server signs commits
    #[command(subcommand)]
    SigningKey(signing::SigningKey),
    /// Show what left an agent's machine: hosts, what was refused, uses of credentials
    Traffic(Traffic),
    /// Read and check the audit log: who did what when, and what left
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Check connection, key and the server's walls
    Doctor,
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(Key),
    /// Store a server's address and key
    Login(Login),
    /// List, choose and forget servers
    #[command(subcommand)]
    Context(Context),
    /// Print completions for a shell
    Completions(Completions),
    /// Write manual pages
    Man(Man),
    /// Be the server
    Serve(Serve),
}

/// `errand run`.
#[derive(Debug, Args)]
pub struct Run {
    /// What is to be done; `-` reads it from standard input
    pub task: String,
    /// Repository: a folder, or a file, http(s) or ssh URL; may be given several times
    #[arg(long, required_unless_present = "no_repo")]
    pub repo: Vec<String>,
    /// Work without a repository
    #[arg(long, conflicts_with_all = ["repo", "reference", "branch"])]
    pub no_repo: bool,
    /// Branch, tag or commit to start from; default: the repository's default branch
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Branch to work on; default: errand/NAME-SUFFIX
    #[arg(long)]
    pub branch: Option<String>,
    /// Name of the agent; default: from the task
    #[arg(long)]
    pub name: Option<String>,
    /// Open no pull request
    #[arg(long)]
    pub no_pr: bool,
    /// Open the pull request as a draft
    #[arg(long, conflicts_with = "no_pr")]
    pub draft: bool,
    /// Ask this person of the repository's host for a review; may be given several times
    #[arg(long, value_name = "LOGIN", conflicts_with = "no_pr")]
    pub reviewer: Vec<String>,
    /// Give the pull request this label; may be given several times
    #[arg(long, conflicts_with = "no_pr")]
    pub label: Vec<String>,
    /// Go on with this pull request of the repository's host: its link
    #[arg(long, value_name = "LINK", conflicts_with_all = ["reference", "branch", "draft", "reviewer", "label"])]
    pub pr: Option<String>,
    /// Model calls of one run
    #[arg(long, value_name = "N")]
    pub limit_steps: Option<u32>,
    /// Tokens of one run
    #[arg(long, value_name = "N")]
    pub limit_tokens: Option<u64>,
    /// Money of one run in cents
    #[arg(long, value_name = "CENTS")]
    pub limit_cents: Option<u64>,
    /// Minutes of one run, 1 to 480
    #[arg(long, value_name = "MINUTES")]
    pub limit_minutes: Option<u32>,
    /// Shell text that runs each time the machine comes up; may be given several times
    #[arg(long = "startup", value_name = "COMMAND")]
    pub startup: Vec<String>,
    #[command(flatten)]
    pub how: How,
}

/// What a first and a later message have in common.
#[derive(Debug, Args)]
pub struct How {
    /// Model; see `errand models`
    #[arg(long)]
    pub model: Option<String>,
    /// Parameter of the model; needs --model
    #[arg(long = "param", value_name = "ID=VALUE", requires = "model", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// How the agent behaves
    #[arg(long, value_enum)]
    pub mode: Option<ModeName>,
    /// Variable for the sandbox; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    pub env: Vec<(String, String)>,
    /// Image for the message (png, jpeg, gif, webp); at most five
    #[arg(long = "image", value_name = "FILE")]
    pub images: Vec<PathBuf>,
    /// Do not watch
    #[arg(long, short)]
    pub detach: bool,
}

/// The modes by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ModeName {
    /// Works until done
    Agent,
    /// Explores and writes a plan, which you approve
    Plan,
    /// Answers questions, changes nothing
    Ask,
    /// Talks architecture; may write documents only
    Architect,
    /// Finds the cause of a fault, then fixes it
    Debug,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Agent => Self::Agent,
            ModeName::Plan => Self::Plan,
            ModeName::Ask => Self::Ask,
            ModeName::Architect => Self::Architect,
            ModeName::Debug => Self::Debug,
        }
    }
}

/// `errand ls`.
#[derive(Debug, Args)]
pub struct List {
    /// Archived ones too
    #[arg(long, short)]
    pub all: bool,
    /// Only those of this repository
    #[arg(long)]
    pub repo: Option<String>,
    /// Only those with this text in their name
    #[arg(long)]
    pub search: Option<String>,
    /// Only those with this status
    #[arg(long, value_enum)]
    pub status: Option<StatusName>,
    /// How many
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub limit: usize,
    /// Keep the list up to date until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
}

/// The statuses of agents by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StatusName {
    /// A run is active
    Active,
    /// Waits for a message
    Idle,
    /// Takes no messages
    Archived,
}

/// A command about one agent.
#[derive(Debug, Args)]
pub struct OneAgent {
    /// Id, beginning of the id, or name
    pub agent: String,
}

/// `errand snapshot`.
#[derive(Debug, Args)]
pub struct KeepMachine {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// Keep it although values of the agent's secret variables lie on its disk
    #[arg(long)]
    pub with_secrets: bool,
}

/// `errand watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// From the agent's first event; default: from the beginning of its current or latest run
    #[arg(long, conflicts_with_all = ["live", "run"])]
    pub from_start: bool,
    /// Only what happens from now on; an idle agent is waited for
    #[arg(long, conflicts_with = "run")]
    pub live: bool,
    /// Only this run, until it is over
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Line by line, until the agent is idle, also on a terminal
    #[arg(long)]
    pub plain: bool,
}

/// `errand send`.
#[derive(Debug, Args)]
pub struct Send {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// The message; `-` reads it from standard input
    pub text: String,
    /// Put it before the model at its next step instead of queueing it behind the active run
    #[arg(long, conflicts_with = "refuse")]
    pub steer: bool,
    /// Do not send it while a run is active
    #[arg(long)]
    pub refuse: bool,
    #[command(flatten)]
    pub how: How,
}

/// `errand cancel`.
#[derive(Debug, Args)]
pub struct Cancel {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// Which run; default: the active one, else the first that waits
    pub run: Option<String>,
}

/// `errand answer`.
#[derive(Debug, Args)]
pub struct Answer {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// The answer, or the number of an option
    pub text: String,
}

/// `errand allow`.
#[derive(Debug, Args)]
pub struct Allow {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// The host, as in an allow-list: `api.example.com`, `db.example.com:5432`, `"GET https://api.example.com/v1/*"`
    #[arg(required_unless_present_any = ["configuration", "flow", "push"])]
    pub host: Option<String>,
    /// Only until the active run ends
    #[arg(long, conflicts_with = "environment")]
    pub run: bool,
    /// For all agents of its repositories, from now on; see Settings, Network
    #[arg(long)]
    pub environment: bool,
    /// Give it its secrets although what configures it is not what the repository's default branch has
    #[arg(long, conflicts_with_all = ["host", "run", "environment"])]
    pub configuration: bool,
    /// Let it send to hosts although it read what nobody here wrote and has secrets, until it reads something that is
    /// trusted less
    #[arg(long, conflicts_with_all = ["host", "run", "environment", "configuration"])]
    pub flow: bool,
    /// Let its pushes carry what stopped the newest one; needs a reason
    #[arg(long, requires = "reason", conflicts_with_all = ["host", "run", "environment", "configuration", "flow"])]
    pub push: bool,
    /// Only what has this mark, as `errand show` and --json tell it; can be repeated
    #[arg(long, value_name = "MARK", requires = "push")]
    pub mark: Vec<String>,
    /// Why it may leave, for whoever reads the audit log and the pull request
    #[arg(long, value_name = "WHY", requires = "push")]
    pub reason: Option<String>,
}

/// `errand traffic`.
#[derive(Debug, Args)]
pub struct Traffic {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// Only during this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// `errand diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// Only how much changed in which file
    #[arg(long)]
    pub stat: bool,
}

/// `errand pr`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Pr {
    #[command(subcommand)]
    pub action: Option<PrAction>,
    /// Id, beginning of the id, or name
    #[arg(required = true)]
    pub agent: Option<String>,
}

/// What to do with a pull request.
#[derive(Debug, Subcommand)]
pub enum PrAction {
    /// Show them
    Show(OneAgent),
    /// Merge it into its base branch
    Merge(Merge),
    /// Merge its base, which has moved, into its branch
    Update(Merge),
    /// Say that a draft is ready
    Ready(Merge),
    /// Make it a draft again
    Draft(Merge),
}

/// `errand pr merge`, `update`, `ready` and `draft`.
#[derive(Debug, Args)]
pub struct Merge {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// Which repository, where there are several
    #[arg(long)]
    pub repo: Option<String>,
}

/// `errand key`.
/// `errand aws`.
#[derive(Debug, Args)]
pub struct Aws {
    /// Have the server act under the team's role once (with the installation's own token)
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key; its token is shown this once
    Create {
        /// A name to know it by
        name: String,
    },
    /// List keys
    Ls,
    /// Revoke a key at once
    Revoke {
        /// Id or name of the key
        key: String,
    },
}

/// `errand login`.
#[derive(Debug, Args)]
pub struct Login {
    /// The server's address
    #[arg(long, default_value = crate::settings::DEFAULT_URL)]
    pub url: String,
    /// A name to know this server by
    #[arg(long, default_value = crate::contexts::DEFAULT_NAME)]
    pub name: String,
}

/// `errand serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on; default: 127.0.0.1:7420
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Data folder; default: ERRAND_DATA, else /var/lib/errand or ~/.local/share/errand
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Configuration; default: errand.toml in the data folder
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address that people use, where it is another than the one listened on
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parses(line: &str) -> bool {
        Arguments::try_parse_from(line.split(' ')).is_ok()
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    /// What may be typed.
    const GOOD: &[&str] = &[
        "errand run --repo . task",
        "errand run --no-repo -",
        "errand run --repo a --repo b --env A=1 --env B= --mode plan -d task --json",
        "errand run --repo a --model m --param effort=high task",
        "errand --json ls",
        "errand watch bc-1 --from-start",
        "errand send bc-1 text --steer",
        "errand pr bc-1",
        "errand pr show bc-1",
        "errand pr merge bc-1 --repo x",
        "errand key create ci",
        "errand attach bc-1 --read-only",
        "errand forward bc-1 3000 8080:80",
        "errand ssh bc-1 -- ls -l",
        "errand cp bc-1:/workspace/a .",
        "errand --context home ls --watch",
        "errand context use home",
        "errand completions bash",
        "errand build start --repo .",
        "errand build ls --repo .",
        "errand build pin bc-1",
        "errand snapshot bc-1",
        "errand fork bc-1 --at run-1 task",
        "errand env check",
        "errand env check ../shop --json",
        "errand env schema",
        "errand env save environment.json --repo . --name shop",
        "errand env show shop --version 2",
        "errand env restore shop --to 1",
        "errand secret list --team",
        "errand traffic bc-1 --run run-1",
        "errand audit list --agent bc-1 --since 7d --kind secret",
        "errand audit export",
        "errand audit verify audit.jsonl --head 1:00",
        "errand audit verify",
        "errand secret set NPM_TOKEN",
        "errand secret set KEY --host api.example.com --host *.example.org --in header,query --team",
        "errand secret set KEY --plain --repo . --environment shop --value-file key.pem",
        "errand secret remove KEY --id secv_1",
        "errand secret import .env --plain",
        "errand vault remove-old",
        "errand signing-key allowed-signers",
        "errand run --repo https://git.example/o/r --draft --reviewer rita --label agents x",
        "errand run --repo https://git.example/o/r --pr https://git.example/o/r/pulls/4 x",
        "errand forge connect github --app 4711 --token-file app.pem",
        "errand forge connect gitea https://git.example",
        "errand forge ls",
        "errand forge check git.example",
        "errand pr ready bc-1",
    ];

    #[test]
    fn what_belongs_together_parses_and_what_does_not_is_refused() {
        for good in GOOD {
            assert!(parses(good), "{good}");
        }
        for bad in [
            "errand",
            "errand run task",
            "errand run --no-repo --repo . task",
            "errand run --repo . --env A task",
            "errand run --repo . --param a=b task",
            "errand watch bc-1 --live --run run-1",
            "errand send bc-1 text --steer --refuse",
            "errand pr",
            "errand env",
            "errand env save --repo .",
            "errand env restore shop",
            "errand secret set KEY value",
            "errand secret set KEY --team --environment shop",
            "errand secret set KEY --plain --host api.example.com",
            "errand secret set KEY --in cookie",
            "errand secret import",
            "errand build",
            "errand fork bc-1",
            "errand build start",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }
}

//! An environment file as an agent follows it: what of it is carried out, what is not, and why.

use super::remark::Remark;
use super::{Base, Environment, Port, Terminal, Understood};
use crate::failure::Failure;
use crate::limits::{ENVIRONMENT_CHECKS, ENVIRONMENT_DEPENDENCIES, ENVIRONMENT_TERMINALS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Code of what the model is told when something of the file failed; people see the event before it.
pub const SET_UP_FAILED: &str = "set_up_failed";
/// User of all commands here.
const USER: &str = "agent";
/// Characters of a terminal's name, as the API takes them.
const NAME_CHARS: usize = 32;

/// The environment file of an agent, or what was saved in its place, as its log tells it. Values of variables never stand here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundEnvironment {
    /// URL of the repository that it is of.
    pub url: String,
    /// Commit at which it was read.
    pub commit: String,
    /// The file, relative to the repository.
    pub file: String,
    /// The saved environment that stands in for a file; `file` is then its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<SavedText>,
    /// Shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the disk begins with: an image from a registry, as it is written, a Dockerfile, with what
    /// tells it from others of its name, or the id of a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Prepares the disk, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
    /// Runs each time the machine comes up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Programs that run while the agent works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terminals: Vec<NamedTerminal>,
    /// Commands that the server runs at every commit that was pushed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// Ports that people will want to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Names of its variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// Hosts that may be reached because it lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Repositories besides the agent's own that git may read because it lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// What keeps it from being used: then nothing of it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// What is left out of it, and what else there is to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A version of a saved environment, whole: whatever becomes of that one, its agent goes on with this.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedText {
    /// The environment.
    pub id: String,
    /// What it was called.
    pub name: String,
    /// Which version.
    pub version: u64,
    /// What it says.
    pub text: String,
}

impl SavedText {
    /// What people know it as.
    pub fn title(&self) -> String {
        format!("saved environment {:?}, version {}", self.name, self.version)
    }
}

/// A terminal under the name that people and agent find it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedTerminal {
    /// 1–32 of `a-z 0-9 -`, no two alike.
    pub name: String,
    /// Shell text.
    pub command: String,
    /// For people and agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The image that a disk begins with, because an environment file asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChosenImage {
    /// As the file has it.
    pub reference: String,
    /// Digest of its manifest for this machine, as `sha256:…`; empty where it could not be had.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Variables that it gives to commands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// What is carried out before tools may work, in this order: the agent's own startup commands, and then
/// what its environment file asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetUpPhase {
    /// Runs the startup commands, each time the machine comes up.
    Startup,
    /// Prepares the disk, once.
    Install,
    /// Runs each time the machine comes up.
    Start,
    /// Opens the terminals, each time the machine comes up.
    Terminals,
}

impl SetUpPhase {
    /// As it is written in a file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Install => "install",
            Self::Start => "start",
            Self::Terminals => "terminals",
        }
    }
}

/// How such a phase ended. None of them ends a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SetUpOutcome {
    /// Well.
    Done,
    /// It was done on this disk before.
    Kept,
    /// Not; the agent works with what is there.
    Failed {
        /// Why.
        failure: Failure,
    },
}

impl FoundEnvironment {
    /// What there is to tell of a file that can be used, or of its problems.
    pub fn of(outcome: &Result<Understood, Vec<Remark>>, warnings: &[Remark]) -> Self {
        let told = |remarks: &[Remark]| remarks.iter().map(Remark::to_string).collect();
        let mut found = match outcome {
            Ok(understood) => Self::understood(understood),
            Err(problems) => Self { problems: told(problems), ..Self::default() },
        };
        let mut all: Vec<String> = told(warnings);
        all.append(&mut found.warnings);
        Self { warnings: all, ..found }
    }

    fn understood(Understood { environment, variables }: &Understood) -> Self {
        let mut warnings = not_followed(environment);
        let terminals = environment.terminals.len();
        if terminals > ENVIRONMENT_TERMINALS {
            warnings.push(format!(
                "`terminals` has {terminals} entries: the first {ENVIRONMENT_TERMINALS} are opened"
            ));
        }
        let checks = environment.checks.len();
        if checks > ENVIRONMENT_CHECKS {
            warnings.push(format!(
                "`checks` has {checks} entries: the first {ENVIRONMENT_CHECKS} are run"
            ));
        }
        let dependencies = environment.repository_dependencies.len();
        if dependencies > ENVIRONMENT_DEPENDENCIES {
            warnings.push(format!(
                "`repositoryDependencies` has {dependencies} entries: the first \
                 {ENVIRONMENT_DEPENDENCIES} may be read"
            ));
        }
        Self {
            name: environment.name.clone(),
            image: match &environment.base {
                Base::Image(image) => Some(image.clone()),
                Base::Default | Base::Snapshot(_) | Base::SavedSnapshot | Base::Build(_) => None,
            },
            install: environment.install.clone(),
            start: environment.start.clone(),
            terminals: named(&environment.terminals),
            checks: environment.checks.iter().take(ENVIRONMENT_CHECKS).cloned().collect(),
            ports: environment.ports.clone(),
            variables: variables.keys().cloned().collect(),
            dependencies: environment.dependencies().to_vec(),
            warnings,
            ..Self::default()
        }
    }

    /// What is to be carried out, in order.
    pub fn phases(&self) -> Vec<SetUpPhase> {
        let asked = [
            (SetUpPhase::Install, self.install.is_some()),
            (SetUpPhase::Start, self.start.is_some()),
            (SetUpPhase::Terminals, !self.terminals.is_empty()),
        ];
        let all = asked.into_iter().filter(|(_, asked)| *asked && self.problems.is_empty());
        all.map(|(phase, _)| phase).collect()
    }
}

/// Fields that mean something and nothing here yet.
fn not_followed(environment: &Environment) -> Vec<String> {
    let user = environment.user.as_ref().filter(|user| *user != USER).map(|user| {
        format!("`user` is not yet followed here: commands run as {USER}, not as {user}")
    });
    let browser = environment.chrome_executable_path.as_ref().map(|_| {
        "`chromeExecutablePath` is not yet followed here: the default browser is used".to_owned()
    });
    [user, browser].into_iter().flatten().collect()
}

/// Names by which terminals can be found, as far as terminals are opened.
pub fn named(terminals: &[Terminal]) -> Vec<NamedTerminal> {
    let mut all: Vec<NamedTerminal> = Vec::new();
    for (index, terminal) in terminals.iter().take(ENVIRONMENT_TERMINALS).enumerate() {
        let plain = plain(terminal.name.as_deref().unwrap_or_default());
        let plain = if plain.is_empty() { format!("terminal-{}", index + 1) } else { plain };
        let mut name = plain.clone();
        let mut nth = 1;
        while all.iter().any(|known| known.name == name) {
            nth += 1;
            let end = format!("-{nth}");
            let room = NAME_CHARS.saturating_sub(end.len());
            name = plain.chars().take(room).chain(end.chars()).collect();
        }
        let (command, description) = (terminal.command.clone(), terminal.description.clone());
        all.push(NamedTerminal { name, command, description });
    }
    all
}

fn plain(name: &str) -> String {
    let mut plain = String::new();
    for sign in name.chars() {
        let sign = sign.to_ascii_lowercase();
        if sign.is_ascii_lowercase() || sign.is_ascii_digit() {
            plain.push(sign);
        } else if !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
        if plain.len() == NAME_CHARS {
            break;
        }
    }
    plain.trim_end_matches('-').to_owned()
}

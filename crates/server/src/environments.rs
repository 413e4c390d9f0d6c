//! The environment file of an agent: found with the first look, told in the log, followed by effects.
//!
//! Of repositories without a file, the environment that was saved for one of them takes its place, whole; the log
//! then has its text, so that later changes of it are no concern of this agent.
//!
//! TRUST: the file decides what runs inside and which hosts may be reached. So it counts only as it
//! stands on a branch or tag of the repository itself, where somebody with write access put it, and
//! reaches never farther than the operator's own network mode. A saved environment counts for such commits only,
//! too: a stranger's code shall not run with what was meant for the repository's own.

use crate::agents::Handle;
use crate::app::App;
use crate::config::Config;
use crate::dockerfile::Asked;
use crate::first_look::may_have;
use crate::network::Network;
use crate::secrets::Phase;
use crate::{builds, dependencies, images, models_inside, sandbox_spec, secrets};
use agent::state::{Living, Saved};
use anyhow::{Context, Result};
use gateway::pattern::Pattern;
use gateway::policy::{EgressMode, Policy};
use git::mirror::Mirror;
use git::name::CommitId;
use git::objects::{FileContent, Listing, Reader};
use protocol::environment::found::{FoundEnvironment, NamedTerminal, SavedText};
use protocol::environment::place::{Choice, Place, choose};
use protocol::environment::{
    Base, EgressMode as Wished, Environment, Reading, Understood, read, read_saved,
};
use protocol::event::{Event, Settings};
use protocol::ids::{Epoch, OrgId, RunId};
use protocol::limits::ENVIRONMENT_BYTES;
use std::sync::Arc;

mod sight;
mod trust;

use sight::Counts;
pub use sight::{Adopted, Origin, Sight, adopted, origin};
pub use trust::{judged, without_credentials};

/// Files at the top that say what `install` brings: where one changes, a disk is prepared anew.
const LOCKS: [&str; 19] = [
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "deno.lock",
    "requirements.txt",
    "pyproject.toml",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
    "Cargo.lock",
    "go.sum",
    "Gemfile.lock",
    "composer.lock",
    "mix.lock",
    "pom.xml",
];
/// Hexadecimal digits that name what prepared a disk.
const DIGEST_DIGITS: usize = 32;
/// Characters of a command that the model is shown of a terminal.
const COMMAND_CHARS: usize = 200;

/// The environment file of one commit.
pub struct CommitEnvironment {
    choice: Choice,
    reading: Reading,
    digest: String,
    bytes: usize,
    /// Names what it and its Dockerfile say, to the letter.
    content: blake3::Hash,
    /// Its Dockerfile, or why that is not followed.
    dockerfile: Option<Result<Arc<Asked>, String>>,
}

impl CommitEnvironment {
    /// Reads the file that counts, if there is one.
    pub async fn look(
        reader: &mut Reader,
        (mirror, commit): (&Mirror, &CommitId),
        listing: &Listing,
    ) -> Result<Option<Self>> {
        let mut files: Vec<(Place, Vec<u8>)> = Vec::new();
        for place in Place::ALL.into_iter().filter(|place| may_have(listing, place.path())) {
            let most = ENVIRONMENT_BYTES as u64;
            match reader.file(commit, place.path(), most).await.context("read a file")? {
                Some(FileContent::Whole(bytes)) => files.push((place, bytes)),
                // Refused by its size, whatever it says.
                Some(FileContent::TooLarge(_)) => {
                    files.push((place, vec![b' '; ENVIRONMENT_BYTES + 1]));
                }
                None => {}
            }
        }
        let choice = choose(|place| files.iter().any(|(there, _)| *there == place));
        let chosen = choice.and_then(|choice| {
            let (_, bytes) = files.into_iter().find(|(place, _)| *place == choice.place)?;
            Some((choice, bytes))
        });
        let Some((choice, bytes)) = chosen else { return Ok(None) };
        let reading = read(choice.place, &bytes);
        let place = (mirror, commit);
        Self::of(reader, place, listing, (choice, reading, &bytes)).await.map(Some)
    }

    /// Reads a saved environment as if it lay at Errand's own place.
    pub async fn saved(
        reader: &mut Reader,
        place: (&Mirror, &CommitId),
        listing: &Listing,
        saved: &SavedText,
    ) -> Result<Self> {
        let choice = Choice { place: Place::Errand, passed_over: Vec::new() };
        let reading = read_saved(&saved.title(), &saved.text);
        Self::of(reader, place, listing, (choice, reading, saved.text.as_bytes())).await
    }

    async fn of(
        reader: &mut Reader,
        (mirror, commit): (&Mirror, &CommitId),
        listing: &Listing,
        (choice, reading, bytes): (Choice, Reading, &[u8]),
    ) -> Result<Self> {
        let digest = digest(&reading, listing);
        let dockerfile =
            match reading.outcome.as_ref().map(|understood| &understood.environment.base) {
                Ok(Base::Build(build)) => {
                    let asked = (choice.place.path(), build);
                    Some(Asked::look(reader, (mirror, commit), asked).await?.map(Arc::new))
                }
                Ok(_) | Err(_) => None,
            };
        let mut content = blake3::Hasher::new();
        let text = dockerfile.iter().flatten().map(|asked: &Arc<Asked>| asked.text.as_bytes());
        for part in [choice.place.path().as_bytes(), bytes].into_iter().chain(text) {
            content.update(&(part.len() as u64).to_le_bytes());
            content.update(part);
        }
        let (bytes, content) = (bytes.len(), content.finalize());
        Ok(Self { choice, reading, digest, bytes, content, dockerfile })
    }

    /// What is followed of it, if it can be.
    fn follow(
        &self,
        path: String,
        file: String,
        (mirror, commit): (Mirror, CommitId),
    ) -> Option<Followed> {
        Some(Followed {
            path,
            understood: self.reading.outcome.as_ref().ok()?.clone(),
            file,
            digest: self.digest.clone(),
            dockerfile: self.dockerfile.as_ref().and_then(|asked| asked.as_ref().ok().cloned()),
            mirror,
            commit,
        })
    }

    /// Names what it and its Dockerfile say, to the letter.
    pub const fn content(&self) -> &blake3::Hash {
        &self.content
    }

    /// About what it takes in memory.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Names the script and the locks that a disk is prepared by.
fn digest(reading: &Reading, listing: &Listing) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut take = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    if let Ok(Understood { environment, .. }) = &reading.outcome {
        take(environment.install.as_deref().unwrap_or_default().as_bytes());
    }
    let is_lock = |path: &[u8]| LOCKS.iter().any(|lock| lock.as_bytes() == path);
    for entry in listing.entries.iter().filter(|entry| is_lock(&entry.path)) {
        take(&entry.path);
        take(entry.id.as_str().as_bytes());
    }
    hasher.finalize().to_hex().chars().take(DIGEST_DIGITS).collect()
}

/// What the log is told of the file that counts, or of what was saved in its place.
pub fn tell(
    (config, network): (&Config, &Network),
    living: &Living,
    run: RunId,
    sights: &[Sight],
) -> Result<Option<Event>> {
    let Some(counts) = Counts::among(sights) else { return Ok(None) };
    let CommitEnvironment { reading, dockerfile, .. } = counts.environment;
    let mut found = match counts.sight.origin {
        Origin::Own => FoundEnvironment::of(&reading.outcome, &reading.warnings),
        Origin::Unknown => FoundEnvironment {
            problems: vec![format!(
                "{} counts only on a branch or tag of the repository itself, and its default branch \
                 does not have this commit: start from a branch or tag",
                counts.title()
            )],
            ..FoundEnvironment::default()
        },
    };
    if let (true, Ok(understood)) = (found.problems.is_empty(), &reading.outcome) {
        let reach = Reach::of(network, &understood.environment)?;
        found.hosts = reach.hosts;
        found.warnings.extend(reach.warnings);
        let (image, warning) = image(config, living, counts.environment);
        found.image = image;
        let remarks = dockerfile.iter().flatten().flat_map(|asked| asked.warnings.clone());
        found.warnings.extend(warning.into_iter().chain(remarks));
    }
    found.warnings.extend(counts.passed_over(sights));
    found.url.clone_from(&counts.sight.url);
    found.commit = counts.sight.commit.to_string();
    found.file = counts.title();
    found.saved = counts.saved.cloned();
    Ok(Some(Event::EnvironmentRead { run, environment: Box::new(found) }))
}

/// What the machine begins with, if it can be had; or what keeps it from that.
fn image(
    config: &Config,
    living: &Living,
    CommitEnvironment { reading, dockerfile, .. }: &CommitEnvironment,
) -> (Option<String>, Option<String>) {
    let base = reading.outcome.as_ref().ok().map(|understood| &understood.environment.base);
    let (key, name, refusal) = match (base, dockerfile) {
        (Some(Base::Image(image)), _) => {
            ("image", image.clone(), images::refusal(&config.images, image))
        }
        (Some(Base::Build(_)), Some(Ok(asked))) => {
            ("build", asked.name.clone(), asked.refusal(config))
        }
        (Some(Base::Build(_)), Some(Err(words))) => ("build", String::new(), Some(words.clone())),
        (Some(Base::Snapshot(id)), _) => ("snapshot", id.clone(), builds::refusal(id)),
        _ => return (None, None),
    };
    // It goes on with the disk of the other one.
    if living.settings.forked_from.is_some() {
        return (None, None);
    }
    let refusal = if living.epoch > Epoch(0) {
        Some("the machine is there already".to_owned())
    } else if living.settings.may_have_image {
        refusal
    } else {
        let words = "what a machine is made of can be chosen where the server was started as root, and \
                     agents do not share a sandbox; this one uses the host's programs";
        Some(words.to_owned())
    };
    match refusal {
        None => (Some(name), None),
        Some(refusal) => (None, Some(format!("`{key}` is not followed: {refusal}"))),
    }
}

/// What an agent follows.
pub struct Followed {
    /// The repository's folder inside.
    pub path: String,
    /// What the file says.
    pub understood: Understood,
    /// The file, relative to the repository; or the title of what was saved in its place.
    pub file: String,
    /// Names what prepares the disk.
    pub digest: String,
    /// The Dockerfile that it asks for, where that can be followed.
    pub dockerfile: Option<Arc<Asked>>,
    /// Our copy of the repository.
    pub mirror: Mirror,
    /// Where it is read.
    pub commit: CommitId,
}

/// The file that an agent follows, as it stands at its starting commit, or what was saved in its place.
pub async fn followed(app: &App, org: &OrgId, living: &Living) -> Result<Option<Followed>> {
    let Some(set_up) = living.set_up.as_ref().filter(|set_up| set_up.is_followed) else {
        return Ok(None);
    };
    let saved = set_up.saved.as_deref();
    for (repo, state) in living.settings.repos.iter().zip(&living.repos) {
        if saved.is_some_and(|saved| saved.url != repo.url) {
            continue;
        }
        let base = state.base.as_ref().context("the starting commit is not known")?;
        let commit = CommitId::parse(&base.commit)?;
        let mirror = app.mirror(org, &app.remote(&repo.url)?, &commit)?;
        let folder = format!("/workspace/{}", repo.folder);
        if let Some(Saved { environment, .. }) = saved {
            let understood = app.first_looks.saved(&mirror, &commit, environment).await?;
            return Ok(understood.follow(folder, environment.title(), (mirror, commit)));
        }
        let look = app.first_looks.at(&mirror, &commit).await?;
        let Some(environment) = &look.environment else { continue };
        let file = environment.choice.place.path().to_owned();
        return Ok(environment.follow(folder, file, (mirror, commit)));
    }
    Ok(None)
}

/// The file's variables, and over them those that the agent was given.
pub fn variables(followed: Option<&Followed>, own: Vec<(String, String)>) -> Vec<(String, String)> {
    let Some(followed) = followed else { return own };
    let mut all = followed.understood.variables.clone();
    all.extend(own);
    let mut all: Vec<_> = all.into_iter().collect();
    let named = followed.understood.environment.dependencies();
    let rules = dependencies::variables(named, &all);
    all.retain(|(name, _)| !rules.iter().any(|(rule, _)| rule == name));
    all.extend(rules);
    all
}

/// The same over those of the image that the machine was made of.
pub fn over_image(settings: &Settings, variables: &[(String, String)]) -> Vec<(String, String)> {
    let Some(image) = &settings.image else { return variables.to_vec() };
    let mut all = image.variables.clone();
    all.extend(variables.iter().cloned());
    all.into_iter().collect()
}

/// The environment of what a person runs in the machine of an agent.
pub async fn of_person(app: &App, handle: &Handle) -> Result<Vec<(String, String)>> {
    let view = handle.view().await?;
    let living = view.living()?;
    let followed = followed(app, &handle.org, living).await.unwrap_or_else(|error| {
        // People look at a machine above all when something is wrong.
        tracing::warn!(agent.id = %handle.id, error = format!("{error:#}"), "variables are missing");
        None
    });
    let own = secrets::variables(app, &handle.org, handle.id, living, Phase::Work).await?;
    let variables = over_image(&living.settings, &variables(followed.as_ref(), own));
    let variables = models_inside::variables(app, handle.id, variables);
    Ok(sandbox_spec::command_variables(handle.id, None, &variables))
}

/// How far a machine may reach by its environment file.
pub struct Reach {
    /// The mode that holds.
    pub mode: EgressMode,
    /// Hosts that are allowed besides the operator's.
    pub hosts: Vec<String>,
    /// What the file asks for and does not get.
    pub warnings: Vec<String>,
}

impl Reach {
    /// The operator's mode, narrowed or filled by the file; never a wider one.
    pub fn of(network: &Network, environment: &Environment) -> Result<Self> {
        let operators = network.mode;
        let (wished, asked) = (environment.egress_mode, !environment.egress_allowlist.is_empty());
        let (mode, refused) = match (operators, wished) {
            (EgressMode::Offline, _) => (EgressMode::Offline, asked || wished.is_some()),
            (EgressMode::Allowlist, None | Some(Wished::ParentPlusNetworkSettings)) => {
                (EgressMode::Allowlist, asked)
            }
            (EgressMode::Allowlist, Some(_)) => (EgressMode::Allowlist, true),
            (EgressMode::Packages | EgressMode::Open, Some(Wished::NetworkSettingsOnly)) => {
                (EgressMode::Allowlist, false)
            }
            (EgressMode::Packages, Some(Wished::AllowAll)) => (EgressMode::Packages, true),
            (EgressMode::Open, Some(Wished::DefaultWithNetworkSettings)) => {
                (EgressMode::Packages, false)
            }
            (EgressMode::Packages | EgressMode::Open, _) => (operators, false),
        };
        let mut reach = Self { mode, hosts: Vec::new(), warnings: Vec::new() };
        if refused {
            reach.warnings.push(format!(
                "`egressMode` and `egressAllowlist` cannot reach farther than this server allows, \
                 which is {:?}: an administrator can change that under Settings, Network, as far as \
                 `mode` and `allow` under [network] of errand.toml go",
                operators.as_str()
            ));
        }
        if matches!(operators, EgressMode::Packages | EgressMode::Open) {
            for host in &environment.egress_allowlist {
                match Pattern::parse(host) {
                    Ok(_) => reach.hosts.push(host.clone()),
                    Err(error) => reach.warnings.push(format!("`egressAllowlist`: {error}")),
                }
            }
        }
        Ok(reach)
    }

    /// While `install` runs, a list that the file means to be the only one has the registries besides it, unless the
    /// operator's mode leaves them out.
    pub fn while_preparing(self, network: &Network) -> Self {
        match (network.mode, self.mode) {
            (EgressMode::Packages | EgressMode::Open, EgressMode::Allowlist) => {
                Self { mode: EgressMode::Packages, ..self }
            }
            (_, _) => self,
        }
    }

    /// The same for the gateway. A list that is meant to be the only one leaves the operator's out.
    pub fn policy(&self, network: &Network) -> Result<Policy> {
        let narrowed = self.mode == EgressMode::Allowlist && network.mode != self.mode;
        let operators = network.allow.iter().filter(|_| !narrowed);
        let allow = operators.chain(&self.hosts).map(|host| Pattern::parse(host));
        Ok(Policy::new(self.mode, allow.collect::<Result<_, _>>().context("read allowed hosts")?))
    }
}

/// What the model is told of the file before it begins, a line each.
pub fn facts(found: &FoundEnvironment) -> Vec<String> {
    let file = &found.file;
    let what = match &found.saved {
        Some(_) => file.clone(),
        None => format!("environment file {file}"),
    };
    if let Some(problem) = found.problems.first() {
        return vec![format!("The {what} was not followed: {problem}")];
    }
    let mut facts = Vec::new();
    if let Some(image) = &found.image {
        facts.push(format!(
            "Your machine begins with the image {image}; you are told if it could not be had."
        ));
    }
    let scripts: Vec<_> = [
        found.install.as_ref().map(|_| "`install` (once for this disk)"),
        found.start.as_ref().map(|_| "`start`"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !scripts.is_empty() {
        let scripts = scripts.join(" and ");
        facts.push(format!(
            "Of the {what}, {scripts} run before your first command; you are told \
             if one fails."
        ));
    }
    if !found.dependencies.is_empty() {
        let all = found.dependencies.join(", ");
        facts.push(format!("Git may read (clone, fetch; not push) these repositories too: {all}."));
    }
    if !found.terminals.is_empty() {
        let all: Vec<_> = found.terminals.iter().map(told).collect();
        facts.push(format!(
            "These run beside you in tmux sessions: {}. `tmux capture-pane -p -t NAME` shows one.",
            all.join("; ")
        ));
    }
    if !found.ports.is_empty() {
        let told = |port: &protocol::environment::Port| match &port.name {
            Some(name) => format!("{} ({name})", port.port),
            None => port.port.to_string(),
        };
        let all: Vec<_> = found.ports.iter().map(told).collect();
        facts.push(format!("Ports of the project: {}.", all.join(", ")));
    }
    facts
}

fn told(terminal: &NamedTerminal) -> String {
    let line = terminal.command.lines().next().unwrap_or_default();
    let line: String = line.chars().take(COMMAND_CHARS).collect();
    format!("{} (`{line}`)", terminal.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::host::Authority;
    use gateway::policy::Access;
    use protocol::flow::WhenAllThree;

    fn reach(server: &str, file: &str) -> (EgressMode, Vec<String>, usize, Policy) {
        let mut config = Config::default();
        server.clone_into(&mut config.network.mode);
        let mode = sandbox_spec::mode(&config);
        let allow = vec!["operator.example".to_owned()];
        let network = Network { mode, allow, when_all_three: WhenAllThree::Narrow };
        let reading = read(Place::Errand, file.as_bytes());
        let reach = Reach::of(&network, &reading.outcome.unwrap().environment).unwrap();
        let policy = reach.policy(&network).unwrap();
        (reach.mode, reach.hosts, reach.warnings.len(), policy)
    }

    #[test]
    fn a_file_reaches_never_farther_than_the_operators_mode() {
        use EgressMode::{Allowlist, Offline, Open, Packages};
        let modes = [
            "{}",
            r#"{"egressMode": "allow_all"}"#,
            r#"{"egressMode": "parent_plus_network_settings"}"#,
            r#"{"egressMode": "default_with_network_settings"}"#,
            r#"{"egressMode": "network_settings_only"}"#,
        ];
        let table = [
            ("offline", [(Offline, 0), (Offline, 1), (Offline, 1), (Offline, 1), (Offline, 1)]),
            (
                "allowlist",
                [(Allowlist, 0), (Allowlist, 1), (Allowlist, 0), (Allowlist, 1), (Allowlist, 1)],
            ),
            (
                "packages",
                [(Packages, 0), (Packages, 1), (Packages, 0), (Packages, 0), (Allowlist, 0)],
            ),
            ("open", [(Open, 0), (Open, 0), (Open, 0), (Packages, 0), (Allowlist, 0)]),
        ];
        for (server, expected) in table {
            for (file, (mode, warnings)) in modes.into_iter().zip(expected) {
                let (found, _, warned, _) = reach(server, file);
                assert_eq!((found, warned), (mode, warnings), "{server} {file}");
            }
        }
    }

    #[test]
    fn hosts_of_a_file_come_to_the_operators_or_take_their_place() {
        let allows = |policy: &Policy, host: &str| {
            let target = Authority::parse(host, Some(443)).unwrap();
            policy.judge(&target, Access::Connect).is_ok()
        };
        let list = r#""egressAllowlist": ["file.example"]"#;
        let only = format!(r#"{{{list}, "egressMode": "network_settings_only"}}"#);
        let more = format!("{{{list}}}");
        let table = [
            ("offline", &more, false, false),
            ("allowlist", &more, false, true),
            ("packages", &more, true, true),
            ("packages", &only, true, false),
            ("open", &only, true, false),
        ];
        for (server, file, own, operators) in table {
            let (_, hosts, _, policy) = reach(server, file);
            let found = (allows(&policy, "file.example"), allows(&policy, "operator.example"));
            assert_eq!(found, (own, operators), "{server} {file}");
            assert_eq!(hosts.len(), usize::from(own), "{server} {file}");
        }
    }

    #[test]
    fn the_model_is_told_what_runs_beside_it_or_why_nothing_does() {
        let file = r#"{
            "install": "make deps", "ports": [{"port": 80, "name": "front"}, {"port": 81}],
            "terminals": [{"name": "web", "command": "serve\nmore"}]
        }"#;
        let reading = read(Place::Errand, file.as_bytes());
        let mut found = FoundEnvironment::of(&reading.outcome, &reading.warnings);
        ".errand/environment.json".clone_into(&mut found.file);
        let told = facts(&found).join(" ");
        for part in ["`install` (once for this disk) run", "web (`serve`)", "80 (front), 81."] {
            assert!(told.contains(part), "{part}: {told}");
        }
        found.problems.push("1:1 nonsense".to_owned());
        assert!(facts(&found)[0].contains("was not followed: 1:1 nonsense"));
    }
}

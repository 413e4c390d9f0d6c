//! Whether what a repository says of its agents, at the commit that one starts from, is the repository's own word.
//!
//! ```text
//! the default branch has the commit ─────────────────────────── trusted
//! a branch that the operator named has it ───────────────────── trusted
//! another branch of the repository, configured alike ────────── trusted
//! another branch of the repository, configured otherwise ────── withheld
//! whatever no branch or tag of the repository has ───────────── withheld
//! ```
//!
//! TRUST: what configures an agent runs before anybody looks, so where nobody reviewed it the agent is without secrets
//! until a person allows exactly this content. Whoever may push to a branch but not to the default one gets no more out
//! of an agent than they have; a stranger's commit is allowed with all its code, so its digest is that of the commit.

use super::sight::{Adopted, Origin, on_default, origin};
use crate::app::App;
use crate::environments::CommitEnvironment;
use crate::first_look::FirstLook;
use agent::state::Living;
use anyhow::Result;
use git::mirror::Mirror;
use git::name::CommitId;
use git::remote::{RefKind, Remote, RemoteHead};
use protocol::event::{Configuration, ConfigurationTrust as Trust};

/// Hexadecimal digits that name a configuration.
const DIGITS: usize = 32;

/// Judges the configuration at a commit, by where the commit is.
pub async fn judged(
    app: &App,
    (mirror, remote): (&Mirror, &Remote),
    head: &RemoteHead,
    (commit, look, saved): (&CommitId, &FirstLook, Option<&Adopted>),
) -> Result<Configuration> {
    let own = digest(look, saved.and_then(|saved| saved.environment.as_deref()));
    let trusted = |trust| Ok(Configuration { digest: own.clone(), trust });
    if is_default(head, commit) || on_default(mirror, head, commit).await? {
        return trusted(Trust::DefaultBranch);
    }
    if is_named(&app.config.environment.trusted_branches, head)
        && (*commit == head.commit || mirror.is_ancestor(commit, &head.commit).await?)
    {
        return trusted(Trust::NamedBranch);
    }
    if origin((mirror, remote), head, commit).await? == Origin::Unknown {
        let digest = format!("{own} {commit}");
        let digest = shortened(blake3::hash(digest.as_bytes()));
        return Ok(Configuration { digest, trust: Trust::Stranger });
    }
    // It may have been found only by fetching once more.
    if on_default(mirror, head, commit).await? {
        return trusted(Trust::DefaultBranch);
    }
    let reviewed = match &head.default_branch {
        Some(branch) => mirror.ref_head(&branch.to_ref()).await?,
        None => None,
    };
    let Some(reviewed) = reviewed else { return trusted(Trust::Changed) };
    let there = app.first_looks.at(mirror, &reviewed).await?;
    let saved = match saved.filter(|_| there.environment.is_none()) {
        Some(saved) => Some(app.first_looks.saved(mirror, &reviewed, &saved.saved).await?),
        None => None,
    };
    let is_alike = digest(&there, saved.as_deref()) == own;
    trusted(if is_alike { Trust::Unchanged } else { Trust::Changed })
}

fn is_default(head: &RemoteHead, commit: &CommitId) -> bool {
    match &head.kind {
        RefKind::Branch(branch) => {
            head.default_branch.as_ref() == Some(branch) && *commit == head.commit
        }
        RefKind::Tag(_) | RefKind::Commit => false,
    }
}

fn is_named(named: &[String], head: &RemoteHead) -> bool {
    match &head.kind {
        RefKind::Branch(branch) => named.iter().any(|name| covers(name, branch.as_str())),
        RefKind::Tag(_) | RefKind::Commit => false,
    }
}

fn covers(name: &str, branch: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => branch.starts_with(beginning),
        None => branch == name,
    }
}

/// Names what configures an agent, to the letter: instructions, environment file or what is saved in its place, and
/// the Dockerfile of it.
fn digest(look: &FirstLook, saved: Option<&CommitEnvironment>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, text) in &look.instructions {
        for part in [path, text] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    if let Some(environment) = look.environment.as_ref().or(saved) {
        hasher.update(environment.content().as_bytes());
    }
    shortened(hasher.finalize())
}

fn shortened(hash: blake3::Hash) -> String {
    hash.to_hex().chars().take(DIGITS).collect()
}

/// What the model is told where credentials are withheld.
pub fn without_credentials(living: &Living) -> Option<String> {
    living.withheld()?;
    Some(
        "You have no secrets in this agent: what configures it is not what the repository's default branch has. A \
         person can allow it (`errand allow AGENT --configuration`)."
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_branch_is_meant_to_the_letter_or_by_its_beginning() {
        for (name, branch, expected) in [
            ("release", "release", true),
            ("release", "release/1", false),
            ("release/*", "release/1", true),
            ("release/*", "release", false),
            ("release/*", "other/release/1", false),
            ("*", "anything", true),
        ] {
            assert_eq!(covers(name, branch), expected, "{name} {branch}");
        }
    }
}

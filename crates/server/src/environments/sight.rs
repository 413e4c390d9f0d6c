//! The repositories of an agent at its start: whose commits they are, and which environment counts.

use super::CommitEnvironment;
use crate::app::App;
use crate::first_look::FirstLook;
use crate::saved_environments;
use anyhow::Result;
use git::mirror::Mirror;
use git::name::CommitId;
use git::remote::{RefKind, Remote, RemoteHead};
use protocol::environment::found::SavedText;
use protocol::event::Configuration;
use protocol::ids::OrgId;
use std::sync::Arc;

/// A repository at its starting commit, looked at.
pub struct Sight {
    /// Its URL.
    pub url: String,
    /// The commit.
    pub commit: CommitId,
    /// What is there.
    pub look: Arc<FirstLook>,
    /// Whose commit it is.
    pub origin: Origin,
    /// The saved environment of the repository.
    pub saved: Option<Adopted>,
    /// What configures an agent there.
    pub configuration: Configuration,
}

/// A saved environment that names a repository.
pub struct Adopted {
    /// What it says.
    pub saved: SavedText,
    /// The same, understood; none where the repository has a file, so that it does not count.
    pub environment: Option<Arc<CommitEnvironment>>,
}

/// The saved environment of a repository, read at a commit unless a file is there.
pub async fn adopted(
    app: &App,
    org: &OrgId,
    url: &str,
    (mirror, commit, look): (&Mirror, &CommitId, &FirstLook),
) -> Result<Option<Adopted>> {
    let Some((id, known)) = saved_environments::of_repository(app, org, url).await? else {
        return Ok(None);
    };
    let number = known.version;
    // One that was deleted in this moment is not there.
    let Some(version) = saved_environments::version(app, org, id, number).await? else {
        return Ok(None);
    };
    let (name, text) = (known.name, version.text);
    let saved = SavedText { id: id.to_string(), name, version: number, text };
    let environment = match look.environment {
        Some(_) => None,
        None => Some(app.first_looks.saved(mirror, commit, &saved).await?),
    };
    Ok(Some(Adopted { saved, environment }))
}

/// Whose commit an agent starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A branch or tag of the repository has it.
    Own,
    /// Perhaps a stranger's, as the head of a fork is.
    Unknown,
}

/// Whose commit this is, as far as the ref that was asked for and the default branch tell.
pub async fn origin(
    (mirror, remote): (&Mirror, &Remote),
    head: &RemoteHead,
    commit: &CommitId,
) -> Result<Origin> {
    let is_own = match &head.kind {
        RefKind::Branch(_) => true,
        RefKind::Tag(name) => name.as_str().starts_with("refs/tags/"),
        RefKind::Commit => false,
    };
    if is_own && *commit == head.commit {
        return Ok(Origin::Own);
    }
    if is_own && mirror.is_ancestor(commit, &head.commit).await?
        || on_default(mirror, head, commit).await?
    {
        return Ok(Origin::Own);
    }
    // The default branch may have moved since it was fetched.
    mirror.update(remote, &mut |_| {}).await?;
    let is_own = on_default(mirror, head, commit).await?;
    Ok(if is_own { Origin::Own } else { Origin::Unknown })
}

pub(super) async fn on_default(
    mirror: &Mirror,
    head: &RemoteHead,
    commit: &CommitId,
) -> Result<bool> {
    let Some(branch) = &head.default_branch else { return Ok(false) };
    match mirror.ref_head(&branch.to_ref()).await? {
        Some(tip) => Ok(mirror.is_ancestor(commit, &tip).await?),
        None => Ok(false),
    }
}

/// The environment that counts, and where it is from.
pub(super) struct Counts<'a> {
    /// Where it is from.
    pub(super) sight: &'a Sight,
    /// What it says.
    pub(super) environment: &'a CommitEnvironment,
    /// The saved one, where it is no file.
    pub(super) saved: Option<&'a SavedText>,
}

impl<'a> Counts<'a> {
    /// The file of the first repository that has any, else the first that was saved for one.
    pub(super) fn among(sights: &'a [Sight]) -> Option<Self> {
        let file = sights.iter().find_map(|sight| {
            let environment = sight.look.environment.as_ref()?;
            Some(Self { sight, environment, saved: None })
        });
        file.or_else(|| {
            sights.iter().find_map(|sight| {
                let adopted = sight.saved.as_ref()?;
                let environment = adopted.environment.as_deref()?;
                Some(Self { sight, environment, saved: Some(&adopted.saved) })
            })
        })
    }

    /// What people know it as.
    pub(super) fn title(&self) -> String {
        match self.saved {
            Some(saved) => saved.title(),
            None => self.environment.choice.place.path().to_owned(),
        }
    }

    /// What does not count because this does.
    pub(super) fn passed_over(&self, sights: &[Sight]) -> Vec<String> {
        let others = self.environment.choice.passed_over.iter().map(|it| it.path().to_owned());
        let further = sights.iter().filter_map(|sight| {
            let is_it = std::ptr::eq(sight, self.sight) && self.saved.is_none();
            let file = sight.look.environment.as_ref().filter(|_| !is_it)?;
            Some(format!("{} of {}", file.choice.place.path(), sight.url))
        });
        let saved = sights.iter().filter_map(|sight| {
            let saved = &sight.saved.as_ref()?.saved;
            let is_it = self.saved.is_some_and(|own| std::ptr::eq(own, saved));
            (!is_it).then(|| format!("the {} of {}", saved.title(), sight.url))
        });
        let all = others.chain(further).chain(saved);
        all.map(|what| format!("{what} is there too and is not read")).collect()
    }
}

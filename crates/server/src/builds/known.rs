//! What is known of builds, and which one new agents begin with.

use protocol::environment::found::ChosenImage;
use protocol::ids::{AgentId, LayerId};
use protocol::limits::BUILDS_KEPT;
use serde::{Deserialize, Serialize};

/// What is known of one list of repositories.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Their URLs.
    pub repos: Vec<String>,
    /// Oldest first.
    pub builds: Vec<Build>,
}

/// One build, or one machine that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    /// Who built it.
    pub agent: AgentId,
    /// What it leaves.
    pub layer: LayerId,
    /// How it came about.
    pub origin: Origin,
    /// Since when.
    pub created_ms: i64,
    /// What it left; none as long as it is not ready, or if it failed.
    pub ready: Option<Ready>,
    /// New agents begin with it, whatever is built later.
    pub pinned: bool,
    /// Names what `install` prepares, where that is known.
    pub digest: Option<String>,
}

/// What a build left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// When.
    pub at_ms: i64,
    /// Commits that are checked out, in the order of the repositories.
    pub commits: Vec<String>,
    /// Space it takes.
    pub bytes: u64,
    /// Files it holds.
    pub files: u64,
    /// The operator's base image below it; none: the host's programs, or another image.
    #[serde(default)]
    pub base: Option<LayerId>,
    /// The image below it that its environment file asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ChosenImage>,
    /// The saved environment that it followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<SavedVersion>,
}

/// A version of a saved environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedVersion {
    /// The environment.
    pub id: String,
    /// What it was called.
    pub name: String,
    /// Which version.
    pub version: u64,
}

/// What a machine stands on, below all that repositories bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground<'a> {
    /// The operator's base image; none: the host's programs.
    Base(Option<LayerId>),
    /// An image by its reference.
    Image(&'a str),
}

impl Ready {
    /// Whether it stands on this.
    pub fn is_on(&self, ground: Ground<'_>) -> bool {
        match (&self.image, ground) {
            (Some(image), Ground::Image(wanted)) => image.reference == wanted,
            (None, Ground::Base(wanted)) => self.base == wanted,
            (Some(_), Ground::Base(_)) | (None, Ground::Image(_)) => false,
        }
    }

    /// What it stands on.
    pub const fn ground(&self) -> Ground<'_> {
        match &self.image {
            Some(image) => Ground::Image(image.reference.as_str()),
            None => Ground::Base(self.base),
        }
    }
}

/// How a build came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An agent had to install what the next one shall find.
    Automatic,
    /// Somebody asked.
    Asked,
    /// Somebody kept the machine of an agent.
    Kept,
    /// It came as a file from another server.
    Imported,
}

impl Environment {
    /// The build that new agents begin with, where their machines are to stand on this.
    pub fn current(&self, ground: Ground<'_>) -> Option<&Build> {
        let is_on = |ready: &Ready| ready.is_on(ground);
        let ready = || self.builds.iter().filter(|build| build.ready.as_ref().is_some_and(is_on));
        ready().rev().find(|build| build.pinned).or_else(|| {
            ready().max_by_key(|build| build.ready.as_ref().map_or(0, |ready| ready.at_ms))
        })
    }

    /// The build that new agents begin with, as far as its newest one tells what they stand on.
    pub fn newest(&self, base: Option<LayerId>) -> Option<&Build> {
        let ready = self.builds.iter().filter_map(|build| build.ready.as_ref());
        let ground =
            ready.max_by_key(|ready| ready.at_ms).map_or(Ground::Base(base), Ready::ground);
        match ground {
            Ground::Base(_) => self.current(Ground::Base(base)),
            Ground::Image(_) => self.current(ground),
        }
    }

    /// Whether what `install` prepares under this digest is there, or was tried since this moment.
    pub fn is_enough(&self, ground: Ground<'_>, digest: &str, since_ms: i64) -> bool {
        let is_fresh = |build: &Build| {
            let same = build.digest.as_deref().is_none_or(|known| known == digest);
            build.pinned || same && build.created_ms > since_ms
        };
        // One that runs, or that failed at the same.
        let is_tried =
            |build: &Build| build.created_ms > since_ms && build.digest.as_deref() == Some(digest);
        self.current(ground).is_some_and(is_fresh) || self.builds.iter().any(is_tried)
    }
}

/// The oldest beyond those that are kept; never what new agents begin with, nor what is pinned.
pub fn too_many(environment: &Environment, ground: Ground<'_>) -> Vec<Build> {
    let current = environment.current(ground).map(|build| build.layer);
    let over = environment.builds.len().saturating_sub(BUILDS_KEPT);
    let goes = |build: &&Build| !build.pinned && Some(build.layer) != current;
    environment.builds.iter().filter(goes).take(over).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    const HOST: Ground<'_> = Ground::Base(None);

    fn build(number: u128, ready_ms: Option<i64>) -> Build {
        let ready = ready_ms.map(|at_ms| Ready {
            at_ms,
            commits: Vec::new(),
            bytes: 0,
            files: 0,
            base: None,
            image: None,
            saved: None,
        });
        Build {
            agent: AgentId::from_uuid(Uuid::from_u128(number)),
            layer: LayerId::from_uuid(Uuid::from_u128(number)),
            origin: Origin::Asked,
            created_ms: 0,
            ready,
            pinned: false,
            digest: None,
        }
    }

    #[test]
    fn new_agents_begin_with_the_newest_that_is_ready_or_with_the_pinned_one() {
        let mut environment = Environment::default();
        assert_eq!(environment.current(HOST), None);
        environment.builds = vec![build(1, Some(10)), build(2, Some(20)), build(3, None)];
        assert_eq!(
            environment.current(HOST),
            environment.builds.get(1),
            "a failed one changes nothing"
        );
        environment.builds[0].pinned = true;
        assert_eq!(environment.current(HOST), environment.builds.first());
        environment.builds[2].pinned = true;
        assert_eq!(environment.current(HOST), environment.builds.first(), "it must be ready");
        let base = Some(LayerId::from_uuid(Uuid::from_u128(9)));
        assert_eq!(environment.current(Ground::Base(base)), None, "they have the host's programs");
        environment.builds[1].ready.as_mut().unwrap().base = base;
        assert_eq!(environment.current(Ground::Base(base)), environment.builds.get(1));
        let image = ChosenImage {
            reference: "node:24".to_owned(),
            digest: String::new(),
            variables: BTreeMap::new(),
        };
        environment.builds[0].ready.as_mut().unwrap().image = Some(image);
        let on_image = environment.current(Ground::Image("node:24"));
        assert_eq!((environment.current(HOST), on_image), (None, environment.builds.first()));
        assert_eq!(environment.current(Ground::Image("node:22")), None, "another image");
        assert_eq!(environment.newest(base), environment.builds.get(1), "the newest one's");
    }

    #[test]
    fn old_ones_go_but_never_what_is_used() {
        let count = BUILDS_KEPT + 3;
        let builds = (0..count).map(|n| build(n as u128, Some(n as i64)));
        let mut environment = Environment { repos: Vec::new(), builds: builds.collect() };
        environment.builds[0].pinned = true;
        let over = too_many(&environment, HOST);
        assert_eq!(over, environment.builds[1..4]);
        environment.builds[0].pinned = false;
        environment.builds.truncate(BUILDS_KEPT);
        assert_eq!(too_many(&environment, HOST), []);
    }

    #[test]
    fn what_is_there_or_was_tried_lately_is_not_built_again() {
        let with = |digest: &str, created_ms, ready: Option<i64>| Build {
            digest: Some(digest.to_owned()),
            created_ms,
            ..build(1, ready)
        };
        let enough =
            |build| Environment { repos: Vec::new(), builds: vec![build] }.is_enough(HOST, "a", 50);
        assert!(!Environment::default().is_enough(HOST, "a", 50));
        assert!(enough(with("a", 60, Some(61))), "it is there");
        assert!(enough(with("a", 60, None)), "it runs, or failed");
        assert!(!enough(with("a", 40, Some(41))), "it is stale");
        assert!(!enough(with("a", 40, None)), "it failed long ago");
        assert!(!enough(with("b", 60, Some(61))), "something else is asked for");
        assert!(enough(Build { pinned: true, ..with("b", 40, Some(41)) }), "somebody decided");
    }
}

//! The forge of a remote without an API.

use crate::fixture::{Place, git};
use forge::bare::Bare;
use forge::conformance::{People, check};
use forge::forge::{Forge as _, ForgeError, Mergeable};
use forge::pull_request::{PullRequest, State};
use forge::store::{InMemory, PullRequestStore, Replaced, RepositoryKey};
use git::mirror::Mirror;
use git::name::CommitId;
use git::remote::Remote;
use git::runner::Git;
use git::url::RemoteUrl;
use protocol::ids::OrgId;
use std::sync::Arc;

struct Fixture {
    place: Place,
    store: Arc<InMemory>,
    forge: Bare,
}

impl Fixture {
    /// A remote, bare or not, with the branches of the conformance suite.
    fn new(init: &[&str]) -> Self {
        let place = Place::new(init, "acme");
        let url = place.remote.to_str().unwrap();
        let store = Arc::new(InMemory::default());
        let mirror = place.dir.path().join("mirror.git");
        let mirror = Mirror::open_or_create(&Git::new().unwrap(), &mirror, &place.first);
        let forge = Bare {
            key: RepositoryKey { org: OrgId::default_org(), repository: url.to_owned() },
            remote: Remote::open(RemoteUrl::parse(url).unwrap()),
            mirror: mirror.unwrap(),
            store: store.clone(),
            signer: None,
        };
        Self { place, store, forge }
    }

    async fn open(&self) -> PullRequest {
        let ground = &self.place.ground;
        self.forge.create(ground.content(&ground.clean, "Title")).await.unwrap()
    }

    fn main(&self) -> String {
        git(&self.place.remote, &["rev-parse", "refs/heads/main"])
    }
}

/// There are no pages.
struct Nobody;

impl People for Nobody {
    fn review(&self, _number: u64) {
        unreachable!("it has no reviews");
    }

    fn open_issue(&self, _title: &str, _body: &str) -> u64 {
        unreachable!("it has no issues");
    }

    fn fail_check(&self, _commit: &CommitId, _name: &str, _log: &str) {
        unreachable!("it has no checks");
    }
}

#[tokio::test]
async fn a_bare_remote_conforms() {
    let fixture = Fixture::new(&["--bare"]);
    check(&fixture.forge, &fixture.place.ground, &Nobody).await;
    let log = git(&fixture.place.remote, &["log", "--merges", "--format=%an|%cn|%s", "main"]);
    assert_eq!(log, "Ann|Errand|Merge errand/later (#2)\nAnn|Errand|Merge errand/clean (#1)");
    assert_eq!(git(&fixture.place.remote, &["show", "main:c.txt"]), "c");
}

#[tokio::test]
async fn a_base_that_is_checked_out_is_refused_in_words() {
    let fixture = Fixture::new(&[]);
    let before = fixture.main();
    let opened = fixture.open().await;
    let error = fixture.forge.merge(opened.number, &fixture.place.ground.wish).await.unwrap_err();
    assert!(matches!(error, ForgeError::CheckedOut(_)), "{error:?}");
    assert!(error.to_string().contains("check out another branch there"), "{error}");
    assert_eq!(fixture.main(), before);
    assert_eq!(fixture.forge.get(opened.number).await.unwrap().state, State::Open);
    git(&fixture.place.remote, &["checkout", "-q", "-f", "errand/later"]);
    assert!(fixture.forge.merge(opened.number, &fixture.place.ground.wish).await.is_ok());
}

#[tokio::test]
async fn a_merge_that_reached_the_remote_before_a_crash_is_not_made_twice() {
    let fixture = Fixture::new(&["--bare"]);
    let opened = fixture.open().await;
    let merged = fixture.forge.merge(opened.number, &fixture.place.ground.wish).await.unwrap();
    let State::Merged { commit } = merged.state.clone() else { panic!("{merged:?}") };
    // The crash: the push arrived, its outcome was never recorded, and somebody pushed on top.
    let merging =
        PullRequest { state: State::Merging { commit: commit.clone() }, ..merged.clone() };
    let replaced =
        fixture.store.replace(&fixture.forge.key, &merged.state, &merging).await.unwrap();
    assert_eq!(replaced, Replaced::Yes);
    git(&fixture.place.work, &["fetch", "-q", "origin", "main"]);
    git(&fixture.place.work, &["checkout", "-q", "FETCH_HEAD"]);
    git(&fixture.place.work, &["commit", "-q", "--allow-empty", "-m", "on top"]);
    git(&fixture.place.work, &["push", "-q", "origin", "HEAD:main"]);
    let before = fixture.main();
    assert_eq!(
        fixture.forge.merge(opened.number, &fixture.place.ground.wish).await.unwrap(),
        merged
    );
    assert_eq!(fixture.main(), before);
}

#[tokio::test]
async fn a_merge_by_hand_is_recognised() {
    let fixture = Fixture::new(&["--bare"]);
    let opened = fixture.open().await;
    git(&fixture.place.work, &["push", "-q", "origin", "errand/clean:main"]);
    assert_eq!(fixture.forge.mergeable(opened.number).await.unwrap(), Mergeable::Contained);
    let merged = fixture.forge.merge(opened.number, &fixture.place.ground.wish).await.unwrap();
    assert_eq!(merged.state, State::Merged { commit: fixture.place.ground.clean.commit.clone() });
}

#[tokio::test]
async fn organisations_do_not_see_each_other() {
    let fixture = Fixture::new(&["--bare"]);
    let opened = fixture.open().await;
    let other = RepositoryKey { org: OrgId("other".to_owned()), ..fixture.forge.key.clone() };
    assert_eq!(fixture.store.get(&other, opened.number).await.unwrap(), None);
    assert_eq!(fixture.store.list(&other).await.unwrap(), []);
    assert_eq!(fixture.store.find(&other, &opened.content.head).await.unwrap(), None);
}

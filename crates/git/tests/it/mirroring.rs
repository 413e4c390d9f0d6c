//! Mirrors: cold, warm, rewritten upstream, names that turn into folders.

use git::error::Error;
use git::mirror::{Freshness, Mirror};
use git::name::{CommitId, StartingRef};
use git::remote::{self, RefKind, RemoteHead};

use crate::fixture::Ground;

#[tokio::test]
async fn a_warm_mirror_does_not_ask_the_network() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let mirror = ground.mirror(&up).await;
    let head = remote::ls(&ground.git, &up.remote(), None).await.unwrap();
    std::fs::rename(&up.dir, ground.path("moved")).unwrap();
    let fresh = mirror.ensure(&up.remote(), &head, &mut |_| ()).await.unwrap();
    assert_eq!(fresh, Freshness::Warm);
}

#[tokio::test]
async fn new_and_rewritten_branches_and_bare_commits_arrive() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let mirror = ground.mirror(&up).await;

    up.git(&["commit", "-q", "--amend", "-m", "rewritten"]);
    up.git(&["tag", "v1"]);
    for start in [None, Some("v1"), Some("main")] {
        let start = start.map(|s| StartingRef::parse(s).unwrap());
        let head = remote::ls(&ground.git, &up.remote(), start.as_ref()).await.unwrap();
        mirror.ensure(&up.remote(), &head, &mut |_| ()).await.unwrap();
        assert!(mirror.has_commit(&up.head()).await.unwrap());
    }
    // On no branch any more, known by its id alone.
    let lost = up.commit(&[("b", "1")], "lost");
    up.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let by_id = RemoteHead { default_branch: None, commit: lost.clone(), kind: RefKind::Commit };
    mirror.ensure(&up.remote(), &by_id, &mut |_| ()).await.unwrap();
    assert!(mirror.has_commit(&lost).await.unwrap());

    let nowhere = CommitId::parse(&"1".repeat(40)).unwrap();
    let head = RemoteHead { default_branch: None, commit: nowhere, kind: RefKind::Commit };
    let ensured = mirror.ensure(&up.remote(), &head, &mut |_| ()).await;
    assert!(matches!(ensured, Err(Error::RefMissing { .. })), "{ensured:?}");
}

#[tokio::test]
async fn a_branch_that_becomes_a_folder_is_followed() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    up.git(&["branch", "topic"]);
    let mirror = ground.mirror(&up).await;
    up.git(&["branch", "-D", "topic"]);
    up.git(&["checkout", "-q", "-b", "topic/one"]);
    let id = up.commit(&[("a", "2")], "second");
    mirror.update(&up.remote(), &mut |_| ()).await.unwrap();
    assert!(mirror.has_commit(&id).await.unwrap());
}

#[tokio::test]
async fn many_at_once_fetch_once_and_all_succeed() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let mirror = ground.mirror(&up).await;
    up.commit(&[("a", "2")], "second");
    let head = remote::ls(&ground.git, &up.remote(), None).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (git, dir, remote, head) =
            (ground.git.clone(), mirror.dir().to_owned(), up.remote(), head.clone());
        tasks.spawn(async move {
            let mirror = Mirror::open(&git, &dir).unwrap();
            mirror.ensure(&remote, &head, &mut |_| ()).await.unwrap()
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|fresh| **fresh == Freshness::Fetched).count(), 1);
}

#[tokio::test]
async fn progress_is_reported() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1"), ("b", "2")]);
    let mut seen = Vec::new();
    let head = remote::ls(&ground.git, &up.remote(), None).await.unwrap();
    let mirror = Mirror::open_or_create(&ground.git, &ground.path("m.git"), &head.commit).unwrap();
    mirror.ensure(&up.remote(), &head, &mut |p| seen.push(p)).await.unwrap();
    assert!(seen.iter().any(|p| p.percent == 100), "{seen:?}");
}

#[tokio::test]
async fn repositories_named_by_sha256_work_too() {
    let ground = Ground::new();
    let dir = ground.path("up");
    std::fs::create_dir(&dir).unwrap();
    let up = crate::fixture::Upstream { dir };
    up.git(&["init", "-q", "-b", "main", "--object-format=sha256"]);
    let id = up.commit(&[("a", "1")], "first");
    let agent = ground.agent(&up).await;
    let listing = agent.list_folder(&id, "", 10).await.unwrap().unwrap();
    assert_eq!(listing.entries.len(), 1);
}

//! Publishing a branch: compare-and-swap, never a rewrite, verified.

use git::agent_repo::AgentRepo;
use git::error::Error;
use git::name::CommitId;
use git::push::Pushed;
use git::refs::Expected;
use git::remote::Remote;
use git::url::RemoteUrl;

use crate::fixture::{Ground, Upstream, branch, draft};

async fn work(agent: &AgentRepo, parent: &CommitId, message: &str) -> CommitId {
    let tree = agent.tree_of(parent).await.unwrap();
    agent.commit(&draft(tree, &[parent], message)).await.unwrap()
}

async fn scene() -> (Ground, Upstream, AgentRepo) {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let agent = ground.agent(&up).await;
    (ground, up, agent)
}

#[tokio::test]
async fn a_branch_is_made_moved_and_repeated() {
    let (ground, up, agent) = scene().await;
    let bare = ground.bare("bare.git", &up);
    let name = branch("errand/x");
    let one = work(&agent, &up.head(), "one").await;
    let two = work(&agent, &one, "two").await;
    for remote in [
        bare.remote(),
        Remote::open(RemoteUrl::parse(&format!("file://{}", up.dir.display())).unwrap()),
    ] {
        let pushed = agent.push(&remote, &one, &name, Expected::Absent).await.unwrap();
        assert_eq!(pushed, Pushed::Moved);
        let pushed = agent.push(&remote, &one, &name, Expected::Absent).await.unwrap();
        assert_eq!(pushed, Pushed::UpToDate, "a repeated effect is no failure");
        agent.push(&remote, &two, &name, Expected::At(&one)).await.unwrap();
    }
    assert_eq!((bare.id("errand/x"), up.id("errand/x")), (two.clone(), two));
}

#[tokio::test]
async fn a_branch_that_moved_or_would_be_rewritten_is_left_alone() {
    let (ground, up, agent) = scene().await;
    let bare = ground.bare("bare.git", &up);
    let (remote, name) = (bare.remote(), branch("errand/x"));
    let one = work(&agent, &up.head(), "one").await;
    let rival = work(&agent, &up.head(), "rival").await;
    let two = work(&agent, &one, "two").await;
    agent.push(&remote, &one, &name, Expected::Absent).await.unwrap();

    let unfetched = up.commit(&[("a", "9")], "theirs");
    for (commit, expected) in [
        (&two, Expected::Absent),
        (&two, Expected::At(&up.id("HEAD~1"))),
        (&rival, Expected::At(&one)),
        (&rival, Expected::Any),
        (&two, Expected::At(&unfetched)),
    ] {
        let result = agent.push(&remote, commit, &name, expected).await;
        assert!(matches!(result, Err(Error::NonFastForward { .. })), "{expected:?}: {result:?}");
        assert_eq!(bare.id("errand/x"), one);
    }
    // The branch was deleted there: nothing is made anew behind its owner's back.
    bare.git(&["branch", "-D", "errand/x"]);
    let result = agent.push(&remote, &two, &name, Expected::At(&one)).await;
    assert!(matches!(result, Err(Error::NonFastForward { .. })), "{result:?}");
}

#[tokio::test]
async fn of_two_racers_one_wins() {
    let (ground, up, agent) = scene().await;
    let bare = ground.bare("bare.git", &up);
    let name = branch("errand/x");
    let one = work(&agent, &up.head(), "one").await;
    let rival = work(&agent, &up.head(), "rival").await;
    let remote = bare.remote();
    let (a, b) = tokio::join!(
        agent.push(&remote, &one, &name, Expected::Absent),
        agent.push(&remote, &rival, &name, Expected::Absent)
    );
    let lost = [&a, &b].into_iter().filter(|r| matches!(r, Err(Error::NonFastForward { .. })));
    assert_eq!((lost.count(), a.is_ok() != b.is_ok()), (1, true), "{a:?} {b:?}");
}

#[tokio::test]
async fn remotes_say_no_in_typed_words() {
    let (ground, up, agent) = scene().await;
    let one = work(&agent, &up.head(), "one").await;
    let result = agent.push(&up.remote(), &one, &branch("main"), Expected::At(&up.head())).await;
    assert!(matches!(result, Err(Error::CheckedOutBranch { .. })), "{result:?}");

    let bare = ground.bare("bare.git", &up);
    let hook = bare.dir.join("hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\necho rule seven\nexit 1\n").unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let result = agent.push(&bare.remote(), &one, &branch("x"), Expected::Absent).await;
    assert!(
        matches!(&result, Err(Error::Declined { detail, .. }) if detail.contains("rule seven")),
        "{result:?}"
    );

    let missing = Upstream { dir: ground.path("missing") };
    let result = agent.push(&missing.remote(), &one, &branch("x"), Expected::Absent).await;
    assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
    let unknown = CommitId::parse(&"1".repeat(40)).unwrap();
    assert!(agent.push(&up.remote(), &unknown, &branch("x"), Expected::Absent).await.is_err());
}

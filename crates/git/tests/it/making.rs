//! Making commits, merging, moving refs, writing bundles.

use git::commit::{Merge, Signer, Signing};
use git::error::Error;
use git::name::{CommitId, TreeId};
use git::refs::Expected;

use crate::fixture::{Ground, branch, draft, git_in};

/// Signs these bytes and no others.
struct Mark(Vec<u8>);

impl Signer for Mark {
    fn sign(&self, payload: &[u8]) -> git::error::Result<String> {
        let signature = "-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\n";
        if payload == self.0 { Ok(signature.to_owned()) } else { Err(Error::EmptyRepository) }
    }
}

#[tokio::test]
async fn a_commit_keeps_its_author_and_carries_its_trailers() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let agent = ground.agent(&up).await;
    let tree = agent.tree_of(&up.head()).await.unwrap();
    let made = draft(tree.clone(), &[&up.head()], "Fix it\n\nBecause ü.");
    let id = agent.commit(&made).await.unwrap();
    assert_eq!(agent.commit(&made).await.unwrap(), id, "the same draft is the same commit");

    let info = agent.commit_info(&id).await.unwrap();
    assert_eq!((info.tree, info.parents), (tree.clone(), vec![up.head()]));
    assert_eq!((info.author, info.committer), (made.author.clone(), made.committer.clone()));
    assert_eq!(info.message, "Fix it\n\nBecause ü.\n\nErrand-Run: run-1\n");

    let signed = agent.commit_signed(&made, Signing(Some(&Mark(made.payload())))).await.unwrap();
    let raw = git_in(agent.dir(), &["cat-file", "commit", signed.as_str()], b"");
    assert!(raw.contains("\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n -----END"), "{raw}");
    git_in(agent.dir(), &["fsck", "--strict"], b"");
    let unsigned = agent.commit_signed(&made, Signing(Some(&Mark(Vec::new())))).await;
    assert!(matches!(unsigned, Err(Error::EmptyRepository)), "none goes unsigned");

    for (tree, parent) in [
        (TreeId::parse(&"1".repeat(40)).unwrap(), up.head()),
        (tree.clone(), CommitId::parse(&"1".repeat(40)).unwrap()),
        (tree.clone(), CommitId::parse(tree.as_str()).unwrap()),
    ] {
        let error = agent.commit(&draft(tree, &[&parent], "x")).await.unwrap_err();
        assert!(matches!(error, Error::BadObjects { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn merges_are_clean_or_name_their_conflicts() {
    let ground = Ground::new();
    let up =
        ground.upstream("up", &[("a", "1\n"), ("b", "1\n"), (".gitattributes", "a merge=union\n")]);
    let base = up.head();
    let ours = up.commit(&[("a", "2\n")], "ours");
    up.git(&["checkout", "-q", "-b", "clean", base.as_str()]);
    let clean = up.commit(&[("b", "2\n")], "clean");
    up.git(&["checkout", "-q", "-b", "clash", base.as_str()]);
    let clash = up.commit(&[("a", "3\n")], "clash");
    let agent = ground.agent(&up).await;
    let Merge::Clean(tree) = agent.merge_tree(&ours, &clean).await.unwrap() else {
        panic!("these do not conflict");
    };
    let id = agent.commit(&draft(tree, &[&ours, &clean], "Merge")).await.unwrap();
    let merged = agent.read_file(&id, "b", 10).await.unwrap().unwrap();
    assert_eq!(merged.into_text().as_deref(), Some("2\n"));
    let conflict = agent.merge_tree(&ours, &clash).await.unwrap();
    assert_eq!(conflict, Merge::Conflicts(vec!["a".to_owned()]));
    let unknown = CommitId::parse(&"1".repeat(40)).unwrap();
    assert!(agent.merge_tree(&ours, &unknown).await.is_err());
}

#[tokio::test]
async fn a_ref_moves_only_from_where_it_was_expected() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let first = up.head();
    let second = up.commit(&[("a", "2")], "second");
    let agent = ground.agent(&up).await;
    let name = branch("errand/x").to_ref();
    assert_eq!(agent.ref_head(&branch("main").to_ref()).await.unwrap(), Some(second.clone()));
    assert_eq!(agent.ref_head(&name).await.unwrap(), None);

    let moved = |result: Result<(), Error>| matches!(result, Err(Error::NonFastForward { .. }));
    assert!(moved(agent.update_ref(&name, &second, Expected::At(&first)).await));
    agent.update_ref(&name, &first, Expected::Absent).await.unwrap();
    assert!(moved(agent.update_ref(&name, &second, Expected::Absent).await));
    assert!(moved(agent.update_ref(&name, &second, Expected::At(&second)).await));
    agent.update_ref(&name, &second, Expected::At(&first)).await.unwrap();
    agent.update_ref(&name, &first, Expected::Any).await.unwrap();
    let unknown = CommitId::parse(&"1".repeat(40)).unwrap();
    let result = agent.update_ref(&name, &unknown, Expected::Any).await;
    assert!(matches!(result, Err(Error::BadObjects { .. })), "{result:?}");
    assert!(moved(agent.delete_ref(&name, &second).await));
    agent.delete_ref(&name, &first).await.unwrap();
    assert_eq!(agent.ref_head(&name).await.unwrap(), None);
}

#[tokio::test]
async fn a_bundle_carries_a_branch_to_another_machine() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let agent = ground.agent(&up).await;
    let tree = agent.tree_of(&up.head()).await.unwrap();
    let id = agent.commit(&draft(tree, &[&up.head()], "Work")).await.unwrap();
    let name = branch("errand/x").to_ref();
    agent.update_ref(&name, &id, Expected::Absent).await.unwrap();
    let file = ground.path("work.bundle");
    agent.write_bundle(&file, std::slice::from_ref(&name), &[up.head()]).await.unwrap();
    up.git(&["fetch", "-q", file.to_str().unwrap(), &format!("{name}:{name}")]);
    assert_eq!(up.id("errand/x"), id);
    let again = agent.write_bundle(&ground.path("empty.bundle"), &[name], &[id]).await;
    assert!(matches!(again, Err(Error::EmptyRepository)), "{again:?}");
}

#[tokio::test]
async fn creating_twice_keeps_the_first() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let agent = ground.agent(&up).await;
    let name = branch("errand/x").to_ref();
    agent.update_ref(&name, &up.head(), Expected::Absent).await.unwrap();
    let again = ground.agent(&up).await;
    assert_eq!(again.ref_head(&name).await.unwrap(), Some(up.head()));
    let alone = git::agent_repo::AgentRepo::create_alone(
        &ground.git,
        &ground.path("alone.git"),
        &branch("main"),
    );
    assert!(alone.unwrap().refs("refs").await.unwrap().is_empty());
}

/// Lays a lock beside a ref, as a git does that works on it, of this age.
fn lock(
    dir: &std::path::Path,
    name: &git::name::RefName,
    age: std::time::Duration,
) -> std::path::PathBuf {
    let path = dir.join(format!("{name}.lock"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(&path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + now() - age).unwrap();
    path
}

#[expect(clippy::disallowed_methods, reason = "files have the time of the machine")]
fn now() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap()
}

#[tokio::test]
async fn a_lock_of_a_git_that_was_killed_stops_one_attempt_and_no_more() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let agent = ground.agent(&up).await;
    let name = branch("errand/x").to_ref();
    let path = lock(agent.dir(), &name, std::time::Duration::from_secs(60));
    let stopped = agent.update_ref(&name, &up.head(), Expected::Absent).await.unwrap_err();
    assert!(stopped.to_string().contains("cannot lock ref"), "{stopped}");
    assert!(!path.exists());
    agent.update_ref(&name, &up.head(), Expected::Absent).await.unwrap();
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a process that stands for a git at work")]
async fn a_lock_that_somebody_may_hold_is_left_alone() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let agent = ground.agent(&up).await;
    let name = branch("errand/x").to_ref();
    let path = lock(agent.dir(), &name, std::time::Duration::from_secs(60));
    let mut at_work =
        std::process::Command::new("sleep").arg("60").env("GIT_DIR", agent.dir()).spawn().unwrap();
    agent.update_ref(&name, &up.head(), Expected::Absent).await.unwrap_err();
    assert!(path.exists(), "its git works still");
    at_work.kill().unwrap();
    at_work.wait().unwrap();
    lock(agent.dir(), &name, std::time::Duration::ZERO);
    // It is released while the next one waits.
    let release = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(2));
        std::fs::remove_file(path).unwrap();
    });
    agent.update_ref(&name, &up.head(), Expected::Absent).await.unwrap();
    release.join().unwrap();
}

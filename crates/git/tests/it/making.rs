//! Making commits, merging, moving refs, writing bundles.

use git::commit::Merge;
use git::error::Error;
use git::name::{CommitId, TreeId};
use git::refs::Expected;

use crate::fixture::{Ground, branch, draft, git_in};

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

    let signature = "-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\n";
    let signed = agent.commit_signed(&made, signature).await.unwrap();
    let raw = git_in(agent.dir(), &["cat-file", "commit", signed.as_str()], b"");
    assert!(raw.contains("\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n -----END"), "{raw}");
    git_in(agent.dir(), &["fsck", "--strict"], b"");

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

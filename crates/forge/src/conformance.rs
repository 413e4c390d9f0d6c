//! What every forge must do, run on each of them by its own tests.
//!
//! The caller brings a forge over a remote that has the branches of [`Ground`], and a way to look
//! at the remote. Each check panics with a sentence.

use crate::forge::{Forge, ForgeError, MergeWish, Mergeable};
use crate::pull_request::{Content, PullRequest, Stage, State};
use git::name::{BranchName, CommitId};

/// The branches a remote must have; every head is one commit or more ahead of the base.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The branch to merge into.
    pub base: BranchName,
    /// A head that merges cleanly.
    pub clean: Head,
    /// A head that merges cleanly once `clean` is in the base.
    pub later: Head,
    /// A head that conflicts with the base once `clean` is in it.
    pub conflicting: Head,
    /// The file it conflicts in.
    pub conflict_file: String,
    /// Who merges.
    pub wish: MergeWish,
}

/// A head branch and its commit.
#[derive(Debug, Clone)]
pub struct Head {
    /// The branch.
    pub branch: BranchName,
    /// The commit it is at.
    pub commit: CommitId,
}

impl Ground {
    /// The content of a pull request for a head.
    pub fn content(&self, head: &Head, title: &str) -> Content {
        Content {
            title: title.to_owned(),
            body: "Why and how.".to_owned(),
            head: head.branch.clone(),
            commit: head.commit.clone(),
            base: self.base.clone(),
            stage: Stage::Draft,
        }
    }

    fn wish(&self, head: &Head) -> MergeWish {
        MergeWish { seen: head.commit.clone(), ..self.wish.clone() }
    }
}

/// Runs every check, in an order in which each leaves what the next needs.
pub async fn check(forge: &dyn Forge, ground: &Ground) {
    let opened = opening_is_idempotent_by_head(forge, ground).await;
    an_unknown_one_is_not_found(forge).await;
    a_head_that_does_not_exist_is_refused(forge, ground).await;
    merging_another_commit_than_the_one_seen_is_refused(forge, ground, &opened).await;
    merging_is_idempotent(forge, ground, &opened).await;
    conflicts_name_their_files(forge, ground).await;
    closing_frees_the_head(forge, ground).await;
}

async fn opening_is_idempotent_by_head(forge: &dyn Forge, ground: &Ground) -> PullRequest {
    let found = must(forge.find_pull_request(&ground.clean.branch).await);
    assert_eq!(found, None, "nothing is open at first");
    let first = must(forge.create(ground.content(&ground.clean, "First")).await);
    let second = must(forge.create(ground.content(&ground.clean, "Second")).await);
    assert_eq!(first.number, second.number, "one head has one open pull request");
    assert_eq!(second.content.title, "Second", "the repeat brings it up to date");
    let ready = Content { stage: Stage::Ready, ..second.content };
    let updated = must(forge.update(first.number, ready).await);
    assert_eq!(must(forge.get(first.number).await), updated, "what was written is read");
    assert_eq!(must(forge.find_pull_request(&ground.clean.branch).await), Some(updated.clone()));
    assert!(must(forge.list().await).contains(&updated), "it is listed");
    updated
}

async fn an_unknown_one_is_not_found(forge: &dyn Forge) {
    assert!(matches!(forge.get(999_999).await, Err(ForgeError::NotFound(999_999))));
}

async fn a_head_that_does_not_exist_is_refused(forge: &dyn Forge, ground: &Ground) {
    let Ok(branch) = BranchName::parse("errand/never-pushed") else {
        panic!("the name is a branch name");
    };
    let content = Content { head: branch, ..ground.content(&ground.clean, "None") };
    assert!(matches!(forge.create(content).await, Err(ForgeError::BranchMissing(_))));
}

async fn merging_another_commit_than_the_one_seen_is_refused(
    forge: &dyn Forge,
    ground: &Ground,
    opened: &PullRequest,
) {
    let merged = forge.merge(opened.number, &ground.wish(&ground.later)).await;
    assert!(matches!(merged, Err(ForgeError::HeadMoved { .. })), "{merged:?}");
    assert!(must(forge.get(opened.number).await).state.is_open(), "it stays open");
}

async fn merging_is_idempotent(forge: &dyn Forge, ground: &Ground, opened: &PullRequest) {
    assert_eq!(must(forge.mergeable(opened.number).await), Mergeable::Clean);
    let wish = ground.wish(&ground.clean);
    let merged = must(forge.merge(opened.number, &wish).await);
    assert!(matches!(merged.state, State::Merged { .. }), "{merged:?}");
    assert_eq!(must(forge.merge(opened.number, &wish).await), merged, "once more changes nothing");
    let update = forge.update(opened.number, ground.content(&ground.clean, "Late")).await;
    assert!(matches!(update, Err(ForgeError::NotOpen { .. })), "{update:?}");
    assert_eq!(must(forge.find_pull_request(&ground.clean.branch).await), None);
    let later = must(forge.create(ground.content(&ground.later, "Later")).await);
    let merged = must(forge.merge(later.number, &ground.wish(&ground.later)).await);
    assert!(matches!(merged.state, State::Merged { .. }), "the base had moved on: {merged:?}");
}

async fn conflicts_name_their_files(forge: &dyn Forge, ground: &Ground) {
    let opened = must(forge.create(ground.content(&ground.conflicting, "Conflict")).await);
    let files = vec![ground.conflict_file.clone()];
    assert_eq!(must(forge.mergeable(opened.number).await), Mergeable::Conflicts(files.clone()));
    match forge.merge(opened.number, &ground.wish(&ground.conflicting)).await {
        Err(ForgeError::Conflicts { files: named }) => assert_eq!(named, files),
        other => panic!("a conflict is refused: {other:?}"),
    }
    assert!(must(forge.get(opened.number).await).state.is_open(), "it stays open");
}

async fn closing_frees_the_head(forge: &dyn Forge, ground: &Ground) {
    let Some(open) = must(forge.find_pull_request(&ground.conflicting.branch).await) else {
        panic!("the one that conflicts is open");
    };
    let closed = must(forge.close(open.number).await);
    assert_eq!(closed.state, State::Closed);
    assert_eq!(must(forge.close(open.number).await), closed, "once more changes nothing");
    let again = must(forge.create(ground.content(&ground.conflicting, "Again")).await);
    assert!(again.number > open.number, "a closed one is not opened again");
    assert_eq!(must(forge.list().await).first().map(|first| first.number), Some(again.number));
}

fn must<T>(result: crate::forge::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the forge failed: {error}: {error:?}"),
    }
}

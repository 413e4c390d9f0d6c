//! What every forge must do, run on each of them by its own tests.
//!
//! The caller brings a forge over a remote that has the branches of [`Ground`], and a way to look
//! at the remote. Each check panics with a sentence.

use crate::around::{Ability, Check, CheckState, Opening, Origin, Permission, Subject, Verdict};
use crate::forge::{Forge, ForgeError, MergeWish, Mergeable, keep_comment};
use crate::pull_request::{Content, PullRequest, Stage, State};
use git::name::{BranchName, CommitId};
use std::time::Duration;

/// Times a host is asked again while it finds out whether something could be merged.
const ASKED_AGAIN: u32 = 20;
/// The pause between.
const PAUSE: Duration = Duration::from_millis(20);

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
    /// Somebody who may push.
    pub reviewer: String,
    /// Somebody who may not even read.
    pub outsider: String,
    /// The repository's template for pull requests.
    pub template: String,
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

/// What is done on the host's pages while the suite runs; on a forge without such pages, never.
pub trait People: Send + Sync {
    /// The reviewer approves a pull request with the text `Fine.`, and asks `Why?` about line 1 of
    /// the file in conflict.
    fn review(&self, number: u64);

    /// The reviewer opens an issue.
    fn open_issue(&self, title: &str, body: &str) -> u64;

    /// A check of a commit ends badly, after it printed something.
    fn fail_check(&self, commit: &CommitId, name: &str, log: &str);
}

/// Runs every check, in an order in which each leaves what the next needs.
pub async fn check(forge: &dyn Forge, ground: &Ground, people: &dyn People) {
    let opened = opening_is_idempotent_by_head(forge, ground).await;
    an_unknown_one_is_not_found(forge).await;
    a_head_that_does_not_exist_is_refused(forge, ground).await;
    merging_another_commit_than_the_one_seen_is_refused(forge, ground, &opened).await;
    merging_is_idempotent(forge, ground, &opened).await;
    conflicts_name_their_files(forge, ground).await;
    let open = closing_frees_the_head(forge, ground).await;
    what_it_cannot_do_it_says(forge, &open).await;
    it_knows_who_asks(forge, ground).await;
    branches_are_told(forge, ground).await;
    drafts_turn_over(forge, &open).await;
    reviewers_and_labels_are_added(forge, ground, &open).await;
    one_comment_is_kept(forge, Subject::PullRequest(open.number)).await;
    issues_are_told(forge, ground, &open, people).await;
    reviews_are_read_and_answered(forge, ground, &open, people).await;
    checks_are_told(forge, ground).await;
    logs_of_checks_are_told(forge, ground, people).await;
    a_closed_one_opens_again(forge, &open).await;
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
    assert_eq!(updated.content.stage, Stage::Ready);
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
    assert_eq!(settled(forge, opened.number).await, Mergeable::Clean);
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
    // Of drafts some hosts do not say whether they conflict.
    let content =
        Content { stage: Stage::Ready, ..ground.content(&ground.conflicting, "Conflict") };
    let opened = must(forge.create(content).await);
    let named = forge.capabilities().can(Ability::ConflictFiles);
    let files = if named { vec![ground.conflict_file.clone()] } else { Vec::new() };
    assert_eq!(settled(forge, opened.number).await, Mergeable::Conflicts(files.clone()));
    match forge.merge(opened.number, &ground.wish(&ground.conflicting)).await {
        Err(ForgeError::Conflicts { files: named }) => assert_eq!(named, files),
        other => panic!("a conflict is refused: {other:?}"),
    }
    assert!(must(forge.get(opened.number).await).state.is_open(), "it stays open");
}

async fn closing_frees_the_head(forge: &dyn Forge, ground: &Ground) -> PullRequest {
    let Some(open) = must(forge.find_pull_request(&ground.conflicting.branch).await) else {
        panic!("the one that conflicts is open");
    };
    let closed = must(forge.close(open.number).await);
    assert_eq!(closed.state, State::Closed);
    assert_eq!(must(forge.close(open.number).await), closed, "once more changes nothing");
    let again = must(forge.create(ground.content(&ground.conflicting, "Again")).await);
    assert!(again.number > open.number, "a closed one is not opened again");
    assert_eq!(must(forge.list().await).first().map(|first| first.number), Some(again.number));
    again
}

async fn what_it_cannot_do_it_says(forge: &dyn Forge, open: &PullRequest) {
    let unable = |ability| !forge.capabilities().can(ability);
    let (number, commit) = (open.number, &open.content.commit);
    let answers = [
        (Ability::Identity, forge.identity().await.err()),
        (Ability::Branches, forge.branches().await.err()),
        (Ability::Reviewers, forge.reviewers(number).await.err()),
        (Ability::Labels, forge.labels(number).await.err()),
        (Ability::Comments, forge.comments(Subject::PullRequest(number)).await.err()),
        (Ability::Issues, forge.opening(Subject::PullRequest(number)).await.err()),
        (Ability::Reviews, forge.reviews(number).await.err()),
        (Ability::Checks, forge.checks(commit).await.err()),
        (Ability::Permissions, forge.permission("ann").await.err()),
        (Ability::Files, forge.template().await.err()),
    ];
    for (ability, error) in answers {
        let unsupported = matches!(&error, Some(ForgeError::Unsupported(said)) if *said == ability);
        assert_eq!(unsupported, unable(ability), "{ability:?}: {error:?}");
    }
}

async fn it_knows_who_asks(forge: &dyn Forge, ground: &Ground) {
    if forge.capabilities().can(Ability::Identity) {
        let own = must(forge.identity().await);
        assert!(own.permission >= Permission::Write && !own.login.is_empty(), "{own:?}");
    }
    if forge.capabilities().can(Ability::Permissions) {
        assert_eq!(must(forge.permission(&ground.reviewer).await), Permission::Write);
        assert_eq!(must(forge.permission(&ground.outsider).await), Permission::None);
        assert_eq!(must(forge.permission("nobody-at-all").await), Permission::None);
    }
    if forge.capabilities().can(Ability::Files) {
        assert_eq!(must(forge.template().await), Some(ground.template.clone()));
    }
}

async fn branches_are_told(forge: &dyn Forge, ground: &Ground) {
    if !forge.capabilities().can(Ability::Branches) {
        return;
    }
    assert_eq!(must(forge.default_branch().await), ground.base);
    let Head { branch, commit } = &ground.conflicting;
    assert_eq!(must(forge.branch(branch).await).as_ref(), Some(commit));
    let listed = must(forge.branches().await);
    assert!(listed.iter().any(|found| found.name == *branch && found.commit == *commit));
    let apart = must(forge.compare(&ground.base, branch).await);
    assert_eq!(apart.ahead, 1);
    assert_ne!(apart.behind, Some(0), "two pull requests were merged meanwhile");
}

async fn drafts_turn_over(forge: &dyn Forge, open: &PullRequest) {
    if !forge.capabilities().can(Ability::Drafts) {
        return;
    }
    for stage in [Stage::Ready, Stage::Draft, Stage::Draft, Stage::Ready] {
        let wanted = Content { stage, ..open.content.clone() };
        let changed = must(forge.update(open.number, wanted.clone()).await);
        assert_eq!(changed.content, wanted);
        assert_eq!(must(forge.get(open.number).await), changed);
    }
}

async fn reviewers_and_labels_are_added(forge: &dyn Forge, ground: &Ground, open: &PullRequest) {
    let number = open.number;
    if forge.capabilities().can(Ability::Reviewers) {
        for _ in 0..2 {
            must(forge.ask_reviewers(number, std::slice::from_ref(&ground.reviewer)).await);
            assert_eq!(must(forge.reviewers(number).await), vec![ground.reviewer.clone()]);
        }
    }
    if forge.capabilities().can(Ability::Labels) {
        for label in ["errand", "small", "errand"] {
            must(forge.add_labels(number, &[label.to_owned()]).await);
        }
        let mut labels = must(forge.labels(number).await);
        labels.sort();
        assert_eq!(labels, ["errand", "small"]);
    }
    must(forge.update(number, Content { title: "Other".to_owned(), ..open.content.clone() }).await);
    if forge.capabilities().can(Ability::Reviewers) {
        let asked = must(forge.reviewers(number).await);
        assert_eq!(asked, [ground.reviewer.as_str()], "another title asks nobody else");
    }
}

async fn one_comment_is_kept(forge: &dyn Forge, on: Subject) {
    if !forge.capabilities().can(Ability::Comments) {
        return;
    }
    let first = must(keep_comment(forge, on, "progress", "It **begins**.").await);
    let second = must(keep_comment(forge, on, "progress", "It is done.").await);
    assert_eq!(first.id, second.id, "one comment is brought up to date");
    let other = must(keep_comment(forge, on, "result", "A link.").await);
    let all = must(forge.comments(on).await);
    assert_eq!(all, [second, other], "they are told oldest first");
}

async fn issues_are_told(
    forge: &dyn Forge,
    ground: &Ground,
    open: &PullRequest,
    people: &dyn People,
) {
    if !forge.capabilities().can(Ability::Issues) {
        return;
    }
    let issue = Subject::Issue(people.open_issue("It crashes", "At **once**."));
    let opening = Opening {
        author: ground.reviewer.clone(),
        title: "It crashes".to_owned(),
        body: "At **once**.".to_owned(),
        is_open: true,
        origin: Origin::Unsaid,
    };
    assert_eq!(must(forge.opening(issue).await), opening);
    one_comment_is_kept(forge, issue).await;
    let pull = must(forge.get(open.number).await).content;
    let opening = Opening {
        author: must(forge.identity().await).login,
        title: pull.title,
        body: pull.body,
        is_open: true,
        origin: Origin::Repository,
    };
    assert_eq!(must(forge.opening(Subject::PullRequest(open.number)).await), opening);
    for unknown in [Subject::Issue(999_999), Subject::PullRequest(999_999)] {
        let told = forge.opening(unknown).await;
        assert!(matches!(told, Err(ForgeError::NotFound(999_999))), "{told:?}");
    }
}

async fn reviews_are_read_and_answered(
    forge: &dyn Forge,
    ground: &Ground,
    open: &PullRequest,
    people: &dyn People,
) {
    if !forge.capabilities().can(Ability::Reviews) {
        return;
    }
    people.review(open.number);
    let reviews = must(forge.reviews(open.number).await);
    let approved = |found: &&crate::around::Review| found.verdict == Verdict::Approved;
    assert_eq!(reviews.iter().find(approved).map(|found| &found.author), Some(&ground.reviewer));
    let said = must(forge.line_comments(open.number).await);
    let Some(question) = said.iter().find(|said| said.body == "Why?") else {
        panic!("the question about a line is told: {said:?}");
    };
    assert_eq!(question.author, ground.reviewer);
    assert_eq!((question.path.as_str(), question.line), (ground.conflict_file.as_str(), Some(1)));
    must(forge.reply(open.number, &question.thread, "Because.").await);
    let said = must(forge.line_comments(open.number).await);
    let answer = said.iter().find(|said| said.body == "Because.");
    assert_eq!(answer.map(|answer| &answer.thread), Some(&question.thread), "in its thread");
}

async fn checks_are_told(forge: &dyn Forge, ground: &Ground) {
    if !forge.capabilities().can(Ability::Checks) {
        return;
    }
    let commit = &ground.conflicting.commit;
    assert_eq!(must(forge.checks(commit).await), []);
    for state in [CheckState::Pending, CheckState::Failed, CheckState::Passed] {
        let (name, summary) = ("errand/gate".to_owned(), "What was seen.".to_owned());
        let link = Some("https://errand.example/runs/1".to_owned());
        let check = Check { name, state, summary, link };
        must(forge.report_check(commit, &check).await);
        assert_eq!(must(forge.checks(commit).await), [check], "the newest word counts");
    }
}

async fn logs_of_checks_are_told(forge: &dyn Forge, ground: &Ground, people: &dyn People) {
    if !forge.capabilities().can(Ability::Checks) {
        return;
    }
    let commit = &ground.conflicting.commit;
    people.fail_check(commit, "build / it's", "one passed\ntwo failed");
    let told = must(forge.checks(commit).await);
    let ended = told.iter().find(|told| told.name == "build / it's").map(|told| told.state);
    assert_eq!(ended, Some(CheckState::Failed), "{told:?}");
    let log = must(forge.check_log(commit, "build / it's").await);
    assert!(log.contains("two failed"), "{log}");
    let unknown = forge.check_log(&ground.later.commit, "build / it's").await;
    assert!(matches!(unknown, Err(ForgeError::Rejected { .. })), "{unknown:?}");
}

async fn a_closed_one_opens_again(forge: &dyn Forge, open: &PullRequest) {
    if !forge.capabilities().can(Ability::Reopening) {
        return;
    }
    must(forge.close(open.number).await);
    for _ in 0..2 {
        assert_eq!(must(forge.reopen(open.number).await).state, State::Open);
    }
}

/// What a host says once it has found out.
async fn settled(forge: &dyn Forge, number: u64) -> Mergeable {
    for _ in 0..ASKED_AGAIN {
        match must(forge.mergeable(number).await) {
            Mergeable::Checking => tokio::time::sleep(PAUSE).await,
            found @ (Mergeable::Clean | Mergeable::Contained | Mergeable::Conflicts(_)) => {
                return found;
            }
        }
    }
    panic!("the host never finds out whether pull request {number} could be merged");
}

fn must<T>(result: crate::forge::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the forge failed: {error}: {error:?}"),
    }
}

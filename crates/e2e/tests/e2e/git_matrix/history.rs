//! What an agent can do to its history.

use git::handover::{NEW_COMMITS_MAX, Note};

use super::desk::Desk;

const START: &str = "for n in 1 2 3; do echo $n > f$n; git add -A; git commit -qm base$n; done";

#[tokio::test]
async fn commits_are_made_again_with_their_trees_words_and_dates() {
    let mut desk = Desk::new(START).await;
    desk.agent(
        "echo a > a; git add a; git commit -qm 'Add a' -m 'Because.' -m 'Fixes: #1'; \
         git commit -q --allow-empty -m empty; echo b > b; git add b; git commit -qm b; echo c > c",
    );
    let run = desk.run().await;
    assert_eq!((run.handed.new_commits, run.handed.published.len()), (4, 3));
    assert_eq!(
        desk.remote("log --reverse --format=%s main..errand/x"),
        "Add a\nempty\nb\nDo the task"
    );
    let first = desk.remote("log --format='%ad|%B' --date=raw errand/x~3 -1");
    assert_eq!(first, "1700000000 +0530|Add a\n\nBecause.\n\nFixes: #1\nErrand-Run: run-1");
    assert_eq!(desk.agent("git status --porcelain"), "");
    assert_eq!(desk.id("HEAD"), run.handed.tip);

    // The agent picks one of ours: its trailers do not double.
    desk.agent("git revert --no-edit HEAD >/dev/null; git cherry-pick HEAD~1 >/dev/null");
    let run = desk.run().await;
    assert_eq!(run.handed.new_commits, 2);
    let picked = desk.remote("log -1 --format=%B errand/x");
    assert_eq!(picked, "Do the task\n\nErrand-Run: run-2");
}

#[tokio::test]
async fn rewritten_history_goes_on_top_as_one_commit() {
    let mut desk = Desk::new(START).await;
    desk.agent("echo a > a; git add a; git commit -qm a; echo b > b; git add b; git commit -qm b");
    let first = desk.run().await;

    desk.agent("echo a2 > b; git commit -qa --amend -m amended");
    let amended = desk.run().await;
    assert_eq!((amended.handed.new_commits, amended.handed.notes), (1, vec![Note::Rewritten]));
    assert_eq!(desk.remote("log -1 --format=%P errand/x"), first.handed.tip.to_string());
    assert!(desk.remote("log -1 --format=%B errand/x").contains("- amended"));

    desk.agent("git reset -q --hard main");
    let reset = desk.run().await;
    assert_eq!(reset.handed.new_commits, 1);
    assert_eq!(desk.remote("diff main errand/x"), "");

    desk.agent("git reset -q --soft HEAD~1");
    let soft = desk.run().await;
    assert_eq!((soft.handed.new_commits, soft.handed.tip), (0, reset.handed.tip));
}

#[tokio::test]
async fn a_rebase_keeps_the_newer_upstream_as_second_parent() {
    let mut desk = Desk::new(START).await;
    desk.agent("echo a > a; git add a; git commit -qm a");
    let first = desk.run().await;
    desk.person("echo up > up; git add up; git commit -qm up; git push -q origin main");
    let up = desk.remote("rev-parse main");
    desk.agent("git fetch -q; git rebase -q origin/main; echo z > z");
    let run = desk.run().await;
    assert_eq!((run.handed.new_commits, run.handed.notes), (1, vec![Note::Rewritten]));
    assert_eq!(desk.remote("log -1 --format=%P errand/x"), format!("{} {up}", first.handed.tip));
    assert_eq!(desk.remote("diff --name-only main...errand/x"), "a\nz");
    assert_eq!(desk.agent("git status --porcelain"), "");

    // Before anything is published, a rebase is only a newer start.
    let mut desk = Desk::new(START).await;
    desk.person("echo up > up; git add up; git commit -qm up; git push -q origin main");
    desk.agent("echo a > a; git add a; git commit -qm a; git fetch -q; git rebase -q origin/main");
    let run = desk.run().await;
    assert_eq!((run.handed.new_commits, run.handed.notes), (1, Vec::new()));
    assert_eq!(desk.remote("rev-parse errand/x^"), desk.remote("rev-parse main"));
}

#[tokio::test]
async fn merges_keep_their_parents_of_the_remote() {
    let mut desk = Desk::new(START).await;
    desk.person(
        "for b in p q; do git checkout -q -b $b main; echo $b > $b; git add $b; \
         git commit -qm $b; done; git push -q origin p q",
    );
    desk.agent(
        "echo a > a; git add a; git commit -qm a; git fetch -q; \
         git merge -q --no-edit -m join origin/p; git merge -q -m two origin/q; git checkout -q -b side HEAD~1; echo s > s; git add s; \
         git commit -qm side; git checkout -q errand/x; git merge -q -m own side",
    );
    let run = desk.run().await;
    let subjects = desk.remote("log --first-parent --reverse --format=%s main..errand/x");
    assert_eq!(subjects, "a\njoin\ntwo\nown");
    let (p, q) = (desk.remote("rev-parse p"), desk.remote("rev-parse q"));
    assert_eq!(desk.remote("rev-parse errand/x~2^2"), p);
    assert_eq!(desk.remote("rev-parse errand/x~1^2"), q);
    assert_eq!(desk.remote("log -1 --format=%s,%an errand/x^2"), "side,Errand Bot");
    assert_eq!(run.handed.new_commits, 5);

    desk.agent(
        "for b in x y z; do git checkout -q -b $b errand/x; echo $b > n$b; git add .; \
         git commit -qm $b; done; git checkout -q errand/x; git merge -q -m octopus x y z",
    );
    let run = desk.run().await;
    assert_eq!(desk.remote("log -1 --format=%P errand/x").split(' ').count(), 3);
    assert_eq!(run.handed.new_commits, 4);
}

#[tokio::test]
async fn pulling_newer_commits_of_the_remote_makes_none_of_ours() {
    let mut desk = Desk::new(START).await;
    desk.person("echo up > up; git add up; git commit -qm up; git push -q origin main");
    desk.agent("git pull -q --ff-only origin main");
    let run = desk.hand_over().await;
    assert_eq!((run.handed.new_commits, run.handed.notes), (0, Vec::new()));
    assert_eq!(run.handed.tip.to_string(), desk.remote("rev-parse main"));
    desk.agent("echo a > a");
    desk.run().await;
    assert_eq!(desk.remote("rev-parse errand/x^"), desk.remote("rev-parse main"));
}

#[tokio::test]
async fn words_and_dates_nobody_can_use_are_mended() {
    let mut desk = Desk::new(START).await;
    desk.agent(
        "export GIT_AUTHOR_DATE='4000000000 +0000'; git commit -q --allow-empty -m future; \
         export GIT_AUTHOR_DATE='1700000000 +0000'; \
         printf 'caf\\351\\n\\nSigned-off-by: A <a@x>\\nErrand-Run: run-77\\n' | \
         git -c i18n.commitEncoding=latin1 commit -q --allow-empty -F -; \
         git commit -q --allow-empty --allow-empty-message -m ''",
    );
    desk.run().await;
    assert_eq!(
        desk.remote("log --reverse --format=%at:%s main..errand/x"),
        "1800000001:future\n1700000000:café\n1700000000:(no message)"
    );
    let message = desk.remote("log -1 --format=%B errand/x~1");
    assert_eq!(message, "café\n\nSigned-off-by: A <a@x>\nErrand-Run: run-1");

    desk.agent(
        "for n in 1 2; do { echo $n; head -c 40000000 /dev/zero | tr '\\0' x; } | \
         git commit -q --allow-empty -F -; done; echo a > a",
    );
    let run = desk.run().await;
    assert_eq!((run.handed.new_commits, run.handed.notes), (1, vec![Note::Collapsed]));
}

#[tokio::test]
async fn a_detached_or_unborn_head_is_handed_over_all_the_same() {
    let mut desk = Desk::new(START).await;
    desk.agent("git checkout -q --detach; echo a > a; git add a; git commit -qm a; echo b > b");
    let run = desk.run_unmoved().await;
    assert_eq!((run.worktree.head.branch.as_deref(), run.handed.new_commits), (None, 2));
    // The map, not the branch, says where this goes on.
    desk.agent("git add b; git commit -qm b");
    let second = desk.run_unmoved().await;
    assert_eq!((second.handed.new_commits, second.handed.notes.len()), (1, 0));
    assert_eq!(desk.remote("rev-parse errand/x^"), run.handed.tip.to_string());

    desk.agent("git checkout -q --orphan fresh");
    let unborn = desk.run_unmoved().await;
    assert_eq!((unborn.handed.new_commits, &unborn.handed.tip), (0, &second.handed.tip));
    desk.agent("git rm -rqf --cached .; rm -f f1; git add -A; git commit -qm root");
    let root = desk.run().await;
    assert_eq!((root.handed.new_commits, root.handed.notes), (1, vec![Note::Rewritten]));
    assert_eq!(desk.remote("log -1 --format=%P errand/x"), second.handed.tip.to_string());
}

#[tokio::test]
async fn a_branch_that_moved_meanwhile_goes_on_by_the_map() {
    let mut desk = Desk::new(START).await;
    desk.agent("echo a > a; git add a; git commit -qm a; echo b > b");
    let run = desk.run_unmoved().await;
    let later = desk.run_unmoved().await;
    assert_eq!((later.handed.new_commits, &later.handed.tip), (0, &run.handed.tip));
    desk.agent("git add b; echo c > c; git add c; git commit -qm 'b and c'; git commit -q --allow-empty -m e");
    let next = desk.run().await;
    assert_eq!((next.handed.new_commits, next.handed.notes), (2, Vec::new()));
    assert_eq!(
        desk.remote("log --reverse --format=%s main..errand/x"),
        "a\nDo the task\nb and c\ne"
    );
    assert_eq!(desk.agent("git status --porcelain"), "");
}

#[tokio::test]
async fn too_many_commits_become_one() {
    let mut desk = Desk::new(START).await;
    let many = |count: usize| {
        format!(
            "tip=$(git rev-parse HEAD); tree=$(git rev-parse HEAD^{{tree}}); i=0; {{ \
             while [ $i -lt {count} ]; do echo \"commit refs/heads/errand/x\"; \
             echo 'committer A <a@b> 1700000000 +0000'; echo 'data 1'; echo x; \
             [ $i -eq 0 ] && echo \"from $tip\"; echo; i=$((i+1)); done; }} | \
             git fast-import --quiet --force"
        )
    };
    desk.agent(&many(NEW_COMMITS_MAX));
    let all = desk.run().await;
    assert_eq!((all.handed.new_commits, all.handed.notes), (NEW_COMMITS_MAX, Vec::new()));
    println!("{NEW_COMMITS_MAX} commits made again: {} ms", all.millis);
    desk.agent(&many(NEW_COMMITS_MAX + 1));
    desk.agent("echo end > end");
    let one = desk.run().await;
    assert_eq!((one.handed.new_commits, one.handed.notes), (1, vec![Note::Collapsed]));
}

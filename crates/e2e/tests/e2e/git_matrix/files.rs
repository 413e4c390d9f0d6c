//! What can be in a worktree.

use git::handover::{Ending, Note};

use super::desk::Desk;

const START: &str = "printf 'one\\n' > a; mkdir d; echo two > d/b; printf '#!/bin/sh\\n' > run; \
     ln -s a link; echo build > .gitignore; git add -A; git commit -qm first";

#[tokio::test]
async fn files_of_every_kind_arrive_as_plain_git_has_them() {
    let mut desk = Desk::new(START).await;
    desk.agent(
        "echo more >> a; chmod +x run; git mv d/b d/c; ln -sfn d link; mkdir build; \
         echo no > build/out; echo forced > build/kept; git add -f build/kept; \
         echo n > 'line\nbreak'; echo u > 'ünï 日本'; echo d > -dash; printf '\\0\\1' > bin",
    );
    let run = desk.run().await;
    assert_eq!(run.handed.new_commits, 1);
    assert_eq!(desk.remote("log -1 --format=%s:%P errand/x"), format!("Do the task:{}", desk.base));
    let names = desk.remote("ls-tree -r --name-only errand/x");
    assert!(names.contains("build/kept") && !names.contains("build/out"), "{names}");
    println!("one commit of the remaining changes: {} ms", run.millis);

    let quiet = desk.run().await;
    assert_eq!((quiet.handed.new_commits, &quiet.handed.tip), (0, &run.handed.tip));
    assert_eq!(desk.agent("git status --porcelain"), "");
    desk.agent("git rm -q a link; rm run; echo again > d/c");
    let third = desk.run().await;
    assert_eq!(desk.remote("rev-list --count main..errand/x"), "2");
    assert_eq!(desk.remote("rev-parse errand/x^"), run.handed.tip.to_string());
    assert_eq!(third.handed.published.len(), 1);
}

#[tokio::test]
async fn a_run_that_did_not_finish_is_marked() {
    let mut desk = Desk::new(START).await;
    desk.agent("echo x > x; git add x; git commit -qm mine; echo y > y");
    desk.ending = Ending::Cancelled;
    desk.run().await;
    assert_eq!(
        desk.remote("log --reverse --format=%s main..errand/x"),
        "mine\nDo the task (cancelled)"
    );
    let marks = desk.remote(
        "log --format='%(trailers:key=Errand-Ending,valueonly,separator=%x2c)' main..errand/x",
    );
    assert_eq!(marks, "cancelled\ncancelled");
}

#[tokio::test]
async fn sparse_checkouts_line_endings_and_large_file_pointers_stay_as_they_are() {
    let lfs = "version https://git-lfs.github.com/spec/v1\\noid sha256:";
    let script = format!(
        "{START}; mkdir s; echo far > s/far; printf '*.txt text eol=crlf\\n' > .gitattributes; \
         printf 'x\\r\\n' > w.txt; git add -A; git commit -qm more"
    );
    let mut desk = Desk::new(&script).await;
    desk.agent("git sparse-checkout set d; test ! -e s/far; echo edit >> d/b");
    desk.run().await;
    assert_eq!(desk.remote("diff --name-only main errand/x"), "d/b");
    let hex = "ab".repeat(32);
    desk.agent("git sparse-checkout disable; printf 'x\\r\\ny\\r\\n' > w.txt");
    desk.agent(&format!("printf '{lfs}{hex}\\nsize 12\\n' > big.bin"));
    let run = desk.run().await;
    assert_eq!(desk.remote("show errand/x:w.txt"), "x\ny", "stored with plain line ends");
    assert_eq!(run.worktree.lfs.len(), 1);
    assert_eq!(
        (run.worktree.lfs[0].path.as_str(), run.worktree.lfs[0].present),
        ("big.bin", false)
    );
}

#[tokio::test]
async fn submodules_and_repositories_inside_are_told_apart() {
    let script = format!(
        "{START}; git init -q ../sub; git -C ../sub commit -q --allow-empty -m s; \
         git submodule add -q ../sub sub; git commit -qm submodule"
    );
    let mut desk = Desk::new(&script).await;
    desk.agent(
        "git submodule update -q --init 2>/dev/null || git clone -q ../sub sub; echo e >> a",
    );
    let run = desk.run().await;
    assert_eq!((run.worktree.submodules.len(), run.worktree.embedded.len()), (0, 0));
    desk.agent(
        "git -C sub commit -q --allow-empty -m ahead; git init -q inner; \
         git -C inner commit -q --allow-empty -m i; echo i > inner/f",
    );
    let run = desk.run().await;
    assert_eq!(run.worktree.submodules, ["sub"]);
    assert_eq!(run.handed.notes, [Note::Embedded(vec!["inner".to_owned()])]);
    assert!(!desk.remote("ls-tree errand/x").contains("inner"));
}

#[tokio::test]
async fn files_with_conflicts_are_committed_and_told() {
    let mut desk = Desk::new(START).await;
    desk.agent(
        "git checkout -q -b side; echo s > a; git commit -qam side; git checkout -q errand/x; \
         echo m > a; git commit -qam mine; git merge -q side >/dev/null || true",
    );
    let run = desk.run_unmoved().await;
    assert_eq!(run.handed.notes, [Note::Unmerged(vec!["a".to_owned()])]);
    assert!(desk.remote("show errand/x:a").contains("<<<<<<<"));
}

#[tokio::test]
async fn nothing_that_the_workspace_configures_runs_on_our_side() {
    let mut desk = Desk::new(START).await;
    let mark = desk.path("ran");
    let mark = mark.display();
    desk.agent(&format!(
        "for h in pre-commit post-commit reference-transaction pre-push update; do \
         printf '#!/bin/sh\\ntouch {mark}\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done; \
         printf '#!/bin/sh\\ntouch {mark}\\n' > .git/mon; chmod +x .git/mon; echo e >> a"
    ));
    desk.agent("git config core.fsmonitor .git/mon; git config core.hooksPath .git/hooks");
    desk.hand_over().await;
    assert!(!desk.path("ran").exists(), "hooks and monitors stay silent");
    desk.agent(&format!(
        "git config filter.f.clean 'sh -c \"pwd >> {mark}; cat\"'; echo '* filter=f' > .gitattributes"
    ));
    desk.hand_over().await;
    let seen = std::fs::read_to_string(desk.path("ran")).unwrap_or_default();
    let inside = |line: &str| line.ends_with("/workspace");
    assert!(seen.lines().all(inside), "a filter runs in the workspace alone: {seen}");
}

#[tokio::test]
async fn twenty_thousand_files_arrive() {
    let mut desk = Desk::new(START).await;
    desk.agent("mkdir n; cd n; seq 20000 | split -l 1 -a 4");
    for what in ["20k new files", "again", "one edit more"] {
        let started = std::time::Instant::now();
        let worktree = desk.checkpoint().await;
        let checkpoint = started.elapsed().as_millis();
        let run = desk.hand_over().await;
        assert_eq!((run.worktree.tree, run.handed.new_commits), (worktree.tree, 1));
        let all = started.elapsed().as_millis();
        println!("{what}: tree {checkpoint} ms, all {all} ms, commit {} ms", run.millis);
        desk.agent(if what == "again" { "echo e >> a" } else { "true" });
    }
    let run = desk.hand_over().await;
    let started = std::time::Instant::now();
    desk.publish(&run).await;
    println!("pushed: {} ms", started.elapsed().as_millis());
    let started = std::time::Instant::now();
    desk.move_branch(&run).await;
    println!("objects sent back, branch moved: {} ms", started.elapsed().as_millis());
    desk.agent("echo e >> a");
    let started = std::time::Instant::now();
    let run = desk.hand_over().await;
    println!("one edit later: {} ms, commit {} ms", started.elapsed().as_millis(), run.millis);
}

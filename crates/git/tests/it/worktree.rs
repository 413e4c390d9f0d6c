//! A person's worktree, read and brought up to date.

mod desk;
mod hostile;
mod random;
mod state;
mod submodule;

use desk::{Local, Taken};
use git::worktree::apply::Applied;
use git::worktree::snapshot::Overlooked;
use state::{State, file, link, program};

fn base() -> State {
    State::of([
        ("a", file("one\ntwo\nthree\n")),
        ("d/b", file("b\n")),
        ("run", program("#!/bin/sh\n")),
        ("link", link("a")),
        (".gitignore", file("build/\n*.log\n")),
    ])
}

#[tokio::test]
async fn changes_of_both_sides_come_together() {
    let local = Local::new(&base()).await;
    let theirs = base()
        .with("a", file("one\ntwo\nTHREE\n"))
        .without("d/b")
        .with("d/c", file("b\n"))
        .with("new/deep/x", program("x\n"))
        .with("link", link("d/c"))
        .with("run", file("#!/bin/sh\n"));
    local.write("a", "ONE\ntwo\nthree\n");
    local.write("untracked", "mine\n");
    local.write("build/out", "ignored\n");
    let taken = local.take_from(&base(), &theirs).await;
    let Taken::Done(report) = taken else { panic!("{taken:?}") };
    assert_eq!((report.written, report.removed, report.left.len()), (5, 1, 0));
    let expected = base()
        .with("a", file("ONE\ntwo\nTHREE\n"))
        .without("d/b")
        .with("d/c", file("b\n"))
        .with("new/deep/x", program("x\n"))
        .with("link", link("d/c"))
        .with("run", file("#!/bin/sh\n"))
        .with("untracked", file("mine\n"))
        .with("build/out", file("ignored\n"));
    assert_eq!(local.disk(), expected);
    assert_eq!(
        local.git("status --porcelain=v1 -uno").lines().next(),
        Some(" M a"),
        "index untouched"
    );
    // The backup holds the worktree as it was.
    assert_eq!(local.git("show refs/errand/backup/test:a"), "ONE\ntwo\nthree");
    assert_eq!(local.git("show refs/errand/backup/test:untracked"), "mine");
    local.git("fsck --strict --no-dangling");
    let again = local.take_from(&theirs, &theirs).await;
    assert!(matches!(again, Taken::Nothing), "{again:?}");
}

#[tokio::test]
async fn conflicts_change_nothing_unless_they_are_wanted_as_files() {
    let local = Local::new(&base()).await;
    let theirs = base().with("a", file("theirs\n")).with("fine", file("fine\n"));
    local.write("a", "mine\n");
    let before = local.disk();
    let plan = local.plan(&base(), &theirs).await;
    assert_eq!(plan.conflicts.len(), 1);
    assert_eq!(
        (plan.conflicts[0].path.as_str(), plan.conflicts[0].kind.as_str()),
        ("a", "contents")
    );
    assert_eq!(local.disk(), before, "a plan changes nothing");
    local.apply_anyway(&base(), &theirs).await;
    let merged = local.read("a");
    for part in ["<<<<<<< yours", "mine\n", "=======", "theirs\n", ">>>>>>> agent"] {
        assert!(merged.contains(part), "{merged}");
    }
    assert_eq!(local.read("fine"), "fine\n");
}

#[tokio::test]
async fn binary_conflicts_keep_both_versions() {
    let start = base().with("bin", file("\0base"));
    let local = Local::new(&start).await;
    local.write("bin", "\0mine");
    local.apply_anyway(&start, &start.clone().with("bin", file("\0theirs"))).await;
    assert_eq!((local.read("bin"), local.read("bin~agent")), ("\0mine".into(), "\0theirs".into()));
}

#[tokio::test]
async fn ignored_files_in_the_way_are_left_and_named() {
    let local = Local::new(&base()).await;
    local.write("x.log", "precious\n");
    local.write("build/deep/y", "precious\n");
    let theirs = base().with("x.log", file("theirs\n")).with("build", file("a file\n"));
    let before = local.disk();
    let taken = local.take_from(&base(), &theirs).await;
    let Taken::InTheWay(paths) = taken else { panic!("{taken:?}") };
    assert_eq!(paths, ["build", "x.log"]);
    assert_eq!(local.disk(), before);
    // The same content is in nobody's way.
    let same = base().with("x.log", file("precious\n"));
    assert!(matches!(local.take_from(&base(), &same).await, Taken::Done(_)));
}

#[tokio::test]
async fn an_edit_made_after_reading_stops_the_writing() {
    let local = Local::new(&base()).await;
    let theirs = base().with("a", file("theirs\n"));
    let trees = local.trees(&[&base(), &theirs]);
    let desk = local.worktree().await.desk().await.unwrap();
    let plan = desk.plan(&trees[0], &trees[1]).await.unwrap();
    local.write("a", "edited meanwhile\n");
    let applied = desk.apply(&plan, &desk::marks(), &desk::who(), &mut |_| ()).await.unwrap();
    assert_eq!(applied, Applied::Stale);
    assert_eq!(local.read("a"), "edited meanwhile\n");
}

#[tokio::test]
async fn files_that_git_overlooks_are_not_overwritten() {
    let local = Local::new(&base()).await;
    local.git("update-index --assume-unchanged a");
    local.write("a", "one\ntwo\nthree\nhidden edit\n");
    let theirs = base().with("a", file("ONE\ntwo\nthree\n"));
    assert!(matches!(local.take_from(&base(), &theirs).await, Taken::Done(_)));
    assert_eq!(local.read("a"), "ONE\ntwo\nthree\nhidden edit\n");
}

#[tokio::test]
async fn files_become_folders_and_the_other_way_round() {
    let local = Local::new(&base()).await;
    let theirs = base().without("a").with("a/x", file("x\n")).without("d/b").with("d", link("a"));
    assert!(matches!(local.take_from(&base(), &theirs).await, Taken::Done(_)));
    assert_eq!(local.disk(), theirs);
    assert!(matches!(local.take_from(&theirs, &base()).await, Taken::Done(_)));
    assert_eq!(local.disk(), base());
}

#[tokio::test]
async fn line_ends_stay_as_the_person_has_them() {
    let start = base()
        .with(".gitattributes", file("*.txt text eol=crlf\n"))
        .with("w.txt", file("a\nb\nc\n"));
    let local = Local::new(&start).await;
    local.write("w.txt", "a\r\nb\r\nC\r\n");
    let theirs = start.clone().with("w.txt", file("A\nb\nc\n")).with("new.txt", file("n\n"));
    assert!(matches!(local.take_from(&start, &theirs).await, Taken::Done(_)));
    assert_eq!(local.read("w.txt"), "A\r\nb\r\nC\r\n");
    assert_eq!(local.read("new.txt"), "n\r\n");
}

#[tokio::test]
async fn what_was_read_before_is_not_hashed_again_and_not_trusted_blindly() {
    let local = Local::new(&base()).await;
    local.write("a", "mine\n");
    local.write("notes", "untracked\n");
    let read = async || {
        let desk = local.worktree().await.desk().await.unwrap();
        let read = desk.snapshot(Overlooked::Seen).await.unwrap();
        let packs = local.git_with_objects(&desk, "count-objects");
        desk.keep(&read).await.unwrap();
        (read.tree, packs.starts_with("0 objects"))
    };
    let (first, nothing_new) = read().await;
    assert!(!nothing_new, "trees are made once");
    assert_eq!(read().await, (first.clone(), true), "and once only");
    local.write(".git/info/exclude", "notes\n");
    let (ignored, _) = read().await;
    let files = local.git(&format!("ls-tree -r --name-only {ignored}"));
    assert!(!files.contains("notes"), "ignored by now: {files}");
    local.write(".git/info/exclude", "");
    assert_eq!(read().await.0, first);
    local.git("rm -q --cached d/b");
    local.write(".git/info/exclude", "d/\n");
    let (removed, _) = read().await;
    let files = local.git(&format!("ls-tree -r --name-only {removed}"));
    assert!(!files.contains("d/b"), "the index is another one: {files}");
}

#[tokio::test]
async fn submodules_are_named_and_left() {
    let local = Local::new(&base()).await;
    local.git("init -q ../sub");
    local.git("-C ../sub commit -q --allow-empty -m s");
    local.git("submodule add -q ../sub sub");
    local.git("commit -q -m submodule");
    let tree = local.tree("HEAD");
    let other = "1".repeat(40);
    let moved = local
        .edited_tree("HEAD", &format!("160000 {other}\tsub\n100644 {}\tnew\n", local.blob("n\n")));
    let desk = local.worktree().await.desk().await.unwrap();
    let plan = desk.plan(&tree, &moved).await.unwrap();
    assert_eq!(plan.submodules, ["sub"]);
    let paths: Vec<String> = plan.changes.iter().map(|change| change.shown_path()).collect();
    assert_eq!((paths.as_slice(), plan.conflicts.len()), (&["new".to_owned()][..], 0));
}

#[tokio::test]
async fn repositories_inside_are_left_out() {
    let local = Local::new(&base()).await;
    local.git("init -q inner");
    local.write("inner/f", "f\n");
    local.git("init -q other");
    local.git("-C other commit -q --allow-empty -m o");
    local.write("z", "z\n");
    let desk = local.worktree().await.desk().await.unwrap();
    let snapshot = desk.snapshot(Overlooked::Seen).await.unwrap();
    let names = local.git_with_objects(&desk, &format!("ls-tree -r --name-only {}", snapshot.tree));
    assert_eq!(names, ".gitignore\na\nd/b\nlink\nrun\nz");
    assert!(!snapshot.embedded.is_empty());
}

#[tokio::test]
async fn only_one_call_works_on_a_worktree() {
    let local = Local::new(&base()).await;
    let worktree = local.worktree().await;
    let desk = worktree.desk().await.unwrap();
    let refused = worktree.desk().await.unwrap_err().to_string();
    assert!(refused.contains("wait for it"), "{refused}");
    drop(desk);
    worktree.desk().await.unwrap();
}

#[tokio::test]
async fn linked_worktrees_and_sparse_ones_are_understood() {
    let local = Local::new(&base()).await;
    local.git("worktree add -q --detach ../second HEAD");
    let second = local.at("second");
    second.write("a", "one\ntwo\nthree\nsecond\n");
    let theirs = base().with("a", file("ONE\ntwo\nthree\n"));
    assert!(matches!(second.take_from(&base(), &theirs).await, Taken::Done(_)));
    assert_eq!(second.read("a"), "ONE\ntwo\nthree\nsecond\n");
    assert_eq!(local.read("a"), "one\ntwo\nthree\n");

    local.git("sparse-checkout set --no-cone /a");
    let theirs = base().with("a", file("one\n2\nthree\n")).with("d/b", file("far\n"));
    let plan = local.plan(&base(), &base()).await;
    assert!(plan.changes.is_empty(), "what is not checked out is not deleted");
    assert!(matches!(local.take_from(&base(), &theirs).await, Taken::Done(_)));
    assert_eq!(
        (local.read("a").as_str(), local.read("d/b").as_str()),
        ("one\n2\nthree\n", "far\n")
    );
}

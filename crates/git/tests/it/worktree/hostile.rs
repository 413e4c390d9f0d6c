//! What a sandbox may send to harm the person's machine; all of it is refused, and nothing runs.

use git::name::{CommitId, TreeId};
use git::pack::{ImportLimits, Tip};
use git::worktree::check::Fault;
use git::worktree::snapshot::Overlooked;

use super::desk::{Local, Taken};
use super::state::{State, file, link};
use crate::fixture::{git_bytes, git_in};

fn base() -> State {
    State::of([("a", file("a\n")), ("d/b", file("b\n"))])
}

/// A tree written byte by byte, as no git would make it.
fn raw_tree(local: &Local, entries: &[(&str, &[u8], &str)]) -> TreeId {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        let digits: Vec<u8> =
            (0..20).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap()).collect();
        bytes.extend_from_slice(&digits);
    }
    let args = ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"];
    TreeId::parse(git_in(&local.root, &args, &bytes).trim()).unwrap()
}

#[tokio::test]
async fn names_that_escape_or_configure_are_refused_in_a_pack_and_in_a_plan() {
    let names: [&[u8]; 8] =
        [b".git", b".GIT", b"git~1", b"..", b"", ".g\u{200c}it".as_bytes(), b".git ", b"a/../../x"];
    for name in names {
        let local = Local::new(&base()).await;
        let blob = local.blob("evil\n");
        let inner = raw_tree(&local, &[("100644", b"config", &blob)]);
        let tree = raw_tree(&local, &[("40000", name, inner.as_str())]);
        let shown = String::from_utf8_lossy(name).into_owned();
        let before = local.disk();

        let ids = format!("{tree}\n{inner}\n{blob}\n");
        let pack = git_bytes(&local.root, &["pack-objects", "--stdout", "-q"], &ids);
        let other = Local::new(&base()).await;
        let desk = other.worktree().await.desk().await.unwrap();
        let tips = [Tip::Tree(tree.clone())];
        let mut source = pack.as_slice();
        let taken = desk.repo().import_pack(&mut source, ImportLimits::default(), &tips, &[]).await;
        assert!(taken.is_err(), "the pack with {shown:?} is refused");

        // Should git let it pass one day, it stops here.
        let desk = local.worktree().await.desk().await.unwrap();
        let planned = desk.plan(&local.tree("HEAD"), &tree).await;
        let stopped = planned.map_or(true, |plan| !plan.refused.is_empty());
        assert!(stopped, "{shown:?} is refused");
        assert_eq!(local.disk(), before);
    }
}

#[tokio::test]
async fn a_repository_among_ordinary_files_is_refused() {
    for folder in ["docs/", ""] {
        let local = Local::new(&base()).await;
        let at = |name: &str| format!("{folder}{name}");
        let theirs = base()
            .with(&at("HEAD"), file("ref: refs/heads/main\n"))
            .with(&at("config"), file("[core]\n\tfsmonitor = touch /tmp/owned\n"))
            .with(&at("objects/x"), file(""))
            .with(&at("refs/heads/x"), file(""));
        let plan = local.plan(&base(), &theirs).await;
        let faults: Vec<Fault> = plan.refused.iter().map(|refused| refused.fault).collect();
        assert!(faults.contains(&Fault::Repository), "{faults:?}");
    }
}

#[tokio::test]
async fn links_are_written_and_never_followed() {
    let local = Local::new(&base()).await;
    let outside = local.folder().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let target = outside.display().to_string();
    let theirs = base().with("out", link(&target)).with("up", link("../outside"));
    assert!(matches!(local.take_from(&base(), &theirs).await, Taken::Done(_)));
    assert_eq!(std::fs::read_link(local.root.join("out")).unwrap(), outside);

    // A folder that became a link on this side: what comes below it does not go through it.
    std::fs::remove_dir_all(local.root.join("d")).unwrap();
    std::os::unix::fs::symlink(&outside, local.root.join("d")).unwrap();
    let further = theirs.clone().with("d/b", file("changed\n")).with("d/new", file("new\n"));
    let taken = local.take_from(&theirs, &further).await;
    assert!(matches!(taken, Taken::Refused { conflicts: 1.. }), "{taken:?}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "nothing went through the link");
}

#[tokio::test]
async fn an_ignored_link_in_the_way_is_not_followed() {
    let start = base().with(".gitignore", file("cache\n"));
    let local = Local::new(&start).await;
    let outside = local.folder().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, local.root.join("cache")).unwrap();
    let theirs = start.clone().with("cache/x", file("x\n"));
    let taken = local.take_from(&start, &theirs).await;
    assert!(matches!(taken, Taken::InTheWay(_)), "{taken:?}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn nothing_configured_anywhere_runs() {
    let local = Local::new(&base()).await;
    let mark = local.folder().join("ran");
    let script = local.folder().join("evil.sh");
    std::fs::write(&script, format!("#!/bin/sh\necho \"$0 $*\" >> {}\ncat\n", mark.display()))
        .unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let hooks = local.root.join(".git/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for hook in
        ["post-checkout", "pre-commit", "reference-transaction", "post-index-change", "pre-push"]
    {
        std::fs::copy(&script, hooks.join(hook)).unwrap();
    }
    let script = script.display().to_string();
    for (key, value) in [
        ("core.fsmonitor", script.as_str()),
        ("core.hooksPath", ".git/hooks"),
        ("diff.external", &script),
        ("filter.evil.clean", &script),
        ("filter.evil.smudge", &script),
        ("filter.evil.required", "true"),
        ("diff.evil.textconv", &script),
        ("merge.evil.driver", &script),
        ("core.sshCommand", &script),
        ("credential.helper", &script),
        ("core.pager", &script),
        ("core.alternateRefsCommand", &script),
    ] {
        git_in(&local.root, &["config", key, value], b"");
    }
    let theirs = base()
        .with(".gitattributes", file("* filter=evil diff=evil merge=evil\n"))
        .with("a", file("theirs\n"))
        .with("new", file("new\n"));
    std::fs::write(local.root.join(".gitattributes"), "* filter=evil diff=evil merge=evil\n")
        .unwrap();
    local.write("d/b", "mine\n");
    let config = std::fs::read(local.root.join(".git/config")).unwrap();
    std::fs::remove_file(&mark).unwrap_or_default();
    // The person's own git runs what it is told; only what ours runs counts.
    let trees = local.trees(&[&base(), &theirs]);
    std::fs::remove_file(&mark).unwrap_or_default();
    let taken = local.take(&trees[0], &trees[1]).await;
    assert!(matches!(taken, Taken::Done(_)), "{taken:?}");
    assert!(!mark.exists(), "{}", std::fs::read_to_string(&mark).unwrap_or_default());
    assert_eq!(local.read("a"), "theirs\n");
    assert_eq!(std::fs::read(local.root.join(".git/config")).unwrap(), config);
}

#[tokio::test]
async fn names_that_fall_together_are_refused_where_case_is_ignored_and_named_elsewhere() {
    let local = Local::new(&base()).await;
    let theirs = base()
        .with("A", file("x\n"))
        .with("caf\u{e9}", file("1\n"))
        .with("cafe\u{301}", file("2\n"));
    let plan = local.plan(&base(), &theirs).await;
    assert_eq!((plan.refused.len(), plan.warnings.len()), (0, 3), "{:?}", plan.warnings);
    let trees = local.trees(&[&base(), &theirs]);
    local.git("config core.ignoreCase true");
    let desk = local.worktree().await.desk().await.unwrap();
    let plan = desk.plan(&trees[0], &trees[1]).await.unwrap();
    assert_eq!(plan.refused.len(), 3, "{:?}", plan.refused);
}

#[tokio::test]
async fn endless_trees_are_counted_before_they_are_used() {
    let local = Local::new(&base()).await;
    let blob = local.blob("");
    let mut tree = raw_tree(&local, &[("100644", b"x", &blob)]);
    for _ in 0..12 {
        let names: Vec<String> = (0..10).map(|n| format!("n{n}")).collect();
        let entries: Vec<(&str, &[u8], &str)> =
            names.iter().map(|name| ("40000", name.as_bytes(), tree.as_str())).collect();
        tree = raw_tree(&local, &entries);
    }
    let desk = local.worktree().await.desk().await.unwrap();
    let refused = desk.plan(&local.tree("HEAD"), &tree).await.unwrap_err();
    assert!(matches!(refused, git::error::Error::TooLarge { .. }), "{refused}");
}

#[tokio::test]
async fn a_pack_that_lacks_what_it_promises_leaves_nothing() {
    let local = Local::new(&base()).await;
    let desk = local.worktree().await.desk().await.unwrap();
    let missing = TreeId::parse(&"1".repeat(40)).unwrap();
    let head = CommitId::parse(&local.git("rev-parse HEAD")).unwrap();
    let pack =
        git_bytes(&local.root, &["pack-objects", "--revs", "--stdout", "-q"], &format!("{head}\n"));
    let mut source = pack.as_slice();
    let tips = [Tip::Tree(missing)];
    assert!(
        desk.repo().import_pack(&mut source, ImportLimits::default(), &tips, &[]).await.is_err()
    );
    assert_eq!(std::fs::read_dir(desk.repo().dir().join("objects/pack")).unwrap().count(), 0);
    desk.snapshot(Overlooked::Stay).await.unwrap();
}

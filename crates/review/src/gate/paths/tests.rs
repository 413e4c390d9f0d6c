//! Trees that are traps, and those that only look like one.

use crate::change::{Change, Mode};
use crate::gate::tests::{added, changed, rules};

fn link(path: &str, target: &str) -> Change {
    let mut change = added(path, target);
    change.new.as_mut().unwrap().mode = Mode::Symlink;
    change
}

#[test]
fn links_out_of_the_tree_stop() {
    for (path, target) in [
        ("a", "/etc/passwd"),
        ("a", ".."),
        ("a/b", "../../c"),
        ("a/b", "./x/../../../c"),
        ("a", "C:\\Windows"),
        ("a", "\\\\host\\share"),
        ("a", "..\\..\\c"),
        ("a", "~/.ssh"),
    ] {
        assert_eq!(rules(&[link(path, target)]), ["path.link"], "{path} -> {target}");
    }
    for (path, target) in [("a/b", "../c"), ("a", "b/c"), ("a/b/c", "../../README.md"), ("a", ".")]
    {
        assert_eq!(rules(&[link(path, target)]), [""; 0], "{path} -> {target}");
    }
    assert_eq!(rules(&[link("x", ".git/hooks")]), ["path.link-git"]);
    assert_eq!(rules(&[link("d/x", "../.GIT/config")]), ["path.link-git"]);
    assert_eq!(rules(&[link(".gitmodules", "m")]), ["path.gitmodules"]);
    // One that was there and is only made executable, or renamed within its folder, is what it was.
    let mut there = link("a", "/etc/passwd");
    there.old.clone_from(&there.new);
    assert_eq!(rules(&[there]), [""; 0]);
}

#[test]
fn links_are_followed_through_others() {
    // `deep` leads to `a/b`, whose parent's parent is the root: `../..` from there is out by one.
    let deep = link("deep", "a/b/c");
    assert_eq!(rules(&[deep.clone(), link("x", "deep/../../../..")]), ["path.link"]);
    assert_eq!(rules(&[deep, link("x", "deep/../../..")]), [""; 0]);
    let hop = link("d/e/hop", "../..");
    assert_eq!(rules(&[hop, link("y", "d/e/hop/../z")]), ["path.link"]);
    let circle = [link("a", "b"), link("b", "a")];
    assert_eq!(rules(&circle), ["path.link-loop", "path.link-loop"]);
    let doubling: Vec<_> =
        (0..40).map(|n| link(&format!("l{n}"), &format!("l{0}/../l{0}", n + 1))).collect();
    assert!(rules(&doubling).contains(&"path.link-loop".to_owned()));
}

#[test]
fn looks_of_git_stop() {
    for path in [
        ".git/config",
        "a/.GIT/hooks/x",
        ".Git",
        "git~1/config",
        "GIT~1",
        ".git./x",
        ".git /x",
        ".git . /x",
        ".g\u{200c}it/x",
        "g\u{200c}it~1",
        ".git::$INDEX_ALLOCATION/x",
        "a\\.git\\config",
        ".\u{ff47}\u{ff49}\u{ff54}/x",
        ".g\u{131}t/x",
        ".g\u{456}t/x",
        "\u{feff}.git/x",
    ] {
        let found = rules(&[added(path, "")]);
        assert!(found.contains(&"path.git".to_owned()), "{path}: {found:?}");
    }
    for path in [".gitmodules ", ".GITMODULES", "gitmod~1", "GI7EBA~1"] {
        assert_eq!(rules(&[added(path, "")]), ["path.gitmodules"], "{path}");
    }
    for path in [
        ".github/workflows/ci.yml",
        ".gitignore",
        ".gitattributes",
        ".gitmodules",
        "git/x",
        "a.git",
        ".gitea/x",
        "digit~1",
        ".gitlab-ci.yml",
        "git~backup",
        "aux.c",
        "docs/con.md",
    ] {
        assert_eq!(rules(&[added(path, "")]), [""; 0], "{path}");
    }
    assert_eq!(rules(&[changed("git~1", Some("a"), "b")]), [""; 0]);
}

#[test]
fn paths_that_lead_elsewhere_stop() {
    for path in ["../a", "a/../b", "/a", "a//b", "./a"] {
        assert_eq!(rules(&[added(path, "")]), ["path.dots"], "{path}");
    }
    assert_eq!(rules(&[added("a\nb", "")]), ["path.control"]);
    assert_eq!(rules(&[added("a\u{1b}[2Kb", "")]), ["path.control"]);
    assert_eq!(rules(&[added("a b/..c/d..", "")]), [""; 0]);
}

#[test]
fn names_that_are_one_file_elsewhere_stop() {
    assert_eq!(rules(&[added("src/A.rs", ""), added("src/a.rs", "")]), ["path.collision"]);
    assert_eq!(rules(&[added("Src/b.rs", ""), added("src/a.rs", "")]), ["path.collision"]);
    assert_eq!(rules(&[added("caf\u{e9}", ""), added("cafe\u{301}", "")]), ["path.collision"]);
    // The new one is told, whichever comes first.
    let stops = crate::gate::tests::judged(&[added("A", ""), changed("a", Some("x"), "y")]);
    assert_eq!(stops[0].path.as_deref(), Some("A"));
    assert_eq!(
        rules(&[added("src/a.rs", ""), added("src/b.rs", ""), added("lib/a.rs", "")]),
        [""; 0]
    );
    let mut renamed = added("readme.md", "");
    renamed.old_path = Some("README.md".to_owned());
    renamed.old.clone_from(&renamed.new);
    assert_eq!(rules(&[renamed]), [""; 0]);
}

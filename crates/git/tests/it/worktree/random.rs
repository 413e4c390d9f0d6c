//! Random trees with random edits on both sides, compared with what plain git makes of them.

use std::path::Path;

use fastrand::Rng;
use git::name::TreeId;
use git::worktree::apply::Applied;
use git::worktree::desk::Desk;
use git::worktree::snapshot::Overlooked;

use super::desk::{Local, marks, who};
use super::state::{Node, State, file, link, program};
use super::submodule;
use crate::fixture::{count, first_seed, git_in, git_with, try_git_in};

const NAMES: [&str; 12] =
    ["a", "b", "A", "c.txt", "d", "ünï", "e f", "日本", "-x", "cafe\u{301}", "caf\u{e9}", "g.bin"];
const FOLDERS: [&str; 6] = ["", "", "src/", "src/deep/", "d/", "ünï dir/"];
const WORDS: [&str; 8] = ["alpha", "beta", "gamma", "delta", "", "{", "}", "ümlaut"];

fn path(rng: &mut Rng) -> String {
    let folder = FOLDERS[rng.usize(..FOLDERS.len())];
    format!("{folder}{}{}", NAMES[rng.usize(..NAMES.len())], ["", "1", "2"][rng.usize(..3)])
}

fn text(rng: &mut Rng) -> Vec<u8> {
    let end = if rng.u8(..10) == 0 { "\r\n" } else { "\n" };
    let mut text = String::new();
    for number in 0..rng.usize(..30) {
        text.push_str(&format!("{} {number}{end}", WORDS[rng.usize(..WORDS.len())]));
    }
    if rng.u8(..8) == 0 {
        text.push_str("no line end");
    }
    text.into_bytes()
}

fn node(rng: &mut Rng) -> Node {
    match rng.u8(..12) {
        0 => link(["a", "../outside", "/etc/passwd", "src", "nowhere"][rng.usize(..5)]),
        1 => program(text(rng)),
        2 => file((0..rng.usize(1..200)).map(|_| rng.u8(..)).chain([0]).collect::<Vec<u8>>()),
        3 => file([]),
        _ => file(text(rng)),
    }
}

fn begin(rng: &mut Rng) -> State {
    let mut state = State::default();
    for _ in 0..rng.usize(1..14) {
        state.put(&path(rng), node(rng));
    }
    match rng.u8(..8) {
        0 => state.put(".gitattributes", file("*.txt text eol=crlf\n*.bin -text\n")),
        1 => state.put(".gitattributes", file("* text=auto\nc.txt merge=union\n")),
        _ => {}
    }
    if rng.u8(..5) == 0 {
        state.put(".gitmodules", file(submodule::DECLARATION));
        state.put(submodule::PATH, a_submodule(rng));
    }
    state
}

fn a_submodule(rng: &mut Rng) -> Node {
    let commits = submodule::commits();
    Node::Submodule(commits[rng.usize(..commits.len())].clone())
}

/// What comes, with each submodule as it was: they are named and left.
fn without_submodules(base: &State, theirs: &State) -> State {
    let is = |node: Option<&Node>| matches!(node, Some(Node::Submodule(_)));
    let mut left = theirs.clone();
    for path in theirs.0.keys().chain(base.0.keys()) {
        if is(base.0.get(path)) || is(theirs.0.get(path)) {
            left.0.remove(path);
            if let Some(node) = base.0.get(path) {
                left.put(path, node.clone());
            }
        }
    }
    left
}

fn edit_text(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> =
        bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=lines.len());
        match rng.u8(..3) {
            0 => lines.insert(at, format!("new {}\n", rng.u16(..)).into_bytes()),
            1 if at < lines.len() => drop(lines.remove(at)),
            _ if at < lines.len() => lines[at] = format!("changed {}\n", rng.u16(..)).into_bytes(),
            _ => {}
        }
    }
    lines.concat()
}

fn edit(rng: &mut Rng, state: &mut State) {
    for _ in 0..rng.usize(..6) {
        let is_setting = |path: &str| matches!(path, ".gitattributes" | ".gitmodules");
        let known: Vec<String> = state.0.keys().filter(|path| !is_setting(path)).cloned().collect();
        if known.is_empty() || rng.u8(..6) == 0 {
            state.put(&path(rng), node(rng));
            continue;
        }
        let chosen = known[rng.usize(..known.len())].clone();
        let old = state.0.remove(&chosen).unwrap();
        match (rng.u8(..8), old) {
            (0, _) => {}
            // Elsewhere it would be declared nowhere.
            (1..=3, Node::Submodule(_)) => state.put(&chosen, a_submodule(rng)),
            (1 | 2, old) => state.put(&path(rng), old),
            (3, Node::File(bytes)) => state.put(&chosen, Node::Program(bytes)),
            (3, Node::Program(bytes)) => state.put(&chosen, Node::File(bytes)),
            (4, _) => state.put(&chosen, node(rng)),
            (5, _) => {
                state.put(&format!("{chosen}/{}", NAMES[rng.usize(..NAMES.len())]), node(rng))
            }
            (_, Node::File(bytes)) => state.put(&chosen, Node::File(edit_text(rng, &bytes))),
            (_, Node::Program(bytes)) => state.put(&chosen, Node::Program(edit_text(rng, &bytes))),
            (_, old @ (Node::Link(_) | Node::Submodule(_))) => state.put(&chosen, old),
        }
    }
}

/// Edits on disk: files in the folder of a submodule that is not checked out are nothing to git.
fn edit_here(rng: &mut Rng, state: &mut State) {
    edit(rng, state);
    let inside = format!("{}/", submodule::PATH);
    state.0.retain(|path, _| !path.starts_with(&inside));
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// What plain git makes of it: the worktree after `git merge`, and whether it was clean.
fn oracle(local: &Local) -> (State, bool) {
    let dir = local.folder().join("oracle");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
    copy(&local.root.join(".git"), &dir.join(".git"));
    let git = |args: &[&str]| git_in(&dir, args, b"");
    git(&["reset", "-q", "--hard", "refs/test/ours"]);
    git(&["branch", "agent", "refs/test/theirs"]);
    let merge = ["merge", "-q", "--no-verify", "-m", "m", "agent"];
    let clean = try_git_in(&dir, &merge).is_ok();
    let mut state = State::read(&dir);
    for line in git(&["ls-files", "-s"]).lines().filter(|line| line.starts_with("160000 ")) {
        let commit = line.split(' ').nth(1).unwrap();
        state.put(line.split('\t').nth(1).unwrap(), Node::Submodule(commit.to_owned()));
    }
    if !clean {
        let renamed = |text: &str| text.replace("~HEAD", "~yours");
        state = State(
            state.0.into_iter().map(|(path, node)| (renamed(&path), relabelled(node))).collect(),
        );
    }
    (state, clean)
}

/// Conflict marks with our name for this side.
fn relabelled(node: Node) -> Node {
    let change = |bytes: Vec<u8>| {
        let lines = bytes.split_inclusive(|b| *b == b'\n').map(|line| {
            // Conflicts within renames have longer marks.
            let marks = line.iter().take_while(|b| **b == b'<').count();
            match line[marks..].strip_prefix(b" HEAD") {
                Some(rest) if marks >= 7 => [&line[..marks], b" yours", rest].concat(),
                _ => line.to_vec(),
            }
        });
        lines.collect::<Vec<_>>().concat()
    };
    match node {
        Node::File(bytes) => Node::File(change(bytes)),
        Node::Program(bytes) => Node::Program(change(bytes)),
        other @ (Node::Link(_) | Node::Submodule(_)) => other,
    }
}

/// What a case was.
enum Kind {
    Clean,
    Conflicts,
}

async fn case(seed: u64) -> Kind {
    let mut rng = Rng::with_seed(seed);
    let base = begin(&mut rng);
    let (mut ours, mut theirs) = (base.clone(), base.clone());
    edit_here(&mut rng, &mut ours);
    edit(&mut rng, &mut theirs);
    let local = Local::in_memory(&base);
    lay_out(&local, &ours, &mut rng);
    let here = local.disk();
    let tree = commit_ours(&local, &without_submodules(&base, &theirs));
    let (mut expected, clean) = oracle(&local);
    let coming = local.trees(&[&base, &theirs]).remove(1);
    let context = || format!("seed {seed}");

    let base_tree = local.tree("refs/test/0");
    let desk = local.worktree().await.desk().await.unwrap();
    let plan =
        desk.plan(&base_tree, &coming).await.unwrap_or_else(|e| panic!("{e}\n{}", context()));
    assert_eq!(plan.ours.tree, tree, "the tree plain git makes\n{}", context());
    assert_eq!(plan.refused, [], "{}", context());
    assert_eq!(plan.conflicts.is_empty(), clean, "{:?}\n{}", plan.conflicts, context());
    assert_eq!(local.disk(), here, "a plan changes nothing\n{}", context());
    let applied = desk.apply(&plan, &marks(), &who(), &mut |_| ()).await;
    let applied = applied.unwrap_or_else(|e| panic!("{e}\n{}", context()));
    let done = matches!(&applied, Applied::Done(report) if report.left.is_empty());
    assert!(done, "{applied:?}\n{}", context());
    let mut after = local.disk();
    if !clean {
        // Git keeps one version of a binary conflict, we keep both.
        let is_ours = |path: &str| path.ends_with("~agent") && !expected.0.contains_key(path);
        after.0.retain(|path, _| !is_ours(path));
    }
    // Where nothing came in, files stay as they were, whatever line ends git would give them.
    for (path, node) in &here.0 {
        let touched = plan.changes.iter().any(|change| change.shown_path() == *path);
        if let Some(known) = expected.0.get_mut(path).filter(|_| !touched) {
            known.clone_from(node);
        }
    }
    let differing = difference(&after, &expected);
    assert!(
        differing.is_empty(),
        "plain git makes something else\n{}\n{differing}base\n{base:?}ours\n{here:?}theirs\n{theirs:?}",
        context()
    );
    let saved = local.tree("refs/errand/backup/test");
    assert_eq!(saved, tree, "the backup is the worktree before\n{}", context());
    drop(desk);
    read_again(&local, &mut rng, seed).await;
    match clean {
        true => Kind::Clean,
        false => Kind::Conflicts,
    }
}

/// After more edits the worktree is read as plain git reads it, from what was remembered of it.
async fn read_again(local: &Local, rng: &mut Rng, seed: u64) {
    let desk = local.worktree().await.desk().await.unwrap();
    let tree = read_alike(local, &desk, &format!("nothing was edited\nseed {seed}")).await;
    let again = desk.plan(&tree, &tree).await.unwrap();
    assert_eq!(again.changes, [], "a second time nothing is left\nseed {seed}");
    drop(desk);
    let mut now = local.disk();
    edit_here(rng, &mut now);
    if rng.u8(..4) == 0 {
        now.put(".gitignore", file("a*\nsrc/\n"));
    }
    if rng.u8(..6) == 0 {
        now.put(".gitattributes", file("* text=auto\n"));
    }
    lay_out(local, &now, rng);
    let desk = local.worktree().await.desk().await.unwrap();
    read_alike(local, &desk, &format!("after more edits\nseed {seed}")).await;
}

async fn read_alike(local: &Local, desk: &Desk, context: &str) -> TreeId {
    let (tree, expected) =
        (desk.snapshot(Overlooked::Seen).await.unwrap().tree, read_by_git(local));
    let differing = local.git_with_objects(desk, &format!("diff-tree -r {expected} {tree}"));
    assert_eq!(differing, "", "plain git reads something else\n{context}");
    tree
}

fn difference(one: &State, other: &State) -> String {
    let paths: std::collections::BTreeSet<&String> = one.0.keys().chain(other.0.keys()).collect();
    let differing = paths.into_iter().filter(|path| one.0.get(*path) != other.0.get(*path));
    let shown = |state: &State, path: &String| {
        State(state.0.get(path).map(|node| (path.clone(), node.clone())).into_iter().collect())
    };
    let lines = differing
        .map(|path| format!("is\n{:?}should be\n{:?}", shown(one, path), shown(other, path)));
    lines.collect()
}

/// Puts the files of this side on disk; git's index knows more or less of them.
fn lay_out(local: &Local, ours: &State, rng: &mut Rng) {
    for entry in std::fs::read_dir(&local.root).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == ".git" => {}
            true => std::fs::remove_dir_all(entry.path()).unwrap(),
            false => std::fs::remove_file(entry.path()).unwrap(),
        }
    }
    ours.write(&local.root);
    match rng.u8(..4) {
        0 => drop(local.git("add -A")),
        1 => {
            local.git("add -A");
            local.git("commit -q --allow-empty -m mine");
        }
        2 => drop(local.git("read-tree --empty")),
        _ => {}
    }
}

/// Plain git's commits of both sides; the tree of ours.
fn commit_ours(local: &Local, theirs: &State) -> TreeId {
    let mut stream = Vec::new();
    theirs.stream("theirs-files", &mut stream);
    git_in(&local.root, &["fast-import", "--quiet", "--force"], &stream);
    let read = read_by_git(local);
    let mut refs = String::new();
    for (name, tree) in [("ours", read.as_str()), ("theirs", "refs/test/theirs-files^{tree}")] {
        let commit = local.git(&format!("commit-tree -p refs/test/0 -m x {tree}"));
        refs.push_str(&format!("update refs/test/{name} {commit}\n"));
    }
    git_in(&local.root, &["update-ref", "--stdin"], refs.as_bytes());
    read
}

/// The tree of the worktree as plain git makes it, with a copy of the index.
fn read_by_git(local: &Local) -> TreeId {
    let (real, index) = (local.root.join(".git/index"), local.root.join(".git/oracle-index"));
    drop(std::fs::remove_file(&index));
    if let Ok(bytes) = std::fs::read(&real) {
        std::fs::write(&index, bytes).unwrap();
        // A later time would hide edits made within the same tick of the clock.
        let written = real.metadata().unwrap().modified().unwrap();
        std::fs::File::options().write(true).open(&index).unwrap().set_modified(written).unwrap();
    }
    let git = |args: &[&str]| git_with(&local.root, &[("GIT_INDEX_FILE", &index)], args, b"");
    git(&["add", "-A"]);
    TreeId::parse(git(&["write-tree"]).trim()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_edits_of_both_sides_come_together_as_in_plain_git() {
    let (mut clean, mut conflicts) = (0, 0);
    let seeds: Vec<u64> = (first_seed()..count(500, 10_000) as u64).collect();
    for pair in seeds.chunks(2) {
        let mut both = tokio::task::JoinSet::new();
        for seed in pair {
            both.spawn(case(*seed));
        }
        while let Some(kind) = both.join_next().await {
            match kind.unwrap() {
                Kind::Clean => clean += 1,
                Kind::Conflicts => conflicts += 1,
            }
        }
    }
    println!("{clean} clean, {conflicts} with conflicts");
    assert!(clean > conflicts / 4 && conflicts > clean / 20, "{clean} clean, {conflicts} not");
}

//! Trees, packs and branches of real repositories.

use super::*;
use protocol::link::{
    AddCommits, Bytes64, CheckOut, Checkpoint, MoveBranch, Pack, Unpack, Worktree,
};
use std::time::Instant;
use tokio::io::AsyncReadExt as _;

impl Machine {
    /// Runs a script that must succeed in the workspace; what it printed.
    async fn script(&self, link: &Link, script: &str) -> String {
        let op = format!("s{}", fastrand::u64(..));
        let prelude = "set -e; export HOME=$PWD/.. GIT_CONFIG_NOSYSTEM=1 \
             GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; \
             git config --global init.defaultBranch main; \
             git config --global protocol.file.allow always; ";
        let mut start = self.shell(&op, &format!("{prelude} {script}"));
        start.timeout_ms = Some(60_000);
        link.start(start).await.unwrap();
        let exited = link.wait(id(&op)).await.unwrap();
        let read = Request::Read {
            op: id(&op),
            stream: protocol::link::Stream::Stderr,
            offset: 0,
            max: 1 << 16,
        };
        let err = link.request(read).await.unwrap();
        assert_eq!(exited.code, Some(0), "{script}: {err:?}");
        stdout(link, &op).await.trim_end().to_owned()
    }

    async fn checkpoint(&self, link: &Link) -> Worktree {
        let wanted = Checkpoint {
            op: id(&format!("c{}", fastrand::u64(..))),
            repo_path: self.workspace(),
            exclude: Vec::new(),
        };
        match link.request(Request::Checkpoint(wanted)).await.unwrap() {
            Answer::Worktree(worktree) => *worktree,
            other => panic!("{other:?}"),
        }
    }

    async fn names(&self, link: &Link, tree: &str) -> String {
        self.script(link, &format!("git ls-tree -r --name-only {tree}")).await
    }
}

const START: &str = "git init -q .; echo one > a; git add a; git commit -qm one;";

#[tokio::test]
async fn an_unborn_branch_is_answered() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    machine.script(&link, "git init -q .").await;
    let empty = machine.checkpoint(&link).await;
    assert_eq!(
        (empty.head.commit, empty.head.branch.as_deref(), empty.clean),
        (None, Some("main"), true)
    );
    machine.script(&link, "echo x > x; mkdir .artifacts; echo y > .artifacts/y").await;
    let some = machine.checkpoint(&link).await;
    assert!(!some.clean);
    assert_eq!(machine.names(&link, &some.tree).await, "x");
}

/// The file keeps its size and, for git, its time; only the index's own time tells that it may differ.
#[tokio::test]
async fn an_edit_within_one_tick_of_the_clock_is_seen() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let script = format!(
        "{START} git config core.trustctime false; git config core.checkStat minimal; \
         touch -d @1700000000 a; git add a; git update-index --refresh; \
         touch -d @1700000000 .git/index; echo two > a; touch -d @1700000000 a"
    );
    machine.script(&link, &script).await;
    let taken = machine.checkpoint(&link).await;
    let show = format!("git cat-file blob {}:a", taken.tree);
    assert_eq!(machine.script(&link, &show).await, "two");
}

#[tokio::test]
async fn a_checkpoint_takes_everything_and_changes_nothing() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    machine
        .script(
            &link,
            &format!(
                "{START} echo ignored > .gitignore; echo i > ignored; git add .; git commit -qm two; \
                 git checkout -q --detach; echo f > forced; echo forced >> .gitignore; git add -f forced; \
                 echo new > 'ü \n\"name'; rm a; echo staged > s; git add s; chmod +x s"
            ),
        )
        .await;
    let before =
        machine.script(&link, "git status --porcelain; git ls-files -s; git rev-parse HEAD").await;
    let worktree = machine.checkpoint(&link).await;
    assert!(!worktree.clean && worktree.head.branch.is_none() && worktree.head.commit.is_some());
    let listed = machine
        .script(&link, &format!("git ls-tree -r -z --name-only {} | tr '\\0' '|'", worktree.tree))
        .await;
    assert_eq!(listed, ".gitignore|forced|s|ü \n\"name|");
    let mode = machine.script(&link, &format!("git ls-tree {} s", worktree.tree)).await;
    assert!(mode.starts_with("100755"), "{mode}");
    let after =
        machine.script(&link, "git status --porcelain; git ls-files -s; git rev-parse HEAD").await;
    assert_eq!(before, after);
    // One copy waits for its tree to be published, however many were made.
    machine.checkpoint(&link).await;
    assert_eq!(machine.script(&link, "ls .git | grep errand || true").await, "errand-index");
}

#[tokio::test]
async fn conflicts_are_named_and_taken_as_they_stand() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    machine
        .script(
            &link,
            &format!(
                "{START} git checkout -qb other; echo two > a; git commit -qam two; \
                 git checkout -q main; echo three > a; git commit -qam three; git merge other || true"
            ),
        )
        .await;
    let worktree = machine.checkpoint(&link).await;
    assert_eq!(worktree.unmerged, ["a"]);
    let text = machine.script(&link, &format!("git show {}:a", worktree.tree)).await;
    assert!(text.contains("<<<<<<<"), "{text}");
}

#[tokio::test]
async fn sparse_checkout_loses_no_file() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    machine
        .script(
            &link,
            &format!(
                "{START} mkdir in out; echo 1 > in/f; echo 2 > out/f; git add .; git commit -qm dirs; \
                 git sparse-checkout set in; test ! -e out; echo 3 > in/g"
            ),
        )
        .await;
    let worktree = machine.checkpoint(&link).await;
    assert_eq!(machine.names(&link, &worktree.tree).await, "a\nin/f\nin/g\nout/f");
    machine.script(&link, "mkdir -p out; echo new > out/new").await;
    let worktree = machine.checkpoint(&link).await;
    assert_eq!(machine.names(&link, &worktree.tree).await, "a\nin/f\nin/g\nout/f\nout/new");
}

#[tokio::test]
async fn embedded_repositories_are_left_out_and_submodules_named() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    machine
        .script(
            &link,
            &format!(
                "mkdir ../sub; cd ../sub; {START} cd ../workspace; {START} git init -q empty; git init -q added; \
                 cd added; echo x > x; git add x; git commit -qm x; cd ..; git add added 2>/dev/null; \
                 git clone -q ../sub cloned; git submodule --quiet add ../sub sub; echo b > b"
            ),
        )
        .await;
    let worktree = machine.checkpoint(&link).await;
    assert_eq!(worktree.embedded, ["added", "cloned", "empty"]);
    assert_eq!(worktree.submodules, ["sub"]);
    assert_eq!(machine.names(&link, &worktree.tree).await, ".gitmodules\na\nb\nsub");
}

#[tokio::test]
async fn pointers_to_large_files_are_found() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
    let script = format!(
        "{START} printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:{oid}\\nsize 12345\\n' > big; \
         echo 'version https://git-lfs.github.com/spec/v1 is a text' > other; head -c 5000 /dev/zero > z"
    );
    machine.script(&link, &script).await;
    let worktree = machine.checkpoint(&link).await;
    assert_eq!(worktree.lfs.len(), 1);
    let found = &worktree.lfs[0];
    assert_eq!(
        (found.path.as_str(), found.oid.as_str(), found.size, found.present),
        ("big", oid, 12345, false)
    );
}

#[tokio::test]
async fn a_checkpoint_is_made_once_and_refuses_what_is_no_repository() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let wanted = |op: &str| {
        let (repo_path, exclude) = (machine.workspace(), Vec::new());
        Request::Checkpoint(Checkpoint { op: id(op), repo_path, exclude })
    };
    assert_eq!(refused(&link, wanted("a")).await.code, FaultCode::NotFound);
    machine.script(&link, START).await;
    assert_eq!(refused(&link, wanted("a")).await.code, FaultCode::NotFound);
    let first = link.request(wanted("b")).await.unwrap();
    machine.script(&link, "echo more > more").await;
    assert_eq!(link.request(wanted("b")).await.unwrap(), first);
}

#[tokio::test]
async fn hooks_and_monitors_do_not_run() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    machine
        .script(
            &link,
            &format!(
                "{START} printf '#!/bin/sh\\ntouch {0}/ran\\n' > .git/hooks/post-index-change; \
                 cp .git/hooks/post-index-change .git/hooks/reference-transaction; chmod +x .git/hooks/*; \
                 git config core.fsmonitor {0}/.git/hooks/post-index-change; echo x > x",
                machine.workspace()
            ),
        )
        .await;
    machine.checkpoint(&link).await;
    assert!(!machine.path("ran").exists());
}

#[tokio::test]
async fn a_pack_carries_tree_and_commits_to_another_repository_and_back() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let first = machine.script(&link, &format!("{START} git rev-parse HEAD")).await;
    machine.script(&link, "git clone -q --bare . ../mirror.git").await;
    let random: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(3_000_000).collect();
    std::fs::write(machine.path("big"), random).unwrap();
    let worktree = machine.checkpoint(&link).await;
    let unknown = "1".repeat(40);
    let pack = Pack {
        repo_path: machine.workspace(),
        want: vec![worktree.tree.clone()],
        have: vec![first.clone(), unknown.clone()],
    };
    let mut bytes = Vec::new();
    link.pack(pack).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    // One tree and one blob; the file that is common is not sent again.
    assert_eq!(bytes[8..12], [0, 0, 0, 2]);
    std::fs::write(machine.folder.path().join("p.pack"), &bytes).unwrap();
    machine.script(&link, "git -C ../mirror.git index-pack --stdin --fix-thin < ../p.pack").await;
    let tree = &worktree.tree;
    let commit = machine
        .script(&link, &format!("cd ../mirror.git; c=$(git commit-tree -p {first} -m bot {tree}); git update-ref refs/heads/main $c; git bundle create -q ../b main ^{first}; echo $c"))
        .await;
    let refs = vec![("refs/errand/published".to_owned(), commit.clone())];
    let unpack = Unpack { repo_path: machine.workspace(), refs };
    let bundle = tokio::fs::File::open(machine.folder.path().join("b")).await.unwrap();
    assert_eq!(link.unpack(unpack, bundle).await.unwrap(), Answer::Done);
    let shift = |old: &str| {
        let (old, new) = (old.to_owned(), commit.clone());
        Request::MoveBranch(MoveBranch {
            repo_path: machine.workspace(),
            branch: "main".into(),
            old,
            new,
        })
    };
    let Answer::Moved { moved, now } = link.request(shift(&unknown)).await.unwrap() else {
        panic!()
    };
    assert_eq!((moved, now.as_deref()), (false, Some(first.as_str())));
    for round in 0..2 {
        let Answer::Moved { moved, .. } = link.request(shift(&first)).await.unwrap() else {
            panic!()
        };
        assert!(moved);
        if round == 0 {
            // The index that the tree was written from came with it: nothing is to be hashed again.
            assert_eq!(machine.script(&link, "git diff-files --name-only").await, "");
        }
    }
    assert_eq!(machine.script(&link, "git status --porcelain; git rev-parse HEAD").await, commit);
    let broken = Unpack { repo_path: machine.workspace(), refs: Vec::new() };
    let fault = link.unpack(broken, &b"PACKnonsense"[..]).await;
    assert!(matches!(fault, Err(LinkError::Fault(_))), "{fault:?}");
    let bad = Pack { repo_path: machine.workspace(), want: vec!["--all".into()], have: vec![] };
    let refusal = link.pack(bad).await.unwrap().read_to_end(&mut Vec::new()).await;
    assert!(refusal.is_err());
}

/// Prints the figure; the limit is loose, for machines that do other work too.
#[tokio::test]
async fn twenty_thousand_files_are_taken_quickly() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    for folder in 0..200 {
        let folder = machine.path(&format!("d{folder}"));
        std::fs::create_dir(&folder).unwrap();
        for file in 0..100 {
            std::fs::write(folder.join(format!("f{file}")), format!("{folder:?}{file}")).unwrap();
        }
    }
    machine.script(&link, "git init -q .; git add .; git commit -qm all; echo x > d7/f7").await;
    let begun = Instant::now();
    let worktree = machine.checkpoint(&link).await;
    println!("checkpoint of 20000 files with one change: {:?}", begun.elapsed());
    assert!(!worktree.clean && begun.elapsed().as_secs() < 20);
}

/// What a repository looks like to whoever works in it.
const LOOK: &str = "git symbolic-ref HEAD; git for-each-ref --format='%(refname) %(objectname) %(symref)'; \
                    git config --local --list | sort; git status --porcelain; git ls-files -s; \
                    tail -n 1 .git/info/exclude; git fsck --strict";

#[tokio::test]
async fn a_new_repository_is_what_a_clone_leaves() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let ids = machine
        .script(
            &link,
            &format!(
                "{START} git checkout -q -b other; git checkout -q main; echo 2 > two; git add two; \
                 git commit -qm two; mkdir ../p; git rev-parse HEAD; \
                 git rev-parse HEAD | git pack-objects --revs --delta-base-offset -q ../p/pack"
            ),
        )
        .await;
    let (commit, pack) = ids.split_once('\n').unwrap();
    machine
        .script(
            &link,
            &format!(
                "git clone -q --no-checkout --single-branch --branch main . ../cloned; cd ../cloned; \
                 git config remote.origin.url 'https://host/a \"b\".git'; \
                 git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'; \
                 git checkout -q --no-track -B errand/x {commit}; echo /.artifacts >> .git/info/exclude"
            ),
        )
        .await;
    let part = |ending: &str| {
        std::fs::read(machine.folder.path().join(format!("p/pack-{pack}.{ending}"))).unwrap()
    };
    let (bytes, index) = (part("pack"), part("idx"));
    let made = machine.folder.path().join("made").display().to_string();
    let wanted = CheckOut {
        repo_path: made.clone(),
        url: "https://host/a \"b\".git".to_owned(),
        upstream: "main".to_owned(),
        upstream_is_default: true,
        branch: "errand/x".to_owned(),
        commit: commit.to_owned(),
        pack: pack.to_owned(),
        pack_bytes: bytes.len() as u64,
        index_bytes: index.len() as u64,
        env: Vec::new(),
    };
    let head = Request::Head { repo_path: made.clone() };
    assert_eq!(refused(&link, head.clone()).await.code, FaultCode::NotFound);
    let short = CheckOut { pack_bytes: bytes.len() as u64 + 1, ..wanted.clone() };
    let whole = [bytes.as_slice(), index.as_slice()].concat();
    let check_out = |wanted: &CheckOut| Request::CheckOut(Box::new(wanted.clone()));
    let broken = link.send(check_out(&short), whole.as_slice()).await;
    assert!(matches!(broken, Err(LinkError::Fault(_))), "{broken:?}");
    assert_eq!(refused(&link, head.clone()).await.code, FaultCode::NotFound);
    let there = protocol::link::Head {
        commit: Some(commit.to_owned()),
        branch: Some("errand/x".to_owned()),
    };
    for _ in 0..2 {
        let answer = link.send(check_out(&wanted), whole.as_slice()).await.unwrap();
        assert_eq!(answer, Answer::Head(there.clone()));
    }
    assert_eq!(link.request(head).await.unwrap(), Answer::Head(there));
    let looks = |folder: &str| format!("cd ../{folder}; {LOOK}");
    let cloned = machine.script(&link, &looks("cloned")).await;
    assert_eq!(machine.script(&link, &looks("made")).await, cloned);
    assert!(cloned.contains("refs/remotes/origin/HEAD"), "{cloned}");
}

#[tokio::test]
async fn single_commits_are_kept_as_git_keeps_them() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let made = machine
        .script(
            &link,
            &format!(
                "{START} git clone -q . ../other; cd ../other; git config user.name x; \
                 git config user.email x@y; git commit -q --allow-empty -m again; \
                 git rev-parse HEAD; git cat-file commit HEAD"
            ),
        )
        .await;
    let (id, content) = made.split_once('\n').unwrap();
    let content = Bytes64(format!("{content}\n").into_bytes());
    let adding =
        AddCommits { repo_path: machine.workspace(), commits: vec![(id.to_owned(), content); 2] };
    assert_eq!(link.request(Request::AddCommits(adding)).await.unwrap(), Answer::Done);
    let look = format!("git fsck --strict; git log -1 --format=%s {id}");
    assert!(machine.script(&link, &look).await.ends_with("again"));
}

//! A repository with a worktree on this machine, made with plain git.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use git::commit::{Signature, When};
use git::name::{RefName, TreeId};
use git::runner::Git;
use git::worktree::apply::{Applied, Marks, Report};
use git::worktree::desk::Desk;
use git::worktree::plan::Plan;
use git::worktree::{Personal, Worktree};

use super::State;
use crate::fixture::git_in;

/// A worktree of a person.
pub struct Local {
    folder: Arc<tempfile::TempDir>,
    pub root: PathBuf,
    git: Git,
}

/// What became of bringing changes in.
#[derive(Debug)]
pub enum Taken {
    Nothing,
    Refused { conflicts: usize },
    Done(Report),
    Stale,
    InTheWay(Vec<String>),
}

pub fn marks() -> Marks {
    let name = |text: &str| RefName::parse(text).unwrap();
    Marks { synced: name("refs/errand/synced/test"), backup: name("refs/errand/backup/test") }
}

pub fn who() -> Signature {
    let when = When { seconds: 1_700_000_000, offset_minutes: 0 };
    Signature { name: "Errand".to_owned(), email: "errand@localhost".to_owned(), when }
}

impl Local {
    /// A repository whose HEAD and worktree are these files.
    pub async fn new(state: &State) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), state)
    }

    /// The same in memory, where there is such a folder: thousands of them wear a disk out.
    pub fn in_memory(state: &State) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::in_folder(folder.unwrap(), state)
    }

    fn in_folder(folder: tempfile::TempDir, state: &State) -> Self {
        let root = folder.path().join("work");
        std::fs::create_dir(&root).unwrap();
        let local = Self { folder: Arc::new(folder), root, git: Git::new().unwrap() };
        local.git("init -q -b main --template=");
        local.git("config protocol.file.allow always");
        local.trees(&[state]);
        local.git("update-ref refs/heads/main refs/test/0");
        local.git("reset -q --hard");
        local
    }

    /// Another worktree of the same repository.
    pub fn at(&self, name: &str) -> Self {
        let root = self.folder.path().join(name);
        Self { folder: Arc::clone(&self.folder), root, git: self.git.clone() }
    }

    pub fn git(&self, line: &str) -> String {
        let args: Vec<&str> = line.split(' ').collect();
        git_in(&self.root, &[&["-c", "protocol.file.allow=always"], args.as_slice()].concat(), b"")
            .trim_end()
            .to_owned()
    }

    /// The same, with what the desk has made so far.
    pub fn git_with_objects(&self, desk: &Desk, line: &str) -> String {
        let dir = desk.repo().dir().display().to_string();
        let args: Vec<&str> = line.split(' ').collect();
        git_in(&self.root, &[&["--git-dir", &dir], args.as_slice()].concat(), b"")
            .trim_end()
            .to_owned()
    }

    /// Trees of these files, made by plain git.
    pub fn trees(&self, states: &[&State]) -> Vec<TreeId> {
        let mut stream = Vec::new();
        for (number, state) in states.iter().enumerate() {
            state.stream(&number.to_string(), &mut stream);
        }
        git_in(&self.root, &["fast-import", "--quiet", "--force"], &stream);
        let names: Vec<_> =
            (0..states.len()).map(|number| format!("refs/test/{number}^{{tree}}")).collect();
        let trees = self.git(&format!("rev-parse {}", names.join(" ")));
        trees.lines().map(|tree| TreeId::parse(tree).unwrap()).collect()
    }

    pub fn tree(&self, name: &str) -> TreeId {
        TreeId::parse(&self.git(&format!("rev-parse {name}^{{tree}}"))).unwrap()
    }

    pub fn blob(&self, content: &str) -> String {
        git_in(&self.root, &["hash-object", "-w", "--stdin"], content.as_bytes()).trim().to_owned()
    }

    /// A tree with other entries, in the form of `update-index --index-info`.
    pub fn edited_tree(&self, from: &str, lines: &str) -> TreeId {
        self.git(&format!("read-tree --index-output=.git/edit {from}"));
        let index = self.root.join(".git/edit");
        let script = format!(
            "GIT_INDEX_FILE={0} git update-index --index-info && GIT_INDEX_FILE={0} git write-tree --missing-ok",
            index.display()
        );
        let alias = format!("alias.edit=!{script}");
        let text = git_in(&self.root, &["-c", &alias, "edit"], lines.as_bytes());
        TreeId::parse(text.trim()).unwrap()
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        String::from_utf8(std::fs::read(self.root.join(path)).unwrap()).unwrap()
    }

    pub fn disk(&self) -> State {
        State::read(&self.root)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn worktree(&self) -> Worktree {
        let worktree = Worktree::open(&self.git, &self.root, &Personal::default()).await.unwrap();
        // Also where reading anew would be as quick.
        worktree.remembering_from(0)
    }

    pub async fn plan(&self, base: &State, theirs: &State) -> Plan {
        let trees = self.trees(&[base, theirs]);
        let desk = self.worktree().await.desk().await.unwrap();
        desk.plan(&trees[0], &trees[1]).await.unwrap()
    }

    pub async fn take_from(&self, base: &State, theirs: &State) -> Taken {
        let trees = self.trees(&[base, theirs]);
        self.take(&trees[0], &trees[1]).await
    }

    /// Brings changes in as `errand down` does.
    pub async fn take(&self, base: &TreeId, theirs: &TreeId) -> Taken {
        let desk = self.worktree().await.desk().await.unwrap();
        let plan = desk.plan(base, theirs).await.unwrap();
        if !plan.conflicts.is_empty() || !plan.refused.is_empty() {
            return Taken::Refused { conflicts: plan.conflicts.len() };
        }
        if plan.changes.is_empty() {
            return Taken::Nothing;
        }
        match desk.apply(&plan, &marks(), &who(), &mut |_| ()).await.unwrap() {
            Applied::Done(report) => Taken::Done(report),
            Applied::Stale => Taken::Stale,
            Applied::InTheWay(paths) => Taken::InTheWay(paths),
        }
    }

    /// The same, with conflicts as files.
    pub async fn apply_anyway(&self, base: &State, theirs: &State) {
        let trees = self.trees(&[base, theirs]);
        let desk = self.worktree().await.desk().await.unwrap();
        let plan = desk.plan(&trees[0], &trees[1]).await.unwrap();
        let applied = desk.apply(&plan, &marks(), &who(), &mut |_| ()).await.unwrap();
        assert!(matches!(applied, Applied::Done(_)), "{applied:?}");
    }
}

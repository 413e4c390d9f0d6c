//! Files of a worktree as a value.

use super::submodule;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File(Vec<u8>),
    Program(Vec<u8>),
    Link(String),
    /// A repository inside, at this commit.
    Submodule(String),
}

pub fn file(content: impl AsRef<[u8]>) -> Node {
    Node::File(content.as_ref().to_vec())
}

pub fn program(content: impl AsRef<[u8]>) -> Node {
    Node::Program(content.as_ref().to_vec())
}

pub fn link(target: &str) -> Node {
    Node::Link(target.to_owned())
}

/// Paths and what lies there.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct State(pub BTreeMap<String, Node>);

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (path, node) in &self.0 {
            let shown = match node {
                Node::File(bytes) => format!("file {:?}", String::from_utf8_lossy(bytes)),
                Node::Program(bytes) => format!("program {:?}", String::from_utf8_lossy(bytes)),
                Node::Link(target) => format!("link {target:?}"),
                Node::Submodule(commit) => format!("submodule {commit}"),
            };
            writeln!(f, "  {path:?} {shown}")?;
        }
        Ok(())
    }
}

impl State {
    pub fn of<const N: usize>(nodes: [(&str, Node); N]) -> Self {
        Self(nodes.into_iter().map(|(path, node)| (path.to_owned(), node)).collect())
    }

    #[must_use]
    pub fn with(mut self, path: &str, node: Node) -> Self {
        self.put(path, node);
        self
    }

    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        self.0.remove(path);
        self
    }

    /// Puts a node in; what cannot be there beside it goes.
    pub fn put(&mut self, path: &str, node: Node) {
        let below = format!("{path}/");
        self.0.retain(|known, _| {
            !known.starts_with(&below) && !path.starts_with(&format!("{known}/"))
        });
        self.0.insert(path.to_owned(), node);
    }

    pub fn write(&self, root: &Path) {
        for (path, node) in &self.0 {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match node {
                Node::File(bytes) => std::fs::write(path, bytes).unwrap(),
                Node::Program(bytes) => {
                    std::fs::write(&path, bytes).unwrap();
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
                }
                Node::Link(target) => symlink(target, path).unwrap(),
                Node::Submodule(commit) => submodule::check_out(commit, &path),
            }
        }
    }

    pub fn read(root: &Path) -> Self {
        let mut state = Self::default();
        state.read_folder(root, "");
        state
    }

    fn read_folder(&mut self, folder: &Path, above: &str) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name == ".git" {
                continue;
            }
            let (path, meta) = (format!("{above}{name}"), entry.path().symlink_metadata().unwrap());
            let read = || std::fs::read(entry.path()).unwrap();
            if let Some(commit) = submodule::commit_in(&entry.path()) {
                self.0.insert(path, Node::Submodule(commit));
            } else if meta.is_dir() {
                self.read_folder(&entry.path(), &format!("{path}/"));
            } else if meta.is_symlink() {
                let target = std::fs::read_link(entry.path()).unwrap();
                self.0.insert(path, link(target.to_str().unwrap()));
            } else if meta.permissions().mode() & 0o111 != 0 {
                self.0.insert(path, program(read()));
            } else {
                self.0.insert(path, file(read()));
            }
        }
    }

    /// A commit of exactly these files, for fast-import.
    pub fn stream(&self, name: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(
            format!("commit refs/test/{name}\ncommitter A <a@x> 1700000000 +0000\n").as_bytes(),
        );
        out.extend_from_slice(b"data 1\nx\ndeleteall\n");
        for (path, node) in &self.0 {
            let (mode, bytes) = match node {
                Node::File(bytes) => ("100644", bytes.clone()),
                Node::Program(bytes) => ("100755", bytes.clone()),
                Node::Link(target) => ("120000", target.clone().into_bytes()),
                Node::Submodule(commit) => {
                    out.extend_from_slice(format!("M 160000 {commit} {path}\n").as_bytes());
                    continue;
                }
            };
            let quoted = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            out.extend_from_slice(
                format!("M {mode} inline \"{quoted}\"\ndata {}\n", bytes.len()).as_bytes(),
            );
            out.extend_from_slice(&bytes);
            out.push(b'\n');
        }
    }
}

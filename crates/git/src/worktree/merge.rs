//! The three-way merge of trees: what both had, what is here, what comes.
//!
//! Git's own merge decides, with the names `yours` and `agent` in conflict marks.

use super::desk::Desk;
use super::snapshot::{Change, Entry};
use crate::commit::{CommitDraft, Signature, When};
use crate::error::{Error, Result};
use crate::name::{BlobId, CommitId, RefName, TreeId};
use crate::objects::EntryKind;
use crate::refs::Expected;
use crate::runner::{Input, Overflow};

const ATTEMPT: &str = "merge";
/// Bytes of a list of conflicts.
const CONFLICTS_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Memory of one merge.
const MERGE_MEMORY_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// The two sides, as conflict marks and the names of set-aside files call them.
pub const SIDES: [&str; 2] = ["yours", "agent"];

/// A path that both sides changed in different ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// From the top folder.
    pub path: String,
    /// What stands against each other, in git's words: `contents`, `modify/delete`, `binary`.
    pub kind: String,
}

/// What a merge gives.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The merged tree; files in conflict carry marks.
    pub tree: TreeId,
    /// Where a person has to decide.
    pub conflicts: Vec<Conflict>,
    /// The agent's version of binary files in conflict, which cannot carry marks.
    pub set_aside: Vec<(Vec<u8>, Entry)>,
}

impl Desk {
    /// Merges what comes into what is here.
    pub async fn merge(&self, base: &TreeId, ours: &TreeId, theirs: &TreeId) -> Result<Merged> {
        // Where one side changed nothing, the other one is what git would give.
        let only = match (ours == base, theirs == base || theirs == ours) {
            (_, true) => Some(ours),
            (true, false) => Some(theirs),
            (false, false) => None,
        };
        if let Some(tree) = only {
            let tree = tree.clone();
            return Ok(Merged { tree, conflicts: Vec::new(), set_aside: Vec::new() });
        }
        let base = self.wrap(base, None).await?;
        for (name, tree) in SIDES.iter().zip([ours, theirs]) {
            let name = RefName::parse(&format!("refs/heads/{name}"))
                .map_err(|bad| Error::other(ATTEMPT, bad.to_string()))?;
            self.repo.update_ref(&name, &self.wrap(tree, None).await?, Expected::Any).await?;
        }
        let output = self
            .call(ATTEMPT)
            // Attributes of this side count, as in any merge in this worktree. Drivers that they
            // name are configured nowhere.
            .env("GIT_ATTR_SOURCE", ours.as_str())
            .config("merge.conflictStyle", "merge")
            .config("merge.directoryRenames", "conflict")
            .args(["merge-tree", "--write-tree", "-z", "--messages"])
            .arg(format!("--merge-base={base}"))
            .args(SIDES)
            .memory_max(MERGE_MEMORY_MAX_BYTES)
            .stdout_max(CONFLICTS_MAX_BYTES, Overflow::Fail)
            .finish()
            .await?;
        let odd = || Error::other(ATTEMPT, "git gave no tree");
        match output.code {
            // Git also tells of conflicts that it then found a way around; its verdict counts.
            Some(0) => Ok(Merged {
                conflicts: Vec::new(),
                set_aside: Vec::new(),
                ..parse(&output.stdout).ok_or_else(odd)?
            }),
            Some(1) => parse(&output.stdout).ok_or_else(odd),
            Some(_) | None => Err(crate::error::of_local(ATTEMPT, &output.stderr)),
        }
    }

    /// A commit of a tree, which refs and merges need.
    pub async fn wrap(&self, tree: &TreeId, parent: Option<&CommitId>) -> Result<CommitId> {
        let when = When { seconds: 0, offset_minutes: 0 };
        let who =
            Signature { name: "Errand".to_owned(), email: "errand@localhost".to_owned(), when };
        let draft = CommitDraft {
            tree: tree.clone(),
            parents: parent.cloned().into_iter().collect(),
            author: who.clone(),
            committer: who,
            message: "Files at a moment".to_owned(),
            trailers: Vec::new(),
        };
        self.repo.commit(&draft).await
    }

    /// A tree with these entries put in or, where there is none, taken out.
    pub(super) async fn edit_tree(&self, tree: &TreeId, edits: &[Change]) -> Result<TreeId> {
        if edits.is_empty() {
            return Ok(tree.clone());
        }
        let index = self.folder.path().join("edit-index");
        let call = |attempt| self.call_at(attempt, self.folder.path(), &index);
        call("edit a tree").arg("read-tree").arg(tree).run().await?;
        let zero = "0".repeat(tree.as_str().len());
        let mut lines = Vec::new();
        for edit in edits {
            let (mode, id) = match &edit.new {
                Some(entry) => (entry.kind.mode(), entry.id.as_str()),
                None => ("0", zero.as_str()),
            };
            lines.extend_from_slice(format!("{mode} {id}\t").as_bytes());
            lines.extend_from_slice(&edit.path);
            lines.push(0);
        }
        let update = call("edit a tree").args(["update-index", "--replace", "-z", "--index-info"]);
        update.input(Input::Bytes(lines)).run().await?;
        let text = call("edit a tree").args(["write-tree", "--missing-ok"]).run().await?.text();
        TreeId::parse(text.trim()).map_err(|bad| Error::other("edit a tree", bad.to_string()))
    }
}

/// Reads `tree NUL (mode id stage TAB path NUL)* NUL (count NUL path… type NUL message NUL)*`.
fn parse(stdout: &[u8]) -> Option<Merged> {
    let mut fields = stdout.split(|b| *b == 0);
    let tree = TreeId::parse(std::str::from_utf8(fields.next()?).ok()?.trim()).ok()?;
    let mut agents = Vec::new();
    for field in fields.by_ref().take_while(|field| !field.is_empty()) {
        let tab = field.iter().position(|b| *b == b'\t')?;
        let (meta, path) = field.split_at_checked(tab)?;
        let words: Vec<&str> = std::str::from_utf8(meta).ok()?.split(' ').collect();
        let [mode, id, stage] = words.as_slice() else { return None };
        if *stage == "3" {
            let entry = Entry { kind: EntryKind::of_mode(mode)?, id: BlobId::parse(id).ok()? };
            agents.push((path.get(1..)?.to_vec(), entry));
        }
    }
    let (mut conflicts, mut set_aside) = (Vec::<Conflict>::new(), Vec::new());
    while let Some(count) = fields.next().filter(|field| !field.is_empty()) {
        let count: usize = std::str::from_utf8(count).ok()?.parse().ok()?;
        let paths: Vec<&[u8]> = fields.by_ref().take(count).collect();
        let (kind, _message) = (fields.next()?, fields.next()?);
        let kind = String::from_utf8_lossy(kind).into_owned();
        // Some kinds have a space between, some have none.
        let Some(kind) = kind.strip_prefix("CONFLICT") else { continue };
        let kind = kind.trim_start_matches([' ', '(']).trim_end_matches(')');
        let path = paths.first()?;
        if kind == "binary"
            && let Some((_, entry)) = agents.iter().find(|(known, _)| known == path)
        {
            set_aside.push(([path, &b"~agent"[..]].concat(), entry.clone()));
        }
        let path = String::from_utf8_lossy(path).into_owned();
        conflicts.push(Conflict { path, kind: kind.to_owned() });
    }
    conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    conflicts.dedup();
    Some(Merged { tree, conflicts, set_aside })
}

//! Making commits on the server: from a tree, with names and dates that the caller gives.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::loose;
use crate::name::{CommitId, ObjectFormat, TreeId};
use crate::refs::blocking;
use crate::repo::Repo;
use crate::runner::{Input, Overflow};

/// Longest commit message in bytes.
pub const MESSAGE_MAX_BYTES: usize = 256 * 1024;
/// Longest name or e-mail address in bytes.
pub const PERSON_FIELD_MAX_BYTES: usize = 256;
/// Paths named of a merge that conflicts.
const CONFLICTS_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Somebody at a moment, as a commit names its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// When.
    pub when: When,
}

/// A moment with the offset that git stores beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Minutes east of Greenwich.
    pub offset_minutes: i16,
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let minutes = self.offset_minutes.unsigned_abs();
        write!(f, "{} {sign}{:02}{:02}", self.seconds.max(0), minutes / 60, minutes % 60)
    }
}

/// A commit before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitDraft {
    /// What the commit holds.
    pub tree: TreeId,
    /// What it follows.
    pub parents: Vec<CommitId>,
    /// Who did the work, and when.
    pub author: Signature,
    /// Who made the commit, and when.
    pub committer: Signature,
    /// Subject and body.
    pub message: String,
    /// `Key: value` lines at the end of the message.
    pub trailers: Vec<(String, String)>,
}

/// Signs commits.
pub trait Signer: Send + Sync {
    /// The armoured signature of these bytes, the same for the same bytes.
    fn sign(&self, payload: &[u8]) -> Result<String>;
}

/// What a commit is signed with, if it is signed.
#[derive(Clone, Copy)]
pub struct Signing<'a>(pub Option<&'a dyn Signer>);

impl std::fmt::Debug for Signing<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.is_some() { "Signing" } else { "no signing" })
    }
}

impl CommitDraft {
    /// The exact bytes of the commit, which are also what a signature is made over.
    pub fn payload(&self) -> Vec<u8> {
        self.encode(None).into_bytes()
    }

    /// The bytes of the commit as they are stored.
    pub fn stored(&self, signing: Signing<'_>) -> Result<Vec<u8>> {
        let Some(signer) = signing.0 else { return Ok(self.payload()) };
        let signature = signer.sign(&self.payload())?;
        Ok(self.encode(Some(&signature)).into_bytes())
    }

    fn encode(&self, signature: Option<&str>) -> String {
        let mut text = format!("tree {}\n", self.tree);
        for parent in &self.parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        for (role, who) in [("author", &self.author), ("committer", &self.committer)] {
            let (name, email) = (person(&who.name, "unknown"), person(&who.email, "unknown"));
            text.push_str(&format!("{role} {name} <{email}> {}\n", who.when));
        }
        if let Some(signature) = signature {
            let header = match ObjectFormat::of(self.tree.as_str()) {
                ObjectFormat::Sha1 => "gpgsig",
                ObjectFormat::Sha256 => "gpgsig-sha256",
            };
            let lines: Vec<&str> = signature.trim_end().lines().collect();
            text.push_str(&format!("{header} {}\n", lines.join("\n ")));
        }
        text.push('\n');
        text.push_str(&self.full_message());
        text
    }

    fn full_message(&self) -> String {
        let mut message =
            cut(&self.message.replace(['\0', '\r'], ""), MESSAGE_MAX_BYTES).trim().to_owned();
        if message.is_empty() {
            message.push_str("(no message)");
        }
        message.push('\n');
        if self.trailers.is_empty() {
            return message;
        }
        message.push('\n');
        for (key, value) in &self.trailers {
            let value: String =
                value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            if writeln!(message, "{key}: {}", value.trim()).is_err() {
                return message;
            }
        }
        message
    }
}

/// A name or address as git stores it: on one line, without angle brackets.
fn person(text: &str, fallback: &str) -> String {
    let text: String =
        text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect();
    let crud =
        |c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\'' | '\\');
    let text = cut(&text, PERSON_FIELD_MAX_BYTES).trim_matches(crud);
    if text.is_empty() { fallback.to_owned() } else { text.to_owned() }
}

fn cut(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// What a three-way merge gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// The merged tree.
    Clean(TreeId),
    /// Paths that both sides changed in different ways.
    Conflicts(Vec<String>),
}

impl Repo {
    /// Writes a commit, checking first that its tree and parents are here.
    pub async fn commit(&self, draft: &CommitDraft) -> Result<CommitId> {
        self.commit_signed(draft, Signing(None)).await
    }

    /// The same, signed.
    pub async fn commit_signed(
        &self,
        draft: &CommitDraft,
        signing: Signing<'_>,
    ) -> Result<CommitId> {
        let bytes = draft.stored(signing)?;
        self.check_links(draft).await?;
        self.keep_commit(bytes).await
    }

    /// Keeps a commit whose tree and parents are known to be here.
    pub(crate) async fn keep_commit(&self, content: Vec<u8>) -> Result<CommitId> {
        let (objects, format) = (self.objects_dir(), self.format());
        let work = move || Ok(loose::write_commit(&objects, format, &content));
        blocking("write a commit", work).await?
    }

    async fn check_links(&self, draft: &CommitDraft) -> Result<()> {
        let mut specs = format!("{}^{{tree}}\n", draft.tree);
        for parent in &draft.parents {
            specs.push_str(&format!("{parent}^{{commit}}\n"));
        }
        let call =
            self.call("check a commit's links").args(["cat-file", "--batch-check=%(objecttype)"]);
        let output = call.input(Input::Bytes(specs.into_bytes())).run().await?;
        if output.text().lines().all(|line| matches!(line, "tree" | "commit")) {
            return Ok(());
        }
        Err(Error::BadObjects { detail: "the commit's tree or a parent is not here".to_owned() })
    }

    /// Merges two commits by their nearest common ancestor, in memory.
    pub async fn merge_tree(&self, ours: &CommitId, theirs: &CommitId) -> Result<Merge> {
        let attempt = "merge two commits";
        let output = self
            .call(attempt)
            .args(["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"])
            .args(["--allow-unrelated-histories", "--"])
            .args([ours, theirs])
            .heavy(crate::runner::LOCAL_TIME_MAX)
            .stdout_max(CONFLICTS_MAX_BYTES, Overflow::Fail)
            .finish()
            .await?;
        let mut fields = output.stdout.split(|b| *b == 0).filter(|field| !field.is_empty());
        let tree = fields.next().and_then(|field| std::str::from_utf8(field).ok());
        match (output.code, tree.and_then(|text| TreeId::parse(text.trim()).ok())) {
            (Some(0), Some(tree)) => Ok(Merge::Clean(tree)),
            (Some(1), Some(_)) => Ok(Merge::Conflicts(
                fields.map(|f| String::from_utf8_lossy(f).into_owned()).collect(),
            )),
            (Some(_) | None, Some(_) | None) => {
                Err(crate::error::of_local(attempt, &output.stderr))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_add_headers() {
        let who = |name: &str| Signature {
            name: name.to_owned(),
            email: "a@b>\nparent x".to_owned(),
            when: When { seconds: 1, offset_minutes: -90 },
        };
        let draft = CommitDraft {
            tree: TreeId::parse(&"a".repeat(40)).unwrap(),
            parents: Vec::new(),
            author: who("Eve <e>\ncommitter M"),
            committer: who("<>"),
            message: "  Fix\0 it \r\n".to_owned(),
            trailers: vec![("Errand-Run".to_owned(), "run-1\nX: y".to_owned())],
        };
        let text = String::from_utf8(draft.payload()).unwrap();
        let expected = format!(
            "tree {}\nauthor Eve ecommitter M <a@bparent x> 1 -0130\n\
             committer unknown <a@bparent x> 1 -0130\n\nFix it\n\nErrand-Run: run-1 X: y\n",
            "a".repeat(40)
        );
        assert_eq!(text, expected);
    }
}

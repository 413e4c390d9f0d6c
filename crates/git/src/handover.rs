//! Turns what a workspace hands over at the end of a run into commits of ours.
//!
//! A workspace stands at a HEAD and has files, whose tree and objects are here already. Each commit
//! that is new is made again in our name, what is left of changes becomes one more commit, and the
//! result always follows the previous tip: nothing is ever forced. Where that cannot be (the agent
//! rewrote history, or made too many commits) one commit with the final tree goes on top.
//!
//! The same input, times included, gives the same ids: a call may be repeated after a crash.
//! `line` finds what is new, `way` decides, `making` makes and `message` words it, and [`integrate`] joins the result with what a person pushed meanwhile.

pub mod integrate;
mod line;
mod making;
mod message;
mod way;

use crate::commit::{Signature, Signing};
use crate::error::{Error, Result};
use crate::history::History;
use crate::name::{CommitId, TreeId};
use crate::repo::Repo;
use crate::runner::Input;
use line::{Line, Published};
use making::Making;
use way::Way;

/// New commits of one run that are kept as they are; more become one.
pub const NEW_COMMITS_MAX: usize = 500;

/// What a workspace hands over, and what is known on our side.
#[derive(Debug, Clone)]
pub struct Handover<'a> {
    /// Where the work started.
    pub base: &'a CommitId,
    /// The published commit the workspace was last brought to; none before the first.
    ///
    /// Not simply the remote branch: what a person pushed and the workspace has never seen would
    /// look deleted. That is joined afterwards, by [`Repo::integrate`].
    pub tip: Option<&'a CommitId>,
    /// Commits of the remote's refs that we know; ids that are not here are ignored.
    pub upstream: &'a [CommitId],
    /// Local commits and what they were published as, oldest first; a later entry wins.
    pub published: &'a [(CommitId, CommitId)],
    /// The workspace.
    pub workspace: Workspace<'a>,
    /// Author and committer of all commits, and the time they are made.
    pub bot: &'a Signature,
    /// What the commit of the remaining changes says.
    pub message: Message<'a>,
    /// `Key: value` lines at the end of each message.
    pub trailers: &'a [(String, String)],
    /// How the run ended.
    pub ending: Ending,
    /// What every message goes through, also those that the agent wrote.
    pub wording: Wording<'a>,
    /// What all commits are signed with.
    pub signing: Signing<'a>,
    /// Whether all there is since the tip becomes one commit, with none of the agent's messages: something in the
    /// commits on the way may not be published.
    pub folded: bool,
}

/// Changes the words of a message.
#[derive(Clone, Copy)]
pub struct Wording<'a>(pub &'a (dyn Fn(&str) -> String + Sync));

impl Wording<'static> {
    /// Leaves them as they are.
    pub const AS_IT_IS: Self = Self(&str::to_owned);
}

impl std::fmt::Debug for Wording<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Wording")
    }
}

/// The state of a workspace's files and history.
#[derive(Debug, Clone, Copy)]
pub struct Workspace<'a> {
    /// Its HEAD, on a branch or not; none while unborn.
    pub head: Option<&'a CommitId>,
    /// All its files.
    pub tree: &'a TreeId,
    /// Paths with unsolved conflicts.
    pub unmerged: &'a [String],
    /// Repositories inside that are not part of the tree.
    pub embedded: &'a [String],
}

/// Words of a commit.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// First line.
    pub subject: &'a str,
    /// The rest; may be empty.
    pub body: &'a str,
}

/// How the work that is handed over ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In the ordinary way; commits carry no mark.
    Finished,
    /// Somebody cancelled it; commits are marked so.
    Cancelled,
    /// It failed; commits are marked so.
    Failed,
}

/// What became of a handover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOver {
    /// The commit to publish; the previous one (or the base) where nothing changed.
    pub tip: CommitId,
    /// New entries of the map from local to published commits, to be kept in this order.
    pub published: Vec<(CommitId, CommitId)>,
    /// Commits made by us.
    pub new_commits: usize,
    /// These commits as they are stored; parents first.
    pub made: Vec<(CommitId, Vec<u8>)>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// Something about a handover that a person should know; shown by `Display`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The workspace's history does not follow the branch: one commit went on top.
    Rewritten,
    /// There were too many commits: one commit has all changes.
    Collapsed,
    /// What was not pushed yet became one commit.
    Folded,
    /// Repositories inside the workspace were left out.
    Embedded(Vec<String>),
    /// Files were committed with their conflict marks.
    Unmerged(Vec<String>),
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rewritten => f.write_str(
                "The workspace's history does not follow the branch (commits were rewritten, or \
                 another one was checked out); the result went on top of the branch as one commit.",
            ),
            Self::Collapsed => write!(
                f,
                "The agent made more than {NEW_COMMITS_MAX} commits or very large messages; its \
                 result was published as one commit."
            ),
            Self::Folded => f.write_str(
                "What was not pushed yet became one commit, because something in the commits before may not leave.",
            ),
            Self::Embedded(paths) => write!(
                f,
                "Left out, because they are repositories of their own: {}.",
                message::some_of(paths)
            ),
            Self::Unmerged(paths) => write!(
                f,
                "Committed with unsolved conflicts: {}. Solve them before you merge.",
                message::some_of(paths)
            ),
        }
    }
}

impl Repo {
    /// Makes the commits of a handover; nothing but objects is written.
    ///
    /// The head's and the tree's objects must have been imported before.
    pub async fn hand_over(&self, handover: &Handover<'_>) -> Result<HandedOver> {
        let published: Published<'_> = handover.published.iter().map(|(l, p)| (l, p)).collect();
        let our_tree = self.check_handover(handover).await?;
        let our = handover.tip.unwrap_or(handover.base);
        if handover.folded {
            return self.fold(handover, &our_tree).await;
        }
        let there = handover.workspace.head.filter(|head| published.resolve(head) == our);
        let history = match (handover.workspace.head, there) {
            (Some(head), None) => self.news(handover, head).await?,
            (Some(_) | None, _) => Some(History { commits: Vec::new(), truncated: false }),
        };
        let way = match there {
            Some(_) => Way::Along { line: Line::default(), start: our.clone() },
            None => self.way(handover, &published, history.as_ref()).await?,
        };
        let mut making = Making::new(self, handover);
        match way {
            Way::Along { line, start } => {
                let tree = match line.commits.last() {
                    Some(last) => last.tree.clone(),
                    None if start == *our => our_tree,
                    None => self.tree_of(&start).await?,
                };
                making.along(&line, start, &published).await?;
                if tree != *handover.workspace.tree {
                    making.rest(&[], None).await?;
                }
            }
            Way::OnTop { commits, second, note } => {
                if our_tree != *handover.workspace.tree || second.is_some() {
                    making.rest(&commits, second).await?;
                    making.notes.extend(note);
                }
                let locals = commits.iter().map(|commit| commit.id.clone());
                making.published.extend(locals.map(|local| (local, making.tip.clone())));
            }
        }
        Ok(making.finish())
    }

    /// One commit of the files as they are, which brings along what the agent took over from the remote.
    async fn fold(&self, handover: &Handover<'_>, our_tree: &TreeId) -> Result<HandedOver> {
        let mut making = Making::new(self, handover);
        let second = match handover.workspace.head {
            Some(head) => self.newest_upstream_below(handover, head).await?,
            None => None,
        };
        if our_tree != handover.workspace.tree || second.is_some() {
            making.rest(&[], second).await?;
            making.notes.push(Note::Folded);
        }
        Ok(making.finish())
    }

    /// Checks that everything named is here; gives the tree of the commit to follow.
    async fn check_handover(&self, handover: &Handover<'_>) -> Result<TreeId> {
        let our = handover.tip.unwrap_or(handover.base);
        let mut ask = format!("{our}^{{tree}}\n{}^{{tree}}\n", handover.workspace.tree);
        if let Some(head) = handover.workspace.head {
            ask.push_str(&format!("{head}^{{commit}}\n"));
        }
        let asked = ask.lines().count();
        let call = self
            .call("check a handover")
            .args(["cat-file", "--batch-check=%(objecttype) %(objectname)"])
            .input(Input::Bytes(ask.into_bytes()));
        let text = call.run().await?.text();
        let known: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("tree ").or_else(|| line.strip_prefix("commit ")))
            .collect();
        let tree = known.first().and_then(|id| TreeId::parse(id).ok());
        match tree.filter(|_| known.len() == asked) {
            Some(tree) => Ok(tree),
            None => {
                let detail = "the workspace's head or tree, or the commit to follow, is not here";
                Err(Error::BadObjects { detail: detail.to_owned() })
            }
        }
    }
}

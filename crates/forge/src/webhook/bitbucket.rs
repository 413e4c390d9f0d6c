//! Bitbucket Cloud's words. Commits of pull requests are abbreviated, so their head is not told.

use super::fields::{Fields, event, origin, short};
use super::{Change, Event, Kind, Moved, Person, Unreadable};
use crate::around::{CheckState, Origin, Subject, Verdict};
use git::name::CommitId;
use serde_json::Value;

/// Branches of a push that are told.
const MOVED: usize = 100;

type Told = Result<Option<Event>, Unreadable>;

pub(super) fn told(key: Option<&str>, fields: &Fields<'_>) -> Told {
    let issue = || fields.number("/issue/id");
    match key.ok_or(Unreadable("its event is not named"))? {
        "pullrequest:comment_created" => comment(fields),
        "issue:comment_created" => {
            let kind = Kind::Commented {
                on: Subject::Issue(issue()?),
                comment: fields.number("/comment/id")?,
            };
            said(fields, kind, Origin::Unsaid)
        }
        "issue:created" => with_issue(fields, Kind::Opened { issue: issue()? }),
        "issue:updated" => match fields.name("/changes/assignee/new/uuid") {
            Ok(to) => {
                with_issue(fields, Kind::Assigned { on: Subject::Issue(issue()?), to: vec![to] })
            }
            Err(_) => Ok(None),
        },
        "pullrequest:approved" => reviewed(fields, Verdict::Approved),
        "pullrequest:changes_request_created" => reviewed(fields, Verdict::ChangesRequested),
        "pullrequest:created" => changed(fields, Change::Opened),
        "pullrequest:updated" => changed(fields, Change::Updated),
        "pullrequest:fulfilled" => changed(fields, Change::Merged),
        "pullrequest:rejected" => changed(fields, Change::Closed),
        "repo:commit_status_created" | "repo:commit_status_updated" => status(fields),
        "repo:push" => push(fields),
        _ => Ok(None),
    }
}

fn repository(fields: &Fields<'_>) -> Result<String, Unreadable> {
    fields.name("/repository/full_name")
}

fn actor(fields: &Fields<'_>) -> Result<Person, Unreadable> {
    fields.person("/actor", "uuid")
}

fn whence(fields: &Fields<'_>) -> Origin {
    origin(
        fields.at("/pullrequest/source/repository/full_name"),
        fields.at("/pullrequest/destination/repository/full_name"),
    )
}

fn said(fields: &Fields<'_>, kind: Kind, origin: Origin) -> Told {
    let author = fields.person("/comment/user", "uuid")?;
    let told = event(repository(fields)?, author, kind).from(origin);
    Ok(Some(told.saying(fields.body("/comment/content/raw"))))
}

fn comment(fields: &Fields<'_>) -> Told {
    let (number, comment) = (fields.number("/pullrequest/id")?, fields.number("/comment/id")?);
    let kind = if fields.at("/comment/inline").is_some() {
        Kind::CommentedLine {
            number,
            comment,
            thread: fields.number("/comment/parent/id").unwrap_or(comment).to_string(),
            path: fields.name("/comment/inline/path")?,
            line: fields.number("/comment/inline/to").ok(),
        }
    } else {
        Kind::Commented { on: Subject::PullRequest(number), comment }
    };
    said(fields, kind, whence(fields))
}

fn with_issue(fields: &Fields<'_>, kind: Kind) -> Told {
    let by = fields.person("/issue/reporter", "uuid").ok();
    let title = short(fields.str("/issue/title"));
    let told = event(repository(fields)?, actor(fields)?, kind);
    Ok(Some(told.with_text(by, title, fields.body("/issue/content/raw"))))
}

fn reviewed(fields: &Fields<'_>, verdict: Verdict) -> Told {
    let kind = Kind::Reviewed { number: fields.number("/pullrequest/id")?, verdict };
    Ok(Some(event(repository(fields)?, actor(fields)?, kind).from(whence(fields))))
}

fn changed(fields: &Fields<'_>, change: Change) -> Told {
    let head = fields.commit("/pullrequest/source/commit/hash");
    let kind = Kind::PullRequest { number: fields.number("/pullrequest/id")?, change, head };
    let by = fields.person("/pullrequest/author", "uuid").ok();
    let title = short(fields.str("/pullrequest/title"));
    let told = event(repository(fields)?, actor(fields)?, kind).from(whence(fields));
    Ok(Some(told.with_text(by, title, fields.body("/pullrequest/description"))))
}

fn status(fields: &Fields<'_>) -> Told {
    let state = match fields.str("/commit_status/state") {
        "SUCCESSFUL" => CheckState::Passed,
        "FAILED" | "STOPPED" => CheckState::Failed,
        _ => return Ok(None),
    };
    let link = fields.str("/commit_status/links/commit/href");
    let commit = link.rsplit('/').next().and_then(|id| CommitId::parse(id).ok());
    let commit = commit.ok_or(Unreadable("a commit is missing"))?;
    let name = fields.name("/commit_status/name").or_else(|_| fields.name("/commit_status/key"))?;
    let kind = Kind::CheckEnded { commit, name, state };
    Ok(Some(event(repository(fields)?, actor(fields)?, kind)))
}

fn push(fields: &Fields<'_>) -> Told {
    let changes = fields.at("/push/changes").and_then(Value::as_array);
    let moved = changes.into_iter().flatten().take(MOVED).filter_map(|change| {
        let change = Fields(change);
        let side = ["/new", "/old"].into_iter().find(|side| change.at(side).is_some())?;
        if change.str(&format!("{side}/type")) != "branch" {
            return None;
        }
        let branch = change.name(&format!("{side}/name")).ok()?;
        let (before, after) =
            (change.commit("/old/target/hash"), change.commit("/new/target/hash"));
        Some(Moved { branch, before, after })
    });
    let moved: Vec<Moved> = moved.collect();
    if moved.is_empty() {
        return Ok(None);
    }
    Ok(Some(event(repository(fields)?, actor(fields)?, Kind::Pushed(moved))))
}

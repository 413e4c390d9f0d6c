//! GitLab's words: one document kind names itself, and most stands in `object_attributes`.

use super::fields::{Fields, event, origin, short};
use super::{Change, Event, Kind, Moved, Person, Unreadable};
use crate::around::{CheckState, Origin, Subject, Verdict};

type Told = Result<Option<Event>, Unreadable>;

pub(super) fn told(fields: &Fields<'_>) -> Told {
    match fields.str("/object_kind") {
        "note" => note(fields),
        "issue" => issue(fields),
        "merge_request" => merge_request(fields),
        "build" => ended(fields, "/sha", "/build_name", "/build_status"),
        "pipeline" => pipeline(fields),
        "push" => push(fields),
        "" => Err(Unreadable("its event is not named")),
        _ => Ok(None),
    }
}

fn repository(fields: &Fields<'_>) -> Result<String, Unreadable> {
    let name = fields.name("/project/path_with_namespace");
    // Jobs name their project only so.
    name.or_else(|_| fields.name("/repository/homepage").and_then(|page| path_of(&page)))
}

fn path_of(page: &str) -> Result<String, Unreadable> {
    let url = url::Url::parse(page).map_err(|_| Unreadable("the project is not named"))?;
    Ok(url.path().trim_matches('/').to_owned())
}

fn actor(fields: &Fields<'_>) -> Result<Person, Unreadable> {
    fields.person("/user", "username")
}

fn note(fields: &Fields<'_>) -> Told {
    let action = fields.str("/object_attributes/action");
    // TRUST: what is edited later is no new word, and what the host notes itself is nobody's.
    if fields.is_true("/object_attributes/system") || !matches!(action, "" | "create") {
        return Ok(None);
    }
    let comment = fields.number("/object_attributes/id")?;
    let line = fields.at("/object_attributes/position/new_path").is_some();
    let kind = match fields.str("/object_attributes/noteable_type") {
        "MergeRequest" if line => Kind::CommentedLine {
            number: fields.number("/merge_request/iid")?,
            comment,
            thread: fields.name("/object_attributes/discussion_id")?,
            path: fields.name("/object_attributes/position/new_path")?,
            line: fields.number("/object_attributes/position/new_line").ok(),
        },
        "MergeRequest" => Kind::Commented {
            on: Subject::PullRequest(fields.number("/merge_request/iid")?),
            comment,
        },
        "Issue" => Kind::Commented { on: Subject::Issue(fields.number("/issue/iid")?), comment },
        _ => return Ok(None),
    };
    let whence = whence(fields, "/merge_request");
    let told = event(repository(fields)?, actor(fields)?, kind).from(whence);
    Ok(Some(told.saying(fields.body("/object_attributes/note"))))
}

fn whence(fields: &Fields<'_>, path: &str) -> Origin {
    origin(
        fields.at(&format!("{path}/source_project_id")),
        fields.at(&format!("{path}/target_project_id")),
    )
}

/// Who wrote it: the host names a number, which we know only if it is the actor's.
fn with_text(told: Event, fields: &Fields<'_>) -> Event {
    let author = fields.number("/object_attributes/author_id").ok();
    let own = author.is_some() && author == fields.number("/user/id").ok();
    let by = own.then(|| told.actor.clone());
    let title = short(fields.str("/object_attributes/title"));
    told.with_text(by, title, fields.body("/object_attributes/description"))
}

/// Whom it was given to, or which labels it has, if this is what changed.
fn marked(fields: &Fields<'_>, on: Subject) -> Option<Kind> {
    let changed = |path| fields.at(path).is_some();
    if changed("/changes/assignees/current") {
        let to = fields.names("/changes/assignees/current", "username");
        return (!to.is_empty()).then_some(Kind::Assigned { on, to });
    }
    if changed("/changes/labels/current") {
        let had = fields.names("/changes/labels/previous", "title");
        let mut labels = fields.names("/changes/labels/current", "title");
        labels.retain(|label| !had.contains(label));
        return (!labels.is_empty()).then_some(Kind::Labelled { on, labels });
    }
    None
}

fn issue(fields: &Fields<'_>) -> Told {
    let number = fields.number("/object_attributes/iid")?;
    let kind = match fields.str("/object_attributes/action") {
        "open" => Some(Kind::Opened { issue: number }),
        "update" => marked(fields, Subject::Issue(number)),
        _ => None,
    };
    let Some(kind) = kind else { return Ok(None) };
    Ok(Some(with_text(event(repository(fields)?, actor(fields)?, kind), fields)))
}

fn merge_request(fields: &Fields<'_>) -> Told {
    let number = fields.number("/object_attributes/iid")?;
    let head = fields.commit("/object_attributes/last_commit/id");
    let changed = |change| Kind::PullRequest { number, change, head: head.clone() };
    let kind = match fields.str("/object_attributes/action") {
        "open" | "reopen" => changed(Change::Opened),
        "close" => changed(Change::Closed),
        "merge" => changed(Change::Merged),
        "approved" | "approval" => Kind::Reviewed { number, verdict: Verdict::Approved },
        "update" => {
            marked(fields, Subject::PullRequest(number)).unwrap_or_else(|| changed(Change::Updated))
        }
        _ => return Ok(None),
    };
    let whence = whence(fields, "/object_attributes");
    let told = event(repository(fields)?, actor(fields)?, kind).from(whence);
    Ok(Some(with_text(told, fields)))
}

fn ended(fields: &Fields<'_>, commit: &str, name: &str, status: &str) -> Told {
    let state = match fields.str(status) {
        "success" => CheckState::Passed,
        // The host goes on as if it had passed.
        "failed" if fields.is_true("/build_allow_failure") => CheckState::Passed,
        "failed" | "canceled" => CheckState::Failed,
        _ => return Ok(None),
    };
    let commit = fields.commit(commit).ok_or(Unreadable("a commit is missing"))?;
    let kind = Kind::CheckEnded { commit, name: fields.name(name)?, state };
    Ok(Some(event(repository(fields)?, actor(fields)?, kind)))
}

/// A pipeline is a check of its own; one without a name is called what it is.
fn pipeline(fields: &Fields<'_>) -> Told {
    let named = fields.name("/object_attributes/name").is_ok();
    let name = if named { "/object_attributes/name" } else { "/object_kind" };
    ended(fields, "/object_attributes/sha", name, "/object_attributes/status")
}

fn push(fields: &Fields<'_>) -> Told {
    let Some(branch) = fields.str("/ref").strip_prefix("refs/heads/") else { return Ok(None) };
    let (before, after) = (fields.commit("/before"), fields.commit("/after"));
    let moved = Moved { branch: short(branch), before, after };
    let actor = Person { login: fields.name("/user_username")?, association: None };
    Ok(Some(event(repository(fields)?, actor, Kind::Pushed(vec![moved]))))
}

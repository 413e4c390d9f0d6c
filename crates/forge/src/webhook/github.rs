//! GitHub's words, and those of Gitea and Forgejo, which are much the same.

use super::fields::{Fields, event, origin, short};
use super::{Change, Event, Kind, Moved, Person, Unreadable};
use crate::around::{CheckState, Origin, Subject, Verdict};

type Told = Result<Option<Event>, Unreadable>;

pub(super) fn told(name: Option<&str>, fields: &Fields<'_>) -> Told {
    let name = name.ok_or(Unreadable("its event is not named"))?;
    match (name, fields.str("/action")) {
        ("issue_comment", "created") => {
            let on = subject(fields, fields.at("/issue/pull_request").is_some())?;
            comment(fields, on)
        }
        ("pull_request_review_comment", "created") => line(fields),
        ("pull_request_review", "submitted") => review(fields),
        ("issues", action) => issue(fields, action),
        ("pull_request", action) => pull(fields, action),
        ("check_run", "completed") => {
            let state = ended(fields.str("/check_run/conclusion"));
            check(fields, "/check_run/head_sha", "/check_run/name", state)
        }
        ("status", _) => status(fields),
        ("push", _) => push(fields),
        (_, _) => Ok(None),
    }
}

pub(super) fn told_by_gitea(name: Option<&str>, fields: &Fields<'_>) -> Told {
    let name = name.ok_or(Unreadable("its event is not named"))?;
    match (name, fields.str("/action")) {
        ("issue_comment", "created") => {
            comment(fields, subject(fields, fields.is_true("/is_pull"))?)
        }
        ("pull_request_approved", "reviewed") => reviewed(fields, Verdict::Approved),
        ("pull_request_rejected", "reviewed") => reviewed(fields, Verdict::ChangesRequested),
        ("pull_request_comment", "reviewed") => reviewed(fields, Verdict::Commented),
        // Older ones name a comment on a pull request so.
        ("pull_request_comment", "created") => comment(fields, subject(fields, true)?),
        ("issues" | "issue_assign" | "issue_label", action) => issue(fields, action),
        (
            "pull_request" | "pull_request_sync" | "pull_request_assign" | "pull_request_label",
            action,
        ) => pull(fields, action),
        ("status", _) => status(fields),
        ("push", _) => push(fields),
        (_, _) => Ok(None),
    }
}

fn repository(fields: &Fields<'_>) -> Result<String, Unreadable> {
    fields.name("/repository/full_name")
}

fn sender(fields: &Fields<'_>) -> Result<Person, Unreadable> {
    fields.person("/sender", "login")
}

fn subject(fields: &Fields<'_>, pull: bool) -> Result<Subject, Unreadable> {
    let number = fields.number("/issue/number");
    let number = number.or_else(|_| fields.number("/pull_request/number"))?;
    Ok(if pull { Subject::PullRequest(number) } else { Subject::Issue(number) })
}

fn whence(fields: &Fields<'_>) -> Origin {
    origin(
        fields.at("/pull_request/head/repo/full_name"),
        fields.at("/pull_request/base/repo/full_name"),
    )
}

fn comment(fields: &Fields<'_>, on: Subject) -> Told {
    let association = fields.str("/comment/author_association");
    let author = fields.person("/comment/user", "login")?.standing(association);
    let kind = Kind::Commented { on, comment: fields.number("/comment/id")? };
    let told = event(repository(fields)?, author, kind).from(whence(fields));
    Ok(Some(told.saying(fields.body("/comment/body"))))
}

fn line(fields: &Fields<'_>) -> Told {
    let association = fields.str("/comment/author_association");
    let author = fields.person("/comment/user", "login")?.standing(association);
    let comment = fields.number("/comment/id")?;
    let thread = fields.number("/comment/in_reply_to_id").unwrap_or(comment).to_string();
    let kind = Kind::CommentedLine {
        number: fields.number("/pull_request/number")?,
        comment,
        thread,
        path: fields.name("/comment/path")?,
        line: fields.number("/comment/line").ok(),
    };
    let told = event(repository(fields)?, author, kind).from(whence(fields));
    Ok(Some(told.saying(fields.body("/comment/body"))))
}

fn review(fields: &Fields<'_>) -> Told {
    let verdict = match fields.str("/review/state") {
        "approved" => Verdict::Approved,
        "changes_requested" => Verdict::ChangesRequested,
        "commented" => Verdict::Commented,
        _ => return Ok(None),
    };
    let association = fields.str("/review/author_association");
    let author = fields.person("/review/user", "login")?.standing(association);
    let kind = Kind::Reviewed { number: fields.number("/pull_request/number")?, verdict };
    let told = event(repository(fields)?, author, kind).from(whence(fields));
    Ok(Some(told.saying(fields.body("/review/body"))))
}

fn reviewed(fields: &Fields<'_>, verdict: Verdict) -> Told {
    let kind = Kind::Reviewed { number: fields.number("/pull_request/number")?, verdict };
    let told = event(repository(fields)?, sender(fields)?, kind).from(whence(fields));
    Ok(Some(told.saying(fields.body("/review/content"))))
}

/// What was assigned: the one who was added, or all where the host tells only that.
fn assignees(fields: &Fields<'_>, path: &str) -> Vec<String> {
    match fields.name("/assignee/login") {
        Ok(added) => vec![added],
        Err(_) => fields.names(&format!("{path}/assignees"), "login"),
    }
}

fn labels(fields: &Fields<'_>, path: &str) -> Vec<String> {
    match fields.name("/label/name") {
        Ok(added) => vec![added],
        Err(_) => fields.names(&format!("{path}/labels"), "name"),
    }
}

fn issue(fields: &Fields<'_>, action: &str) -> Told {
    let number = fields.number("/issue/number")?;
    let on = Subject::Issue(number);
    let kind = match action {
        "opened" => Kind::Opened { issue: number },
        "assigned" => Kind::Assigned { on, to: assignees(fields, "/issue") },
        "labeled" | "label_updated" => Kind::Labelled { on, labels: labels(fields, "/issue") },
        _ => return Ok(None),
    };
    let association = fields.str("/issue/author_association");
    let author = fields.person("/issue/user", "login").ok();
    let author = author.map(|author| author.standing(association));
    let told = event(repository(fields)?, sender(fields)?, kind);
    let title = short(fields.str("/issue/title"));
    Ok(Some(told.with_text(author, title, fields.body("/issue/body"))))
}

fn pull(fields: &Fields<'_>, action: &str) -> Told {
    let number = fields.number("/pull_request/number")?;
    let on = Subject::PullRequest(number);
    let change = match action {
        "assigned" => {
            let kind = Kind::Assigned { on, to: assignees(fields, "/pull_request") };
            let told = event(repository(fields)?, sender(fields)?, kind).from(whence(fields));
            return Ok(Some(told));
        }
        "labeled" | "label_updated" => {
            let kind = Kind::Labelled { on, labels: labels(fields, "/pull_request") };
            let told = event(repository(fields)?, sender(fields)?, kind).from(whence(fields));
            return Ok(Some(told));
        }
        "opened" | "reopened" => Change::Opened,
        "synchronize" | "synchronized" | "edited" | "ready_for_review" | "converted_to_draft" => {
            Change::Updated
        }
        "closed" if fields.is_true("/pull_request/merged") => Change::Merged,
        "closed" => Change::Closed,
        _ => return Ok(None),
    };
    let head = fields.commit("/pull_request/head/sha");
    let kind = Kind::PullRequest { number, change, head };
    let association = fields.str("/pull_request/author_association");
    let author = fields.person("/pull_request/user", "login").ok();
    let author = author.map(|author| author.standing(association));
    let title = short(fields.str("/pull_request/title"));
    let told = event(repository(fields)?, sender(fields)?, kind).from(whence(fields));
    Ok(Some(told.with_text(author, title, fields.body("/pull_request/body"))))
}

fn ended(word: &str) -> CheckState {
    match word {
        "success" | "neutral" | "skipped" | "warning" => CheckState::Passed,
        _ => CheckState::Failed,
    }
}

fn check(fields: &Fields<'_>, commit: &str, name: &str, state: CheckState) -> Told {
    let commit = fields.commit(commit).ok_or(Unreadable("a commit is missing"))?;
    let kind = Kind::CheckEnded { commit, name: fields.name(name)?, state };
    Ok(Some(event(repository(fields)?, sender(fields)?, kind)))
}

fn status(fields: &Fields<'_>) -> Told {
    match fields.str("/state") {
        "pending" => Ok(None),
        word => check(fields, "/sha", "/context", ended(word)),
    }
}

fn push(fields: &Fields<'_>) -> Told {
    let Some(branch) = fields.str("/ref").strip_prefix("refs/heads/") else { return Ok(None) };
    let (before, after) = (fields.commit("/before"), fields.commit("/after"));
    let moved = Moved { branch: short(branch), before, after };
    Ok(Some(event(repository(fields)?, sender(fields)?, Kind::Pushed(vec![moved]))))
}

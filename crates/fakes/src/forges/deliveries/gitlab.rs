//! GitLab's words.

use super::{News, Verdict, What};
use serde_json::{Value, json};

/// The number of whoever acts, and of anybody else.
const ACTOR: u64 = 3;
const ANOTHER: u64 = 4;
/// The number of a note that comes with a review, which the news does not name.
const NOTE: u64 = 900;

pub(super) fn told(news: &News<'_>) -> (&'static str, Value) {
    let mut told = inner(news);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("project".to_owned(), json!({"path_with_namespace": news.repository}));
        fields.insert("user".to_owned(), json!({"id": ACTOR, "username": news.by}));
    }
    ("", told)
}

fn inner(news: &News<'_>) -> Value {
    let whose = |author: &str| if author == news.by { ACTOR } else { ANOTHER };
    let issue = |number: u64, action: &str, title: &str, body: &str, author: &str| {
        json!({"iid": number, "action": action, "title": title, "description": body,
               "author_id": whose(author)})
    };
    let job = |commit: &str, name: &str, status: &str| json!({"object_kind": "build", "sha": commit, "build_name": name, "build_status": status});
    match news.what {
        What::Comment { pull, id, body } => on_pull(news, pull, note(id, "MergeRequest", body)),
        What::LineComment { pull, id, body, path, line } => {
            let mut note = note(id, "MergeRequest", body);
            if let Some(fields) = note.as_object_mut() {
                let at = json!({"new_path": path, "old_path": path, "new_line": line});
                fields.insert("position".to_owned(), at);
                fields.insert("type".to_owned(), json!("DiffNote"));
                fields.insert("discussion_id".to_owned(), json!(format!("d{id}")));
            }
            on_pull(news, pull, note)
        }
        What::IssueComment { issue, id, body } => {
            json!({"object_kind": "note", "object_attributes": note(id, "Issue", body),
                   "issue": {"iid": issue}})
        }
        What::Review { pull, verdict: Verdict::Approved, .. } => {
            merge_request(news, json!({"iid": pull, "action": "approved"}))
        }
        What::Review { pull, verdict: Verdict::Changes, body } => {
            on_pull(news, pull, note(NOTE + pull, "MergeRequest", body))
        }
        What::OpenPull { pull, title, body } => {
            merge_request(news, issue(pull, "open", title, body, news.by))
        }
        What::OpenIssue { issue: number, title, body } => {
            json!({"object_kind": "issue",
                   "object_attributes": issue(number, "open", title, body, news.by)})
        }
        What::Label { issue: number, title, body, author, label } => {
            json!({"object_kind": "issue",
                   "object_attributes": issue(number, "update", title, body, author),
                   "changes": {"labels": {"previous": [], "current": [{"title": label}]}}})
        }
        What::Assign { issue: number, body, author, to } => {
            json!({"object_kind": "issue",
                   "object_attributes": issue(number, "update", "Title", body, author),
                   "changes": {"assignees": {"previous": [], "current": [{"username": to}]}}})
        }
        What::Fail { commit, name } => job(commit, name, "failed"),
        What::Pass { commit, name } => job(commit, name, "success"),
        What::Push { branch, before, after } => {
            json!({"object_kind": "push", "ref": format!("refs/heads/{branch}"),
                   "before": before, "after": after, "user_username": news.by})
        }
    }
}

fn note(id: u64, of: &str, body: &str) -> Value {
    json!({"id": id, "note": body, "noteable_type": of, "system": false, "action": "create"})
}

/// The numbers of the projects that a merge request goes from and to.
fn ends(news: &News<'_>) -> (u64, u64) {
    (if news.from == news.repository { 1 } else { 2 }, 1)
}

fn on_pull(news: &News<'_>, number: u64, note: Value) -> Value {
    let (from, to) = ends(news);
    json!({"object_kind": "note", "object_attributes": note,
           "merge_request": {"iid": number, "source_project_id": from, "target_project_id": to}})
}

fn merge_request(news: &News<'_>, mut told: Value) -> Value {
    let (from, to) = ends(news);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("source_project_id".to_owned(), json!(from));
        fields.insert("target_project_id".to_owned(), json!(to));
    }
    json!({"object_kind": "merge_request", "object_attributes": told})
}

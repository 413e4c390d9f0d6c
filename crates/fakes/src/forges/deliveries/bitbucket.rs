//! Bitbucket's words.

use super::{News, Verdict, What};
use serde_json::{Value, json};

type Told = (&'static str, Value);

pub(super) fn told(news: &News<'_>) -> Told {
    let (event, mut told) = inner(news);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("repository".to_owned(), json!({"full_name": news.repository}));
        fields.insert("actor".to_owned(), person(news.by));
    }
    (event, told)
}

fn inner(news: &News<'_>) -> Told {
    let comment =
        |id: u64, body: &str| json!({"id": id, "content": {"raw": body}, "user": person(news.by)});
    let end = |branch: &str, hash: &str| json!({"type": "branch", "name": branch, "target": {"hash": hash}});
    match news.what {
        What::Comment { pull: number, id, body } => {
            let told = json!({"comment": comment(id, body), "pullrequest": pull(news, number)});
            ("pullrequest:comment_created", told)
        }
        What::LineComment { pull: number, id, body, path, line } => {
            let mut comment = comment(id, body);
            if let Some(fields) = comment.as_object_mut() {
                let at = json!({"path": path, "from": null, "to": line});
                fields.insert("inline".to_owned(), at);
            }
            let told = json!({"comment": comment, "pullrequest": pull(news, number)});
            ("pullrequest:comment_created", told)
        }
        What::IssueComment { issue, id, body } => {
            let told = json!({"comment": comment(id, body), "issue": {"id": issue}});
            ("issue:comment_created", told)
        }
        What::Review { pull: number, verdict, .. } => {
            let (event, field) = match verdict {
                Verdict::Approved => ("pullrequest:approved", "approval"),
                Verdict::Changes => ("pullrequest:changes_request_created", "changes_request"),
            };
            let told = json!({field: {"user": person(news.by)},
                              "pullrequest": pull(news, number)});
            (event, told)
        }
        What::OpenPull { pull: number, title, body } => {
            let mut told = pull(news, number);
            if let Some(fields) = told.as_object_mut() {
                fields.insert("title".to_owned(), json!(title));
                fields.insert("description".to_owned(), json!(body));
                fields.insert("author".to_owned(), person(news.by));
            }
            ("pullrequest:created", json!({"pullrequest": told}))
        }
        What::OpenIssue { issue: number, title, body } => {
            ("issue:created", json!({"issue": issue(number, title, body, news.by)}))
        }
        What::Label { issue: number, title, body, author, label } => {
            let told = json!({"changes": {"component": {"old": null, "new": {"name": label}}},
                              "issue": issue(number, title, body, author)});
            ("issue:updated", told)
        }
        What::Assign { issue: number, body, author, to } => {
            let told = json!({"changes": {"assignee": {"old": null, "new": person(to)}},
                              "issue": issue(number, "Title", body, author)});
            ("issue:updated", told)
        }
        What::Fail { commit, name } => status(commit, name, "FAILED"),
        What::Pass { commit, name } => status(commit, name, "SUCCESSFUL"),
        What::Push { branch, before, after } => {
            let change = json!({"old": end(branch, before), "new": end(branch, after)});
            ("repo:push", json!({"push": {"changes": [change]}}))
        }
    }
}

fn person(login: &str) -> Value {
    json!({"uuid": login})
}

/// A pull request with where it comes from.
fn pull(news: &News<'_>, number: u64) -> Value {
    let side = |name: &str| json!({"repository": {"full_name": name}});
    json!({"id": number, "source": side(news.from), "destination": side(news.repository)})
}

fn issue(number: u64, title: &str, body: &str, author: &str) -> Value {
    json!({"id": number, "title": title, "content": {"raw": body}, "reporter": person(author)})
}

fn status(commit: &str, name: &str, state: &str) -> Told {
    let link = format!("https://api.bitbucket.org/2.0/x/commit/{commit}");
    let told = json!({"commit_status": {"key": name, "name": name, "state": state,
                                        "links": {"commit": {"href": link}}}});
    ("repo:commit_status_updated", told)
}
